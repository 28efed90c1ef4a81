/*
 * From the start of a process to the first answer: `cloister world run`, its keeper and world host,
 * a session, a call of echo; against bubblewrap, which starts a program in namespaces of its own,
 * to the program's first byte. Neither is pinned.
 */
#include "bench/row.h"

#include "base/scope.h"
#include "bench/child.h"
#include "bench/clock.h"
#include "bench/measured_world.h"
#include "bench/pin.h"

#include <fcntl.h>
#include <unistd.h>

#define ROUNDS 40u
#define SPIN_US 50u
#define BUBBLEWRAP "/usr/bin/bwrap"

static const struct row_head head = {
    .name = "process",
    .ours = "start of `cloister world run` to the first reply of its echo",
    .reference = "start of bwrap --unshare-all --ro-bind / / /bin/echo to its first byte",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 0.5,
};

static cloister_status first_reply(struct measured_world *live, struct reason *why)
{
    struct measured_options options = {
        .module = "modules/echo.mod", .spin_us = SPIN_US, .cpu = MEASURED_ANY_CPU};
    cloister_session *session;
    uint8_t byte = 0;
    cloister_status status = measured_world_start(live, &options, why);
    if (status == CLOISTER_OK)
        status = measured_world_session(live, "echo", 0, &session, why);
    if (status != CLOISTER_OK)
        return status;
    status = measured_world_echo(session, &byte, &byte, 1, why);
    cloister_session_close(session);
    return status;
}

static cloister_status our_start(double *ticks, struct reason *why)
{
    struct measured_world live;
    uint64_t begin = clock_ticks();
    cloister_status status = first_reply(&live, why);
    *ticks = (double)(clock_ticks() - begin);
    measured_world_stop(&live);
    return status;
}

static cloister_status sandbox_start(double *ticks, struct reason *why)
{
    char *arguments[] = {BUBBLEWRAP, "--unshare-all", "--ro-bind", "/",
                         "/",        "/bin/echo",     "ready",     NULL};
    int ends[2];
    char byte = 0;
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse_errno(why, "cannot make a pipe");
    AUTO_FD int out = ends[0];
    AUTO_FD int in = ends[1];
    uint64_t begin = clock_ticks();
    cloister_status status = child_start(arguments, -1, in, NULL, &child, why);
    if (status != CLOISTER_OK)
        return status;
    (void)close(take_fd(&in));
    ssize_t size = read(out, &byte, 1);
    *ticks = (double)(clock_ticks() - begin);
    if (child_wait(child) != 0 || size != 1 || byte != 'r')
        return refuse(why, CLOISTER_IO, BUBBLEWRAP " does not start a program here");
    return CLOISTER_OK;
}

cloister_status bench_process(const struct row_plan *plan, struct row *rows, unsigned *count,
                              struct reason *why)
{
    static struct row_samples samples;
    unsigned rounds = row_rounds(plan, ROUNDS);
    double ours = 0;
    double sandbox = 0;
    cloister_status status = CLOISTER_OK;
    if (access(BUBBLEWRAP, X_OK) != 0)
        return refuse(why, CLOISTER_UNSUPPORTED, BUBBLEWRAP " is missing (package bubblewrap)");
    pin_nowhere();
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        status = sandbox_start(&sandbox, why);
        if (status == CLOISTER_OK)
            status = our_start(&ours, why);
        if (status == CLOISTER_OK && i > 0) /* the first reads files and makes keys */
            row_add_ticks(plan, &samples, ours, sandbox, 1e-3);
    }
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return status;
}
