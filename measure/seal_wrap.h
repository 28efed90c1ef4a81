/*
 * The cryptography of sealed headers: derives the wrapping key from the root secret and from what a
 * policy demands of a module, and wraps with it. Between seal.c and its tests.
 */
#ifndef MEASURE_SEAL_WRAP_H
#define MEASURE_SEAL_WRAP_H

#include "abi/seal.h"
#include "measure/platform.h"

#include <stdbool.h>

#define SEAL_ROOT_VERSION 1u
#define SEAL_WRAPPED_SIZE (CLO_SEAL_KEY_SIZE + CLO_DIGEST_SIZE)

/* What a module is, as the launch record says. Which of it counts, the policy says. */
struct seal_identity {
    uint32_t policy; /* CLO_POLICY_… */
    bool debug;
    uint8_t author[CLO_AUTHOR_SIZE];
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t family_id[CLO_ID_SIZE];
    uint8_t image_id[CLO_ID_SIZE];
    uint8_t set_digest[CLO_DIGEST_SIZE];
};

/* Fills wrapped and tag of a header whose other fields are complete. INTERNAL. */
CLOISTER_MUST_USE cloister_status seal_wrap(const struct platform *platform,
                                            const struct seal_identity *identity,
                                            const uint8_t plain[SEAL_WRAPPED_SIZE],
                                            struct clo_seal_header *header);

/* CORRUPT: not wrapped for this identity under this root, or changed since; `plain` is then wiped.
   INTERNAL. */
CLOISTER_MUST_USE cloister_status seal_unwrap(const struct platform *platform,
                                              const struct seal_identity *identity,
                                              const struct clo_seal_header *header,
                                              uint8_t plain[SEAL_WRAPPED_SIZE]);

#endif
