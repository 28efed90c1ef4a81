/*
 * Author keys: P-256 keys in PEM files.
 */
#include "tools/crypto/author_key.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "base/signals.h"
#include "measure/crypto.h"
#include "measure/openssl_scope.h"

#include <fcntl.h>
#include <openssl/pem.h>

#define KEY_FILE_MAX 65536u

/* OpenSSL would ask on the terminal; a command that signs must not wait for a person. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static EVP_PKEY *parse(const uint8_t *bytes, size_t size, bool private)
{
    AUTO_BIO BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    if (!bio)
        return NULL;
    return private ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                   : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
}

static cloister_status read_key(const char *path, bool or_public, EVP_PKEY **key,
                                struct reason *why)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;
    cloister_status status = crypto_start(why);
    if (status == CLOISTER_OK)
        status = file_read(path, KEY_FILE_MAX, &bytes, &size, why);
    if (status != CLOISTER_OK)
        return status;
    EVP_PKEY *parsed = parse(bytes, size, true);
    if (!parsed && or_public)
        parsed = parse(bytes, size, false);
    bytes_wipe(bytes, size);
    if (!parsed)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "%s is no key; a P-256 %skey in PEM, not encrypted, is needed", path,
                      or_public ? "" : "private ");
    *key = parsed;
    return CLOISTER_OK;
}

cloister_status author_key_read(const char *path, EVP_PKEY **key, struct reason *why)
{
    return read_key(path, false, key, why);
}

cloister_status author_key_read_public(const char *path, EVP_PKEY **key, struct reason *why)
{
    return read_key(path, true, key, why);
}

/* O_EXCL: a key that exists may be the only one that can sign updates. */
static cloister_status write_key(const char *path, const char *pem, size_t size, struct reason *why)
{
    AUTO_SIGNALS sigset_t before = signals_hold();
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%s exists; a key is never overwritten", path);
    if (fd < 0)
        return refuse_errno(why, "cannot create %s", path);
    if (fd_write_all(fd, pem, size) != CLOISTER_OK || fsync(fd) != 0) {
        cloister_status status = refuse_errno(why, "cannot write %s", path);
        (void)unlink(path);
        return status;
    }
    return CLOISTER_OK;
}

cloister_status author_key_make(const char *path, EVP_PKEY **key, struct reason *why)
{
    cloister_status status = crypto_start(why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_EVP_PKEY EVP_PKEY *made = EVP_EC_gen("P-256");
    AUTO_BIO BIO *bio = BIO_new(BIO_s_secmem());
    if (!made || !bio || PEM_write_bio_PrivateKey(bio, made, NULL, NULL, 0, NULL, NULL) != 1)
        return refuse(why, CLOISTER_INTERNAL, "cannot make a key: %s", crypto_error());
    char *pem;
    long size = BIO_get_mem_data(bio, &pem);
    status = write_key(path, pem, (size_t)size, why);
    if (status == CLOISTER_OK)
        *key = take_pointer(&made);
    return status;
}
