/*
 * Two threads and two rings.
 */
#include "bench/native_ring.h"

#include "bench/pin.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <x86intrin.h>

#define LINE_SIZE 64u
#define MEMORY_SIZE CLO_ARENA_OFFSET

static void wait_for(const uint32_t *turn, uint32_t value)
{
    while (atomic_load_explicit((const _Atomic uint32_t *)turn, memory_order_acquire) != value)
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

static void serve_one(struct native_ring *ring, uint32_t turn)
{
    struct clo_submission *entry = &ring->submissions[(turn - 1) % CLO_RING_SIZE];
    struct clo_completion *reply = &ring->completions[(turn - 1) % CLO_RING_SIZE];
    struct clo_submission in;
    struct clo_completion out = {.turn = 0};
    wait_for(&entry->turn, turn);
    memcpy(&in, entry, LINE_SIZE);
    echo(in.data, out.data, in.inline_in);
    out.submission = in.turn;
    out.inline_out = in.inline_in;
    memcpy((uint8_t *)reply + sizeof reply->turn, (uint8_t *)&out + sizeof out.turn,
           LINE_SIZE - sizeof out.turn);
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

cloister_status native_ring_create(struct native_ring *ring, int server_cpu, struct reason *why)
{
    *ring = (struct native_ring){.server_cpu = server_cpu};
    ring->memory =
        mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ring->memory == MAP_FAILED)
        return refuse_errno(why, "cannot map %zu bytes", MEMORY_SIZE);
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

void native_ring_call(struct native_ring *ring, const uint8_t in[CLO_INLINE_SIZE],
                      uint8_t out[CLO_INLINE_SIZE])
{
    uint32_t turn = ++ring->turn;
    struct clo_submission *entry = &ring->submissions[(turn - 1) % CLO_RING_SIZE];
    struct clo_completion *reply = &ring->completions[(turn - 1) % CLO_RING_SIZE];
    struct clo_completion copy;
    entry->deadline_us = 0;
    entry->method = 0;
    entry->kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_INLINE;
    entry->session = 0;
    entry->inline_in = CLO_INLINE_SIZE;
    entry->inline_out = CLO_INLINE_SIZE;
    memcpy(entry->data, in, CLO_INLINE_SIZE);
    publish(&entry->turn, turn);
    wait_for(&reply->turn, turn);
    memcpy(&copy, reply, LINE_SIZE);
    memcpy(out, copy.data, CLO_INLINE_SIZE);
}

void native_ring_destroy(struct native_ring *ring)
{
    if (ring->started) {
        native_ring_serve(ring, 0);
        (void)pthread_join(ring->server, NULL);
    }
    if (ring->memory != MAP_FAILED)
        (void)munmap(ring->memory, MEMORY_SIZE);
}
