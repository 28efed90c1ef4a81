/*
 * What every command shares: one-line failures, exit statuses, numbers, hexadecimal.
 */
#include "tools/tool.h"

#include "base/bytes.h"
#include "base/checked.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum tool_exit tool_exit_of(cloister_status status)
{
    switch (status) {
    case CLOISTER_OK:
        return TOOL_OK;
    case CLOISTER_BAD_ARGUMENT:
    case CLOISTER_BAD_FORMAT:
    case CLOISTER_TOO_BIG:
        return TOOL_BAD_INPUT;
    case CLOISTER_NOT_FOUND:
        return TOOL_NOT_FOUND;
    case CLOISTER_DENIED:
        return TOOL_DENIED;
    case CLOISTER_TIMEOUT:
        return TOOL_TIMEOUT;
    case CLOISTER_DEAD:
    case CLOISTER_CLOSED:
        return TOOL_DEAD;
    case CLOISTER_UNSUPPORTED:
        return TOOL_UNAVAILABLE;
    case CLOISTER_REFUSED:
    case CLOISTER_STALE:
    case CLOISTER_CORRUPT:
        return TOOL_REFUSED;
    case CLOISTER_IO:
        return TOOL_IO;
    default:
        return TOOL_FAILED;
    }
}

int tool_fail(const char *command, cloister_status status, const struct reason *why)
{
    const char *text = why && why->text[0] ? why->text : cloister_status_text(status);
    (void)fprintf(stderr, "cloister%s%s: %s\n", *command ? " " : "", command, text);
    return tool_exit_of(status);
}

int tool_usage(const char *command, const char *format, ...)
{
    char message[REASON_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    /* The same defusing of foreign text as every other line gets. */
    struct reason why;
    (void)!refuse(&why, CLOISTER_BAD_ARGUMENT, "%s", message);
    const char *space = *command ? " " : "";
    (void)fprintf(stderr, "cloister%s%s: %s; see 'cloister%s%s --help'\n", space, command, why.text,
                  space, command);
    return TOOL_USAGE;
}

int tool_bad_option(const char *command, int returned, char **argv)
{
    /* musl counts the value of a short option that is missing, too. */
    const char *option = argv[optind - 1] ? argv[optind - 1] : argv[optind - 2];
    if (returned == ':')
        return tool_usage(command, "option %s needs a value", option);
    if (optopt && strncmp(option, "--", 2) != 0)
        return tool_usage(command, "unknown option -%c", optopt);
    if (optopt) /* it is known, but not with what follows its name */
        return tool_usage(command, "option %.*s takes no value", (int)strcspn(option, "="), option);
    return tool_usage(command, "unknown or ambiguous option %s", option);
}

int tool_help(const char *text)
{
    (void)fputs(text, stdout);
    return TOOL_OK;
}

static bool read_decimal(const char **text, unsigned long long *value)
{
    const char *at = *text;
    unsigned long long sum = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t tenfold;
        uint64_t next;
        if (!checked_multiply(sum, 10, &tenfold) ||
            !checked_add(tenfold, (uint64_t)(*at - '0'), &next))
            return false;
        sum = next;
    }
    if (at == *text)
        return false;
    *text = at;
    *value = sum;
    return true;
}

static cloister_status number_out_of_range(const char *what, const char *text,
                                           unsigned long long least, unsigned long long most,
                                           struct reason *why)
{
    return refuse(why, CLOISTER_BAD_ARGUMENT,
                  "%s is '%.40s'; it must be a number from %llu to %llu", what, text, least, most);
}

cloister_status tool_number(const char *what, const char *text, unsigned long long least,
                            unsigned long long most, unsigned long long *value, struct reason *why)
{
    const char *at = text;
    unsigned long long number;
    if (!read_decimal(&at, &number) || *at != '\0' || number < least || number > most)
        return number_out_of_range(what, text, least, most, why);
    *value = number;
    return CLOISTER_OK;
}

static unsigned unit_shift(const char *unit, bool *known)
{
    *known = true;
    if (strcmp(unit, "") == 0)
        return 0;
    if (strcmp(unit, "K") == 0 || strcmp(unit, "k") == 0)
        return 10;
    if (strcmp(unit, "M") == 0)
        return 20;
    if (strcmp(unit, "G") == 0)
        return 30;
    *known = false;
    return 0;
}

cloister_status tool_size(const char *what, const char *text, unsigned long long least,
                          unsigned long long most, unsigned long long *value, struct reason *why)
{
    const char *at = text;
    unsigned long long number;
    uint64_t size;
    bool known;
    if (!read_decimal(&at, &number))
        return number_out_of_range(what, text, least, most, why);
    unsigned shift = unit_shift(at, &known);
    if (!known || !checked_multiply(number, 1ull << shift, &size) || size < least || size > most)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "%s is '%.40s'; it must be a size from %llu to %llu bytes, as 65536, 64K, 2M "
                      "or 1G",
                      what, text, least, most);
    *value = size;
    return CLOISTER_OK;
}

cloister_status tool_hex(const char *option, const char *text, size_t least, size_t most,
                         uint8_t *bytes, size_t *size, struct reason *why)
{
    if (hex_decode(text, bytes, most, size) && *size >= least)
        return CLOISTER_OK;
    if (least == most)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "%s is '%.16s' (%zu characters); it must be %zu hexadecimal digits", option,
                      text, strlen(text), 2 * most);
    return refuse(why, CLOISTER_BAD_ARGUMENT,
                  "%s is '%.16s' (%zu characters); it must be %zu to %zu hexadecimal digits, an "
                  "even number",
                  option, text, strlen(text), 2 * least, 2 * most);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int tool_dispatch(const char *group, const char *help, const struct tool_command *commands,
                  size_t count, int argc, char **argv)
{
    if (argc < 2)
        return tool_usage(group, "a command is missing");
    bool of_one = argc > 2 && strcmp(argv[1], "help") == 0; /* help COMMAND */
    if (asks_for_help(argv[1]) && !of_one)
        return tool_help(help);
    if (of_one) {
        static char option[] = "--help";
        argv[1] = argv[2];
        argv[2] = option;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return tool_usage(group, "unknown command '%.40s'", argv[1]);
}
