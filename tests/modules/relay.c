/*
 * A module that calls other modules for its client, and says who called it. shy.c and hasty.c are
 * the same code with other manifests.
 */
#include <cloister/module.h>

#include "relay.h"

#include <string.h>

#ifndef RELAY_NAME
#define RELAY_NAME "relay"
#define RELAY_CALL_US 2000000
#define RELAY_PEERS CLOISTER_CALLS(""), CLOISTER_ACCEPTS("")
#define RELAY_PEER_COUNT 2
#endif

#define PEERS CLO_MODULES_MAX

/* Those that have been called, kept open. */
static struct {
    char name[CLO_NAME_SIZE];
    cloister_peer *peer;
} known[PEERS];

static unsigned opened; /* sessions of modules */
static unsigned closed;

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static cloister_status find(const char *name, unsigned *at)
{
    unsigned i = 0;
    while (i < PEERS && known[i].peer && !same(known[i].name, name))
        i++;
    if (i == PEERS)
        return CLOISTER_BUSY;
    *at = i;
    if (known[i].peer)
        return CLOISTER_OK;
    memcpy(known[i].name, name, CLO_NAME_SIZE);
    return cloister_open_module(name, 0, &known[i].peer);
}

/* In: "module/method", bytes, deadline and pair of values; out: bytes, what the inner call came to.
   The method gets its bytes and returns some. */
static cloister_status forward(cloister_call *call)
{
    char where[2 * CLO_NAME_SIZE] = {0};
    char *method = where;
    unsigned at;
    memcpy(where, call->argument[0].in, call->argument[0].size);
    while (*method && *method != '/')
        method++;
    if (*method)
        *method++ = '\0';
    cloister_parameter p[4] = {
        cloister_in(call->argument[1].in, call->argument[1].size),
        cloister_out(call->argument[2].out, call->argument[2].capacity),
    };
    cloister_result result = {.status = find(where, &at), .origin = CLOISTER_ORIGIN_WORLD};
    if (result.status == CLOISTER_OK)
        result = cloister_call_module(known[at].peer, method, p, call->argument[3].a);
    call->argument[2].size = result.status == CLOISTER_OK ? p[1].size : 0;
    call->argument[3].a = (uint64_t)result.status;
    call->argument[3].b = (uint64_t)result.origin;
    return CLOISTER_OK;
}

static cloister_status hang_up(cloister_call *call)
{
    (void)call;
    for (unsigned i = 0; i < PEERS; i++) {
        cloister_close_module(known[i].peer);
        known[i].peer = NULL;
    }
    return CLOISTER_OK;
}

static cloister_status say(cloister_call *call)
{
    if (call->argument[0].size > call->argument[1].capacity)
        return CLOISTER_TOO_BIG;
    memcpy(call->argument[1].out, call->argument[0].in, call->argument[0].size);
    call->argument[1].size = call->argument[0].size;
    return CLOISTER_OK;
}

/* Out: struct clo_module_identity of the caller, behind struct clo_caller. */
static cloister_status who(cloister_call *call)
{
    struct clo_module_identity identity;
    memcpy(call->argument[1].out, call->caller, sizeof *call->caller);
    call->argument[1].size = sizeof *call->caller;
    cloister_status status = cloister_caller_identity(call, &identity);
    if (status != CLOISTER_OK)
        return status;
    memcpy(call->argument[1].out + sizeof *call->caller, &identity, sizeof identity);
    call->argument[1].size += sizeof identity;
    return CLOISTER_OK;
}

static void spin(uint64_t us)
{
    uint64_t khz = ((const struct clo_boot *)(uintptr_t)CLO_VA_BOOT)->tsc_khz;
    uint64_t end = __builtin_ia32_rdtsc() + us * khz / 1000;
    while (__builtin_ia32_rdtsc() < end)
        __builtin_ia32_pause();
}

static cloister_status slow(cloister_call *call)
{
    spin(300000);
    return say(call);
}

static cloister_status die(cloister_call *call)
{
    (void)call;
    spin(50000);
    cloister_panic("asked to");
}

/* Sessions of modules so far: opened, closed. */
static cloister_status sessions(cloister_call *call)
{
    unsigned both[2] = {opened, closed};
    memcpy(call->argument[1].out, both, sizeof both);
    call->argument[1].size = sizeof both;
    return CLOISTER_OK;
}

static int by_module[CLO_CHANNELS_MAX];

cloister_status cloister_session_opened(cloister_call *call)
{
    by_module[call->channel] = call->caller->kind == CLO_CALLER_MODULE;
    opened += (unsigned)by_module[call->channel];
    return CLOISTER_OK;
}

void cloister_session_closed(unsigned channel, unsigned session)
{
    (void)session;
    closed += (unsigned)by_module[channel];
}

#define DATA CLOISTER_IN(0, RELAY_MAX), CLOISTER_OUT(RELAY_MAX)

CLOISTER_MODULE(.name = RELAY_NAME, .version = "1.0.0", .svn = 3, .heap_size = 2 << 20,
                .stack_size = 32 << 10, .channels_max = CLO_CHANNELS_MAX,
                .max_call_us = RELAY_CALL_US, .hypercalls = CLOISTER_ALLOW(OPEN), .method_count = 7,
                .method = {CLOISTER_METHOD("forward", CLOISTER_IN(1, 2 * CLO_NAME_SIZE - 1), DATA,
                                           CLOISTER_VALUE_INOUT),
                           CLOISTER_METHOD("hang-up"), CLOISTER_METHOD("say", DATA),
                           CLOISTER_METHOD("who", DATA), CLOISTER_METHOD("slow", DATA),
                           CLOISTER_METHOD("die", DATA), CLOISTER_METHOD("sessions", DATA)},
                .peer_count = RELAY_PEER_COUNT, .peer = {RELAY_PEERS});
CLOISTER_HANDLERS(forward, hang_up, say, who, slow, die, sessions);
