/*
 * Hypercalls: how a module thread asks the world host for something.
 *
 * The thread writes its arguments into its mailbox, puts the number into EAX and calls the
 * hypercall page (CLO_VA_RUNTIME), which holds `out %eax, $CLO_HYPERCALL_PORT; ret`. The world
 * host copies what it needs out of the mailbox once, checks it, acts, writes `status` and
 * `result`, and resumes the thread. No pointer crosses: bulk bytes lie at offset 0 of `payload`.
 * An exit that is not exactly this OUT ends the module.
 *
 * Arguments that a call does not use must be zero; else BAD_ARGUMENT. A number that the manifest
 * does not declare is DENIED, an unknown one UNSUPPORTED.
 */
#ifndef CLO_ABI_HYPERCALL_H
#define CLO_ABI_HYPERCALL_H

#include "layout.h"

#define CLO_HYPERCALL_PORT 0xc1u /* ring 3, allowed by the I/O bitmap, 4 bytes, count 1 */
/* Ring 0 only: the exception stub reports a vector. Not one of the four ports that a 4-byte access
   to the other one touches. */
#define CLO_MONITOR_PORT 0xe1u

/* Parks until a doorbell of a channel of this thread rings, the control pages change or WAKE names
   it. a0: at most this many microseconds, 0 for no limit. r0: CLO_WAKE_… bits. */
#define CLO_HC_WAIT 1u
/* Wakes who sleeps at the other end of a channel: the client; for a channel between modules the
   thread that opened it, or the one that serves it. a0: channel slot. */
#define CLO_HC_NOTIFY 2u
/* Ends the module. a0: CLO_PANIC_…, a1: address, a2: bytes of text in payload (at most 256). */
#define CLO_HC_PANIC 3u
/* Writes a line of log. a0: CLO_LOG_…, a1: bytes in payload (at most 1024). */
#define CLO_HC_LOG 4u
/* Random bytes into payload. a0: how many (1 … CLO_PAYLOAD_SIZE). */
#define CLO_HC_RANDOM 5u
/* r0: real time, r1: monotonic time of the host, both ns. */
#define CLO_HC_TIME 6u
/* Takes rights away from the module's own pages, for good. a0: address, a1: bytes (both page
   multiples), a2: rights that remain (CLO_RIGHT_…, a subset of today's). */
#define CLO_HC_PROTECT 7u
/* payload in: struct clo_seal_request; out: struct clo_seal_reply (abi/seal.h). */
#define CLO_HC_SEAL 8u
/* payload in: struct clo_seal_header; out: struct clo_unseal_reply. */
#define CLO_HC_UNSEAL 9u
#define CLO_HC_COMMIT 10u /* reserved for rollback-protected labels: UNSUPPORTED */
/* payload in: struct clo_report_request; out: r0 bytes of report. */
#define CLO_HC_REPORT 11u
/* a0: register index (0 … CLO_REGISTERS-1); payload in: CLO_DIGEST_SIZE bytes. The register
   becomes SHA-384(register || bytes); payload out: its new value. */
#define CLO_HC_EXTEND 12u
/* a0: register index; payload out: its value. */
#define CLO_HC_READ_REGISTER 13u
/* Opens a channel to another module of the world (abi/peer.h). payload in: struct clo_peer_open;
   out: struct clo_peer_opened. DENIED: one of the manifests does not permit it, or the other module
   already calls this one, directly or through others; NOT_FOUND; BUSY; DEAD; TOO_BIG; LIMIT. */
#define CLO_HC_OPEN 14u
/* Ends the module as it asks. a0: exit status (0 … 255). */
#define CLO_HC_EXIT 15u
/* `cloister exec` only. a0: 1 stdout or 2 stderr, a1: bytes in payload. r0: bytes written. */
#define CLO_HC_CONSOLE_WRITE 16u
/* `cloister exec` only. a0: at most this many bytes into payload. r0: bytes, 0 at the end. */
#define CLO_HC_CONSOLE_READ 17u
/* Closes a channel that OPEN made. a0: its slot. NOT_FOUND. */
#define CLO_HC_CLOSE 18u
/* Who a module of the world is. a0: its index in the launch record (clo_caller.id); payload out:
   struct clo_module_identity. NOT_FOUND. */
#define CLO_HC_IDENTITY 19u
/* Wakes threads of the same module: the WAIT that each is in, or else its next one, returns early.
   a0: bit n for thread n. BAD_ARGUMENT: there is no such thread. */
#define CLO_HC_WAKE 20u
#define CLO_HC_COUNT 21u /* one more than the highest number */

