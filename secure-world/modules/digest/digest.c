/*
 * digest: OpenSSL's libcrypto.a inside a module, at the speed it has outside.
 *
 *   sha256     in: bytes; out: 32 bytes
 *   aes256gcm  in: key (32), nonce (12), text; out: cipher text, tag (16)
 *   rounds     in: what sha256 or aes256gcm takes; value: a = 0 or 1 for which, b = how many times;
 *              value out: a = ticks of the time-stamp counter that all of them took
 *
 * The input is zero-copy: a client that changes it meanwhile spoils its own result only.
 */
#include <cloister/module.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>

#define MOST (1 << 20)
#define KEY_SIZE 32
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define SHA256_SIZE 32
#define ROUNDS_MOST 100000

static EVP_MD *sha256_method;
static EVP_CIPHER *aes_method;
static EVP_MD_CTX *sha256_context;
static EVP_CIPHER_CTX *aes_context;
static uint8_t unused[MOST + TAG_SIZE];

cloister_status cloister_module_init(void)
{
    uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT;
    if (!OPENSSL_init_crypto(options, NULL))
        return CLOISTER_INTERNAL;
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    aes_method = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    sha256_context = EVP_MD_CTX_new();
    aes_context = EVP_CIPHER_CTX_new();
    return sha256_method && aes_method && sha256_context && aes_context ? CLOISTER_OK
                                                                        : CLOISTER_NO_MEMORY;
}

static cloister_status hash(const uint8_t *in, size_t size, uint8_t *out)
{
    int good = EVP_DigestInit_ex2(sha256_context, sha256_method, NULL) &&
               EVP_DigestUpdate(sha256_context, in, size) &&
               EVP_DigestFinal_ex(sha256_context, out, NULL);
    return good ? CLOISTER_OK : CLOISTER_INTERNAL;
}

/* `size` bytes: key, nonce and text. */
static cloister_status encrypt(const uint8_t *in, size_t size, uint8_t *out)
{
    const uint8_t *nonce = in + KEY_SIZE;
    const uint8_t *text = nonce + NONCE_SIZE;
    size_t length = size - KEY_SIZE - NONCE_SIZE;
    int done;
    int good = EVP_EncryptInit_ex2(aes_context, aes_method, in, nonce, NULL) &&
               EVP_EncryptUpdate(aes_context, out, &done, text, (int)length) &&
               EVP_EncryptFinal_ex(aes_context, out + length, &done) &&
               EVP_CIPHER_CTX_ctrl(aes_context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, out + length);
    return good ? CLOISTER_OK : CLOISTER_INTERNAL;
}

static cloister_status sha256(cloister_call *call)
{
    const cloister_argument *in = &call->argument[0];
    cloister_argument *out = &call->argument[1];
    if (out->capacity < SHA256_SIZE)
        return CLOISTER_TOO_BIG;
    out->size = SHA256_SIZE;
    return hash(in->in, in->size, out->out);
}

static cloister_status aes256gcm(cloister_call *call)
{
    const cloister_argument *in = &call->argument[0];
    cloister_argument *out = &call->argument[1];
    size_t made = in->size - KEY_SIZE - NONCE_SIZE + TAG_SIZE;
    if (out->capacity < made)
        return CLOISTER_TOO_BIG;
    out->size = made;
    return encrypt(in->in, in->size, out->out);
}

static cloister_status rounds(cloister_call *call)
{
    const cloister_argument *in = &call->argument[0];
    const cloister_argument *what = &call->argument[1];
    cloister_status status = CLOISTER_OK;
    if (what->a > 1 || what->b > ROUNDS_MOST || in->size < KEY_SIZE + NONCE_SIZE)
        return CLOISTER_BAD_ARGUMENT;
    uint64_t start = __builtin_ia32_rdtsc();
    for (uint64_t i = 0; i < what->b && status == CLOISTER_OK; i++)
        status = what->a == 0 ? hash(in->in, in->size, unused) : encrypt(in->in, in->size, unused);
    call->argument[2].a = __builtin_ia32_rdtsc() - start;
    return status;
}

CLOISTER_MODULE(.name = "digest", .version = "1.0.0", .svn = 1, .heap_size = 8 << 20,
                .max_call_us = 10000000, .method_count = 3,
                .method =
                    {
                        CLOISTER_METHOD("sha256", CLOISTER_IN(0, MOST), CLOISTER_OUT(SHA256_SIZE)),
                        CLOISTER_METHOD("aes256gcm", CLOISTER_IN(KEY_SIZE + NONCE_SIZE, MOST),
                                        CLOISTER_OUT(MOST)),
                        CLOISTER_METHOD("rounds", CLOISTER_IN(0, MOST), CLOISTER_VALUE_IN,
                                        CLOISTER_VALUE_OUT),
                    },
                .method[0].flags = CLO_METHOD_ZERO_COPY(0),
                .method[1].flags = CLO_METHOD_ZERO_COPY(0),
                .method[2].flags = CLO_METHOD_ZERO_COPY(0));
CLOISTER_HANDLERS(sha256, aes256gcm, rounds);
