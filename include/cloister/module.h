/*
 * Module SDK: write a trusted module.
 *
 *   #include <cloister/module.h>
 *
 *   static cloister_status shout(cloister_call *call) { … }
 *
 *   CLOISTER_MODULE(.name = "shout", .version = "1.0.0", .svn = 1,
 *                   .method_count = 1,
 *                   .method = {CLOISTER_METHOD("shout", CLOISTER_IN(0, 4096),
 *                                              CLOISTER_OUT(4096))});
 *   CLOISTER_HANDLERS(shout);
 *
 * Build with `cloister module build shout.c -o shout.mod`. The SDK owns main(): it serves calls on
 * every channel until the world stops. A handler sees copies: inputs do not change while it runs,
 * outputs leave when it returns OK, and both are wiped afterwards.
 */
#ifndef CLOISTER_MODULE_H
#define CLOISTER_MODULE_H

/* cloister_call is a type here and a function there. */
#ifdef CLOISTER_CLIENT_H
#error "cloister/client.h is for callers, cloister/module.h for modules: one of them in a file"
#endif

#include "cloister/abi/channel.h"
#include "cloister/abi/manifest.h"
#include "cloister/abi/peer.h"
#include "cloister/abi/seal.h"
#include "cloister/parameter.h"
#include "cloister/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A parameter as the handler sees it. */
typedef struct cloister_argument {
    unsigned kind;     /* CLO_PARAM_…, without INLINE */
    uint64_t a, b;     /* value pairs */
    const uint8_t *in; /* buffers in: `size` bytes */
    uint8_t *out;      /* buffers out: room for `capacity` bytes; may be the same memory as `in` */
    size_t size;       /* in: bytes given; the handler sets it to the bytes made for an out */
    size_t capacity;
} cloister_argument;

/* A call in progress. Valid until the handler returns. */
typedef struct cloister_call {
    unsigned method;
    unsigned session;                /* the client's number of it, per channel */
    unsigned channel;                /* slot, 0 … CLO_CHANNELS_MAX - 1 */
    uint32_t deadline_us;            /* the client's advice; 0: none */
    const struct clo_caller *caller; /* as the world host knows it */
    cloister_argument argument[CLO_PARAMETERS_MAX];
} cloister_call;

typedef cloister_status (*cloister_handler)(cloister_call *call);

/* One per method, in the manifest's order. */
extern const cloister_handler cloister_handlers[];
#define CLOISTER_HANDLERS(...) const cloister_handler cloister_handlers[] = {__VA_ARGS__}

/* Parameters of a method: buffers with the fewest and the most bytes, or value pairs. */
#define CLOISTER_IN(least, most) CLO_PARAM_BUFFER_IN, least, most
#define CLOISTER_OUT(most) CLO_PARAM_BUFFER_OUT, 0, most
#define CLOISTER_INOUT(least, most) CLO_PARAM_BUFFER_INOUT, least, most
#define CLOISTER_VALUE_IN CLO_PARAM_IN, 0, 0
#define CLOISTER_VALUE_OUT CLO_PARAM_OUT, 0, 0
#define CLOISTER_VALUE_INOUT CLO_PARAM_INOUT, 0, 0

#define CLOISTER_METHOD_(n, k0, l0, m0, k1, l1, m1, k2, l2, m2, k3, l3, m3, ...)                   \
    {                                                                                              \
        .name = n, .kinds = (k0) | (k1) << 4 | (k2) << 8 | (k3) << 12,                             \
        .size_max = {m0, m1, m2, m3}, .size_min = {                                                \
            l0,                                                                                    \
            l1,                                                                                    \
            l2,                                                                                    \
            l3                                                                                     \
        }                                                                                          \
    }
/* CLOISTER_METHOD("name", parameter, …) with none to four parameters. */
#define CLOISTER_METHOD(...) CLOISTER_METHOD_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

/* Other modules of the world, for the manifest's `peer` (with `.peer_count`): which ones this
   module calls (needs CLOISTER_ALLOW(OPEN)) and which ones may call it, by the name in their
   manifest; "" is any. _OWN: only if they have this module's author. For another author write the
   initializer of struct clo_peer. Without an entry nobody may. */
