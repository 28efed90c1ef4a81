/*
 * Waiting in a guest. Polling with naps works in every guest; where the device can interrupt and
 * has been given to uio_pci_generic, a waiter sleeps until it does. Several processes may wait for
 * the same device at once: an interrupt wakes them all.
 */
#ifndef GUEST_WAIT_H
#define GUEST_WAIT_H

#include "normal-world/guest/sysfs_device.h"

#include <stdbool.h>

struct guest_wait {
    int uio;    /* -1: no interrupts */
    int config; /* the device's configuration space */
    uint8_t command;
    volatile uint32_t *registers;
};

/* Microseconds of a clock that never goes back. */
uint64_t guest_wait_now_us(void);

void guest_wait_nap(uint64_t us);

/* Looks whether the device interrupts through uio and prepares that. If not, that is no failure. */
void guest_wait_open(const struct sysfs_places *places, const char *address,
                     volatile uint32_t *registers, struct guest_wait *wait);

void guest_wait_close(struct guest_wait *wait);

static inline bool guest_wait_interrupts(const struct guest_wait *wait)
{
    return wait->uio >= 0;
}

/* Sleeps until an interrupt or for `timeout_us`, unless *word is not `value` any more; may return
   early. Only if guest_wait_interrupts. */
void guest_wait_sleep(const struct guest_wait *wait, const uint32_t *word, uint32_t value,
                      uint64_t timeout_us);

#endif
