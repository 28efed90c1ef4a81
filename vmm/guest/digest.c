/*
 * libcrypto's SHA-384 by its low-level functions: the only part of it that is linked in, some 17
 * KiB, where the newer interface would bring all of the library.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "vmm/guest/digest.h"

#include <openssl/sha.h>

_Static_assert(SHA384_DIGEST_LENGTH == CLO_DIGEST_SIZE, "a digest is SHA-384");

void digest_sha384(const void *bytes, size_t size, uint8_t digest[CLO_DIGEST_SIZE])
{
    SHA512_CTX context;
    (void)SHA384_Init(&context);
    (void)SHA384_Update(&context, bytes, size);
    (void)SHA384_Final(digest, &context);
}
