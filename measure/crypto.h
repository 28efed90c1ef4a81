/*
 * The process's one OpenSSL library context. It has the built-in provider and nothing else: no
 * configuration file is read and no module loaded, whatever OPENSSL_CONF and OPENSSL_MODULES say.
 * Threads that fetch algorithms without naming a context use it too.
 */
#ifndef MEASURE_CRYPTO_H
#define MEASURE_CRYPTO_H

#include "abi/layout.h"
#include "base/reason.h"

#include <openssl/types.h>

/* Makes OpenSSL wipe all memory that it frees, and gives it a locked, undumped heap for private
   keys. Only before anything else has used OpenSSL: the keeper calls it first. BAD_STATE: too late;
   NO_MEMORY: the memory cannot be locked. */
CLOISTER_MUST_USE cloister_status crypto_protect(struct reason *why);

/* Makes the context, once; later calls only report success. Call it from the thread that works with
   keys. */
CLOISTER_MUST_USE cloister_status crypto_start(struct reason *why);

/* The same, and the context offers only what a keeper uses, if libcrypto is linked statically
   (measure/crypto_provider.h says why). */
CLOISTER_MUST_USE cloister_status crypto_start_sparing(struct reason *why);

/* Frees the context and wipes what its generators know. No key of it may be in use any more. */
void crypto_stop(void);

/* The context. crypto_start has succeeded. */
OSSL_LIB_CTX *crypto_context(void);

/* A piece of what is digested. */
struct crypto_bytes {
    const void *bytes;
    size_t size;
};

/* SHA-384 over the pieces, one after another, without any separation. */
CLOISTER_MUST_USE cloister_status crypto_sha384(const struct crypto_bytes *pieces, size_t count,
                                                uint8_t digest[CLO_DIGEST_SIZE]);

/* SHA-384 over `size` bytes of a file from `offset` on. IO: it cannot be read, or is shorter. */
CLOISTER_MUST_USE cloister_status crypto_sha384_file(int file, uint64_t offset, uint64_t size,
                                                     uint8_t digest[CLO_DIGEST_SIZE]);

/* Fresh random bytes from the kernel, not from a generator in this process: two processes started
   from one memory image never share them. At most 256 bytes. IO: `out` is not to be used. */
CLOISTER_MUST_USE cloister_status crypto_random(void *out, size_t size);

/* The first error that OpenSSL queued, as text; clears the queue. */
const char *crypto_error(void);

#endif
