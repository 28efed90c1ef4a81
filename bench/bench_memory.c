/*
 * Own memory of the world host: resident set of the process that serves one world with `echo`,
 * after a call, against 4 MiB.
 */
#include "bench/row.h"

#include "base/scope.h"
#include "bench/measured_world.h"

#include <stdio.h>

#define ALLOWED_KIB 4096.0

static const struct row_head head = {
    .name = "memory",
    .ours = "resident memory of the world host of one world with echo",
    .reference = "4 MiB",
    .unit = "KiB",
    .aim = ROW_AT_MOST,
    .target = 1.0,
};

static cloister_status resident_kib(pid_t pid, double *kib, struct reason *why)
{
    char path[64];
    char line[256];
    unsigned long value;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    AUTO_FILE FILE *file = fopen(path, "r");
    if (!file)
        return refuse_errno(why, "cannot read %s", path);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lu kB", &value) == 1) {
            *kib = (double)value;
            return CLOISTER_OK;
        }
    return refuse(why, CLOISTER_BAD_FORMAT, "%s has no VmRSS line", path);
}

static cloister_status call_once(const struct measured_world *live, struct reason *why)
{
    cloister_session *session;
    uint8_t byte = 0;
    cloister_status status = measured_world_session(live, "echo", 0, &session, why);
    if (status != CLOISTER_OK)
        return status;
    status = measured_world_echo(session, &byte, &byte, 1, why);
    cloister_session_close(session);
    return status;
}

cloister_status bench_memory(const struct row_plan *plan, struct row *rows, unsigned *count,
                             struct reason *why)
{
    static struct row_samples samples;
    struct measured_world live;
    struct measured_options options = {.module = "modules/echo.mod", .cpu = plan->server_cpu};
    double kib = 0;
    cloister_status status = measured_world_start(&live, &options, why);
    if (status == CLOISTER_OK)
        status = call_once(&live, why);
    if (status == CLOISTER_OK)
        status = resident_kib(live.host, &kib, why);
    measured_world_stop(&live);
    samples = (struct row_samples){.ours = {kib}, .reference = {ALLOWED_KIB}, .count = 1};
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return status;
}
