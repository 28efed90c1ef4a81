/*
 * Frame of the `cloister` command: what every command group shares. A group is one function in a
 * file of its own (cmd_NAME.c); it parses its options, works through libraries, and returns an exit
 * status. Results go to standard output, one line about a failure to standard error.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define TOOL_VERSION "0.1.0"

/* Exit statuses, the same for every command; `cloister --help` lists them. */
enum tool_exit {
    TOOL_OK = 0,
    TOOL_FAILED = 1,      /* none of the others */
    TOOL_USAGE = 2,       /* unknown command or option, missing argument */
    TOOL_REFUSED = 3,     /* refused: policy, signature, sealed data, report */
    TOOL_NOT_FOUND = 4,   /* no such world, module, method, file */
    TOOL_DENIED = 5,      /* permission */
    TOOL_UNAVAILABLE = 6, /* the host cannot do it: no usable /dev/kvm, too old a kernel */
    TOOL_BAD_INPUT = 7,   /* a file, argument or value is not acceptable */
    TOOL_DEAD = 8,        /* module or world has ended */
    TOOL_TIMEOUT = 9,
    TOOL_IO = 10, /* reading or writing failed: full disk, closed pipe */
};

/* Groups. argv[0] is the group's name; each returns an exit status. */
int cmd_world(int argc, char **argv);
int cmd_module(int argc, char **argv);
int cmd_call(int argc, char **argv);
int cmd_interface(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_guest(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_nested(int argc, char **argv);

/* `cloister module build` and `module new`; argv[0] is "build" or "new". */
int cmd_module_build(int argc, char **argv);
int cmd_module_new(int argc, char **argv);

/* One command of a group, or one group. */
struct tool_command {
    const char *name;
    int (*run)(int argc, char **argv);
};

/* Runs the command that argv[1] names with argv + 1. `--help` and `help` print `help`, `help
   COMMAND` that of the command. No command or an unknown one: one line, TOOL_USAGE. `group` is ""
   for the groups themselves. */
int tool_dispatch(const char *group, const char *help, const struct tool_command *commands,
                  size_t count, int argc, char **argv);

/* The exit status that stands for a status. */
enum tool_exit tool_exit_of(cloister_status status);

/* Prints `cloister COMMAND: why` in one line, or the status's own text if `why` is NULL or empty;
   returns tool_exit_of(status). */
int tool_fail(const char *command, cloister_status status, const struct reason *why);

/* Prints `cloister COMMAND: message; see 'cloister COMMAND --help'` in one line; returns
   TOOL_USAGE. */
__attribute__((format(printf, 2, 3))) int tool_usage(const char *command, const char *format, ...);

/* After getopt_long returned '?' or ':' (opterr = 0, option string starting with ':'): names the
   option in one line; returns TOOL_USAGE. */
int tool_bad_option(const char *command, int returned, char **argv);

/* Prints a help text on standard output; returns TOOL_OK. */
int tool_help(const char *text);

/* Reads a decimal number from `least` to `most`, without sign or space; BAD_ARGUMENT names `what`,
   the text and the range. */
CLOISTER_MUST_USE cloister_status tool_number(const char *what, const char *text,
                                              unsigned long long least, unsigned long long most,
                                              unsigned long long *value, struct reason *why);

/* Reads a size like 65536, 64K, 2M, 1G. Otherwise as tool_number. */
CLOISTER_MUST_USE cloister_status tool_size(const char *what, const char *text,
                                            unsigned long long least, unsigned long long most,
                                            unsigned long long *value, struct reason *why);

/* Reads hexadecimal of `least` to `most` bytes; BAD_ARGUMENT names the option. */
CLOISTER_MUST_USE cloister_status tool_hex(const char *option, const char *text, size_t least,
                                           size_t most, uint8_t *bytes, size_t *size,
                                           struct reason *why);

/* The whole of a main(): runs the command or group that argv[1] names; an output that did not reach
   its reader is a failure. Returns the exit status. */
int tool_program_main(const char *help, const struct tool_command *groups, size_t count, int argc,
                      char **argv);

/* The folder of the running program; `size` is that of `folder`. */
CLOISTER_MUST_USE cloister_status tool_program_folder(char *folder, size_t size,
                                                      struct reason *why);

/* The path of a program that comes with the command (cloister-world, …): libexec/NAME beside the
   command, else ../libexec/cloister/NAME, and for such a program NAME beside it. NOT_FOUND names
   the first two. */
CLOISTER_MUST_USE cloister_status tool_program_path(const char *name, char *path, size_t size,
                                                    struct reason *why);

/* Becomes the program that comes with the command under the name words[0]; NULL ends the words.
   Returns only if it cannot: tool_fail for `command`. */
int tool_program_become(const char *command, char *const words[]);

/* Becomes `program`, which has the command argv[0] of a group, or the whole group (argv[0] is the
   word behind it; argc may be 0). As tool_program_become. */
int tool_program_pass(char *program, char *group, int argc, char **argv);

#endif
