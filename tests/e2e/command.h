/*
 * Runs the `cloister` command of the build under test and keeps what it said.
 */
#ifndef TESTS_E2E_COMMAND_H
#define TESTS_E2E_COMMAND_H

#include <stddef.h>
#include <sys/types.h>

struct command {
    int status; /* exit status, or 128 + signal */
    size_t out_size;
    char out[70000]; /* standard output, with a NUL behind it */
    char err[8192];  /* standard error, likewise */
};

/* Runs it with these words (NULL-terminated, without "cloister"), standard input empty. */
void command_run(struct command *command, const char *const *words);

/* The same with this text as standard input. */
void command_run_with_input(struct command *command, const char *input, const char *const *words);

#define RUN(command, ...) command_run(command, (const char *const[]){__VA_ARGS__, NULL})

/* What it must have ended with. */
void command_expect(const struct command *command, int status);

/* The same, and one line on standard error, and no output. */
void command_expect_refusal(const struct command *command, int status);

/* Starts it and does not wait: standard output goes to /dev/null, standard error to `log`. It leads
   a process group of its own, as a job of a shell does. */
pid_t command_start(const char *log, const char *const *words);

/* Starts it with this terminal as its own, for all three. */
pid_t command_start_at_terminal(int terminal, const char *const *words);

/* Waits for a process that one of these started; its exit status, or 128 + signal. */
int command_wait(pid_t process);

#endif
