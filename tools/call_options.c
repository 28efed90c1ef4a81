/*
 * Reads the words of `cloister call`.
 */
#include "tools/call_options.h"

#include "base/file.h"
#include "tools/tool.h"

#include <getopt.h>

#define COMMAND "call"
#define COUNT_MAX 1000000u

const char call_help[] =
    "Usage: cloister call WORLD/MODULE METHOD [OPTIONS]\n"
    "Calls a method of a module. Inputs are given in the order in which the method declares\n"
    "them; 'cloister module inspect' and 'cloister world show' name methods. In a guest WORLD\n"
    "is 'guest:', or 'guest:ADDRESS' for one of several mailbox devices.\n"
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
    "  --in-flight N        with --count: submit calls in batches of up to 64, report the rate\n"
    "\n"
    "Outputs without --out go to standard output, value pairs as a line \"A,B\".\n"
    "A method that is a stream takes one --in (default: standard input) and one --out of any\n"
    "length; a second --out gets its value pair.\n"
    "Exit status: 0 done, 3 refused by the module, 4 no such world, module or method,\n"
    "7 an input is not acceptable, 8 the module has ended, 9 timeout, others as in\n"
    "'cloister --help'.\n";

static int add_input(struct call_options *options, enum call_word_kind kind)
{
    struct call_inputs *inputs = &options->inputs;
    if (inputs->count == CALL_WORDS_MAX)
        return tool_usage(COMMAND, "more than %u inputs; no method takes more", CALL_WORDS_MAX);
    const struct call_word word = {.kind = kind, .text = optarg};
    struct reason why;
    cloister_status status = call_word_check(&word, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    inputs->word[inputs->count++] = word;
    return TOOL_OK;
}

static int add_output(struct call_options *options)
{
    if (options->out_count == CLO_PARAMETERS_MAX)
        return tool_usage(COMMAND, "more than %u outputs; no method has more", CLO_PARAMETERS_MAX);
    struct reason why;
    cloister_status status = file_check_output(optarg, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
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
    case 'f':
        return take_number("--in-flight", 1, CLO_RING_SIZE, &options->in_flight);
    default:
        return take_number("--count", 1, COUNT_MAX, &options->count);
    }
}

int call_options_parse(int argc, char **argv, struct call_options *options)
{
    static const struct option names[] = {
        {"in", required_argument, NULL, 'i'},
        {"text", required_argument, NULL, 't'},
        {"hex", required_argument, NULL, 'x'},
        {"value", required_argument, NULL, 'v'},
        {"out", required_argument, NULL, 'o'},
        {"room", required_argument, NULL, 'r'},
        {"timeout", required_argument, NULL, 'd'},
        {"count", required_argument, NULL, 'c'},
        {"in-flight", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0},
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
        return tool_usage(COMMAND, "WORLD/MODULE and METHOD are needed and nothing else");
    if (options->in_flight > 0 && options->count == 0)
        return tool_usage(COMMAND, "--in-flight needs --count");
    options->target = argv[optind];
    options->method = argv[optind + 1];
    return TOOL_OK;
}
