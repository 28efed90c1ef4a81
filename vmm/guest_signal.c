/*
 * The kernel itself signals an eventfd when an asynchronous request completes (IOCB_FLAG_RESFD),
 * and it does so without waiting, whatever the eventfd's flags and count are. The request is the
 * cheapest there is: to poll a descriptor of our own that is always ready, so that it completes
 * before io_submit returns. A context for each thread: nobody waits for another's.
 */
#include "vmm/guest_signal.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS 32 /* that may be complete and not collected */

static int ready = -1; /* eventfd of our own that is never read */

static __thread aio_context_t context;

static bool make_context(aio_context_t *made)
{
    *made = 0;
    return syscall(SYS_io_setup, REQUESTS, made) == 0;
}

bool guest_signal_start(void)
{
    aio_context_t trial;
    if (!make_context(&trial))
        return false;
    (void)syscall(SYS_io_destroy, trial);
    ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    return ready >= 0;
}

void guest_signal_prepare(void)
{
    if (ready >= 0 && context == 0 && !make_context(&context))
        context = 0;
}

/* Results say nothing that anybody wants; they only take room. */
static void collect(void)
{
    struct io_event events[REQUESTS];
    struct timespec now = {0};
    (void)syscall(SYS_io_getevents, context, 0, REQUESTS, events, &now);
}

static bool submit(int eventfd)
{
    struct iocb request = {.aio_lio_opcode = IOCB_CMD_POLL,
                           .aio_fildes = (uint32_t)ready,
                           .aio_buf = POLLIN,
                           .aio_flags = IOCB_FLAG_RESFD,
                           .aio_resfd = (uint32_t)eventfd};
    struct iocb *requests[] = {&request};
    return syscall(SYS_io_submit, context, 1, requests) == 1;
}

void guest_signal(int eventfd)
{
    if (context == 0 || submit(eventfd) || errno != EAGAIN)
        return;
    collect();
    (void)submit(eventfd);
}