#define CLOISTER_CALLS(module)                                                                     \
    {                                                                                              \
        .name = module, .flags = CLO_PEER_CALLS                                                    \
    }
#define CLOISTER_ACCEPTS(module)                                                                   \
    {                                                                                              \
        .name = module, .flags = CLO_PEER_ACCEPTS                                                  \
    }
#define CLOISTER_CALLS_OWN(module)                                                                 \
    {                                                                                              \
        .name = module, .flags = CLO_PEER_CALLS | CLO_PEER_SAME_AUTHOR                             \
    }
#define CLOISTER_ACCEPTS_OWN(module)                                                               \
    {                                                                                              \
        .name = module, .flags = CLO_PEER_ACCEPTS | CLO_PEER_SAME_AUTHOR                           \
    }

/* CLOISTER_STREAM("name", most in, most out): a method that takes a stream of any length, in pieces
   of at most so many bytes and with at most so many coming of each (docs/calls.md). Its handler
   finds in argument[2] what CLO_METHOD_STREAM says. */
#define CLOISTER_STREAM(n, in_most, out_most)                                                      \
    {                                                                                              \
        .name = n, .kinds = CLO_STREAM_KINDS, .flags = CLO_METHOD_STREAM,                          \
        .size_max = {in_most, out_most},                                                           \
    }

#define CLOISTER_ALLOW(call) (1ull << CLO_HC_##call)

struct cloister_manifest_note {
    uint32_t owner_size, size, type;
    char owner[12];
    struct clo_manifest manifest;
};

/* Writes the manifest note. Fields that are not given: heap and stack of 256 and 64 KiB, one
   thread, 64 channels, no hypercalls but the ones every module has. */
#define CLOISTER_MODULE(...)                                                                       \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Woverride-init\"")           \
        __attribute__((section(CLO_MANIFEST_SECTION), used, aligned(4)))                           \
        const struct cloister_manifest_note cloister_manifest_note = {                             \
            9,                                                                                     \
            sizeof(struct clo_manifest),                                                           \
            CLO_NOTE_MANIFEST,                                                                     \
            CLO_NOTE_OWNER,                                                                        \
            {.magic = CLO_MANIFEST_MAGIC,                                                          \
             .abi_major = CLO_ABI_MAJOR,                                                           \
             .abi_minor = CLO_ABI_MINOR,                                                           \
             .heap_size = 256 << 10,                                                               \
             .stack_size = 64 << 10,                                                               \
             .threads = 1,                                                                         \
             .channels_max = 64,                                                                   \
             __VA_ARGS__}};                                                                        \
    _Pragma("GCC diagnostic pop") _Static_assert(1, "")

/* Hooks, weak, that a module may define. init runs once before the first call; not OK ends the
   module. Sessions: opened may refuse; closed always comes for one that was opened. */
cloister_status cloister_module_init(void);
cloister_status cloister_session_opened(cloister_call *call);
void cloister_session_closed(unsigned channel, unsigned session);

/* Does the caller no longer want this call: has it cancelled it, has its deadline passed, has it
   gone? A handler that takes long asks now and then, and returns CLOISTER_CANCELLED if so. */
int cloister_call_cancelled(const cloister_call *call);

/* What the functions below that return a status may return besides what they say: DENIED, the
   manifest does not allow the hypercall (CLOISTER_ALLOW); BAD_ARGUMENT. "Needs X" is X of
   CLOISTER_ALLOW. docs/abi.md lists the hypercalls. */

/* A line of log, at most 1024 bytes; never a secret. level: CLO_LOG_…. Dropped unless the
   manifest's log_class is PUBLIC and LOG is allowed. */
void cloister_log(unsigned level, const char *text);

/* Is this a debug world? Then the module may be unsigned, and nothing here is secret. */
int cloister_in_debug_world(void);

/* Random bytes from the host's generator. Needs RANDOM. */
CLOISTER_MUST_USE cloister_status cloister_random(void *bytes, size_t size);

/* Host clocks, ns. Needs TIME. */
CLOISTER_MUST_USE cloister_status cloister_time(uint64_t *real, uint64_t *monotonic);

/* Ends the module: its callers get DEAD. */
__attribute__((noreturn)) void cloister_panic(const char *text);

