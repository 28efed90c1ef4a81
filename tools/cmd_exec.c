/*
 * cloister exec: an unmodified static program in a debug world of its own. Finds it as a shell
 * would and becomes the world host.
 */
#include "tools/tool.h"

#include "base/scope.h"
#include "tools/kvm_device.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define COMMAND "exec"
#define MEMORY_MIN (1ull << 20)
#define MEMORY_MAX (16ull << 30)
/* As env(1): a program's own status must not be mistaken for ours. */
enum exec_exit { EXEC_FAILED = 125, EXEC_NOT_FOUND = 127 };

/* Ours before the program's own: name, --exec, path, --mem, size, --, argv[0]. */
#define WORDS_BEFORE 7

static const char help[] =
    "Usage: cloister exec [--mem SIZE] PROGRAM [ARGUMENTS...]\n"
    "Runs a static Linux program (64-bit x86, static or static-PIE) in a debug world of its own.\n"
    "It gets the arguments, this environment and standard input; its output and exit status are\n"
    "passed on. Files, sockets and new processes fail inside with ENOSYS.\n"
    "\n"
    "  --mem SIZE           memory for its heap (1M to 16G; default 64M)\n"
    "\n"
    "PROGRAM is looked up in PATH unless it contains '/'.\n"
    "Exit status: the program's; as with env(1) 127 not found, 126 not a program that can run so,\n"
    "125 any other failure of ours, such as no usable /dev/kvm.\n";

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* An empty element of PATH is the current folder. */
static bool find_in(const char *folder, int length, const char *name, char *path, size_t size)
{
    int written = length > 0 ? snprintf(path, size, "%.*s/%s", length, folder, name)
                             : snprintf(path, size, "./%s", name);
    return written > 0 && (size_t)written < size && is_program(path);
}

static cloister_status find_program(const char *name, char *path, size_t size, struct reason *why)
{
    const char *folders = getenv("PATH");
    if (strchr(name, '/')) {
        int written = snprintf(path, size, "%s", name);
        return written > 0 && (size_t)written < size
                   ? CLOISTER_OK
                   : refuse(why, CLOISTER_TOO_BIG, "path of the program is too long");
    }
    for (const char *at = folders ? folders : "/usr/bin:/bin"; at && *name;) {
        const char *colon = strchr(at, ':');
        int length = colon ? (int)(colon - at) : (int)strlen(at);
        if (find_in(at, length, name, path, size))
            return CLOISTER_OK;
        at = colon ? colon + 1 : NULL;
    }
    return refuse(why, CLOISTER_NOT_FOUND, "no program '%.80s' in PATH", name);
}

static cloister_status take_memory(const char *text, char *bytes, size_t size, struct reason *why)
{
    unsigned long long memory;
    cloister_status status = tool_size("--mem", text, MEMORY_MIN, MEMORY_MAX, &memory, why);
    if (status == CLOISTER_OK)
        (void)snprintf(bytes, size, "%llu", memory & ~4095ull);
    return status;
}

static int parse(int argc, char **argv, char *memory, size_t size)
{
    static const struct option names[] = {
        {"mem", required_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct reason why;
    int option;
    while ((option = getopt_long(argc, argv, "+:h", names, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option != 'm')
            return tool_bad_option(COMMAND, option, argv);
        cloister_status status = take_memory(optarg, memory, size, &why);
        if (status != CLOISTER_OK)
            return tool_fail(COMMAND, status, &why);
    }
    if (optind == argc)
        return tool_usage(COMMAND, "a program is missing");
    return TOOL_OK;
}

static cloister_status become_world(const char *world_host, const char *program, const char *memory,
                                    int argc, char **argv, struct reason *why)
{
    AUTO_FREE const char **words = calloc((size_t)argc + WORDS_BEFORE, sizeof *words);
    if (!words)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for %d arguments", argc);
    unsigned count = 0;
    words[count++] = "cloister-world";
    words[count++] = "--exec";
    words[count++] = program;
    if (*memory) {
        words[count++] = "--mem";
        words[count++] = memory;
    }
    words[count++] = "--";
    for (int i = 0; i < argc; i++)
        words[count++] = argv[i];
    (void)execv(world_host, (char *const *)(uintptr_t)words);
    return refuse_errno(why, "cannot start %.200s", world_host);
}

int cmd_exec(int argc, char **argv)
{
    char memory[24] = "";
    char program[PATH_MAX];
    char world_host[PATH_MAX];
    struct reason why = {0};
    int parsed = parse(argc, argv, memory, sizeof memory);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(help) : EXEC_FAILED;
    cloister_status status = find_program(argv[optind], program, sizeof program, &why);
    if (status == CLOISTER_OK)
        status = kvm_device_check(&why);
    if (status == CLOISTER_OK)
        status = tool_program_path("cloister-world", world_host, sizeof world_host, &why);
    if (status == CLOISTER_OK)
        status = become_world(world_host, program, memory, argc - optind, argv + optind, &why);
    (void)tool_fail(COMMAND, status, &why);
    return status == CLOISTER_NOT_FOUND ? EXEC_NOT_FOUND : EXEC_FAILED;
}
