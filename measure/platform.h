/*
 * Platform state: the folder with the root secret, the attestation key and the platform CA.
 * Files 0600 in a folder 0700. The keeper loads it; `cloister key` makes it and prints the CA.
 *
 *   root.key          32 random bytes, hexadecimal
 *   attestation.key   P-384 private key, PEM
 *   attestation.pem   its certificate, issued by the CA
 *   ca.key, ca.pem    the platform CA
 */
#ifndef MEASURE_PLATFORM_H
#define MEASURE_PLATFORM_H

#include "base/reason.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define PLATFORM_ROOT_SIZE 32
#define PLATFORM_FILE_MAX 4096 /* bytes of each file */

struct platform {
    uint8_t root[PLATFORM_ROOT_SIZE];
    EVP_PKEY *attestation_key;
    X509 *attestation_certificate;
};

/* Makes the state. BAD_STATE if there is one already: a root secret is never overwritten. All or
   nothing: a failure half way leaves no files. Missing parent folders are made, 0700. */
CLOISTER_MUST_USE cloister_status platform_create(const char *folder, struct reason *why);

/* Is there a state that this user may load? Looks at owners and modes only and touches no secret:
   for a quick answer before something expensive. Statuses as platform_load. */
CLOISTER_MUST_USE cloister_status platform_check(const char *folder, struct reason *why);

/* Loads it, refusing wrong owners and modes that let others read: DENIED. NOT_FOUND: `cloister key
   init` has not been run. BAD_FORMAT: a file is damaged. The caller ends with platform_unload, and
   keeps `platform` itself in memory that is locked. */
CLOISTER_MUST_USE cloister_status platform_load(const char *folder, struct platform *platform,
                                                struct reason *why);

/* What the files of the attestation key hold: secret, like the platform itself. */
struct platform_files {
    size_t key_size;
    size_t certificate_size;
    char key[PLATFORM_FILE_MAX + 1];
    char certificate[PLATFORM_FILE_MAX + 1];
};

/* platform_load in two steps, for a process that has something else to do between them. The first
   takes all it needs from the disk and sets the root secret; the second parses the keys (and takes
   most of the time), wipes `files` whatever happens, and uses `folder` in reasons only. */
CLOISTER_MUST_USE cloister_status platform_read(const char *folder, struct platform *platform,
                                                struct platform_files *files, struct reason *why);
CLOISTER_MUST_USE cloister_status platform_parse(const char *folder, struct platform *platform,
                                                 struct platform_files *files, struct reason *why);

/* Reads the CA certificate, PEM, that the caller frees. Statuses as platform_load. */
CLOISTER_MUST_USE cloister_status platform_read_ca(const char *folder, uint8_t **pem, size_t *size,
                                                   struct reason *why);

/* Wipes and frees. */
void platform_unload(struct platform *platform);

#endif
