/*
 * Keeper socket: what the world host says to the keeper that started it. An inherited socketpair
 * of type SOCK_SEQPACKET, one request outstanding. The keeper treats every byte as hostile.
 *
 *   LAUNCH (runtime image) → MODULE (record, signature, image) … → START: the launch record is
 *   complete and locked. After START only requests for modules of the record are served. A request
 *   out of this order is BAD_STATE and ends the conversation.
 *
 * The images come as memfds sealed against writing, the very ones that back the code slots; the
 * keeper checks the seals and measures what it maps.
 */
#ifndef CLO_ABI_KEEPER_H
#define CLO_ABI_KEEPER_H

#include "manifest.h"
#include "seal.h"

#define CLO_KEEPER_MAGIC 0x4b504c43u /* "CLPK" */
#define CLO_KEEPER_DESCRIPTOR 3      /* number of the socket in the world host */
#define CLO_KEEPER_MESSAGE_MAX 65536u
#define CLO_KEEPER_SIGNATURE_MAX 4096u
#define CLO_KEEPER_TEXT_SIZE 192u

/* Request body → reply body. */
#define CLO_KEEPER_LAUNCH 1u  /* struct clo_keeper_launch, descriptor: runtime image → none */
#define CLO_KEEPER_MODULE 2u  /* struct clo_keeper_module, descriptor: image → …_module_reply */
#define CLO_KEEPER_START 3u   /* struct clo_keeper_start → none */
#define CLO_KEEPER_SEAL 4u    /* struct clo_seal_request → struct clo_seal_reply */
#define CLO_KEEPER_UNSEAL 5u  /* struct clo_seal_header → struct clo_unseal_reply */
#define CLO_KEEPER_REPORT 6u  /* struct clo_keeper_report → the report's bytes */
#define CLO_KEEPER_EXTEND 7u  /* struct clo_keeper_register → 48 bytes */
#define CLO_KEEPER_READ 8u    /* struct clo_keeper_register → 48 bytes */
#define CLO_KEEPER_RESTART 9u /* none: the module starts anew; generation + 1, registers kept */

struct clo_keeper_header {
    uint32_t magic;
    uint16_t type;
    uint16_t status; /* request: 0; reply: CLO_STATUS_LIST */
    uint32_t module; /* index in the launch record; 0 for LAUNCH and START */
    uint32_t size;   /* bytes of body that follow */
    /* reply that is not OK: what, which value, what would be right; for the operator's log only */
    uint8_t text[CLO_KEEPER_TEXT_SIZE];
};

struct clo_keeper_launch {
    uint8_t world[CLO_NAME_SIZE];
    uint32_t debug;        /* 0 or 1 */
    uint32_t module_count; /* 1 … CLO_MODULES_MAX */
    uint32_t runtime_svn;
    uint32_t runtime_size; /* bytes of the runtime image */
    uint8_t runtime_version[CLO_VERSION_SIZE];
};

struct clo_keeper_module {
    uint8_t name[CLO_NAME_SIZE];
    uint32_t image_pages;                        /* in the image memfd, segment order */
    uint32_t signature_size;                     /* 0: unsigned */
    uint8_t signature[CLO_KEEPER_SIGNATURE_MAX]; /* COSE_Sign1 */
    struct clo_module_record record;
};

struct clo_keeper_module_reply {
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t author[CLO_AUTHOR_SIZE];
    uint8_t reserved[7];
};

/* What the world host says of the walls; it goes into the posture claim as self-reported. */
struct clo_keeper_start {
    uint8_t kvm[16];    /* flavour, zero-filled text */
    uint32_t isolation; /* CLO_ISOLATION_… */
    uint32_t vcpus;
    uint32_t window_size;
    uint32_t umip; /* 0 or 1 */
    uint32_t spin_us;
    uint32_t reserved;
};

/* REPORT: the module's own part, and who asked. */
struct clo_keeper_report {
    uint32_t by_module;   /* 1: the module made the hypercall; 0: a client asked the world */
    uint32_t caller_kind; /* CLO_CALLER_…, 0 if by_module */
    uint32_t caller_uid;
    uint32_t caller_gid;
    uint32_t caller_pid;
    uint32_t reserved;
    uint64_t caller_start_time;
    uint64_t caller_id;
    struct clo_report_request request;
    /* SHA-384 that the VMM of a calling guest states; zero: none. */
    uint8_t guest_kernel[CLO_DIGEST_SIZE];
    uint8_t guest_initrd[CLO_DIGEST_SIZE];
    uint8_t guest_command_line[CLO_DIGEST_SIZE];
};

struct clo_keeper_register {
    uint32_t index;
    uint32_t reserved;
    uint8_t bytes[CLO_DIGEST_SIZE]; /* EXTEND; else zero */
};

static_assert(sizeof(struct clo_keeper_header) == 208, "clo_keeper_header");
static_assert(sizeof(struct clo_keeper_launch) == 64, "clo_keeper_launch");
static_assert(sizeof(struct clo_keeper_module) == 40 + 4096 + sizeof(struct clo_module_record),
              "clo_keeper_module");
static_assert(sizeof(struct clo_keeper_module_reply) == 104, "clo_keeper_module_reply");
static_assert(sizeof(struct clo_keeper_start) == 40, "clo_keeper_start");
static_assert(sizeof(struct clo_keeper_report) ==
                  40 + sizeof(struct clo_report_request) + 3 * CLO_DIGEST_SIZE,
              "clo_keeper_report");
static_assert(sizeof(struct clo_keeper_register) == 56, "clo_keeper_register");

#endif
