/*
 * SHA-256 and AES-256-GCM over 16 KiB inside the module `digest`, against the same libcrypto.a in
 * this process. The module times its own loop with the time-stamp counter and returns the ticks, so
 * that the call is not part of it: what is compared is code in ring 3 of a world and code outside.
 * Both run on the same processor in turn.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/measured_world.h"
#include "bench/pin.h"

#include <openssl/evp.h>
#include <string.h>

#define ROUNDS 60u
#define TEXT_SIZE 16384u
#define KEY_SIZE 32u
#define NONCE_SIZE 12u
#define TAG_SIZE 16u
#define SHA256_LOOPS 200u
#define AES_LOOPS 500u
#define ARENA_SIZE (64u << 10)

enum algorithm { SHA256 = 0, AES256GCM = 1 }; /* as the module numbers them */

static const struct row_head heads[] = {
    [SHA256] = {.name = "sha256_16k",
                .ours = "SHA-256 over 16 KiB inside digest",
                .reference = "the same libcrypto.a on the host",
                .unit = "us",
                .aim = ROW_AT_LEAST,
                .target = 0.95},
    [AES256GCM] = {.name = "aes256gcm_16k",
                   .ours = "AES-256-GCM over 16 KiB inside digest",
                   .reference = "the same libcrypto.a on the host",
                   .unit = "us",
                   .aim = ROW_AT_LEAST,
                   .target = 0.95},
};

struct sides {
    cloister_session *session;
    EVP_MD *sha256;
    EVP_CIPHER *aes;
    EVP_MD_CTX *sha256_context;
    EVP_CIPHER_CTX *aes_context;
    uint8_t in[KEY_SIZE + NONCE_SIZE + TEXT_SIZE];
    uint8_t out[TEXT_SIZE + TAG_SIZE];
};

static bool hash(struct sides *sides)
{
    return EVP_DigestInit_ex2(sides->sha256_context, sides->sha256, NULL) &&
           EVP_DigestUpdate(sides->sha256_context, sides->in, TEXT_SIZE) &&
           EVP_DigestFinal_ex(sides->sha256_context, sides->out, NULL);
}

static bool encrypt(struct sides *sides)
{
    int done;
    const uint8_t *nonce = sides->in + KEY_SIZE;
    return EVP_EncryptInit_ex2(sides->aes_context, sides->aes, sides->in, nonce, NULL) &&
           EVP_EncryptUpdate(sides->aes_context, sides->out, &done, nonce + NONCE_SIZE,
                             (int)TEXT_SIZE) &&
           EVP_EncryptFinal_ex(sides->aes_context, sides->out + TEXT_SIZE, &done) &&
           EVP_CIPHER_CTX_ctrl(sides->aes_context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE,
                               sides->out + TEXT_SIZE);
}

static cloister_status host_loops(struct sides *sides, enum algorithm algorithm, unsigned loops,
                                  double *ticks, struct reason *why)
{
    bool good = true;
    uint64_t start = clock_ticks();
    for (unsigned i = 0; i < loops && good; i++)
        good = algorithm == SHA256 ? hash(sides) : encrypt(sides);
    *ticks = (double)(clock_ticks() - start);
    return good ? CLOISTER_OK : refuse(why, CLOISTER_INTERNAL, "libcrypto failed on the host");
}

static cloister_status module_loops(struct sides *sides, enum algorithm algorithm, unsigned loops,
                                    double *ticks, struct reason *why)
{
    size_t size = algorithm == SHA256 ? TEXT_SIZE : sizeof sides->in;
    cloister_parameter parameters[4] = {cloister_in(sides->in, size),
                                        cloister_value(algorithm, loops), cloister_value_out()};
    cloister_result result = cloister_call(sides->session, "rounds", parameters, 0);
    if (result.status != CLOISTER_OK)
        return refuse(why, result.status, "a call of digest failed: %s",
                      cloister_status_text(result.status));
    *ticks = (double)parameters[2].a;
    return CLOISTER_OK;
}

static cloister_status measure(const struct row_plan *plan, struct sides *sides,
                               enum algorithm algorithm, struct row *row, struct reason *why)
{
    static struct row_samples samples;
    unsigned loops = algorithm == SHA256 ? SHA256_LOOPS : AES_LOOPS;
    unsigned rounds = row_rounds(plan, ROUNDS);
    double ours = 0;
    double host = 0;
    samples.count = 0;
    cloister_status status = module_loops(sides, algorithm, 1, &ours, why); /* touches the pages */
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        status = host_loops(sides, algorithm, loops, &host, why);
        if (status == CLOISTER_OK)
            status = module_loops(sides, algorithm, loops, &ours, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, &samples, ours, host, 1e-3 / loops);
    }
    row_finish(row, &heads[algorithm], &samples);
    return status;
}

static cloister_status start_library(struct sides *sides, struct reason *why)
{
    sides->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    sides->aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    sides->sha256_context = EVP_MD_CTX_new();
    sides->aes_context = EVP_CIPHER_CTX_new();
    if (!sides->sha256 || !sides->aes || !sides->sha256_context || !sides->aes_context)
        return refuse(why, CLOISTER_INTERNAL, "libcrypto does not start");
    return CLOISTER_OK;
}

static void end_library(struct sides *sides)
{
    EVP_MD_CTX_free(sides->sha256_context);
    EVP_CIPHER_CTX_free(sides->aes_context);
    EVP_MD_free(sides->sha256);
    EVP_CIPHER_free(sides->aes);
}

static cloister_status with_world(const struct row_plan *plan, const struct measured_world *live,
                                  struct row *rows, struct reason *why)
{
    static struct sides sides;
    memset(&sides, 0, sizeof sides);
    cloister_status status = start_library(&sides, why);
    if (status == CLOISTER_OK)
        status = measured_world_session(live, "digest", ARENA_SIZE, &sides.session, why);
    if (status == CLOISTER_OK) {
        cloister_session_set_spin(sides.session, 0); /* the module needs this processor */
        status = pin_self(plan->server_cpu, why);
    }
    if (status == CLOISTER_OK)
        status = measure(plan, &sides, SHA256, &rows[0], why);
    if (status == CLOISTER_OK)
        status = measure(plan, &sides, AES256GCM, &rows[1], why);
    cloister_session_close(sides.session);
    end_library(&sides);
    return status;
}

cloister_status bench_compute(const struct row_plan *plan, struct row *rows, unsigned *count,
                              struct reason *why)
{
    struct measured_world live;
    struct measured_options options = {.module = "modules/digest.mod", .cpu = plan->server_cpu};
    cloister_status status = measured_world_start(&live, &options, why);
    if (status == CLOISTER_OK)
        status = with_world(plan, &live, rows, why);
    measured_world_stop(&live);
    *count = 2;
    return status;
}
