/*
 * Calls between modules of one world. The module that calls asks with OPEN and has a channel then
 * (abi/channel.h), at which it stands where a client would, and the other module's thread serves it
 * like any other. The memory is in the window of both; nobody copies and no process stands between.
 * Whoever waits parks with WAIT and is woken by the other's NOTIFY, or by the world host when the
 * other ends.
 */
#ifndef CLO_ABI_PEER_H
#define CLO_ABI_PEER_H

#include "channel.h"
#include "manifest.h"

/* Who a module is, as the keeper measured it. */
struct clo_module_identity {
    uint8_t name[CLO_NAME_SIZE]; /* in its manifest */
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t author[CLO_AUTHOR_SIZE];
    uint8_t reserved[3]; /* zero */
    uint32_t svn;
    uint32_t index; /* in the launch record */
    uint32_t reserved1;
    uint64_t generation; /* of the instance */
};

/* OPEN. */
struct clo_peer_open {
    uint8_t module[CLO_NAME_SIZE]; /* name in the world, as clients know it */
    uint32_t arena_size;           /* wanted, at most CLO_ARENA_MAX; rounded up to pages */
    uint32_t reserved;             /* zero */
};

struct clo_peer_opened {
    uint32_t slot;   /* of the caller's end: for NOTIFY and CLOSE */
    uint32_t offset; /* bytes from CLO_VA_WINDOW */
    uint32_t size;   /* bytes of channel */
    uint32_t arena_size;
    struct clo_module_identity identity; /* of the module that was called */
    uint32_t method_count;
    uint32_t abi_minor;                        /* of its manifest */
    struct clo_method method[CLO_METHODS_MAX]; /* of its manifest */
};

static_assert(sizeof(struct clo_module_identity) == 152, "clo_module_identity");
static_assert(offsetof(struct clo_module_identity, generation) == 144, "generation");
static_assert(sizeof(struct clo_peer_open) == 40, "clo_peer_open");
static_assert(offsetof(struct clo_peer_opened, method) == 176, "clo_peer_opened.method");
static_assert(sizeof(struct clo_peer_opened) == 176 + 32 * 72, "clo_peer_opened");
static_assert(sizeof(struct clo_peer_opened) <= CLO_PAYLOAD_SIZE, "fits into the payload");

#endif
