/*
 * Sealed data: the header that the keeper makes and alone can open, and the SEAL and UNSEAL
 * messages. A module gets a fresh key from SEAL, encrypts one payload with it, and stores
 *
 *   header || AES-256-GCM(key, nonce = 12 zero bytes, additional data = header, payload) || tag
 *
 * UNSEAL takes the header alone. The zero nonce is safe because no key encrypts twice. The wrapped
 * part is AES-256-GCM under a key derived from the root secret, the salt and the policy identity,
 * with every header byte before it as additional data.
 */
#ifndef CLO_ABI_SEAL_H
#define CLO_ABI_SEAL_H

#include "layout.h"

#define CLO_SEAL_MAGIC 0x31534c43u /* "CLS1" */
#define CLO_SEAL_KEY_SIZE 32u
#define CLO_LABEL_SIZE 32u /* any bytes; zero-filled */

/* Who may open. Each also needs the sealer's author, an SVN of at least svn_floor, a runtime SVN of
   at least runtime_svn_floor, and the same debug state. Without an author: the exact ones only. */
#define CLO_POLICY_EXACT_CODE 1u  /* same measurement */
#define CLO_POLICY_SAME_IMAGE 2u  /* same family id and image id */
#define CLO_POLICY_SAME_FAMILY 3u /* same family id */
#define CLO_POLICY_SAME_AUTHOR 4u
#define CLO_POLICY_EXACT_SET 5u /* same measurement, among the same modules in the world */

#define CLO_SEAL_DEBUG 1u    /* flags: sealed in a debug world; opens only in one */
#define CLO_SEAL_ROLLBACK 2u /* flags: the label is rollback-protected; epoch counts */

struct clo_seal_header {
    uint32_t magic;
    uint16_t version;      /* 1 */
    uint16_t policy;       /* CLO_POLICY_… */
    uint32_t flags;        /* CLO_SEAL_… */
    uint32_t root_version; /* which root secret wrapped it; 1 is the first */
    uint32_t svn_floor;    /* the opener's SVN must be at least this */
    uint32_t runtime_svn_floor;
    uint32_t sealer_svn;
    uint32_t reserved;               /* zero */
    uint64_t epoch;                  /* of the label; 0 where it is not rollback-protected */
    uint64_t sealed_at;              /* host clock, s; informative */
    uint8_t sealer[CLO_DIGEST_SIZE]; /* measurement of the module that sealed */
    uint8_t author[CLO_AUTHOR_SIZE]; /* type byte and digest: labels belong to it */
    uint8_t reserved1[7];            /* zero */
    uint8_t family_id[CLO_ID_SIZE];
    uint8_t image_id[CLO_ID_SIZE];
    uint8_t set_digest[CLO_DIGEST_SIZE]; /* EXACT_SET: digest of the set; else zero */
    uint8_t label[CLO_LABEL_SIZE];
    uint8_t salt[32];
    uint8_t nonce[12];
    uint8_t reserved2[4];                                 /* zero */
    uint8_t wrapped[CLO_SEAL_KEY_SIZE + CLO_DIGEST_SIZE]; /* key, then digest of the payload */
    uint8_t tag[16];
};

static_assert(offsetof(struct clo_seal_header, epoch) == 32, "clo_seal_header.epoch");
static_assert(offsetof(struct clo_seal_header, sealer) == 48, "clo_seal_header.sealer");
static_assert(offsetof(struct clo_seal_header, family_id) == 152, "clo_seal_header.family_id");
static_assert(offsetof(struct clo_seal_header, label) == 232, "clo_seal_header.label");
static_assert(offsetof(struct clo_seal_header, wrapped) == 312, "clo_seal_header.wrapped");
static_assert(sizeof(struct clo_seal_header) == 408, "clo_seal_header");

struct clo_seal_request {
    uint16_t policy;
    uint16_t flags;     /* CLO_SEAL_ROLLBACK: UNSUPPORTED for now */
    uint32_t svn_floor; /* raised to the sealer's own SVN if lower */
    uint8_t label[CLO_LABEL_SIZE];
    uint8_t payload_digest[CLO_DIGEST_SIZE]; /* SHA-384 of the plaintext */
};

struct clo_seal_reply {
    uint8_t key[CLO_SEAL_KEY_SIZE];
    struct clo_seal_header header;
};

#define CLO_UNSEAL_REWRAP_DUE 1u /* flags: sealed under an older root secret or format */

struct clo_unseal_reply {
    uint8_t key[CLO_SEAL_KEY_SIZE];
    uint8_t payload_digest[CLO_DIGEST_SIZE];
    uint8_t sealer[CLO_DIGEST_SIZE];
    uint32_t sealer_svn;
    uint32_t flags; /* CLO_UNSEAL_… */
};

static_assert(sizeof(struct clo_seal_request) == 88, "clo_seal_request");
static_assert(sizeof(struct clo_seal_reply) == 440, "clo_seal_reply");
static_assert(sizeof(struct clo_unseal_reply) == 136, "clo_unseal_reply");

#endif
