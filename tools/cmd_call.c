/*
 * cloister call: one method of one module, inputs from the command line, outputs to files or
 * standard output.
 */
#include "tools/tool.h"

#include "base/file.h"
#include "base/scope.h"
#include "tools/call_batch.h"
#include "tools/call_latency.h"
#include "tools/call_options.h"
#include "tools/call_stream.h"
#include "tools/world_open.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define COMMAND "call"

static cloister_status find_module(cloister_world *world, const char *name,
                                   struct clo_module_info *module, struct reason *why)
{
    struct clo_world_info info;
    cloister_status status = cloister_world_info(world, &info);
    for (uint32_t i = 0; status == CLOISTER_OK && i < info.module_count; i++) {
        status = cloister_world_module(world, i, module);
        if (status == CLOISTER_OK && strcmp((const char *)module->name, name) == 0)
            return CLOISTER_OK;
    }
    if (status != CLOISTER_OK)
        return refuse(why, status, "the world did not say what it runs: %s",
                      cloister_status_text(status));
    return refuse(why, CLOISTER_NOT_FOUND,
                  "world %s has no module '%.40s'; 'cloister world show "
                  "%s' lists them",
                  info.name, name, info.name);
}

static cloister_status find_method(const struct clo_module_info *module, const char *name,
                                   const struct clo_method **method, struct reason *why)
{
    for (uint32_t i = 0; i < module->method_count; i++) {
        if (strcmp((const char *)module->method[i].name, name) != 0)
            continue;
        *method = &module->method[i];
        return CLOISTER_OK;
    }
    return refuse(why, CLOISTER_NOT_FOUND,
                  "module %s has no method '%.40s'; 'cloister world show' "
                  "lists them",
                  module->name, name);
}

static bool comes_out(const cloister_parameter *parameter)
{
    return parameter->kind == CLO_PARAM_BUFFER_OUT || parameter->kind == CLO_PARAM_BUFFER_INOUT ||
           parameter->kind == CLO_PARAM_OUT || parameter->kind == CLO_PARAM_INOUT;
}

static cloister_status write_output(const cloister_parameter *parameter, const char *path,
                                    struct reason *why)
{
    char line[48];
    const void *bytes = parameter->output;
    size_t size = parameter->size;
    if (!bytes) {
        size = (size_t)snprintf(line, sizeof line, "%" PRIu64 ",%" PRIu64 "\n", parameter->a,
                                parameter->b);
        bytes = line;
    }
    return file_write(path, bytes, size, 0600, why);
}

static cloister_status write_outputs(const struct call_options *options,
                                     const struct call_parameters *made, struct reason *why)
{
    unsigned next = 0;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        if (!comes_out(&made->parameter[i]))
            continue;
        const char *path = next < options->out_count ? options->out[next] : "-";
        next++;
        cloister_status status = write_output(&made->parameter[i], path, why);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_OK;
}

static cloister_status check_outputs(const struct call_options *options,
                                     const struct call_parameters *made, struct reason *why)
{
    unsigned outputs = 0;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        outputs += comes_out(&made->parameter[i]);
    if (options->out_count <= outputs)
        return CLOISTER_OK;
    return refuse(why, CLOISTER_BAD_ARGUMENT,
                  "method %.40s has %u output%s; --out is given %u times", options->method, outputs,
                  outputs == 1 ? "" : "s", options->out_count);
}

static cloister_result call_once(cloister_session *session, const struct call_options *options,
                                 struct call_parameters *made)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        made->parameter[i].size = made->in_size[i];
    return cloister_call(session, options->method, made->parameter, options->timeout_ms * 1000);
}

static cloister_status describe(cloister_result result, const struct call_options *options,
                                struct reason *why)
{
    if (result.status >= (int)CLO_STATUS_MODULE_FIRST)
        return refuse(why, result.status, "%.60s %.40s: status 0x%x of the module's own",
                      options->target, options->method, (unsigned)result.status);
    return refuse(why, result.status, "%.60s %.40s: %s, says the %s (%s)", options->target,
                  options->method, cloister_status_text(result.status),
                  cloister_origin_name(result.origin), cloister_status_name(result.status));
}

/* The last call's outputs are the ones that are kept. */
static cloister_status call_many(cloister_session *session, const struct call_options *options,
                                 struct call_parameters *made, struct reason *why)
{
    AUTO_FREE uint64_t *ns = calloc(options->count, sizeof *ns);
    if (!ns)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for %llu latencies", options->count);
    for (unsigned long long i = 0; i < options->count; i++) {
        uint64_t start = latency_now_ns();
        cloister_result result = call_once(session, options, made);
        ns[i] = latency_now_ns() - start;
        if (result.status != CLOISTER_OK)
            return describe(result, options, why);
    }
    latency_print(ns, options->count);
    return CLOISTER_OK;
}

