/*
 * A world host as a guest sees it, for tests: a folder that looks like sysfs with a mailbox device
 * whose memory and registers are files, and a thread that plays the world's side of abi/guest.h.
 * The thread acts when a doorbell rings and at no other time, but for the heartbeat. One module,
 * "echo", whose method "echo" returns its input.
 */
#ifndef GUEST_WORLD_H
#define GUEST_WORLD_H

#include "abi/guest.h"
#include "normal-world/guest/sysfs_device.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define GUEST_WORLD_ADDRESS "0000:00:04.0"
#define GUEST_WORLD_SIZE (16u << 20)
#define GUEST_WORLD_CHANNELS 7u

struct guest_world_channel {
    bool live;
    uint8_t *bytes;
    uint32_t answered; /* turn of the last completion */
};

struct guest_world {
    char folder[64];
    char nodes[80];
    struct sysfs_places places;
    int memory_file;
    uint8_t *memory;
    uint8_t *registers; /* a page */
    uint32_t *doorbell;
    int uio; /* -1: no interrupts */
    pthread_t thread;
    struct guest_world_channel channel[GUEST_WORLD_CHANNELS]; /* of the lane of that number */

    /* What the tests make it do. */
    _Atomic bool stop;
    _Atomic bool heartless;  /* the heart stands still */
    _Atomic uint64_t silent; /* bit n: requests of lane n are not looked at */
    _Atomic bool deaf;       /* submissions are not looked at */
    void (*_Atomic spoil)(struct clo_lane *, void *body); /* the reply, before it is published */

    /* What it has seen. */
    _Atomic unsigned requests;
    _Atomic unsigned closes;  /* of those, CLOSE */
    _Atomic unsigned rung;    /* bit n: doorbell n rang */
    _Atomic unsigned parked;  /* submissions whose client asked to be woken */
    _Atomic unsigned working; /* channels that live */
};

/* Starts it with a device of this address; `register_offset`: where its registers begin in their
   page. */
void guest_world_start(struct guest_world *world, unsigned register_offset);
void guest_world_stop(struct guest_world *world);

/* Gives the device an interrupt and binds it to a driver like uio_pci_generic. */
void guest_world_bind_uio(struct guest_world *world);

struct clo_guest_header *guest_world_header(struct guest_world *world);
struct clo_lane *guest_world_lane(struct guest_world *world, unsigned n);

/* Writes one of the small files of a device, making its folder. */
void guest_world_write(struct guest_world *world, const char *address, const char *file,
                       const char *text);

#endif
