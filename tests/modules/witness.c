/*
 * A module that watches what reaches it: the attack tests ask it afterwards whether any rule that
 * the SDK keeps for a module was broken.
 */
#include <cloister/module.h>

#include "witness.h"

#include <string.h>
#include <unistd.h>

static uint64_t opened, closed, begun, running, most_running, changed, wrong;

static void begin(void)
{
    begun++;
    running++;
    if (running > most_running)
        most_running = running;
}

static uint64_t sum_of(const uint8_t *bytes, size_t size)
{
    uint64_t sum = size;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

static void check(const cloister_argument *in, const cloister_argument *out)
{
    if (in->kind != CLO_PARAM_BUFFER_IN || out->kind != CLO_PARAM_BUFFER_OUT ||
        in->size > WITNESS_MOST || out->capacity > WITNESS_MOST)
        wrong++;
}

static cloister_status echo(cloister_call *call)
{
    const cloister_argument *in = &call->argument[0];
    cloister_argument *out = &call->argument[1];
    cloister_status status = CLOISTER_TOO_BIG;
    begin();
    check(in, out);
    uint64_t sum = sum_of(in->in, in->size);
    if (in->size <= out->capacity) {
        memcpy(out->out, in->in, in->size);
        out->size = in->size;
        status = CLOISTER_OK;
    }
    __asm__ volatile("" : : : "memory");
    if (sum != sum_of(in->in, in->size))
        changed++;
    running--;
    return status;
}

static cloister_status slow(cloister_call *call)
{
    uint64_t us = call->argument[0].a;
    if (us > WITNESS_SLOW_MOST)
        return CLOISTER_BAD_ARGUMENT;
    begin();
    (void)usleep((useconds_t)us);
    running--;
    return CLOISTER_OK;
}

static cloister_status facts(cloister_call *call)
{
    cloister_argument *out = call->argument;
    out[0].a = opened;
    out[0].b = closed;
    out[1].a = begun;
    out[1].b = most_running;
    out[2].a = changed;
    out[2].b = wrong;
    out[3].a = (uint64_t)call->caller->uid << 32 | call->caller->gid;
    out[3].b = call->caller->pid;
    return CLOISTER_OK;
}

static cloister_status caller(cloister_call *call)
{
    cloister_argument *out = call->argument;
    out[0].a = call->caller->kind;
    out[0].b = call->caller->id;
    out[1].a = call->caller->start_time;
    out[1].b = (uint64_t)call->caller->uid << 32 | call->caller->pid;
    return CLOISTER_OK;
}

cloister_status cloister_session_opened(cloister_call *call)
{
    (void)call;
    opened++;
    return CLOISTER_OK;
}

void cloister_session_closed(unsigned channel, unsigned session)
{
    (void)channel;
    (void)session;
    closed++;
}

CLOISTER_MODULE(.name = "witness", .version = "1.0.0", .svn = 1, .max_call_us = 2000000,
                .hypercalls = CLOISTER_ALLOW(TIME), .channels_max = 32, .method_count = 4,
                .method = {
                    CLOISTER_METHOD("echo", CLOISTER_IN(0, WITNESS_MOST),
                                    CLOISTER_OUT(WITNESS_MOST)),
                    CLOISTER_METHOD("slow", CLOISTER_VALUE_IN),
                    CLOISTER_METHOD("facts", CLOISTER_VALUE_OUT, CLOISTER_VALUE_OUT,
                                    CLOISTER_VALUE_OUT, CLOISTER_VALUE_OUT),
                    CLOISTER_METHOD("caller", CLOISTER_VALUE_OUT, CLOISTER_VALUE_OUT),
                });
CLOISTER_HANDLERS(echo, slow, facts, caller);