/* As the options say: once, or often. */
static cloister_status call_as_asked(cloister_session *session, const struct call_options *options,
                                     struct call_parameters *made, struct reason *why)
{
    if (options->count > 0 && options->in_flight == 0)
        return call_many(session, options, made, why);
    cloister_result result =
        options->count > 0
            ? call_batch(session, options->method, made->parameter, options->timeout_ms * 1000,
                         options->count, (unsigned)options->in_flight)
            : call_once(session, options, made);
    return result.status == CLOISTER_OK ? CLOISTER_OK : describe(result, options, why);
}

static cloister_status open_session(cloister_world *world, const char *module,
                                    const struct call_options *options, size_t arena_size,
                                    cloister_session **session, struct reason *why)
{
    cloister_status status = cloister_session_open(world, module, arena_size, session);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot open a session to %.80s: %s", options->target,
                      cloister_status_text(status));
    return CLOISTER_OK;
}

/* Room for all calls that will be in flight, as far as arenas go. */
static size_t arena_for(const struct call_options *options, const struct call_parameters *made)
{
    size_t wanted = made->arena_size * (options->in_flight ? options->in_flight : 1);
    return wanted < CLO_ARENA_MAX ? wanted : CLO_ARENA_MAX;
}

static cloister_status call_in_session(cloister_world *world, const char *module,
                                       const struct call_options *options,
                                       struct call_parameters *made, struct reason *why)
{
    cloister_session *session;
    cloister_status status =
        open_session(world, module, options, arena_for(options, made), &session, why);
    if (status != CLOISTER_OK)
        return status;
    status = call_as_asked(session, options, made, why);
    cloister_session_close(session);
    return status;
}

static cloister_status stream_in_session(cloister_world *world, const char *module,
                                         const struct clo_method *method,
                                         const struct call_options *options, struct reason *why)
{
    const struct call_inputs *inputs = &options->inputs;
    size_t piece = (size_t)method->size_max[0] + method->size_max[1];
    size_t arena = 4 * piece < CLO_ARENA_MAX ? 4 * piece : CLO_ARENA_MAX;
    uint64_t value[2] = {0};
    cloister_session *session;
    cloister_result result = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};
    if (inputs->count > 1 || (inputs->count == 1 && inputs->word[0].kind != CALL_FILE) ||
        options->out_count > 2 || options->count > 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "method %.40s is a stream: one --in, up to two --out and no --count",
                      options->method);
    cloister_status status = open_session(world, module, options, arena, &session, why);
    if (status != CLOISTER_OK)
        return status;
    status = call_stream(session, options->method, inputs->count ? inputs->word[0].text : "-",
                         options->out_count ? options->out[0] : "-", options->timeout_ms * 1000,
                         value, &result, why);
    cloister_session_close(session);
    if (status == CLOISTER_OK && result.status != CLOISTER_OK)
        status = describe(result, options, why);
    if (status != CLOISTER_OK || options->out_count < 2)
        return status;
    const cloister_parameter pair = {.kind = CLO_PARAM_OUT, .a = value[0], .b = value[1]};
    return write_output(&pair, options->out[1], why);
}

static cloister_status call_method(cloister_world *world, const char *module,
                                   const struct clo_method *method,
                                   const struct call_options *options, struct call_parameters *made,
                                   struct reason *why)
{
    cloister_status status = call_parameters_make(method, &options->inputs, made, why);
    if (status == CLOISTER_OK)
        status = check_outputs(options, made, why);
    if (status == CLOISTER_OK)
        status = call_in_session(world, module, options, made, why);
    if (status == CLOISTER_OK)
        status = write_outputs(options, made, why);
    return status;
}

static cloister_status call_with(cloister_world *world, const char *module,
                                 const struct call_options *options, struct call_parameters *made,
                                 struct reason *why)
{
    struct clo_module_info info;
    const struct clo_method *method = NULL;
    cloister_status status = find_module(world, module, &info, why);
    if (status == CLOISTER_OK)
        status = find_method(&info, options->method, &method, why);
    if (status != CLOISTER_OK)
        return status;
    if (method->flags & CLO_METHOD_STREAM)
        return stream_in_session(world, module, method, options, why);
    return call_method(world, module, method, options, made, why);
}

int cmd_call(int argc, char **argv)
{
    struct call_options options = {0};
    struct call_parameters made = {0};
    struct reason why = {0};
    char name[PATH_MAX];
    const char *module = NULL;
    cloister_world *world;
    int parsed = call_options_parse(argc, argv, &options);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(call_help) : parsed;
    cloister_status status = world_split_target(options.target, name, sizeof name, &module, &why);
    if (status == CLOISTER_OK)
        status = world_open(name, &world, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    status = call_with(world, module, &options, &made, &why);
    call_parameters_release(&made);
    cloister_world_close(world);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}
