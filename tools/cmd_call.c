/*
 * cloister call: one method of one module, inputs from the command line, outputs to files or
 * standard output.
 */
#include "tools/tool.h"

#include "base/file.h"
#include "base/scope.h"
#include "tools/call_inputs.h"
#include "tools/call_latency.h"
#include "tools/world_show.h"

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define COMMAND "call"
#define COUNT_MAX 1000000u

static const char help[] =
    "Usage: cloister call WORLD/MODULE METHOD [OPTIONS]\n"
    "Calls a method of a module. Inputs are given in the order in which the method declares\n"
    "them; 'cloister module inspect' and 'cloister world show' name methods.\n"
    "\n"
    "  --in FILE            input: the bytes of a file; - is standard input\n"
    "  --text TEXT          input: these bytes\n"
    "  --hex DIGITS         input: bytes in hexadecimal\n"
    "  --value A,B          input: a pair of decimal numbers\n"
    "  --out FILE           output goes here, once for each output in order; the file is\n"
    "                       replaced only when the call has succeeded\n"
    "  --room BYTES         take at most so many bytes for each output (default: as many as the\n"
    "                       method can make); up to 48 travel without the arena\n"
    "  --timeout MS         give up after so long; the module goes on\n"
    "  --count N            call N times, report the latency on standard error\n"
    "\n"
    "Outputs without --out go to standard output, value pairs as a line \"A,B\".\n"
    "Exit status: 0 done, 3 refused by the module, 4 no such world, module or method,\n"
    "7 an input is not acceptable, 8 the module has ended, 9 timeout, others as in\n"
    "'cloister --help'.\n";

struct call_options {
    const char *target;
    const char *method;
    struct call_inputs inputs;
    const char *out[CLO_PARAMETERS_MAX];
    unsigned out_count;
    unsigned long long timeout_ms;
    unsigned long long count;
};

static int add_input(struct call_options *options, enum call_word_kind kind)
{
    struct call_inputs *inputs = &options->inputs;
    if (inputs->count == CALL_WORDS_MAX)
        return tool_usage(COMMAND, "more than %u inputs; no method takes more", CALL_WORDS_MAX);
    inputs->word[inputs->count++] = (struct call_word){.kind = kind, .text = optarg};
    return TOOL_OK;
}

static int add_output(struct call_options *options)
{
    if (options->out_count == CLO_PARAMETERS_MAX)
        return tool_usage(COMMAND, "more than %u outputs; no method has more", CLO_PARAMETERS_MAX);
    options->out[options->out_count++] = optarg;
    return TOOL_OK;
}

static int take_number(const char *what, unsigned long long least, unsigned long long most,
                       unsigned long long *number)
{
    struct reason why;
    cloister_status status = tool_number(what, optarg, least, most, number, &why);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}

static int take_option(struct call_options *options, int option)
{
    switch (option) {
    case 'i':
        return add_input(options, CALL_FILE);
    case 't':
        return add_input(options, CALL_TEXT);
    case 'x':
        return add_input(options, CALL_HEX);
    case 'v':
        return add_input(options, CALL_VALUE);
    case 'o':
        return add_output(options);
    case 'r':
        options->inputs.room_given = true;
        return take_number("--room", 0, CLO_ARENA_MAX, &options->inputs.room);
    case 'd':
        return take_number("--timeout", 1, 86400000, &options->timeout_ms);
    default:
        return take_number("--count", 1, COUNT_MAX, &options->count);
    }
}

static int parse(int argc, char **argv, struct call_options *options)
{
    static const struct option names[] = {
        {"in", required_argument, NULL, 'i'},      {"text", required_argument, NULL, 't'},
        {"hex", required_argument, NULL, 'x'},     {"value", required_argument, NULL, 'v'},
        {"out", required_argument, NULL, 'o'},     {"room", required_argument, NULL, 'r'},
        {"timeout", required_argument, NULL, 'd'}, {"count", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},          {0},
    };
    int option;
    while ((option = getopt_long(argc, argv, ":h", names, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option == '?' || option == ':')
            return tool_bad_option(COMMAND, option, argv);
        int taken = take_option(options, option);
        if (taken != TOOL_OK)
            return taken;
    }
    if (argc - optind != 2)
        return tool_usage(COMMAND, "WORLD/MODULE and METHOD are needed, %d words given",
                          argc - optind);
    options->target = argv[optind];
    options->method = argv[optind + 1];
    return TOOL_OK;
}

/* The module is behind the last '/': a world may be the path of a socket. */
static cloister_status split_target(const char *target, char *world, size_t size,
                                    const char **module, struct reason *why)
{
    const char *slash = strrchr(target, '/');
    size_t length = slash ? (size_t)(slash - target) : 0;
    if (!slash || length == 0 || slash[1] == '\0')
        return refuse(why, CLOISTER_BAD_ARGUMENT, "'%.80s' is not of the form WORLD/MODULE",
                      target);
    if (length >= size)
        return refuse(why, CLOISTER_TOO_BIG, "world '%.80s…' is too long a name", target);
    memcpy(world, target, length);
    world[length] = '\0';
    *module = slash + 1;
    return CLOISTER_OK;
}

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
                  "method %.40s has %u outputs; --out is given %u times", options->method, outputs,
                  options->out_count);
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

static cloister_status call_in_session(cloister_world *world, const char *module,
                                       const struct call_options *options,
                                       struct call_parameters *made, struct reason *why)
{
    cloister_session *session;
    cloister_status status = cloister_session_open(world, module, made->arena_size, &session);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot open a session to %.80s: %s", options->target,
                      cloister_status_text(status));
    if (options->count > 0) {
        status = call_many(session, options, made, why);
    } else {
        cloister_result result = call_once(session, options, made);
        status = result.status;
        if (status != CLOISTER_OK)
            status = describe(result, options, why);
    }
    cloister_session_close(session);
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
    if (status == CLOISTER_OK)
        status = call_parameters_make(method, &options->inputs, made, why);
    if (status == CLOISTER_OK)
        status = check_outputs(options, made, why);
    if (status == CLOISTER_OK)
        status = call_in_session(world, module, options, made, why);
    if (status == CLOISTER_OK)
        status = write_outputs(options, made, why);
    return status;
}

int cmd_call(int argc, char **argv)
{
    struct call_options options = {0};
    struct call_parameters made = {0};
    struct reason why = {0};
    char name[PATH_MAX];
    const char *module = NULL;
    cloister_world *world;
    int parsed = parse(argc, argv, &options);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(help) : parsed;
    cloister_status status = split_target(options.target, name, sizeof name, &module, &why);
    if (status == CLOISTER_OK)
        status = world_open(name, &world, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    status = call_with(world, module, &options, &made, &why);
    call_parameters_release(&made);
    cloister_world_close(world);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}
