/*
 * Two threads and two rings.
 */
#include "bench/native_ring.h"

#include "bench/pin.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <x86intrin.h>

#define LINE_SIZE 64u
#define MEMORY_SIZE (CLO_ARENA_OFFSET + NATIVE_RING_BYTES_MAX)

static void wait_for(const uint32_t *turn, uint32_t value, bool pauses)
{
    while (atomic_load_explicit((const _Atomic uint32_t *)turn, memory_order_acquire) != value)
        if (pauses)
            _mm_pause();
}

static void publish(uint32_t *turn, uint32_t value)
{
    atomic_store_explicit((_Atomic uint32_t *)turn, value, memory_order_release);
}

/* The handler of the other side's `echo`. Not inlined, as a module's is not. */
__attribute__((noinline)) static void echo(const uint8_t *in, uint8_t *out, size_t size)
{
    memcpy(out, in, size);
}

static void serve_small(const struct clo_submission *in, struct clo_completion *reply)
{
    struct clo_completion out;
    out.submission = in->turn;
    out.status = 0;
    out.origin = 0;
    out.inline_out = in->inline_in;
    out.reserved = 0;
    echo(in->data, out.data, in->inline_in);
    memcpy((uint8_t *)reply + sizeof reply->turn, (uint8_t *)&out + sizeof out.turn,
           LINE_SIZE - sizeof out.turn);
}

static void serve_large(const struct native_ring *ring, const struct clo_submission *in,
                        struct clo_completion *reply)
{
    uint8_t *arena = ring->memory + CLO_ARENA_OFFSET;
    uint8_t *result = ring->scratch + NATIVE_RING_BYTES_MAX;
    struct clo_parameter words[CLO_PARAMETERS_MAX - 1];
    struct clo_completion out = {.submission = in->turn};
    memcpy(words, in->data, sizeof words);
    size_t size = words[0].b;
    memcpy(ring->scratch, arena + words[0].a, size);
    echo(ring->scratch, result, size);
    memcpy(arena + words[1].a, result, size);
    memcpy(out.data, words, sizeof words);
    memcpy((uint8_t *)reply + sizeof reply->turn, (uint8_t *)&out + sizeof out.turn,
           LINE_SIZE - sizeof out.turn);
}

static void serve_one(struct native_ring *ring, uint32_t turn)
{
    const struct clo_submission *entry = &ring->submissions[(turn - 1) % CLO_RING_SIZE];
    struct clo_completion *reply = &ring->completions[(turn - 1) % CLO_RING_SIZE];
    struct clo_submission in;
    wait_for(&entry->turn, turn, ring->pauses);
    memcpy(&in, entry, LINE_SIZE);
    if (in.kinds & CLO_PARAM_INLINE)
        serve_small(&in, reply);
    else
        serve_large(ring, &in, reply);
    publish(&reply->turn, turn);
}

static void *server(void *argument)
{
    struct native_ring *ring = argument;
    struct reason why;
    uint32_t turn = 0;
    if (pin_self(ring->server_cpu, &why) != CLOISTER_OK)
        return NULL; /* where it runs is a matter of precision only */
    for (;;) {
        while (sem_wait(&ring->batch) != 0)
            ;
        uint32_t wanted = atomic_load(&ring->wanted);
        if (wanted == 0)
            return NULL;
        for (uint32_t i = 0; i < wanted; i++)
            serve_one(ring, ++turn);
    }
}

cloister_status native_ring_create(struct native_ring *ring, int server_cpu, bool pauses,
                                   struct reason *why)
{
    *ring = (struct native_ring){.server_cpu = server_cpu, .pauses = pauses};
    ring->memory =
        mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ring->scratch = calloc(2, NATIVE_RING_BYTES_MAX);
    if (ring->memory == MAP_FAILED || !ring->scratch)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a ring");
    ring->submissions = (struct clo_submission *)(void *)(ring->memory + CLO_SUBMISSIONS_OFFSET);
    ring->completions = (struct clo_completion *)(void *)(ring->memory + CLO_COMPLETIONS_OFFSET);
    (void)sem_init(&ring->batch, 0, 0);
    if (pthread_create(&ring->server, NULL, server, ring) != 0)
        return refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
    ring->started = true;
    return CLOISTER_OK;
}

void native_ring_serve(struct native_ring *ring, uint32_t calls)
{
    atomic_store(&ring->wanted, calls);
    (void)sem_post(&ring->batch);
}

/* Composed in private memory and stored at once: whoever polls the line would take it away between
   two stores. */
static void submit(struct native_ring *ring, const struct clo_submission *call)
{
    struct clo_submission *entry = &ring->submissions[(ring->turn - 1) % CLO_RING_SIZE];
    memcpy((uint8_t *)entry + sizeof entry->turn, (const uint8_t *)call + sizeof call->turn,
           LINE_SIZE - sizeof call->turn);
    publish(&entry->turn, ring->turn);
}

static void await(const struct native_ring *ring, struct clo_completion *reply)
{
    const struct clo_completion *from = &ring->completions[(ring->turn - 1) % CLO_RING_SIZE];
    wait_for(&from->turn, ring->turn, ring->pauses);
    memcpy(reply, from, LINE_SIZE);
}

void native_ring_call(struct native_ring *ring, const uint8_t in[CLO_INLINE_SIZE],
                      uint8_t out[CLO_INLINE_SIZE])
{
    struct clo_completion reply;
    struct clo_submission call;
    call.deadline_us = 0;
    call.method = 0;
    call.kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_INLINE;
    call.session = 0;
    call.inline_in = CLO_INLINE_SIZE;
    call.inline_out = CLO_INLINE_SIZE;
    memcpy(call.data, in, CLO_INLINE_SIZE);
    ring->turn++;
    submit(ring, &call);
    await(ring, &reply);
    memcpy(out, reply.data, CLO_INLINE_SIZE);
}

/* The output takes the input's place, as ours does: apart it takes up to half as long again. */
void native_ring_call_large(struct native_ring *ring, const uint8_t *in, uint8_t *out, size_t size)
{
    uint8_t *arena = ring->memory + CLO_ARENA_OFFSET;
    const struct clo_parameter words[CLO_PARAMETERS_MAX - 1] = {{0, size}, {0, size}};
    struct clo_completion reply;
    struct clo_submission call = {.kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4,
                                  .inline_in = CLO_WORDS_IN_LINE};
    memcpy(call.data, words, sizeof words);
    memcpy(arena, in, size);
    ring->turn++;
    submit(ring, &call);
    await(ring, &reply);
    memcpy(out, arena, size);
}

void native_ring_destroy(struct native_ring *ring)
{
    if (ring->started) {
        native_ring_serve(ring, 0);
        (void)pthread_join(ring->server, NULL);
    }
    free(ring->scratch);
    if (ring->memory && ring->memory != MAP_FAILED)
        (void)munmap(ring->memory, MEMORY_SIZE);
}
