/*
 * Manifest: what a module declares about itself. It lies in an ELF note of a loaded segment
 * (owner "Cloister", type CLO_NOTE_MANIFEST), is written by a macro of the SDK, and is measured.
 * What is not declared is refused. The signature lies in a second note (CLO_NOTE_SIGNATURE) in a
 * section that is not loaded and not measured.
 */
#ifndef CLO_ABI_MANIFEST_H
#define CLO_ABI_MANIFEST_H

#include "hypercall.h"

#define CLO_NOTE_OWNER "Cloister" /* namesz 9 with its NUL, padded to 12 */
#define CLO_NOTE_MANIFEST 1u
#define CLO_NOTE_SIGNATURE 2u

#define CLO_MANIFEST_SECTION ".note.cloister.manifest"
#define CLO_SIGNATURE_SECTION ".note.cloister.signature"

#define CLO_MANIFEST_MAGIC 0x314d4c43u /* "CLM1" */
#define CLO_METHODS_MAX 32u

/* One method. A parameter of kind NONE ends the list. */
struct clo_method {
    uint8_t name[CLO_NAME_SIZE];
    uint16_t kinds;       /* CLO_PARAM_… without INLINE, 4 bits each */
    uint16_t flags;       /* CLO_METHOD_… */
    uint32_t reserved;    /* zero */
    uint32_t size_max[4]; /* buffers: bytes at most; values: 0 */
    uint32_t size_min[4]; /* buffers in: bytes at least; else 0 */
};

static_assert(sizeof(struct clo_method) == 72, "clo_method");

#define CLO_METHOD_ZERO_COPY(n) (1u << (n)) /* for parameter n */

/* The method takes a stream of any length in pieces: a buffer in, the next piece; a buffer out,
   what comes of it; a value pair, in: a = bytes before this piece (0: a new stream), b = 1: the
   last one; out: the module's to use, kept by the client from the last one. No other parameters. */
#define CLO_METHOD_STREAM 0x10u
#define CLO_STREAM_KINDS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4 | CLO_PARAM_INOUT << 8)

/* Another module of the world that this one has to do with. A channel between two modules needs
   CALLS of one side and ACCEPTS of the other. */
struct clo_peer {
    uint8_t name[CLO_NAME_SIZE];     /* in its manifest; all zero: any module */
    uint8_t author[CLO_AUTHOR_SIZE]; /* type byte and digest; all zero: any, or none */
    uint8_t reserved[3];             /* zero */
    uint32_t flags;                  /* CLO_PEER_… */
};

static_assert(sizeof(struct clo_peer) == 88, "clo_peer");

#define CLO_PEERS_MAX 8u

#define CLO_PEER_CALLS 1u       /* this module may open channels to it; needs OPEN */
#define CLO_PEER_ACCEPTS 2u     /* it may open channels to this module */
#define CLO_PEER_SAME_AUTHOR 4u /* only if it has this module's author; `author` is zero */

#define CLO_MODULE_DEBUGGABLE 1u /* flags: a debugger may attach in a debug world */

#define CLO_LOG_CLASS_NONE 0u   /* LOG is accepted and dropped */
#define CLO_LOG_CLASS_PUBLIC 1u /* LOG and console reach the world's log */

struct clo_manifest {
    uint32_t magic;
    uint16_t abi_major; /* needs this major and at least this minor */
    uint16_t abi_minor;
    uint8_t name[CLO_NAME_SIZE];
    uint8_t version[CLO_VERSION_SIZE];
    uint8_t family_id[CLO_ID_SIZE];
    uint8_t image_id[CLO_ID_SIZE];
    uint32_t svn;          /* security version of this code */
    uint32_t svn_floor;    /* refuses data sealed by code with an SVN below this; at most svn */
    uint64_t heap_size;    /* bytes, page multiple */
    uint32_t stack_size;   /* bytes of each thread, page multiple */
    uint32_t threads;      /* 1 … CLO_THREADS_MAX */
    uint64_t hypercalls;   /* bit n: CLO_HC number n, for those that are not always allowed */
    uint32_t channels_max; /* 1 … CLO_CHANNELS_MAX */
    uint32_t max_call_us;  /* a call that takes longer ends the module; 0: 1 s */
    uint32_t seals_per_s;  /* SEAL, UNSEAL, REPORT, OPEN together; 0: 1000 */
    uint32_t log_per_s;    /* lines of log; 0: 100 */
    uint32_t log_class;
    uint32_t flags;
    uint32_t method_count;                     /* 0 … CLO_METHODS_MAX */
    uint32_t peer_count;                       /* 0 … CLO_PEERS_MAX */
    uint32_t reserved[6];                      /* zero */
    struct clo_method method[CLO_METHODS_MAX]; /* unused ones zero */
    struct clo_peer peer[CLO_PEERS_MAX];       /* unused ones zero */
};

static_assert(offsetof(struct clo_manifest, svn) == 88, "clo_manifest.svn");
static_assert(offsetof(struct clo_manifest, hypercalls) == 112, "clo_manifest.hypercalls");
static_assert(offsetof(struct clo_manifest, method) == 176, "clo_manifest.method");
static_assert(offsetof(struct clo_manifest, peer) == 2480, "clo_manifest.peer");
static_assert(sizeof(struct clo_manifest) == 2480 + 8 * 88, "clo_manifest");

/*
 * Canonical record of a module: everything about the file that matters at run time, apart from
 * the bytes of its pages. The measurement is
 *   SHA-384( "cloister module 1" || record || page … )
 * over every page that the file has bytes in, in segment order and ascending address:
 *   page = address u64 || rights u32 || zero u32 || 4096 bytes
 * with bytes outside [vaddr, vaddr + filesz) zero, addresses relative to the load base, and the
 * fields e_shoff, e_shentsize, e_shnum, e_shstrndx of the ELF header zero. The first string has no
 * NUL. docs/measurement.md is the specification.
 */
#define CLO_SEGMENTS_MAX 12u
#define CLO_MEASUREMENT_TAG "cloister module 1"

#define CLO_SEGMENT_READ 1u
#define CLO_SEGMENT_WRITE 2u
#define CLO_SEGMENT_EXECUTE 4u

struct clo_segment {
    uint64_t vaddr;
    uint64_t memsz;
    uint64_t filesz;
    uint32_t rights; /* CLO_SEGMENT_… */
    uint32_t pages;  /* pages that the file has bytes in */
};

struct clo_module_record {
    struct clo_manifest manifest; /* all zero for `cloister exec` */
    uint64_t entry;
    uint64_t span;        /* end of the highest segment, page multiple */
    uint64_t relro_vaddr; /* all zero if there is none */
    uint64_t relro_size;
    uint64_t tls_vaddr;
    uint64_t tls_filesz;
    uint64_t tls_memsz;
    uint64_t tls_align;
    uint64_t phdr_vaddr; /* of the program headers in memory, 0 if they are not loaded */
    uint32_t phdr_count;
    uint32_t segment_count;
    struct clo_segment segment[CLO_SEGMENTS_MAX]; /* ascending, unused ones zero */
};

static_assert(sizeof(struct clo_segment) == 32, "clo_segment");
static_assert(sizeof(struct clo_module_record) == sizeof(struct clo_manifest) + 80 + 12 * 32,
              "clo_module_record");

#endif
