/*
 * Channel: the shared memory between one client and one module, and the control pages by which
 * the world host tells a module of its channels.
 *
 * A channel is a memfd sealed against resizing: one header page, the submission ring, the
 * completion ring, the arena. Every word of it is hostile to both sides: read once into private
 * memory, check the copy, use the copy. Ring positions are private; what is published is the
 * `turn` of an entry. Entry i of lap n is full when its turn is n * CLO_RING_SIZE + i + 1 (mod
 * 2^32), so a reader waits on the line that carries the data, and one transfer of one cache line
 * moves a small call.
 *
 * Parking (Dekker). Whoever is about to sleep stores 1 to its own `…_parked` word, issues a full
 * fence, looks at the ring once more, then sleeps. Whoever has published entries, one or several,
 * issues a full fence and reads the other side's word; if it is 1 it stores 0 and wakes the
 * sleeper: the client by the doorbell (an eventfd), the module by NOTIFY, upon which the world
 * host adds 1 to `client_wake` and wakes one sleeper on the futex there. A fresh channel has
 * module_parked = 1.
 */
#ifndef CLO_ABI_CHANNEL_H
#define CLO_ABI_CHANNEL_H

#include "layout.h"

#define CLO_CHANNEL_MAGIC 0x31484c43u /* "CLH1" */
#define CLO_RING_SIZE 64u
#define CLO_INLINE_SIZE 48u
#define CLO_PARAMETERS_MAX 4u
#define CLO_ARENA_MAX (16u << 20)
#define CLO_ARENA_ALIGN 64u
#define CLO_WORDS_IN_LINE 0x80u /* in `inline_in`: see struct clo_submission */
/* Since 1.1 a module takes an output in the place of an input, and words in the line. */
#define CLO_LEAN_MINOR 1u
/* Bytes of the lines that so many bytes take. */
#define CLO_ARENA_LINES(size) (((size) + CLO_ARENA_ALIGN - 1) & ~(CLO_ARENA_ALIGN - 1))

/* Kinds of a parameter, 4 bits each in `kinds`, parameter 0 in the lowest bits. */
#define CLO_PARAM_NONE 0u
#define CLO_PARAM_IN 1u  /* value pair, client to module */
#define CLO_PARAM_OUT 2u /* value pair, module to client */
#define CLO_PARAM_INOUT 3u
#define CLO_PARAM_BUFFER_IN 5u
#define CLO_PARAM_BUFFER_OUT 6u
#define CLO_PARAM_BUFFER_INOUT 7u
/* Added to a buffer kind: the bytes are in the entry's own line, not in the arena. At most one
   inline buffer each way; for BUFFER_INOUT both ways. */
#define CLO_PARAM_INLINE 8u

#define CLO_METHOD_OPEN 0xfffeu /* session open and close, made by the client library */
#define CLO_METHOD_CLOSE 0xffffu
#define CLO_SESSIONS_MAX 64u /* open at a time on one channel, numbered from 0 */

#define CLO_CHANNEL_LIVE 0u
#define CLO_CHANNEL_DEAD 1u   /* the module has ended */
#define CLO_CHANNEL_CLOSED 2u /* the world host closed the channel, or the world stops */
#define CLO_CHANNEL_BROKEN 3u /* the ring was broken; reason says how */

/* Why a channel was closed: CLO_BROKEN_… in `reason`. */
#define CLO_BROKEN_TURN 1u
#define CLO_BROKEN_KIND 2u
#define CLO_BROKEN_PARAMETER 3u
#define CLO_BROKEN_RESERVED 4u

struct clo_channel_header {
    /* World host, before anyone else sees the channel; constant. */
    uint32_t magic;
    uint32_t abi_major;
    uint32_t ring_size;    /* CLO_RING_SIZE */
    uint32_t arena_offset; /* bytes from the start of the channel */
    uint32_t arena_size;
    uint32_t reserved0;  /* zero */
    uint64_t generation; /* of the module instance */
    uint8_t pad0[32];    /* zero */
    /* World host at any time. Line of its own: read by both sides while they poll. */
    uint32_t state;       /* CLO_CHANNEL_… */
    uint32_t client_wake; /* futex: incremented by the world host at each wake */
    uint8_t pad1[56];
    /* Module. */
    uint32_t module_parked; /* 1 from before WAIT until it polls again; cleared by either side */
    uint32_t reason;        /* CLO_BROKEN_… once the module has given the channel up */
    uint8_t pad2[56];
    /* Client. */
    uint32_t client_parked;
    uint8_t pad3[60];
    /* Client: the turn of the submission in each entry, if it is no longer wanted; 0: none. Looked
       at by the module before it begins the call, and while it runs if the method asks. */
    uint32_t cancel[CLO_RING_SIZE];
    uint8_t unused[4096 - 512];
};

static_assert(sizeof(struct clo_channel_header) == 4096, "clo_channel_header");
static_assert(offsetof(struct clo_channel_header, generation) == 24, "generation");
static_assert(offsetof(struct clo_channel_header, state) == 64, "state");
static_assert(offsetof(struct clo_channel_header, client_wake) == 68, "client_wake");
static_assert(offsetof(struct clo_channel_header, module_parked) == 128, "module_parked");
static_assert(offsetof(struct clo_channel_header, client_parked) == 192, "client_parked");
static_assert(offsetof(struct clo_channel_header, cancel) == 256, "cancel");