/* Makes a fresh key for one payload (abi/seal.h). policy: CLO_POLICY_…; label: at most
   CLO_LABEL_SIZE bytes. The caller wipes the reply. Needs SEAL. REFUSED: not by this policy; LIMIT:
   the manifest's seals_per_s. */
CLOISTER_MUST_USE cloister_status cloister_seal_key(unsigned policy, const void *label,
                                                    size_t label_size,
                                                    const uint8_t payload_digest[CLO_DIGEST_SIZE],
                                                    struct clo_seal_reply *reply);

/* The key of a sealed header, if policy allows; one opaque refusal: REFUSED. The caller wipes the
   reply. Needs UNSEAL. LIMIT. */
CLOISTER_MUST_USE cloister_status cloister_unseal_key(const struct clo_seal_header *header,
                                                      struct clo_unseal_reply *reply);

/* A signed report about this module. `report` has room for CLO_PAYLOAD_SIZE bytes, *size of them
   are the report (docs/report.md). Needs REPORT. LIMIT. */
CLOISTER_MUST_USE cloister_status cloister_report(const struct clo_report_request *request,
                                                  uint8_t *report, size_t *size);

/* Registers 0 … CLO_REGISTERS - 1 of this module, in each of its reports: value = SHA-384(value ||
   bytes). Need EXTEND and READ_REGISTER. */
CLOISTER_MUST_USE cloister_status cloister_extend(unsigned index,
                                                  const uint8_t bytes[CLO_DIGEST_SIZE],
                                                  uint8_t value[CLO_DIGEST_SIZE]);
CLOISTER_MUST_USE cloister_status cloister_read_register(unsigned index,
                                                         uint8_t value[CLO_DIGEST_SIZE]);

/* Calls to other modules of the world (abi/peer.h, docs/scheduling.md). */
typedef struct cloister_peer cloister_peer;

/* Opens a channel and a session to the module of that name in the world. `arena_size`: as for
   clients; 0 for 64 KiB. It is for the thread that opened it, and closed by cloister_close_module.
   Needs OPEN. DENIED: one of the two manifests does not permit it, or the other module calls this
   one already; NOT_FOUND; BUSY; DEAD; NO_MEMORY; LIMIT; what the other module refuses with. */
CLOISTER_MUST_USE cloister_status cloister_open_module(const char *module, size_t arena_size,
                                                       cloister_peer **peer);

/* NULL is ignored. */
void cloister_close_module(cloister_peer *peer);

/* Calls a method by name and waits, as cloister_call does for clients. The wait is part of this
   module's own call: `deadline_us` must leave room for it in max_call_us; 0 is half of that. After
   a TIMEOUT the peer stays usable; after DEAD it is only good for closing. */
cloister_result cloister_call_module(cloister_peer *peer, const char *method,
                                     cloister_parameter parameters[4], uint64_t deadline_us);

/* Who was called, as the keeper measured it. Valid until the peer is closed. */
const struct clo_module_identity *cloister_peer_identity(const cloister_peer *peer);

/* Who calls, if it is a module of this world; BAD_STATE: it is none. Good in session hooks. */
CLOISTER_MUST_USE cloister_status cloister_caller_identity(const cloister_call *call,
                                                           struct clo_module_identity *identity);

/* Whole payloads sealed and opened with OpenSSL's AES-256-GCM: link cloister-seal and libcrypto
   (`cloister module build … -- -lcloister-seal -lcrypto`). A blob has CLOISTER_SEAL_OVERHEAD bytes
   more than its payload: `blob` has room for all of it, `payload` for blob_size less that. Need
   SEAL and UNSEAL. CORRUPT: not a blob of ours, or altered; otherwise as cloister_seal_key and
   cloister_unseal_key. */
#define CLOISTER_SEAL_OVERHEAD (sizeof(struct clo_seal_header) + 16)
CLOISTER_MUST_USE cloister_status cloister_seal(unsigned policy, const void *label,
                                                size_t label_size, const void *payload, size_t size,
                                                uint8_t *blob, size_t *blob_size);
CLOISTER_MUST_USE cloister_status cloister_unseal(const uint8_t *blob, size_t blob_size,
                                                  uint8_t *payload, size_t *size);

#ifdef __cplusplus
}
#endif
#endif
