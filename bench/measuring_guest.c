/*
 * Kernel by tools/nested/fetch, image by tools/guest-image, QEMU by tools/guest-beside, whose
 * input and output are those of the program inside.
 */
#include "bench/measuring_guest.h"

#include "bench/child.h"
#include "bench/pin.h"
#include "bench/workplace.h"

#include "base/scope.h"
#include "vmm/escape.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define LOG "guest.log"
#define NUMBER "guest.pid"
#define LINE_SIZE 120
#define LOOK_MS 100

/* What it is made of */

static cloister_status look_for_qemu(struct reason *why)
{
    char *arguments[] = {"/bin/sh", "-c", "command -v qemu-system-x86_64", NULL};
    if (child_run(arguments, NULL) != CLOISTER_OK)
        return refuse(why, CLOISTER_UNSUPPORTED, "qemu-system-x86_64 is not installed");
    return CLOISTER_OK;
}

/* Where `cloister nested` has it, too. */
static cloister_status fetch_kernel(char kernel[PATH_MAX], struct reason *why)
{
    char folder[PATH_MAX];
    char fetch[PATH_MAX + sizeof "/fetch"];
    char cache[PATH_MAX + sizeof "/../../nested"];
    char *arguments[] = {fetch, cache, NULL};
    const char *chosen = getenv("CLOISTER_NESTED");
    cloister_status status = workplace_built("libexec/nested", folder, sizeof folder, why);
    if (status != CLOISTER_OK)
        return status;
    (void)snprintf(fetch, sizeof fetch, "%s/fetch", folder);
    if (chosen)
        (void)snprintf(cache, sizeof cache, "%s", chosen);
    else
        (void)snprintf(cache, sizeof cache, "%s/../../nested", folder);
    if (snprintf(kernel, PATH_MAX, "%s/linux/vmlinuz", cache) >= PATH_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "the path of the guest's kernel is too long");
    if (child_run(arguments, NULL) != CLOISTER_OK)
        return refuse(why, CLOISTER_UNSUPPORTED, "no kernel for a guest: '%s %s' failed", fetch,
                      cache);
    return CLOISTER_OK;
}

static cloister_status make_image(char image[PATH_MAX], struct reason *why)
{
    char make[PATH_MAX];
    char program[PATH_MAX];
    char *arguments[] = {make, image, program, NULL};
    workplace_path("guest.img", image, PATH_MAX);
    cloister_status status = workplace_built("bench/guest-image", make, sizeof make, why);
    if (status == CLOISTER_OK)
        status = workplace_built("bench/cloister-bench-guest", program, sizeof program, why);
    return status == CLOISTER_OK ? child_run(arguments, why) : status;
}

static cloister_status boot(struct measuring_guest *guest, char *kernel, char *image,
                            char *guest_socket, struct reason *why)
{
    char beside[PATH_MAX];
    char log[PATH_MAX];
    char number[PATH_MAX];
    int ends[2];
    char *arguments[] = {
        beside, "-a", "tcg", "-i",   "-p",  "2",          "-P",
        number, "-t", "600", kernel, image, guest_socket, "cloister-bench-guest </dev/ttyS1",
        NULL};
    workplace_path(NUMBER, number, sizeof number);
    workplace_path(LOG, log, sizeof log);
    cloister_status status = workplace_built("bench/guest-beside", beside, sizeof beside, why);
    if (status != CLOISTER_OK)
        return status;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return refuse_errno(why, "cannot make a socket pair");
    AUTO_FD int its_end = ends[1];
    guest->line = ends[0];
    return child_start(arguments, its_end, its_end, log, &guest->beside, why);
}

/* What it says */

struct line {
    char text[LINE_SIZE];
    size_t size; /* without its end */
};

/* Has it said something? The user's wish to stop may have come before we wait. */
static bool says_something(const struct measuring_guest *guest)
{
    struct pollfd line = {.fd = guest->line, .events = POLLIN};
    int ready = 0;
    while (ready == 0 && !row_interrupted())
        ready = poll(&line, 1, LOOK_MS);
    return ready > 0;
}

static cloister_status hear(const struct measuring_guest *guest, struct line *line,
                            struct reason *why)
{
    char last[200];
    for (line->size = 0; line->size < LINE_SIZE; line->size++) {
        if (!says_something(guest) || read(guest->line, &line->text[line->size], 1) != 1) {
            workplace_last_line(LOG, last, sizeof last);
            return refuse(why, CLOISTER_DEAD, "the guest to measure in ended: %s", last);
        }
        if (line->text[line->size] == '\n')
            return CLOISTER_OK;
    }
    return refuse(why, CLOISTER_PROTOCOL, "the guest writes lines without an end");
}

static cloister_status refuse_line(const struct line *line, struct reason *why)
{
    char text[LINE_SIZE * 4];
    escape_text((const uint8_t *)line->text, line->size, text, sizeof text);
    return refuse(why, CLOISTER_PROTOCOL, "the guest to measure in says: %s", text);
}

static cloister_status hear_ready(const struct measuring_guest *guest, struct reason *why)
{
    static const char ready[] = "ready";
    struct line line;
    cloister_status status = hear(guest, &line, why);
    if (status == CLOISTER_OK &&
        (line.size != sizeof ready - 1 || memcmp(line.text, ready, line.size) != 0))
        return refuse_line(&line, why);
    return status;
}

/* Each of its processors is a thread of QEMU. */
static cloister_status pin_processors(const struct row_plan *plan, struct reason *why)
{
    char text[32];
    workplace_last_line(NUMBER, text, sizeof text);
    pid_t qemu = (pid_t)strtol(text, NULL, 10);
    cloister_status status = pin_named(qemu, "CPU 0/TCG", plan->caller_cpu, why);
    return status == CLOISTER_OK ? pin_named(qemu, "CPU 1/TCG", plan->server_cpu, why) : status;
}

cloister_status measuring_guest_start(struct measuring_guest *guest, const struct row_plan *plan,
                                      char *guest_socket, struct reason *why)
{
    char kernel[PATH_MAX];
    char image[PATH_MAX];
    *guest = (struct measuring_guest){.line = -1};
    cloister_status status = look_for_qemu(why);
    if (status == CLOISTER_OK)
        status = fetch_kernel(kernel, why);
    if (status == CLOISTER_OK)
        status = make_image(image, why);
    if (status == CLOISTER_OK)
        status = boot(guest, kernel, image, guest_socket, why);
    if (status == CLOISTER_OK)
        status = hear_ready(guest, why);
    return status == CLOISTER_OK ? pin_processors(plan, why) : status;
}

cloister_status measuring_guest_round(struct measuring_guest *guest, struct guest_times *times,
                                      struct reason *why)
{
    static const char order[] = "round\n";
    struct line line;
    if (send(guest->line, order, sizeof order - 1, MSG_NOSIGNAL) != sizeof order - 1)
        return refuse_errno(why, "cannot talk to the guest to measure in");
    cloister_status status = hear(guest, &line, why);
    if (status == CLOISTER_OK && !guest_times_parse(line.text, line.size, times))
        status = refuse_line(&line, why);
    return status;
}

void measuring_guest_stop(struct measuring_guest *guest)
{
    if (guest->beside > 0) {
        (void)kill(guest->beside, SIGTERM);
        (void)child_wait(guest->beside);
    }
    scope_close(&guest->line);
    *guest = (struct measuring_guest){.line = -1};
}