/* The words of a parameter that is not inline: a value pair, or a buffer in the arena. */
struct clo_parameter {
    uint64_t a; /* value a; buffer: offset in the arena, CLO_ARENA_ALIGN-aligned. Buffers of a call
                   lie apart, but a BUFFER_OUT may begin where a BUFFER_IN does if the method works
                   on copies of both: the input has been copied before the output is written */
    uint64_t b; /* value b; buffer in: bytes given; out: capacity; in-out: bytes given in bits
                   0 to 31, capacity in bits 32 to 63 */
};

/* Client to module. The second line is read only if some kind is neither NONE nor inline, so that
   there are words, and they are not in the first line, where clo_words_fit_line says they may be.
 */
struct clo_submission {
    uint32_t turn;        /* published last, with release */
    uint32_t deadline_us; /* from submission; 0: none. Advice to the module; the client keeps it,
                             and sets the cancel word when it has passed */
    uint16_t method;      /* index into the manifest's methods, or CLO_METHOD_… */
    uint16_t kinds;
    uint16_t session;   /* chosen by the client, per channel */
    uint8_t inline_in;  /* bytes of the inline input, at most CLO_INLINE_SIZE; or
                           CLO_WORDS_IN_LINE: `data` is parameter[0] to [2] */
    uint8_t inline_out; /* capacity of the inline output, at most CLO_INLINE_SIZE */
    uint8_t data[CLO_INLINE_SIZE];
    struct clo_parameter parameter[CLO_PARAMETERS_MAX];
};

/* Module to client. The second line is written only where the submission's was read. Where that had
   its words in the line, so has this, unless it has an inline output. */
struct clo_completion {
    uint32_t turn;       /* published last, with release */
    uint32_t submission; /* turn of the submission that this answers */
    uint16_t status;
    uint8_t origin;
    uint8_t inline_out; /* bytes of inline output */
    uint32_t reserved;  /* zero */
    uint8_t data[CLO_INLINE_SIZE];
    struct clo_parameter parameter[CLO_PARAMETERS_MAX]; /* out values; buffers: b = bytes made */
};

/* May a submission of these kinds have its words in the line? They must find room there, in the
   completion too, and there must be some. */
static inline int clo_words_fit_line(unsigned kinds)
{
    const unsigned each = 0x1111;
    unsigned in_line = kinds >> 3 & each;
    unsigned out = kinds >> 1 & each;
    unsigned used = (kinds | kinds >> 1 | kinds >> 2) & each;
    return kinds >> 12 == 0 && (used & ~in_line) && !(in_line & kinds) &&
           (!(in_line & out) || !(out & ~in_line));
}

static_assert(sizeof(struct clo_submission) == 128, "clo_submission");
static_assert(offsetof(struct clo_submission, data) == 16, "clo_submission.data");
static_assert(sizeof(struct clo_completion) == 128, "clo_completion");
static_assert(offsetof(struct clo_completion, data) == 16, "clo_completion.data");

#define CLO_SUBMISSIONS_OFFSET sizeof(struct clo_channel_header)
#define CLO_COMPLETIONS_OFFSET (CLO_SUBMISSIONS_OFFSET + CLO_RING_SIZE * 128u)
#define CLO_ARENA_OFFSET (CLO_COMPLETIONS_OFFSET + CLO_RING_SIZE * 128u)

/* Who is at the other end of a channel, as the world host knows it. */
#define CLO_CALLER_PROCESS 1u /* uid, gid, pid, start_time */
#define CLO_CALLER_GUEST 2u   /* id: guest number */
#define CLO_CALLER_MODULE 3u  /* id: module index in the launch record */

struct clo_caller {
    uint32_t kind;
    uint32_t uid;
    uint32_t gid;
    uint32_t pid;
    uint64_t start_time; /* of pid, clock ticks since boot; 0: not known */
    uint64_t id;
};

/* One channel of a module. `state` is stored last when a channel comes, first when it goes. */
struct clo_channel_slot {
    uint32_t state;      /* CLO_SLOT_… */
    uint32_t generation; /* increments each time the slot is reused */
    uint32_t offset;     /* bytes from CLO_VA_WINDOW */
    uint32_t size;       /* bytes */
    struct clo_caller caller;
    uint32_t thread; /* which thread serves it */
    uint32_t reserved[3];
};

#define CLO_SLOT_FREE 0u
#define CLO_SLOT_LIVE 1u

static_assert(sizeof(struct clo_caller) == 32, "clo_caller");
static_assert(sizeof(struct clo_channel_slot) == 64, "clo_channel_slot");

#define CLO_CHANNELS_MAX 127u

/* Control pages: written by the world host only, read by the module as it polls. */
struct clo_control {
    uint32_t epoch;    /* incremented after every change below */
    uint32_t stopping; /* 1: the world stops; finish and WAIT */
    uint32_t slots;    /* slots ever used: the module need not look further */
    uint8_t reserved[52];
    struct clo_channel_slot slot[CLO_CHANNELS_MAX];
};

static_assert(sizeof(struct clo_control) == CLO_CONTROL_SIZE, "clo_control");

#endif
