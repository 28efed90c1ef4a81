"""The C text of an interface: header and source for the module's side and for the client's."""


def mark(interface):
    """First line of every file: `cloister interface` replaces no file without it."""
    return f"/* Made by 'cloister interface' from {interface.source}: change that, not this. */\n"


def opening(interface, suffix):
    guard = f"{interface.name}_{suffix}_H".upper()
    return f"#ifndef {guard}\n#define {guard}\n"


CXX_BEGIN = '\n#ifdef __cplusplus\nextern "C" {\n#endif\n'
CXX_END = "\n#ifdef __cplusplus\n}\n#endif\n"


def listed(head, words, tail, width=100):
    """`head`words`tail` in lines that fit, as in a call with its arguments aligned."""
    lines = [head]
    for number, word in enumerate(words):
        end = tail if number == len(words) - 1 else ","
        space = " " if number else ""
        if number and len(lines[-1] + space + word + end) > width:
            lines.append(" " * len(head))
            space = ""
        lines[-1] += space + word + end
    return "\n".join(lines)


def prototype(head, method, first, last=()):
    words = [first]
    if method.request.type:
        words.append(f"const {method.request.type} *request")
    if method.reply.type:
        words.append(f"{method.reply.type} *reply")
    return listed(head, [*words, *last], ")")


# Module


def handler_prototype(interface, method):
    head = f"cloister_status {interface.name}_handle_{method.name}("
    return prototype(head, method, "const cloister_context *context")


def manifest_row(method):
    words = [f'"{method.name}"']
    if method.request.type:
        words.append(f"CLOISTER_IN(0, {method.request.type}_size)")
    if method.reply.type:
        words.append(f"CLOISTER_OUT({method.reply.type}_size)")
    return f"CLOISTER_METHOD({', '.join(words)})"


def messages_union(interface):
    rows = []
    for method in interface.methods:
        fields = [
            f"        {message.type} {which};\n"
            for which, message in (("request", method.request), ("reply", method.reply))
            if message.type
        ]
        if fields:
            rows.append(f"    struct {{\n{''.join(fields)}    }} {method.name}_;\n")
    return "".join(rows) or "    char none_;\n"


def module_header(interface):
    name, upper = interface.name, interface.name.upper()
    prototypes = "\n".join(f"{handler_prototype(interface, m)};" for m in interface.methods)
    rows = ", \\\n        ".join(manifest_row(m) for m in interface.methods)
    return (
        mark(interface)
        + f"""/*
 * Module side of '{name}'. The module defines the handlers below and declares itself with
 *
 *   CLOISTER_MODULE(.name = "{name}", .version = "0.1.0", .svn = 1, {upper}_INTERFACE);
 *
 * A handler runs only for a request that is one whole message within its bounds. Request and reply
 * are private copies that are wiped afterwards; the reply is zero at first, and leaves when the
 * handler returns CLOISTER_OK. A number of an enum may be one without a name.
 */
{opening(interface, "module")}
#include <cloister/interface.h>
#include <cloister/module.h>

#include "{name}.pb.h"
{CXX_BEGIN}
{prototypes}
{CXX_END}
union {name}_messages {{
{messages_union(interface)}}};

/* Fields of the manifest: methods with their exact sizes, and a stack that holds the messages of a
   call besides 64 KiB for the handler. */
#define {upper}_INTERFACE \\
    .stack_size = CLOISTER_INTERFACE_STACK(sizeof(union {name}_messages)), \\
    .method_count = {len(interface.methods)}, \\
    .method = {{ \\
        {rows} \\
    }}

#endif
"""
    )


def dispatcher(interface, method):
    request, reply = method.request.type, method.reply.type
    words = ["&context"] + ["&request"] * bool(request) + ["&reply"] * bool(reply)
    handler = f"{interface.name}_handle_{method.name}({', '.join(words)});"
    lines = [f"static cloister_status serve_{method.name}(cloister_call *call)", "{"]
    lines.append("    const cloister_context context = context_of(call);")
    if reply:
        lines += [f"    {reply} reply;", "    memset(&reply, 0, sizeof reply);"]
    if request:
        lines += [
            f"    {request} request;",
            f"    cloister_status status = get_request({request}_fields, &request, sizeof request,",
            "                                         &call->argument[0]);",
            "    if (status == CLOISTER_OK)",
            f"        status = {handler}",
        ]
    else:
        lines.append(f"    cloister_status status = {handler}")
    if reply:
        lines += [
            "    if (status == CLOISTER_OK)",
            f"        status = put_reply({reply}_fields, &reply, &call->argument[{int(bool(request))}]);",
            "    cloister_message_wipe(&reply, sizeof reply);",
        ]
    if request:
        lines.append("    cloister_message_wipe(&request, sizeof request);")
    return "\n".join([*lines, "    return status;", "}\n"])


