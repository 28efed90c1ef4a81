/*
 * Fuzzes the client's side of a channel. The input is a program of calls, and of a module that
 * writes anything anywhere in the channel, whenever the client looks away. What a call gives back
 * fits into what it was given room for.
 */
#include "normal-world/client/session.h"

#include <stdlib.h>
#include <string.h>

#define ARENA 8192u
#define SIZE (CLO_ARENA_OFFSET + ARENA)
#define MOST 1024u
#define TICKETS 80u
#define BUFFERS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct clo_method methods[] = {
    {.name = "echo", .kinds = BUFFERS, .size_max = {MOST, MOST}},
    {.name = "values", .kinds = CLO_PARAM_IN | CLO_PARAM_OUT << 4 | CLO_PARAM_INOUT << 8},
    {.name = "inout", .kinds = CLO_PARAM_BUFFER_INOUT | CLO_PARAM_OUT << 4, .size_max = {MOST}},
    {.name = "small", .kinds = BUFFERS, .size_max = {CLO_INLINE_SIZE, CLO_INLINE_SIZE}},
};
#define METHODS (sizeof methods / sizeof *methods)

/* A call that has been submitted; its buffers live until the end. */
struct running {
    cloister_ticket ticket;
    cloister_parameter parameter[CLO_PARAMETERS_MAX];
    uint8_t *output[CLO_PARAMETERS_MAX];
};

static struct {
    const uint8_t *at;
    const uint8_t *end;
} input;
static cloister_session *session;
static struct running running[TICKETS];
static unsigned count;
static uint8_t *memory;
static void *reserved;

static uint32_t take(unsigned width)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < width && input.at < input.end; i++)
        value = value << 8 | *input.at++;
    return value;
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* The module */

static void write_bytes(void)
{
    uint32_t offset = take(2) % SIZE;
    for (uint32_t left = take(1) % 32; left > 0 && offset < SIZE; left--)
        memory[offset++] = (uint8_t)take(1);
}

/* An answer to some call in flight, right in most of its fields. */
static void answer(void)
{
    struct ring *ring = &session->ring;
    struct clo_completion *out = &ring->completions[ring->completed % CLO_RING_SIZE];
    uint32_t how = take(1);
    memset(out, 0, sizeof *out);
    out->submission = (uint32_t)ring->submitted - how % 4;
    out->status = (uint16_t)(how & 16 ? take(2) : CLOISTER_OK);
    out->origin = (uint8_t)(how & 32 ? take(1) : CLOISTER_ORIGIN_MODULE);
    out->inline_out = (uint8_t)(how & 64 ? take(1) : 0);
    out->reserved = how == 255;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        out->parameter[i].b = how & 128 ? (uint64_t)take(2) << (take(1) & 48) : 0;
    if (how & 8)
        memcpy(out->data, out->parameter, sizeof out->data);
    __atomic_store_n(&out->turn, ring->completed + 1, __ATOMIC_RELEASE);
}

static void act(void)
{
    uint32_t what = take(1);
    if (input.at >= input.end)
        session->ring.header->state = CLO_CHANNEL_DEAD;
    else if (what < 150)
        answer();
    else if (what < 245)
        write_bytes();
    else if (what < 250)
        session->ring.header->state = take(1) % 5;
}

static void on_doorbell(void *context)
{
    (void)context;
    act();
}

static void on_sleep(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    (void)context;
    (void)word;
    (void)value;
    require(timeout_us > 0);
    act();
}

static bool is_connected(void *context)
{
    (void)context;
    return input.at < input.end;
}

/* The client */

static cloister_parameter parameter_of(const struct clo_method *method, unsigned i, uint8_t **room)
{
    static const uint8_t bytes[MOST + 8];
    unsigned kind = method->kinds >> 4 * i & 15;
    cloister_parameter parameter = {.kind = kind, .a = 1, .b = 2};
    if (kind < CLO_PARAM_BUFFER_IN)
        return parameter;
    parameter.size = take(2) % (MOST + 8);
    parameter.capacity = take(2) % (MOST + 8);
    parameter.input = bytes;
    if (kind == CLO_PARAM_BUFFER_IN)
        return parameter;
    *room = malloc(parameter.capacity + 1);
    require(*room != NULL);
    (*room)[parameter.capacity] = 0x77;
    parameter.output = *room;
    return parameter;
}

