/*
 * Author keys: P-256 keys in PEM files.
 */
#ifndef TOOLS_CRYPTO_AUTHOR_KEY_H
#define TOOLS_CRYPTO_AUTHOR_KEY_H

#include "base/reason.h"

#include <openssl/evp.h>

/* Reads a private key that is not encrypted. The caller frees it. */
CLOISTER_MUST_USE cloister_status author_key_read(const char *path, EVP_PKEY **key,
                                                  struct reason *why);

/* Reads the public part of a private or public key. The caller frees it. */
CLOISTER_MUST_USE cloister_status author_key_read_public(const char *path, EVP_PKEY **key,
                                                         struct reason *why);

/* Makes a key and writes it, 0600. BAD_STATE: there is a file already; it is left alone. */
CLOISTER_MUST_USE cloister_status author_key_make(const char *path, EVP_PKEY **key,
                                                  struct reason *why);

#endif