CONTEXT_OF = """static cloister_context context_of(const cloister_call *call)
{
    cloister_context context;
    memset(&context, 0, sizeof context);
    context.caller = *call->caller;
    context.channel = call->channel;
    context.session = call->session;
    context.deadline_us = call->deadline_us;
    return context;
}
"""

GET_REQUEST = """/* BAD_FORMAT: the handler does not run. */
static cloister_status get_request(const pb_msgdesc_t *fields, void *request, size_t size,
                                   const cloister_argument *argument)
{
    return cloister_message_decode(fields, request, size, argument->in, argument->size);
}
"""

PUT_REPLY = """/* A reply that breaks a bound is the handler's fault, not the caller's. */
static cloister_status put_reply(const pb_msgdesc_t *fields, const void *reply,
                                 cloister_argument *argument)
{
    cloister_status status = cloister_message_encode(fields, reply, argument->out,
                                                     argument->capacity, &argument->size);
    return status == CLOISTER_BAD_ARGUMENT ? CLOISTER_INTERNAL : status;
}
"""


def module_source(interface):
    parts = [CONTEXT_OF]
    if any(method.request.type for method in interface.methods):
        parts.append(GET_REQUEST)
    if any(method.reply.type for method in interface.methods):
        parts.append(PUT_REPLY)
    parts += [dispatcher(interface, method) for method in interface.methods]
    handlers = [f"serve_{method.name}" for method in interface.methods]
    return (
        mark(interface)
        + f"""/*
 * Module side of '{interface.name}': bytes into messages, handler, messages into bytes. The SDK has
 * copied the bytes already; a caller cannot change them while they are read.
 */
#include "{interface.name}_module.h"

"""
        + "\n".join(parts)
        + "\n"
        + listed("CLOISTER_HANDLERS(", handlers, ");\n")
    )


# Client


def client_prototype(interface, method):
    head = f"cloister_result {interface.name}_{method.name}("
    return prototype(head, method, "cloister_session *session", ["uint64_t deadline_us"])


def client_header(interface):
    prototypes = "\n".join(f"{client_prototype(interface, m)};" for m in interface.methods)
    return (
        mark(interface)
        + f"""/*
 * Client side of '{interface.name}': one function a method, over a session to the module.
 *
 * deadline_us: 0 waits as long as the module may take. The reply is zero unless the status is OK.
 * BAD_ARGUMENT by the client: the request breaks a bound. BAD_FORMAT by the client: what the module
 * sent is no reply. All others as for cloister_call.
 */
{opening(interface, "client")}
#include <cloister/client.h>

#include "{interface.name}.pb.h"
{CXX_BEGIN}
{prototypes}
{CXX_END}
#endif
"""
    )


def client_function(interface, method):
    request, reply = method.request.type, method.reply.type
    lines = [client_prototype(interface, method), "{"]
    if request:
        lines.append(f"    uint8_t request_bytes[{request}_size];")
    if reply:
        lines.append(f"    uint8_t reply_bytes[{reply}_size];")
    out = [f"{request}_fields", "request", "request_bytes", "sizeof request_bytes"]
    lines.append(listed("    const cloister_request out = {", out if request else ["0"], "};"))
    into = [f"{reply}_fields", "reply", "sizeof *reply", "reply_bytes", "sizeof reply_bytes"]
    lines.append(listed("    const cloister_reply in = {", into if reply else ["0"], "};"))
    lines.append(
        f'    return cloister_interface_call(session, "{method.name}", &out, &in, deadline_us);'
    )
    return "\n".join([*lines, "}\n"])


def client_source(interface):
    return (
        mark(interface)
        + f"""/*
 * Client side of '{interface.name}'.
 */
#include "{interface.name}_client.h"

#include <cloister/interface_client.h>

"""
        + "\n".join(client_function(interface, method) for method in interface.methods)
    )


def files(interface, message_header, message_source):
    """Name and text of each file; the two arguments are nanopb's."""
    name = interface.name
    return {
        f"{name}.pb.h": mark(interface) + message_header,
        f"{name}.pb.c": mark(interface) + message_source,
        f"{name}_client.h": client_header(interface),
        f"{name}_client.c": client_source(interface),
        f"{name}_module.h": module_header(interface),
        f"{name}_module.c": module_source(interface),
    }
