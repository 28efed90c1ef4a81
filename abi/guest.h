/*
 * Guest memory: how a guest reaches a world. The guest has a PCI device with the registers of
 * QEMU's ivshmem-doorbell whose memory BAR is a memfd of the world host, sealed against resizing,
 * one for each guest: one header page, the lanes, and room in which the world host places channels
 * (channel.h). The world host is peer 0; no guest has another peer.
 *
 * A lane is what a connection to the world socket is to a process: it carries the messages of
 * control.h, one request outstanding, and at most one channel. Which process of the guest has
 * which lane is the guest's own business: libcloister holds a write lock (OFD) on byte n of the
 * BAR's file for lane n, so that the lane of a process that died is free again, and makes CLOSE
 * its first request there.
 *
 * To the world host the guest is one client. Every byte here is hostile to it and to the modules;
 * nothing but plain loads, stores and fences is used, because a guest may have it uncached.
 */
#ifndef CLO_ABI_GUEST_H
#define CLO_ABI_GUEST_H

#include "channel.h"
#include "control.h"

#define CLO_GUEST_PCI_VENDOR 0x1af4u
#define CLO_GUEST_PCI_DEVICE 0x1110u

/* Registers in BAR 0, 32 bits each, by byte offset. */
#define CLO_GUEST_INTERRUPT_MASK 0u   /* INTx devices: bit 0 lets INTx through */
#define CLO_GUEST_INTERRUPT_STATUS 4u /* INTx devices: bit 0, cleared by reading */
#define CLO_GUEST_POSITION 8u         /* read: the guest's number in the protocol; < 0: not ready */
#define CLO_GUEST_DOORBELL 12u        /* write: peer << 16 | vector */
#define CLO_GUEST_REGISTERS_SIZE 256u

/* Memory in BAR 2. */
#define CLO_GUEST_MAGIC 0x4d474c43u /* "CLGM" */
#define CLO_GUEST_SIZE_MIN (8u << 20)
#define CLO_GUEST_SIZE_DEFAULT (16u << 20)
#define CLO_GUEST_SIZE_MAX (256u << 20) /* a power of two, as any BAR */
#define CLO_GUEST_LANES 64u
#define CLO_GUEST_LANE_SIZE 65536u
#define CLO_GUEST_LANES_OFFSET 4096u
#define CLO_GUEST_CHANNELS_OFFSET (CLO_GUEST_LANES_OFFSET + CLO_GUEST_LANES * CLO_GUEST_LANE_SIZE)

/* Vectors each way. To the world host, vector 0 says that some lane has a request, the others are
   doorbells of channels. To the guest, which asked for it by client_parked, the channel's own. */
#define CLO_GUEST_VECTORS 8u
#define CLO_GUEST_VECTOR_REQUEST 0u

#define CLO_GUEST_LIVE 1u
#define CLO_GUEST_CLOSED 2u /* the world stops, or has had enough of this guest */

/* How often `beat` changes, and for how long it must stand still before the world is taken for
   dead: clearly less than a second, yet five beats may be late. */
#define CLO_GUEST_BEAT_MS 100u
#define CLO_GUEST_DEAD_MS (6u * CLO_GUEST_BEAT_MS)

struct clo_guest_header {
    /* World host, before the guest sees it; constant. */
    uint32_t magic;
    uint32_t abi_major;
    uint32_t size;       /* bytes of the guest memory */
    uint32_t lanes;      /* CLO_GUEST_LANES */
    uint32_t number;     /* of the guest, as in CLO_CALLER_GUEST's id */
    uint32_t reserved;   /* zero */
    uint64_t generation; /* random: another world, or another memory, has another one */
    uint8_t pad0[32];
    /* World host at any time. */
    uint32_t state;      /* CLO_GUEST_… */
    uint32_t beat;       /* heartbeat */
    uint32_t interrupts; /* incremented before each interrupt to the guest */
    uint8_t pad1[52];
    uint8_t unused[4096 - 128];
};

/* A request is a clo_control_header and its body, and so is a reply, in the same place. The guest
   fills `message` and `request_size` and stores the next number in `request`; the world host
   answers each number that is not the last one it answered, and stores it in `reply` last. */
struct clo_lane {
    uint32_t request;
    uint32_t request_size;
    uint8_t pad0[56];
    uint32_t reply;
    uint32_t reply_size;
    uint8_t pad1[56];
    uint8_t message[CLO_GUEST_LANE_SIZE - 128];
};

/* Body of the reply to CLO_CONTROL_OPEN in a lane. */
struct clo_guest_open_reply {
    uint32_t offset; /* of the channel, bytes from the start of the guest memory */
    uint32_t vector; /* its doorbell: 1 … CLO_GUEST_VECTORS - 1 */
    struct clo_open_reply open;
};

/* What a VMM that has measured its guest says of it: one message on its connection, before the
   guest runs. SHA-384; zero: there is none. As true as the VMM is: docs/threat-model.md. */
#define CLO_GUEST_MEASURED_MAGIC 0x314d474c43ull /* "CLGM1" */

struct clo_guest_measured {
    uint64_t magic;
    uint8_t kernel[CLO_DIGEST_SIZE];
    uint8_t initrd[CLO_DIGEST_SIZE];
    uint8_t command_line[CLO_DIGEST_SIZE];
};

static_assert(sizeof(struct clo_guest_header) == 4096, "clo_guest_header");
static_assert(offsetof(struct clo_guest_header, generation) == 24, "generation");
static_assert(offsetof(struct clo_guest_header, state) == 64, "state");
static_assert(sizeof(struct clo_lane) == CLO_GUEST_LANE_SIZE, "clo_lane");
static_assert(offsetof(struct clo_lane, reply) == 64, "reply");
static_assert(offsetof(struct clo_lane, message) == 128, "message");
static_assert(sizeof(struct clo_guest_open_reply) == 8 + sizeof(struct clo_open_reply), "open");
static_assert(sizeof(struct clo_guest_measured) == 152, "clo_guest_measured");

#endif
