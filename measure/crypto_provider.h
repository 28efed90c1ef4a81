/*
 * OpenSSL's built-in provider, of which a keeper sees only the algorithms that it uses. A world
 * waits for its keeper's first answers, and what takes the time in them is that OpenSSL registers
 * all that a provider offers: every cipher for one, every format of a key for one key.
 */
#ifndef MEASURE_CRYPTO_PROVIDER_H
#define MEASURE_CRYPTO_PROVIDER_H

#include <openssl/types.h>
#include <stdbool.h>

/* Loads it into a context that has none yet; once in a process. A shared libcrypto hides its
   provider's start: the context then gets the whole provider when it first needs one. */
bool crypto_provider_load(OSSL_LIB_CTX *context);

#endif
