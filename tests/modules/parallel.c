/*
 * A module with a C library and four threads, whose handlers use what a C library keeps for each
 * thread and what it offers threads for each other.
 */
#include <cloister/module.h>

#include "parallel.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PIECES 8u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint64_t generation; /* of meetings */
static uint64_t arrived;    /* in this one */
static uint64_t counter;
static __thread uint64_t own;

/* Waits until so many calls are here at once; nobody else lets them go. */
static void meet(uint64_t parties)
{
    (void)pthread_mutex_lock(&lock);
    uint64_t mine = generation;
    if (++arrived == parties) {
        arrived = 0;
        generation++;
        (void)pthread_cond_broadcast(&changed);
    }
    while (generation == mine)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}

/* In: how many calls must be here. Out: the thread's id. */
static cloister_status meet_others(cloister_call *call)
{
    meet(call->argument[0].a);
    call->argument[1].a = (uint64_t)syscall(SYS_gettid);
    return CLOISTER_OK;
}

/* In: how many calls are here at once, a value. Out: how much of what this thread has kept for
   itself is still what it was after all have written theirs. */
static cloister_status keep_own(cloister_call *call)
{
    static uint64_t *place[PARALLEL_THREADS + 1];
    uint64_t id = (uint64_t)syscall(SYS_gettid);
    uint64_t value = call->argument[0].b;
    own = value;
    errno = (int)value;
    if (id <= PARALLEL_THREADS)
        place[id] = &own;
    meet(call->argument[0].a);
    call->argument[1].a = (own == value) + (errno == (int)value) + (place[id] == &own);
    call->argument[1].b = (uint64_t)(uintptr_t)&own;
    return CLOISTER_OK;
}

/* Allocates, fills, prints into, checks and frees; false: something was not what it was. */
static bool churn_once(uint64_t seed)
{
    char *piece[PIECES];
    char text[64];
    bool sound = true;
    for (unsigned i = 0; i < PIECES; i++) {
        size_t size = 64 + (seed * 7919 + i * 104729) % 3000;
        piece[i] = malloc(size);
        if (!piece[i])
            return false;
        memset(piece[i], 0, size);
        (void)snprintf(piece[i], size, "%lu-%u-%.3f", (unsigned long)seed, i, (double)seed / 8);
    }
    for (unsigned i = 0; i < PIECES; i++) {
        (void)snprintf(text, sizeof text, "%lu-%u-%.3f", (unsigned long)seed, i, (double)seed / 8);
        sound = sound && strcmp(piece[i], text) == 0;
        free(piece[i]);
    }
    return sound;
}

/* In: rounds, a seed. Out: rounds that were sound. Each adds one to the counter of all threads. */
static cloister_status churn(cloister_call *call)
{
    uint64_t sound = 0;
    for (uint64_t i = 0; i < call->argument[0].a; i++) {
        sound += churn_once(call->argument[0].b + i);
        (void)pthread_mutex_lock(&lock);
        counter++;
        (void)pthread_mutex_unlock(&lock);
    }
    call->argument[1].a = sound;
    return CLOISTER_OK;
}

static cloister_status count(cloister_call *call)
{
    (void)pthread_mutex_lock(&lock);
    call->argument[0].a = counter;
    (void)pthread_mutex_unlock(&lock);
    return CLOISTER_OK;
}

/* In: how long to wait for what never comes, ms. Out: what the library says of it, and whether the
   time had come. */
static cloister_status wait_in_vain(cloister_call *call)
{
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    struct timespec until, now;
    int result = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + call->argument[0].a * 1000000;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_mutex_lock(&lock);
    while (result == 0)
        result = pthread_cond_timedwait(&never, &lock, &until);
    (void)pthread_mutex_unlock(&lock);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    call->argument[1].a = (uint64_t)result;
    call->argument[1].b =
        now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec);
    return CLOISTER_OK;
}

static void *nothing(void *argument)
{
    return argument;
}

/* Out: what pthread_create says when every vCPU has its thread. */
static cloister_status one_more(cloister_call *call)
{
    pthread_t thread;
    call->argument[0].a = (uint64_t)pthread_create(&thread, NULL, nothing, NULL);
    return CLOISTER_OK;
}

static cloister_status end(cloister_call *call)
{
    switch (call->argument[0].a) {
    case PARALLEL_ABORT:
        abort();
    case PARALLEL_FAULT:
        __asm__ volatile("hlt");
        return CLOISTER_OK;
    case PARALLEL_EXIT_THREAD:
        (void)syscall(SYS_exit, PARALLEL_EXIT_STATUS);
        return CLOISTER_OK;
    default:
        return CLOISTER_OK;
    }
}

CLOISTER_MODULE(.name = "parallel", .version = "1.0.0", .svn = 1, .threads = PARALLEL_THREADS,
                .heap_size = 4 << 20, .max_call_us = 20000000, .hypercalls = CLOISTER_ALLOW(TIME),
                .method_count = 7,
                .method = {CLOISTER_METHOD("meet", CLOISTER_VALUE_IN, CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("keep_own", CLOISTER_VALUE_IN, CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("churn", CLOISTER_VALUE_IN, CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("count", CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("wait_in_vain", CLOISTER_VALUE_IN, CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("one_more", CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("end", CLOISTER_VALUE_IN)});
CLOISTER_HANDLERS(meet_others, keep_own, churn, count, wait_in_vain, one_more, end);
