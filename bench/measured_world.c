/*
 * Runs `cloister world run` as a child that dies with us. Its log is a file, of which only the last
 * line is of interest, and only if it does not start.
 */
#include "bench/measured_world.h"

#include "bench/child.h"
#include "bench/clock.h"
#include "bench/pin.h"
#include "bench/workplace.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READY_STEP_US 100u
#define READY_MOST_NS 10000000000u

static void log_name(const struct measured_world *live, char *name, size_t size)
{
    (void)snprintf(name, size, "%s.log", live->name);
}

static cloister_status refuse_with_log(const struct measured_world *live, struct reason *why)
{
    char name[64];
    char line[200];
    log_name(live, name, sizeof name);
    workplace_last_line(name, line, sizeof line);
    return refuse(why, CLOISTER_DEAD, "the world to measure did not start: %s", line);
}

static cloister_status launch(struct measured_world *live, const struct measured_options *options,
                              struct reason *why)
{
    char command[PATH_MAX];
    char module[PATH_MAX];
    char log[PATH_MAX];
    char name[64];
    char spin[16];
    char *arguments[] = {command, "world",  "run", live->name, "--debug", "--module",
                         module,  "--spin", spin,  NULL,       NULL,      NULL};
    if (options->guest_socket) {
        arguments[9] = "--guest-socket";
        arguments[10] = (char *)options->guest_socket;
    }
    (void)snprintf(spin, sizeof spin, "%u", options->spin_us);
    cloister_status status = workplace_built("cloister", command, sizeof command, why);
    if (status == CLOISTER_OK)
        status = workplace_built(options->module, module, sizeof module, why);
    log_name(live, name, sizeof name);
    workplace_path(name, log, sizeof log);
    return status == CLOISTER_OK ? child_start(arguments, -1, -1, log, &live->run, why) : status;
}

static bool serves(struct measured_world *live)
{
    struct clo_world_info info;
    if (!live->world && cloister_world_open(live->name, &live->world) != CLOISTER_OK)
        live->world = NULL;
    if (!live->world || cloister_world_info(live->world, &info) != CLOISTER_OK ||
        info.state != CLO_WORLD_SERVING)
        return false;
    live->host = (pid_t)info.pid;
    return true;
}

static cloister_status wait_until_it_serves(struct measured_world *live, struct reason *why)
{
    uint64_t start = clock_ns();
    while (!serves(live)) {
        if (child_ended(live->run)) {
            live->run = 0;
            return refuse_with_log(live, why);
        }
        if (clock_ns() - start > READY_MOST_NS)
            return refuse(why, CLOISTER_TIMEOUT, "the world to measure did not get ready");
        clock_sleep_us(READY_STEP_US);
    }
    return CLOISTER_OK;
}

cloister_status measured_world_start(struct measured_world *live,
                                     const struct measured_options *options, struct reason *why)
{
    *live = (struct measured_world){.run = 0};
    (void)snprintf(live->name, sizeof live->name, "%s", options->name ? options->name : "bench");
    cloister_status status = workplace_open(why);
    if (status == CLOISTER_OK)
        status = launch(live, options, why);
    if (status == CLOISTER_OK)
        status = wait_until_it_serves(live, why);
    if (status == CLOISTER_OK && options->cpu != MEASURED_ANY_CPU)
        status = pin_process(live->host, options->cpu, why);
    return status;
}

cloister_status measured_world_session(const struct measured_world *live, const char *module,
                                       size_t arena_size, cloister_session **session,
                                       struct reason *why)
{
    cloister_status status = cloister_session_open(live->world, module, arena_size, session);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot open a session to %s: %s", module,
                      cloister_status_text(status));
    return CLOISTER_OK;
}

cloister_status measured_world_echo(cloister_session *session, const void *in, void *out,
                                    size_t size, struct reason *why)
{
    cloister_parameter parameters[4] = {cloister_in(in, size), cloister_out(out, size)};
    cloister_result result = cloister_call_number(session, 0, parameters, 0);
    if (result.status != CLOISTER_OK)
        return refuse(why, result.status, "a call of echo failed: %s",
                      cloister_status_text(result.status));
    return CLOISTER_OK;
}

void measured_world_end(struct measured_world *live)
{
    cloister_world_close(live->world);
    live->world = NULL;
    if (live->run > 0)
        (void)kill(live->run, SIGTERM);
}

void measured_world_stop(struct measured_world *live)
{
    measured_world_end(live);
    if (live->run > 0)
        (void)child_wait(live->run);
    *live = (struct measured_world){.run = 0};
}