static void check(const struct running *call, cloister_result result)
{
    require(result.origin >= CLOISTER_ORIGIN_NONE && result.origin <= CLOISTER_ORIGIN_MODULE);
    require(result.status >= 0 && result.status <= (int)CLO_STATUS_MAX);
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        const cloister_parameter *parameter = &call->parameter[i];
        if (!call->output[i])
            continue;
        require(call->output[i][parameter->capacity] == 0x77);
        require(result.status != CLOISTER_OK || parameter->size <= parameter->capacity);
    }
}

static void begin_call(bool wait)
{
    if (count == TICKETS)
        return;
    struct running *call = &running[count++];
    unsigned method = take(1) % (METHODS + 1);
    uint64_t deadline_us = take(1) % 4;
    memset(call, 0, sizeof *call);
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX && method < METHODS; i++)
        call->parameter[i] = parameter_of(&methods[method], i, &call->output[i]);
    if (wait)
        check(call, cloister_call_number(session, method, call->parameter, deadline_us));
    else if (cloister_submit_number(session, method, call->parameter, deadline_us, &call->ticket)
                 .status != CLOISTER_OK)
        call->ticket = CLOISTER_NO_TICKET;
}

static void collect(bool wait)
{
    if (count == 0)
        return;
    const struct running *call = &running[take(1) % count];
    cloister_result result = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};
    if (wait)
        result = cloister_wait(session, call->ticket);
    else if (!cloister_poll(session, call->ticket, &result))
        return;
    check(call, result);
}

static void reserve_or_release(void)
{
    if (reserved) {
        cloister_arena_release(session, reserved);
        reserved = NULL;
    } else if (cloister_arena_reserve(session, take(2), &reserved) != CLOISTER_OK) {
        reserved = NULL;
    }
}

static void step(void)
{
    switch (take(1) % 8) {
    case 0:
    case 1:
        begin_call(true);
        return;
    case 2:
    case 3:
        begin_call(false);
        return;
    case 4:
        collect(true);
        return;
    case 5:
        collect(false);
        return;
    case 6:
        if (count > 0)
            (void)cloister_cancel(session, running[take(1) % count].ticket);
        return;
    default:
        reserve_or_release();
        act();
    }
}

static void start(void)
{
    static const struct ring_peer peer = {
        .doorbell = on_doorbell, .sleep = on_sleep, .connected = is_connected};
    memory = aligned_alloc(CLO_PAGE_SIZE, SIZE);
    session = calloc(1, sizeof *session);
    require(memory && session);
    memset(memory, 0, SIZE);
    struct clo_channel_header *header = (void *)memory;
    *header = (struct clo_channel_header){.magic = CLO_CHANNEL_MAGIC,
                                          .abi_major = CLO_ABI_MAJOR,
                                          .ring_size = CLO_RING_SIZE,
                                          .arena_offset = CLO_ARENA_OFFSET,
                                          .arena_size = ARENA,
                                          .module_parked = 1};
    require(ring_attach(&session->ring, memory, SIZE, ARENA, &peer, 1) == CLOISTER_OK);
    memcpy(session->module.method, methods, sizeof methods);
    session->module.method_count = METHODS;
    session->module.abi_minor = CLO_ABI_MINOR;
    session_plan(session);
    count = 0;
    reserved = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    input.at = bytes;
    input.end = bytes + size;
    start();
    while (input.at < input.end)
        step();
    for (unsigned i = 0; i < count; i++) {
        check(&running[i], cloister_wait(session, running[i].ticket));
        for (unsigned p = 0; p < CLO_PARAMETERS_MAX; p++)
            free(running[i].output[p]);
    }
    free(session);
    free(memory);
    return 0;
}
