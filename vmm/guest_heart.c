/*
 * A thread of its own, so that the heart beats whatever the main thread waits for: a keeper that
 * signs with a slow TPM is no death. It reads nothing and rests while there are no guests.
 */
#include "vmm/guest_heart.h"

#include "vmm/sandbox.h"

#include "abi/guest.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#define STACK_SIZE (64u << 10)
#define NS_PER_MS 1000000l
#define NS_PER_S 1000000000l

static struct timespec next_beat(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += CLO_GUEST_BEAT_MS * NS_PER_MS;
    if (at.tv_nsec >= NS_PER_S) {
        at.tv_nsec -= NS_PER_S;
        at.tv_sec++;
    }
    return at;
}

static_assert(CLO_GUEST_BEAT_MS <= 1000, "one carry is enough");

/* One beat too many, if a guest comes or a wait ends early, harms nobody. */
static void beat_until_end(struct guest_heart *heart)
{
    while (heart->state == HEART_BEATS) {
        struct timespec next = next_beat();
        for (unsigned i = 0; i < heart->count; i++)
            (void)__atomic_fetch_add(heart->beat[i], 1, __ATOMIC_RELAXED);
        if (heart->count > 0)
            (void)pthread_cond_timedwait(&heart->changed, &heart->lock, &next);
        else
            (void)pthread_cond_wait(&heart->changed, &heart->lock);
    }
}

static void *thread_main(void *argument)
{
    struct guest_heart *heart = argument;
    struct reason why = {0};
    cloister_status shut_in = sandbox_enter(SANDBOX_HEART, NULL, &why);
    if (shut_in != CLOISTER_OK)
        log_error("the heartbeat for guests: %s", why.text);
    (void)pthread_mutex_lock(&heart->lock);
    heart->state = shut_in == CLOISTER_OK ? HEART_BEATS : HEART_FAILED;
    (void)pthread_cond_signal(&heart->changed);
    beat_until_end(heart);
    (void)pthread_mutex_unlock(&heart->lock);
    return NULL;
}

void guest_heart_create(struct guest_heart *heart)
{
    pthread_condattr_t monotonic;
    *heart = (struct guest_heart){.state = HEART_NONE};
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&heart->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&heart->lock, NULL);
}

static cloister_status start_thread(struct guest_heart *heart, struct reason *why)
{
    pthread_attr_t attributes;
    heart->state = HEART_STARTING;
    (void)pthread_attr_init(&attributes);
#ifndef CLOISTER_SANITIZED
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
#endif
    errno = pthread_create(&heart->thread, &attributes, thread_main, heart);
    (void)pthread_attr_destroy(&attributes);
    if (errno == 0)
        return CLOISTER_OK;
    heart->state = HEART_NONE;
    return refuse_errno(why, "cannot start the thread of the heartbeat");
}

cloister_status guest_heart_start(struct guest_heart *heart, struct reason *why)
{
    cloister_status status = start_thread(heart, why);
    if (status != CLOISTER_OK)
        return status;
    (void)pthread_mutex_lock(&heart->lock);
    while (heart->state == HEART_STARTING)
        (void)pthread_cond_wait(&heart->changed, &heart->lock);
    bool beats = heart->state == HEART_BEATS;
    (void)pthread_mutex_unlock(&heart->lock);
    return beats ? CLOISTER_OK
                 : refuse(why, CLOISTER_UNSUPPORTED, "the heartbeat for guests cannot be shut in");
}

void guest_heart_add(struct guest_heart *heart, uint32_t *beat)
{
    (void)pthread_mutex_lock(&heart->lock);
    assert(heart->count < CLO_GUESTS_MAX);
    heart->beat[heart->count++] = beat;
    (void)pthread_cond_signal(&heart->changed);
    (void)pthread_mutex_unlock(&heart->lock);
}

void guest_heart_remove(struct guest_heart *heart, const uint32_t *beat)
{
    (void)pthread_mutex_lock(&heart->lock);
    for (unsigned i = 0; i < heart->count; i++)
        if (heart->beat[i] == beat)
            heart->beat[i--] = heart->beat[--heart->count];
    (void)pthread_mutex_unlock(&heart->lock);
}

void guest_heart_stop(struct guest_heart *heart)
{
    if (heart->state != HEART_NONE) {
        (void)pthread_mutex_lock(&heart->lock);
        heart->state = HEART_ENDS;
        (void)pthread_cond_signal(&heart->changed);
        (void)pthread_mutex_unlock(&heart->lock);
        (void)pthread_join(heart->thread, NULL);
    }
    (void)pthread_cond_destroy(&heart->changed);
    (void)pthread_mutex_destroy(&heart->lock);
}
