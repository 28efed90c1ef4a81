/*
 * The default provider behind a query that leaves out what no keeper uses. See crypto_provider.h.
 */
#include "measure/crypto_provider.h"

#include "base/scope.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>
#include <string.h>

#define NAME "cloister"
#define FUNCTIONS_MAX 16
#define ALGORITHMS_MAX 32 /* of one operation: there are four decoders of EC, for example */
#define OPERATIONS_MAX (OSSL_OP_STORE + 1)

/* Of libcrypto.a, in none of its headers. */
extern OSSL_provider_init_fn ossl_default_provider_init __attribute__((weak));

/* By the first of its names. */
static const char *const used[] = {
    "SHA2-384",                                           /* measurements, ES384 */
    "SHA2-256",                                           /* ES256 */
    "SHA2-512",                                           /* the nonce of a signature */
    "CTR-DRBG", "SEED-SRC", "AES-256-CTR", "AES-256-ECB", /* the generator behind that nonce */
    "EC",       "ECDSA",                                  /* keys and signatures */
    "DER",      "file",                                   /* PEM, and the store that reads it */
    "HKDF",     "HMAC",     "AES-256-GCM",                /* sealing */
};

static OSSL_FUNC_provider_query_operation_fn *query_all;

static bool is_used(const OSSL_ALGORITHM *algorithm)
{
    size_t length = strcspn(algorithm->algorithm_names, ":");
    for (size_t i = 0; i < ARRAY_SIZE(used); i++)
        if (strlen(used[i]) == length && memcmp(used[i], algorithm->algorithm_names, length) == 0)
            return true;
    return false;
}

/* OpenSSL keeps the array for as long as the provider is loaded, and asks for it more than once. */
static const OSSL_ALGORITHM *query_used(void *provider, int operation, int *do_not_keep)
{
    static OSSL_ALGORITHM chosen[OPERATIONS_MAX][ALGORITHMS_MAX + 1];
    const OSSL_ALGORITHM *all = query_all(provider, operation, do_not_keep);
    if (!all || operation < 0 || operation >= OPERATIONS_MAX)
        return NULL;
    OSSL_ALGORITHM *few = chosen[operation];
    if (few->algorithm_names)
        return few;
    for (size_t count = 0; all->algorithm_names && count < ALGORITHMS_MAX; all++)
        if (is_used(all))
            few[count++] = *all;
    return few;
}

static int start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
                 const OSSL_DISPATCH **functions, void **provider)
{
    static OSSL_DISPATCH ours[FUNCTIONS_MAX + 1];
    const OSSL_DISPATCH *theirs = NULL;
    if (ossl_default_provider_init(handle, core, &theirs, provider) != 1)
        return 0;
    size_t count = 0;
    for (; theirs->function_id != 0 && count < FUNCTIONS_MAX; theirs++) {
        ours[count] = *theirs;
        if (theirs->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
            query_all = OSSL_FUNC_provider_query_operation(theirs);
            ours[count].function = (void (*)(void))query_used;
        }
        count++;
    }
    *functions = ours;
    return query_all && theirs->function_id == 0;
}

bool crypto_provider_load(OSSL_LIB_CTX *context)
{
    if (!ossl_default_provider_init)
        return true;
    return OSSL_PROVIDER_add_builtin(context, NAME, start) == 1 &&
           OSSL_PROVIDER_load(context, NAME) != NULL;
}
