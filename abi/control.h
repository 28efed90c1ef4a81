/*
 * World socket: what clients and the `cloister` command say to a world host. A Unix socket of type
 * SOCK_SEQPACKET; one message is one packet; a connection has one request outstanding. All
 * integers are little-endian. Unused bytes are zero and are checked.
 *
 * A connection carries at most one channel. The channel goes when the connection does. Guests send
 * the same messages through their memory: guest.h.
 */
#ifndef CLO_ABI_CONTROL_H
#define CLO_ABI_CONTROL_H

#include "channel.h"
#include "hypercall.h"
#include "manifest.h"

#define CLO_CONTROL_MAGIC 0x43574c43u /* "CLWC" */
#define CLO_CONTROL_MESSAGE_MAX 65536u

/* Request body → reply body. */
#define CLO_CONTROL_WORLD 1u  /* none → struct clo_world_info */
#define CLO_CONTROL_MODULE 2u /* struct clo_module_query → struct clo_module_info */
#define CLO_CONTROL_OPEN                                                                           \
    3u                         /* struct clo_open_request → struct clo_open_reply, with two      \
                                  descriptors: channel memfd, doorbell (docs/abi.md) */
#define CLO_CONTROL_REPORT 4u  /* struct clo_report_query → the report's bytes */
#define CLO_CONTROL_STOP 5u    /* none → none; only for the world's own user and root */
#define CLO_CONTROL_METRICS 6u /* struct clo_module_query → struct clo_module_metrics */
#define CLO_CONTROL_CLOSE 7u   /* none → none; a guest's lane only: gives its channel up */
#define CLO_CONTROL_GUESTS 8u  /* none → struct clo_guests_info; as STOP, so never for a guest */

struct clo_control_header {
    uint32_t magic;
    uint16_t abi_major;
    uint16_t type;   /* CLO_CONTROL_…; the reply repeats it */
    uint16_t status; /* request: 0; reply: CLO_STATUS_LIST */
    uint16_t origin; /* reply: CLO_ORIGIN_LIST */
    uint32_t size;   /* bytes of body that follow */
};

#define CLO_WORLD_STARTING 0u
#define CLO_WORLD_SERVING 1u
#define CLO_WORLD_STOPPING 2u

#define CLO_ISOLATION_MAPPED 1u      /* module data is ordinary locked memory of the world host */
#define CLO_ISOLATION_GUEST_MEMFD 2u /* unmapped guest_memfd; its descriptor stays open */
#define CLO_ISOLATION_UNREACHABLE 3u /* unmapped guest_memfd, VM and KVM descriptors closed */

struct clo_world_info {
    uint8_t name[CLO_NAME_SIZE];
    uint32_t pid;       /* world host */
    uint32_t state;     /* CLO_WORLD_… */
    uint8_t kvm[16];    /* flavour: "pvm", "svm", "vmx", "other"; zero-filled */
    uint32_t isolation; /* CLO_ISOLATION_… */
    uint32_t debug;     /* 0 or 1 */
    uint32_t module_count;
    uint32_t keeper;     /* pid of the keeper */
    uint64_t started_at; /* host clock, s */
    uint64_t exits;      /* vCPU exits so far, all modules */
};

struct clo_module_query {
    uint8_t name[CLO_NAME_SIZE]; /* or all zero: by index */
    uint32_t index;
    uint32_t reserved;
};

#define CLO_MODULE_STARTING 0u
#define CLO_MODULE_SERVING 1u
#define CLO_MODULE_DEAD 2u
#define CLO_MODULE_ENDED 3u /* it called exit */

struct clo_module_info {
    uint8_t name[CLO_NAME_SIZE]; /* in the world: the file's name without .mod */
    uint8_t version[CLO_VERSION_SIZE];
    uint32_t index;
    uint32_t state; /* CLO_MODULE_… */
    uint32_t svn;
    uint32_t threads;
    uint64_t calls;
    uint64_t generation;
    uint64_t exits;
    uint32_t channels; /* live now */
    uint32_t polling;  /* threads that poll now; the others are parked */
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t author[CLO_AUTHOR_SIZE];
    uint8_t reserved[7];
    uint8_t end[256]; /* why it ended, text, empty while it lives */
    uint32_t method_count;
    uint32_t abi_minor; /* of the manifest */
    struct clo_method method[CLO_METHODS_MAX];
};

/* Numbers of one module that change. Those of the module's own counting (calls, service) are what
   it says; the world host has copied and bounded them. */
