/*
 * The process's OpenSSL library context, wiped and locked memory for it, digests, randomness.
 */
#include "measure/crypto.h"

#include "base/bytes.h"
#include "base/file.h"
#include "measure/crypto_provider.h"

#include <errno.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Enough for the attestation key and the generators that sign with it, and within the 64 KiB that
   old kernels let anyone lock. */
#define KEY_HEAP_SIZE 32768
#define KEY_HEAP_LEAST 32

/* A file is read, not mapped: taking a mapping away again costs more than the copy. */
#define FILE_PIECE 16384u

static OSSL_LIB_CTX *context;
static EVP_MD *sha384;

static void wiping_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    if (memory)
        bytes_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

static void *plain_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *wiping_realloc(void *memory, size_t size, const char *file, int line)
{
    if (size == 0) {
        wiping_free(memory, file, line);
        return NULL;
    }
    void *larger = malloc(size);
    if (!larger || !memory)
        return larger;
    size_t old = malloc_usable_size(memory);
    memcpy(larger, memory, old < size ? old : size);
    wiping_free(memory, file, line);
    return larger;
}

cloister_status crypto_protect(struct reason *why)
{
    if (CRYPTO_set_mem_functions(plain_malloc, wiping_realloc, wiping_free) != 1)
        return refuse(why, CLOISTER_BAD_STATE, "OpenSSL was used before its memory was protected");
    if (CRYPTO_secure_malloc_init(KEY_HEAP_SIZE, KEY_HEAP_LEAST) != 1)
        return refuse(why, CLOISTER_NO_MEMORY,
                      "cannot lock %d bytes of memory for keys; the limit (ulimit -l) must be at "
                      "least 64 KiB",
                      KEY_HEAP_SIZE);
    /* A table of all of OpenSSL's error texts is a fifth of what a keeper takes; numbers do. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_LOAD_CONFIG |
                                OPENSSL_INIT_NO_ATEXIT,
                            NULL) != 1)
        return refuse(why, CLOISTER_INTERNAL, "cannot start OpenSSL");
    return CLOISTER_OK;
}

static cloister_status start(bool sparing, struct reason *why)
{
    if (context)
        return CLOISTER_OK;
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
        return refuse(why, CLOISTER_INTERNAL, "cannot start OpenSSL");
    OSSL_LIB_CTX *fresh = OSSL_LIB_CTX_new();
    if (!fresh)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for OpenSSL's library context");
    if (!sparing || crypto_provider_load(fresh))
        sha384 = EVP_MD_fetch(fresh, "SHA2-384", NULL);
    if (!sha384) {
        OSSL_LIB_CTX_free(fresh);
        return refuse(why, CLOISTER_INTERNAL, "OpenSSL offers no SHA-384");
    }
    context = fresh;
    (void)OSSL_LIB_CTX_set0_default(context);
    return CLOISTER_OK;
}

cloister_status crypto_start(struct reason *why)
{
    return start(false, why);
}

cloister_status crypto_start_sparing(struct reason *why)
{
    return start(true, why);
}

void crypto_stop(void)
{
    if (!context)
        return;
    (void)OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
    EVP_MD_free(sha384);
    OPENSSL_thread_stop_ex(context);
    OSSL_LIB_CTX_free(context);
    sha384 = NULL;
    context = NULL;
}

OSSL_LIB_CTX *crypto_context(void)
{
    return context;
}

static bool digest_pieces(EVP_MD_CTX *digester, const struct crypto_bytes *pieces, size_t count,
                          uint8_t digest[CLO_DIGEST_SIZE])
{
    if (EVP_DigestInit_ex2(digester, sha384, NULL) != 1)
        return false;
    for (size_t i = 0; i < count; i++)
        if (EVP_DigestUpdate(digester, pieces[i].bytes, pieces[i].size) != 1)
            return false;
    unsigned size = 0;
    return EVP_DigestFinal_ex(digester, digest, &size) == 1 && size == CLO_DIGEST_SIZE;
}

cloister_status crypto_sha384(const struct crypto_bytes *pieces, size_t count,
                              uint8_t digest[CLO_DIGEST_SIZE])
{
    EVP_MD_CTX *digester = EVP_MD_CTX_new();
    if (!digester)
        return CLOISTER_NO_MEMORY;
    bool done = digest_pieces(digester, pieces, count, digest);
    EVP_MD_CTX_free(digester);
    return done ? CLOISTER_OK : CLOISTER_INTERNAL;
}

static cloister_status digest_file(EVP_MD_CTX *digester, int file, uint64_t offset, uint64_t size,
                                   uint8_t digest[CLO_DIGEST_SIZE])
{
    uint8_t bytes[FILE_PIECE];
    if (EVP_DigestInit_ex2(digester, sha384, NULL) != 1)
        return CLOISTER_INTERNAL;
    while (size > 0) {
        size_t piece = size < sizeof bytes ? (size_t)size : sizeof bytes;
        if (fd_read_at(file, bytes, piece, (off_t)offset) != CLOISTER_OK)
            return CLOISTER_IO;
        if (EVP_DigestUpdate(digester, bytes, piece) != 1)
            return CLOISTER_INTERNAL;
        offset += piece;
        size -= piece;
    }
    return EVP_DigestFinal_ex(digester, digest, NULL) == 1 ? CLOISTER_OK : CLOISTER_INTERNAL;
}

cloister_status crypto_sha384_file(int file, uint64_t offset, uint64_t size,
                                   uint8_t digest[CLO_DIGEST_SIZE])
{
    EVP_MD_CTX *digester = EVP_MD_CTX_new();
    if (!digester)
        return CLOISTER_NO_MEMORY;
    cloister_status status = digest_file(digester, file, offset, size, digest);
    EVP_MD_CTX_free(digester);
    return status;
}

cloister_status crypto_random(void *out, size_t size)
{
    if (size > 256)
        return CLOISTER_BAD_ARGUMENT;
    ssize_t got;
    do {
        got = getrandom(out, size, 0);
    } while (got < 0 && errno == EINTR);
    return got >= 0 && (size_t)got == size ? CLOISTER_OK : CLOISTER_IO;
}

const char *crypto_error(void)
{
    unsigned long error = ERR_get_error();
    ERR_clear_error();
    const char *text = error ? ERR_reason_error_string(error) : NULL;
    return text ? text : "unknown error";
}