#define CLO_WAKE_DOORBELL 1u
#define CLO_WAKE_CONTROL 2u /* the control pages changed, or WAKE */
#define CLO_WAKE_TIMEOUT 4u

#define CLO_PANIC_MODULE 1u  /* the module asked */
#define CLO_PANIC_ILLEGAL 2u /* an undefined instruction at a1 */
#define CLO_PANIC_RUNTIME 3u /* the runtime found an impossible state */

#define CLO_LOG_ERROR 0u
#define CLO_LOG_WARNING 1u
#define CLO_LOG_INFO 2u
#define CLO_LOG_DEBUG 3u

#define CLO_RIGHT_READ 1u
#define CLO_RIGHT_WRITE 2u

#define CLO_REGISTERS 8u
#define CLO_PAYLOAD_SIZE 65536u

/* Buckets of service times, four in each doubling: bucket n holds times t in ns with
   CLO_SERVICE_BOUND(n) <= t < CLO_SERVICE_BOUND(n + 1), the last one all that are longer. */
#define CLO_SERVICE_BUCKETS 128u
#define CLO_SERVICE_BOUND(n)                                                                       \
    ((n) < 4u ? (uint64_t)(n) : (uint64_t)(4u + (n) % 4u) << ((n) / 4u - 1u))

/* A header page and 64 KiB of payload, one per thread. Everything in it is the module's: the
   world host trusts none of it and only its own copy of what it reads. */
struct clo_mailbox {
    uint64_t argument[6]; /* module to world host */
    uint64_t result[2];   /* world host to module */
    uint32_t status;      /* world host to module: CLO_STATUS_LIST */
    uint32_t reserved;    /* zero */
    /* Module to world host: incremented before a call or session entry point starts and after it
       ends, so odd means busy. The time limit max_call_us is measured from a change to odd. */
    uint64_t progress;
    uint64_t calls; /* module to world host: calls completed; informative only */
    /* Module to world host: the control epoch that the thread has acted on. It touches no channel
       that went before; the window range of one may be given away once every thread is there. */
    uint32_t epoch;
    uint32_t reserved1; /* zero */
    /* Module to world host: how long sampled calls took, from their submission being copied to
       their completion being published; informative only. service_ns is the sum of all samples;
       service[n] counts those of CLO_SERVICE_BOUND(n) ns up to the next bound. */
    uint64_t service_ns;
    uint64_t service[CLO_SERVICE_BUCKETS];
    uint8_t unused[4096 - 104 - 8 * CLO_SERVICE_BUCKETS];
    uint8_t payload[CLO_PAYLOAD_SIZE];
};

static_assert(offsetof(struct clo_mailbox, status) == 64, "clo_mailbox.status");
static_assert(offsetof(struct clo_mailbox, progress) == 72, "clo_mailbox.progress");
static_assert(offsetof(struct clo_mailbox, epoch) == 88, "clo_mailbox.epoch");
static_assert(offsetof(struct clo_mailbox, service_ns) == 96, "clo_mailbox.service_ns");
static_assert(offsetof(struct clo_mailbox, service) == 104, "clo_mailbox.service");
static_assert(offsetof(struct clo_mailbox, payload) == 4096, "clo_mailbox.payload");
static_assert(sizeof(struct clo_mailbox) == 4096 + CLO_PAYLOAD_SIZE, "clo_mailbox");

#define CLO_NONCE_MIN 16u
#define CLO_NONCE_MAX 64u
#define CLO_USER_DATA_MAX 1024u
#define CLO_CNF_MAX 128u

/* REPORT: what the module adds. The claims of the world are the keeper's alone. */
struct clo_report_request {
    uint32_t nonce_size;          /* CLO_NONCE_MIN … CLO_NONCE_MAX */
    uint32_t user_data_size;      /* 0 … CLO_USER_DATA_MAX */
    uint32_t cnf_kind;            /* CLO_CNF_… */
    uint32_t cnf_size;            /* 0, 32 or 64, as cnf_kind says */
    uint8_t nonce[CLO_NONCE_MAX]; /* the rest zero */
    uint8_t cnf[CLO_CNF_MAX];     /* raw public key: X25519 32 bytes, P-256 x || y */
    uint8_t user_data[CLO_USER_DATA_MAX];
};

#define CLO_CNF_NONE 0u
#define CLO_CNF_X25519 1u
#define CLO_CNF_P256 2u

static_assert(sizeof(struct clo_report_request) == 1232, "clo_report_request");

#endif