struct clo_module_metrics {
    uint8_t name[CLO_NAME_SIZE];
    uint32_t index;
    uint32_t state;   /* CLO_MODULE_… */
    uint32_t threads; /* 1 … CLO_THREADS_MAX */
    uint32_t polling; /* threads that poll now; the others are parked */
    uint32_t channels;
    uint32_t channels_max;
    uint64_t generation;
    uint64_t calls;
    uint64_t exits;
    uint64_t service_ns; /* sum of the sampled service times, at most CLO_SERVICE_COUNT_MAX */
    uint64_t service[CLO_SERVICE_BUCKETS]; /* sampled calls by service time, each bucket at most
                                              CLO_SERVICE_COUNT_MAX */
};

#define CLO_SERVICE_COUNT_MAX 0x00ffffffffffffffull

#define CLO_GUESTS_MAX 64u /* of a world at a time */
#define CLO_GUEST_SOCKET_SIZE 256u

/* A guest, as the world host knows it. What its VMM states of it is as true as that is. */
struct clo_guest_info {
    struct clo_caller caller; /* kind, number and VMM: as modules are told */
    uint64_t connected_at;    /* host clock, s */
    uint64_t requests;        /* answered in its lanes */
    uint32_t memory;          /* bytes that it shares with the world */
    uint32_t channels;        /* live now, of all its programs */
    uint32_t measured;        /* 1: the VMM has stated the digests; 0: they are zero */
    uint32_t reserved;
    uint8_t kernel[CLO_DIGEST_SIZE]; /* SHA-384; zero: there is none */
    uint8_t initrd[CLO_DIGEST_SIZE];
    uint8_t command_line[CLO_DIGEST_SIZE];
};

/* Only the guests that there are travel. */
struct clo_guests_info {
    uint8_t socket[CLO_GUEST_SOCKET_SIZE]; /* its path, bytes that are no printable ASCII as \xNN;
                                              empty: the world serves no guests */
    uint32_t count;
    uint32_t reserved;
    struct clo_guest_info guest[CLO_GUESTS_MAX]; /* by number, lowest first */
};

#define CLO_GUESTS_INFO_SIZE(count)                                                                \
    (offsetof(struct clo_guests_info, guest) + (count) * sizeof(struct clo_guest_info))

struct clo_open_request {
    uint8_t module[CLO_NAME_SIZE];
    uint32_t arena_size; /* wanted, at most CLO_ARENA_MAX; rounded up to pages */
    uint32_t flags;      /* zero */
};

struct clo_open_reply {
    uint32_t size; /* bytes of the channel memfd */
    uint32_t arena_size;
    uint64_t generation;
    struct clo_module_info module;
};

struct clo_report_query {
    uint8_t module[CLO_NAME_SIZE];
    uint32_t nonce_size; /* CLO_NONCE_MIN … CLO_NONCE_MAX */
    uint32_t reserved;
    uint8_t nonce[CLO_NONCE_MAX]; /* the rest zero */
};

static_assert(sizeof(struct clo_control_header) == 16, "clo_control_header");
static_assert(sizeof(struct clo_world_info) == 88, "clo_world_info");
static_assert(sizeof(struct clo_module_query) == 40, "clo_module_query");
static_assert(offsetof(struct clo_module_info, measurement) == 96, "clo_module_info.measurement");
static_assert(offsetof(struct clo_module_info, method) == 464, "clo_module_info.method");
static_assert(sizeof(struct clo_module_info) == 464 + 32 * 72, "clo_module_info");
static_assert(offsetof(struct clo_module_metrics, generation) == 56, "clo_module_metrics");
static_assert(sizeof(struct clo_module_metrics) == 88 + 8 * CLO_SERVICE_BUCKETS, "clo_metrics");
static_assert(offsetof(struct clo_guest_info, kernel) == 64, "clo_guest_info.kernel");
static_assert(sizeof(struct clo_guest_info) == 208, "clo_guest_info");
static_assert(CLO_GUESTS_INFO_SIZE(0) == 264, "clo_guests_info");
static_assert(sizeof(struct clo_guests_info) == 264 + 64 * 208, "clo_guests_info");
static_assert(sizeof(struct clo_open_request) == 40, "clo_open_request");
static_assert(sizeof(struct clo_open_reply) == 16 + sizeof(struct clo_module_info), "open_reply");
static_assert(sizeof(struct clo_report_query) == 104, "clo_report_query");

#endif
