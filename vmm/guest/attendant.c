/*
 * Starts the vCPU thread and waits for whatever happens. Must never wait for the guest: a guest
 * that hangs, or whose output nobody reads, still ends when it is told to.
 */
#include "vmm/guest/attendant.h"

#include "vmm/guest/guest_sandbox.h"

#include "base/log.h"
#include "base/scope.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#define LOOK_MS 1000 /* how often the vCPU looks whether it has halted for good */
#define FULL_MS 50   /* how often input is offered to a guest that takes none */
#define KICK SIGUSR1

enum watched { ENDED, SIGNALS, INPUT, RESAMPLE, LINK, WATCHED };

static void on_kick(int unused)
{
    (void)unused; /* it is enough that KVM_RUN returns */
}

cloister_status attendant_prepare(struct guest_run *run, struct reason *why)
{
    sigset_t ours;
    const struct sigaction kick = {.sa_handler = on_kick};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGHUP);
    run->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    run->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (run->ended < 0 || run->signals < 0 || pthread_sigmask(SIG_BLOCK, &ours, NULL) != 0 ||
        sigaction(KICK, &kick, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0 ||
        sigaction(SIGXFSZ, &ignore, NULL) != 0) /* a disk or output at the limit of file sizes */
        return refuse_errno(why, "cannot set up signals");
    return CLOISTER_OK;
}

static void *vcpu_main(void *of)
{
    const uint64_t one = 1;
    struct guest_run *run = of;
    run->end = VCPU_FAILED;
    if (guest_sandbox_enter(GUEST_SANDBOX_VCPU, &run->why) == CLOISTER_OK)
        run->end = vcpu_run(run->machine, run->bus, &run->why);
    if (write(run->ended, &one, sizeof one) != sizeof one)
        log_error("cannot say that the guest has ended");
    return NULL;
}

static cloister_status start_vcpu(struct guest_run *run, struct reason *why)
{
    int error = pthread_create(&run->vcpu, NULL, vcpu_main, run);
    if (error != 0)
        return refuse(why, CLOISTER_NO_MEMORY, "cannot start the vCPU's thread: %s",
                      strerror(error));
    return CLOISTER_OK;
}

static cloister_status finish(struct guest_run *run, struct reason *why)
{
    (void)pthread_join(run->vcpu, NULL);
    switch (run->end) {
    case VCPU_RESET:
        log_info("the guest has rebooted");
        return CLOISTER_OK;
    case VCPU_POWER_OFF:
        log_info("the guest has switched itself off");
        return CLOISTER_OK;
    case VCPU_HALTED:
        log_info("the guest has halted");
        return CLOISTER_OK;
    default:
        *why = run->why;
        return CLOISTER_DEAD;
    }
}

/* The link says nothing after its start: anything that comes is its end. */
static void look_at_link(struct guest_run *run, struct pollfd *watched)
{
    if (!watched->revents)
        return;
    watched->fd = -1;
    log_info("the world has left; the guest goes on without it");
    mailbox_link_close(run->link);
}

static void watch(const struct guest_run *run, struct pollfd *watched)
{
    watched[ENDED] = (struct pollfd){.fd = run->ended, .events = POLLIN};
    watched[SIGNALS] = (struct pollfd){.fd = run->signals, .events = POLLIN};
    watched[INPUT] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    watched[RESAMPLE] =
        (struct pollfd){.fd = run->mailbox ? run->mailbox->resample : -1, .events = POLLIN};
    watched[LINK] = (struct pollfd){.fd = run->link ? run->link->socket : -1, .events = POLLIN};
}

static cloister_status attend(struct guest_run *run, struct console *console, struct reason *why)
{
    struct pollfd watched[WATCHED];
    unsigned looks = 0;
    watch(run, watched);
    for (;;) {
        bool room = serial_room(run->serial) > 0;
        watched[INPUT].fd = room && !console->at_end ? STDIN_FILENO : -1;
        int ready = poll(watched, WATCHED, room ? LOOK_MS : FULL_MS);
        if (ready < 0 && errno != EINTR)
            return refuse_errno(why, "cannot wait for the guest");
        if (ready == 0 && (room || ++looks % (LOOK_MS / FULL_MS) == 0))
            (void)pthread_kill(run->vcpu, KICK);
        if (ready <= 0)
            continue;
        /* What is logged from here on ends its lines as the terminal did before. */
        if (watched[ENDED].revents || watched[SIGNALS].revents)
            console_destroy(console);
        if (watched[ENDED].revents)
            return finish(run, why);
        if (watched[SIGNALS].revents) {
            log_info("ended by a signal");
            return CLOISTER_OK;
        }
        if (watched[INPUT].revents && console_in(console, run->serial) == CONSOLE_QUIT)
            return CLOISTER_OK;
        if (watched[RESAMPLE].revents)
            mailbox_device_resampled(run->mailbox);
        look_at_link(run, &watched[LINK]);
    }
}

cloister_status attendant_run(struct guest_run *run, struct reason *why)
{
    struct console console;
    cloister_status status = start_vcpu(run, why);
    if (status == CLOISTER_OK)
        status = guest_sandbox_enter(GUEST_SANDBOX_ATTENDANT, why);
    if (status != CLOISTER_OK)
        return status;
    console_create(&console);
    status = attend(run, &console, why);
    console_destroy(&console);
    return status;
}
