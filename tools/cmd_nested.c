/*
 * cloister nested: a command in the nested machine, which has a KVM where this host has none.
 * Checks the options and becomes the script that runs the machine (tools/nested/machine).
 */
#include "tools/tool.h"

#include "base/file.h"
#include "base/scope.h"
#include "tools/nested/result.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define COMMAND "nested"
#define SECONDS_MAX 864000ull
#define MEMORY_MIN (512ull << 20)
#define MEMORY_MAX (64ull << 30)
/* As env(1) and timeout(1): the command's own status must not be mistaken for ours. */
#define NESTED_FAILED 125
/* Ours before the files: name, -t, seconds, -m, MiB; after them: --; and the end. */
#define WORDS_OWN 7

static const char help[] =
    "Usage: cloister nested [-t SECONDS] [-m SIZE] [-k PACKAGE]... [-s] [-i] [-f FILE]...\n"
    "                       [-o FILE]... -- COMMAND [ARGS...]\n"
    "Runs a command as root in an emulated machine that has a KVM of its own (QEMU without\n"
    "acceleration, AMD SVM, one processor), for hosts whose /dev/kvm is missing or cannot run\n"
    "worlds. It starts in about five seconds, is 10 to 50 times slower, and is no sandbox.\n"
    "\n"
    "  -t, --time SECONDS   end it when the command has not ended then, start included\n"
    "                       (default 600)\n"
    "  -m, --memory SIZE    its memory (512M to 64G; default 2G)\n"
    "  -k, --kernel PACKAGE its kernel: a file linux-image-*.deb of another Debian; from Linux 7\n"
    "                       on three files: linux-base-*, linux-binary-* and linux-modules-*\n"
    "  -s, --shadow         its KVM has no nested paging and shadows page tables\n"
    "  -i, --instructions   its clocks count instructions: each takes one nanosecond\n"
    "  -f, --file FILE      have this file or folder inside, at the same path\n"
    "  -o, --output FILE    when the command has ended copy this file out, to the same path; at\n"
    "                       most 64M\n"
    "\n"
    "Inside are this build with the command in PATH, its sample modules, and busybox's tools;\n"
    "programs given with -f have their shared libraries. The current folder has the same path and\n"
    "is empty but for what -f brings. The environment is not passed on. Standard input is;\n"
    "standard output and error are kept apart and come byte by byte. There is no terminal and no\n"
    "network. Ctrl-C ends the machine. What is not copied out is gone.\n"
    "\n"
    "Without -k the kernel is fetched once, as a Debian package, to $CLOISTER_NESTED (default:\n"
    "nested/ in the build folder, else $XDG_CACHE_HOME/cloister/nested).\n"
    "\n"
    "Exit status: the command's; as with timeout(1) 124 the time is over, 125 any failure of ours\n"
    "(wrong usage, the machine broke down, no such result), 127 no such command inside; 128 + n\n"
    "ended by signal n.\n";

struct nested {
    char seconds[24];
    char memory[24];    /* MiB */
    const char **files; /* -s, -i; -k, -f and -o with their values */
    unsigned file_count, result_count;
};

static cloister_status check_file(const char *path, struct reason *why)
{
    struct stat st;
    if (stat(path, &st) != 0 || access(path, R_OK) != 0)
        return refuse_errno(why, "cannot read %.200s", path);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%.200s is neither a file nor a folder", path);
    return CLOISTER_OK;
}

static cloister_status take_value(struct nested *nested, int option, const char *value,
                                  struct reason *why)
{
    unsigned long long number;
    cloister_status status;
    switch (option) {
    case 't':
        status = tool_number("-t", value, 1, SECONDS_MAX, &number, why);
        if (status == CLOISTER_OK)
            (void)snprintf(nested->seconds, sizeof nested->seconds, "%llu", number);
        return status;
    case 'm':
        status = tool_size("-m", value, MEMORY_MIN, MEMORY_MAX, &number, why);
        if (status == CLOISTER_OK)
            (void)snprintf(nested->memory, sizeof nested->memory, "%llu", number >> 20);
        return status;
    case 'k':
        nested->files[nested->file_count++] = "-k";
        status = file_check_input(value, why);
        break;
    case 's':
        nested->files[nested->file_count++] = "-s";
        return CLOISTER_OK;
    case 'i':
        nested->files[nested->file_count++] = "-i";
        return CLOISTER_OK;
    case 'f':
        nested->files[nested->file_count++] = "-f";
        status = check_file(value, why);
        break;
    default:
        nested->files[nested->file_count++] = "-o";
        status = file_check_output(value, why); /* before the command runs rather than after it */
        if (status == CLOISTER_OK && ++nested->result_count > RESULTS_MAX)
            status = refuse(why, CLOISTER_TOO_BIG, "more than %d files to copy out", RESULTS_MAX);
    }
    nested->files[nested->file_count++] = value;
    return status;
}

/* TOOL_OK, or -1: help is wanted. */
static int parse(int argc, char **argv, struct nested *nested)
{
    static const struct option names[] = {
        {"time", required_argument, NULL, 't'},
        {"memory", required_argument, NULL, 'm'},
        {"kernel", required_argument, NULL, 'k'},
        {"shadow", no_argument, NULL, 's'},
        {"instructions", no_argument, NULL, 'i'},
        {"file", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct reason why;
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+:t:m:k:sif:o:h", names, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option == '?' || option == ':')
            return tool_bad_option(COMMAND, option, argv);
        cloister_status status = take_value(nested, option, optarg, &why);
        if (status != CLOISTER_OK)
            return tool_fail(COMMAND, status, &why);
    }
    if (optind == argc)
        return tool_usage(COMMAND, "a command is missing");
    return TOOL_OK;
}

static cloister_status become_machine(const struct nested *nested, int argc, char **argv,
                                      struct reason *why)
{
    char path[PATH_MAX];
    unsigned count = 0;
    cloister_status status = tool_program_path("nested/machine", path, sizeof path, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FREE const char **words =
        calloc((size_t)argc + nested->file_count + WORDS_OWN, sizeof *words);
    if (!words)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for %d arguments", argc);
    words[count++] = path;
    words[count++] = "-t";
    words[count++] = nested->seconds;
    words[count++] = "-m";
    words[count++] = nested->memory;
    for (unsigned i = 0; i < nested->file_count; i++)
        words[count++] = nested->files[i];
    words[count++] = "--";
    for (int i = 0; i < argc; i++)
        words[count++] = argv[i];
    (void)execv(path, (char *const *)(uintptr_t)words);
    return refuse_errno(why, "cannot start %.200s", path);
}

int cmd_nested(int argc, char **argv)
{
    struct nested nested = {.seconds = "600", .memory = "2048"};
    struct reason why = {0};
    nested.files = calloc(2 * (size_t)argc, sizeof *nested.files);
    if (!nested.files) {
        (void)tool_fail(COMMAND, CLOISTER_NO_MEMORY, NULL);
        return NESTED_FAILED;
    }
    int parsed = parse(argc, argv, &nested);
    cloister_status status = CLOISTER_OK;
    if (parsed == TOOL_OK)
        status = become_machine(&nested, argc - optind, argv + optind, &why);
    free(nested.files);
    if (parsed < 0)
        return tool_help(help);
    if (status != CLOISTER_OK)
        (void)tool_fail(COMMAND, status, &why);
    return NESTED_FAILED;
}
