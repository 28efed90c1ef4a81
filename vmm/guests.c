/*
 * Serves guests. Nothing that a VMM or a guest does to a descriptor that it shares with us can make
 * us wait: sockets are non-blocking, eventfds are watched edge-triggered and neither read nor
 * written.
 */
#include "vmm/guests.h"

#include "vmm/client_process.h"

#include "base/log.h"
#include "base/scope.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#define EVENTS_AT_ONCE 16
#define ACCEPTS_AT_ONCE 4
#define LOGS_PER_S 16u

/* Kinds of descriptor: with the guest's place and its serial in epoll's data. */
enum watched { WATCH_LISTEN, WATCH_VMM, WATCH_LANES };

static uint64_t watch_data(enum watched kind, uint32_t place, uint32_t serial)
{
    return (uint64_t)serial << 32 | (uint64_t)kind << 24 | place;
}

static bool watch(const struct guests *guests, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(guests->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

cloister_status guests_create(struct guests *guests, struct world *world,
                              const struct guest_socket *at, uint32_t memory_size,
                              struct reason *why)
{
    *guests = (struct guests){.world = world,
                              .listen = at->listen,
                              .path = at->path,
                              .epoll = epoll_create1(EPOLL_CLOEXEC),
                              .memory_size = memory_size,
                              .accepting = true,
                              .logs = rate_of(LOGS_PER_S, world_now()),
                              .body = malloc(CONTROL_BODY_MAX)};
    guest_heart_create(&guests->heart);
    world->guests = guests;
    if (!guests->body)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for guests");
    if (guests->epoll < 0 || !watch(guests, at->listen, EPOLLIN, watch_data(WATCH_LISTEN, 0, 0)))
        return refuse_errno(why, "cannot watch the guest socket");
    return CLOISTER_OK;
}

cloister_status guests_start(struct guests *guests, struct reason *why)
{
    return guest_heart_start(&guests->heart, why);
}

/* While descriptors are used up the listening socket would report a VMM again and again. */
static void set_accepting(struct guests *guests, bool accepting)
{
    struct epoll_event event = {.events = accepting ? EPOLLIN : 0,
                                .data.u64 = watch_data(WATCH_LISTEN, 0, 0)};
    if (guests->accepting != accepting &&
        epoll_ctl(guests->epoll, EPOLL_CTL_MOD, guests->listen, &event) == 0)
        guests->accepting = accepting;
}

static bool may_log(struct guests *guests)
{
    return rate_take(&guests->logs, world_now());
}

static void dismiss(struct guests *guests, unsigned place, cloister_status because)
{
    struct guest *guest = guests->place[place].guest;
    /* The VMM holds the same open file: closing ours would not end the registration. */
    (void)epoll_ctl(guests->epoll, EPOLL_CTL_DEL, guest->memory.doorbell[CLO_GUEST_VECTOR_REQUEST],
                    NULL);
    if (because == CLOISTER_PROTOCOL && may_log(guests))
        log_warning("guest %llu is turned out: its VMM sent what is no measurement, or too late",
                    (unsigned long long)guest->number);
    else if (because == CLOISTER_CLOSED && may_log(guests))
        log_info("guest %llu is gone", (unsigned long long)guest->number);
    guest_heart_remove(&guests->heart, &guest->memory.header->beat);
    guest_destroy(guest);
    free(guest);
    guests->place[place].guest = NULL;
    guests->count--;
    set_accepting(guests, true);
}

/* Who comes */

static bool identify(const struct guests *guests, int fd, struct clo_caller *caller)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    *caller = (struct clo_caller){.kind = CLO_CALLER_GUEST,
                                  .uid = peer.uid,
                                  .gid = peer.gid,
                                  .pid = (uint32_t)peer.pid,
                                  .start_time =
                                      client_process_start(guests->world->processes, fd, peer.pid)};
    return true;
}

static bool find_place(const struct guests *guests, uint32_t uid, unsigned *place)
{
    unsigned held = 0;
    unsigned found = CLO_GUESTS_MAX;
    for (unsigned i = CLO_GUESTS_MAX; i-- > 0;) {
        if (!guests->place[i].guest)
            found = i;
        else
            held += guests->place[i].guest->lane[0].caller.uid == uid;
    }
    *place = found;
    bool may = uid == guests->world->owner || uid == 0 || held < GUESTS_USER_MAX;
    return may && found < CLO_GUESTS_MAX;
}

static bool admit(struct guests *guests, unsigned place, struct guest *guest)
{
    uint32_t serial = guests->serial + 1;
    if (!watch(guests, guest->socket, EPOLLIN | EPOLLRDHUP, watch_data(WATCH_VMM, place, serial)) ||
        !watch(guests, guest->memory.doorbell[CLO_GUEST_VECTOR_REQUEST], EPOLLIN | EPOLLET,
               watch_data(WATCH_LANES, place, serial)))
        return false;
    guests->serial = serial;
    guests->place[place].serial = serial;
    guests->place[place].guest = guest;
    guests->count++;
    guest_heart_add(&guests->heart, &guest->memory.header->beat);
    return true;
}

/* Takes over `fd`. */
static void welcome(struct guests *guests, int fd)
{
    AUTO_FD int socket = fd;
    struct clo_caller caller;
    struct reason why = {0};
    unsigned place;
    if (!identify(guests, fd, &caller) || !find_place(guests, caller.uid, &place)) {
        log_debug("a guest was turned away: %u are there", guests->count);
        return;
    }
    AUTO_FREE struct guest *guest = malloc(sizeof *guest);
    caller.id = ++guests->numbers;
    if (!guest ||
        guest_create(guest, fd, caller.id, guests->memory_size, &caller, &why) != CLOISTER_OK) {
        if (may_log(guests))
            log_warning("no guest for pid %u: %s", caller.pid, guest ? why.text : "no memory");
        return;
    }
    (void)take_fd(&socket);
    if (!admit(guests, place, guest)) {
        guest_destroy(guest);
        return;
    }
    if (may_log(guests))
        log_info("guest %llu: pid %u of user %u", (unsigned long long)caller.id, caller.pid,
                 caller.uid);
    (void)take_pointer(&guest);
}

static void accept_vmms(struct guests *guests)
{
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(guests->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            welcome(guests, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            log_warning("no descriptors left; guests wait until one goes");
            set_accepting(guests, false);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

/* What they want */

static void answer(struct guests *guests, unsigned place)
{
    struct guest *guest = guests->place[place].guest;
    /* What the VMM said before the guest's first request was to be heard before it. */
    cloister_status heard = guest->asked ? CLOISTER_OK : guest_hear(guest);
    if (heard != CLOISTER_OK)
        dismiss(guests, place, heard);
    else
        guest_answer(guests->world, guest, guests->body);
}

static void handle(struct guests *guests, const struct epoll_event *event)
{
    uint32_t place = event->data.u64 & 0xffffff;
    enum watched kind = event->data.u64 >> 24 & 0xff;
    if (kind == WATCH_LISTEN) {
        accept_vmms(guests);
        return;
    }
    /* An earlier event of the same batch may have ended it. */
    struct guest *guest = guests->place[place].guest;
    if (!guest || guests->place[place].serial != (uint32_t)(event->data.u64 >> 32))
        return;
    if (kind == WATCH_LANES) {
        guest->pending = true;
        return;
    }
    cloister_status heard = event->events & EPOLLIN ? guest_hear(guest) : CLOISTER_CLOSED;
    if (heard != CLOISTER_OK)
        dismiss(guests, place, heard);
}

int guests_timeout(const struct guests *guests)
{
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        if (guests->place[i].guest && guests->place[i].guest->pending)
            return 0;
    return -1;
}

void guests_turn(struct guests *guests)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(guests->epoll, events, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++)
        handle(guests, &events[i]);
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        if (guests->place[i].guest && guests->place[i].guest->pending)
            answer(guests, i);
}

void guests_destroy(struct guests *guests)
{
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        if (guests->place[i].guest)
            dismiss(guests, i, CLOISTER_OK);
    guests->world->guests = NULL;
    guest_heart_stop(&guests->heart);
    if (guests->epoll >= 0)
        (void)close(guests->epoll);
    free(guests->body);
}
