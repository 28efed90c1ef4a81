/*
 * Every kind of parameter in every place, for the end-to-end tests of calls. All methods but the
 * last few do the same: they sum up what goes in, and fill what comes out from the sum.
 */
#include <cloister/module.h>

#include "calls.h"

#include <string.h>

static uint64_t sum_bytes(uint64_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = CALLS_STEP(sum, bytes[i]);
    return CALLS_STEP(sum, size);
}

static cloister_status mix(cloister_call *call)
{
    uint64_t sum = CALLS_START;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        const cloister_argument *argument = &call->argument[i];
        if (argument->kind == CLO_PARAM_IN || argument->kind == CLO_PARAM_INOUT)
            sum = CALLS_STEP(CALLS_STEP(sum, argument->a), argument->b);
        if (argument->in)
            sum = sum_bytes(sum, argument->in, argument->size);
    }
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        cloister_argument *argument = &call->argument[i];
        if (argument->kind == CLO_PARAM_OUT || argument->kind == CLO_PARAM_INOUT) {
            argument->a = sum + i;
            argument->b = ~sum;
        }
        if (!argument->out)
            continue;
        for (size_t at = 0; at < argument->capacity; at++)
            argument->out[at] = CALLS_BYTE(sum, i, at);
        argument->size = argument->capacity;
    }
    return CLOISTER_OK;
}

/* value: how many ms to take; out: a = ms taken, b = how often it ran */
static cloister_status take(cloister_call *call)
{
    static uint64_t times;
    uint64_t start, now, real;
    times++;
    if (cloister_time(&real, &start) != CLOISTER_OK)
        return CLOISTER_INTERNAL;
    do {
        if (cloister_call_cancelled(call))
            return call->argument[0].b ? CLOISTER_CANCELLED : CALLS_STATUS;
        if (cloister_time(&real, &now) != CLOISTER_OK)
            return CLOISTER_INTERNAL;
    } while (now - start < call->argument[0].a * 1000000);
    call->argument[1].a = (now - start) / 1000000;
    call->argument[1].b = times;
    return CLOISTER_OK;
}

/* in and out zero-copy; value out: are they in the channel's own memory? */
static cloister_status zero(cloister_call *call)
{
    uintptr_t in = (uintptr_t)call->argument[0].in;
    uintptr_t out = (uintptr_t)call->argument[1].out;
    if (call->argument[0].size > call->argument[1].capacity)
        return CLOISTER_TOO_BIG;
    memcpy(call->argument[1].out, call->argument[0].in, call->argument[0].size);
    call->argument[1].size = call->argument[0].size;
    call->argument[2].a = in >= CLO_VA_WINDOW && in - CLO_VA_WINDOW < (1ull << 30);
    call->argument[2].b = out >= CLO_VA_WINDOW && out - CLO_VA_WINDOW < (1ull << 30);
    return CLOISTER_OK;
}

/* Inverts a stream; the value is its length and a sum over it. */
static cloister_status invert(cloister_call *call)
{
    static uint64_t position, sum;
    const cloister_argument *in = &call->argument[0];
    cloister_argument *out = &call->argument[1];
    cloister_argument *state = &call->argument[2];
    if (state->a == 0) {
        position = 0;
        sum = CALLS_START;
    }
    if (state->a != position)
        return CLOISTER_BAD_STATE;
    if (in->size > out->capacity)
        return CLOISTER_TOO_BIG;
    for (size_t i = 0; i < in->size; i++) {
        out->out[i] = (uint8_t)~in->in[i];
        sum = CALLS_STEP(sum, in->in[i]);
    }
    if (in->size > 3 && memcmp(in->in, "stop", 4) == 0)
        return CALLS_STATUS;
    out->size = in->size;
    position += in->size;
    state->a = position;
    state->b = sum;
    return CLOISTER_OK;
}

#define V CLOISTER_VALUE_IN
#define W CLOISTER_VALUE_OUT
#define X CLOISTER_VALUE_INOUT
#define I CLOISTER_IN(0, CALLS_MOST)
#define O CLOISTER_OUT(CALLS_MOST)
#define B CLOISTER_INOUT(0, CALLS_MOST)

CLOISTER_MODULE(.name = "calls", .version = "1.0.0", .svn = 1, .heap_size = 4 << 20, .threads = 1,
                .max_call_us = 5000000, .hypercalls = CLOISTER_ALLOW(TIME),
                .method_count = CALLS_METHODS,
                .method =
                    {
                        CLOISTER_METHOD("none"),
                        CLOISTER_METHOD("V", V),
                        CLOISTER_METHOD("W", W),
                        CLOISTER_METHOD("X", X),
                        CLOISTER_METHOD("I", I),
                        CLOISTER_METHOD("O", O),
                        CLOISTER_METHOD("B", B),
                        CLOISTER_METHOD("VWXI", V, W, X, I),
                        CLOISTER_METHOD("WXIO", W, X, I, O),
                        CLOISTER_METHOD("XIOB", X, I, O, B),
                        CLOISTER_METHOD("IOBV", I, O, B, V),
                        CLOISTER_METHOD("OBVW", O, B, V, W),
                        CLOISTER_METHOD("BVWX", B, V, W, X),
                        CLOISTER_METHOD("IIII", I, I, I, I),
                        CLOISTER_METHOD("OOOO", O, O, O, O),
                        CLOISTER_METHOD("BBBB", B, B, B, B),
                        CLOISTER_METHOD("IO", I, O),
                        CLOISTER_METHOD("OI", O, I),
                        CLOISTER_METHOD("BIO", B, I, O),
                        CLOISTER_METHOD("VO", V, O),
                        CLOISTER_METHOD("take", CLOISTER_VALUE_IN, CLOISTER_VALUE_OUT),
                        CLOISTER_METHOD("zero", I, O, W),
                        CLOISTER_STREAM("invert", 8192, 8192),
                    },
                .method[CALLS_ZERO].flags = CLO_METHOD_ZERO_COPY(0) | CLO_METHOD_ZERO_COPY(1));
CLOISTER_HANDLERS(mix, mix, mix, mix, mix, mix, mix, mix, mix, mix, mix, mix, mix, mix, mix, mix,
                  mix, mix, mix, mix, take, zero, invert);
