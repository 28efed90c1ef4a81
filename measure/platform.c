/*
 * Loads the platform state. Every file is opened once, from the descriptor of a folder
 * that has been checked, never through a link, and is judged by what was opened. Must never follow
 * a path that another user could have put there, or load a secret that another user could have
 * read.
 */
#include "measure/platform.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "measure/crypto.h"
#include "measure/platform_files.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/store.h>
#include <string.h>
#include <sys/stat.h>

#define ROOT_TEXT_SIZE (2 * PLATFORM_ROOT_SIZE + 1) /* and a newline, or a NUL once read */

static const char *const file_names[] = {PLATFORM_ROOT_FILE, PLATFORM_KEY_FILE,
                                         PLATFORM_CERTIFICATE_FILE, PLATFORM_CA_FILE};

static cloister_status check_owner(const char *folder, const char *name, const struct stat *st,
                                   mode_t right, struct reason *why)
{
    if (st->st_uid != geteuid())
        return refuse(why, CLOISTER_DENIED, "%s%s belongs to user %u; it must belong to user %u",
                      folder, name, st->st_uid, geteuid());
    if (st->st_mode & 077)
        return refuse(why, CLOISTER_DENIED, "%s%s has mode %04o; it must be %04o", folder, name,
                      st->st_mode & 07777, right);
    return CLOISTER_OK;
}

static cloister_status open_folder(const char *folder, int *out, struct reason *why)
{
    AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return refuse(why, CLOISTER_NOT_FOUND,
                      "there is no platform state in %s; make it with 'cloister key init'", folder);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return refuse(why, CLOISTER_DENIED, "state folder %s is not a folder but a file or a link",
                      folder);
    if (fd < 0)
        return refuse_errno(why, "cannot open state folder %s", folder);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse_errno(why, "cannot examine state folder %s", folder);
    cloister_status status = check_owner(folder, "", &st, PLATFORM_FOLDER_MODE, why);
    if (status == CLOISTER_OK)
        *out = take_fd(&fd);
    return status;
}

/* `key init` fills a folder without any of the files, and no other. */
static cloister_status missing(const char *folder, int folder_fd, const char *name,
                               struct reason *why)
{
    if (strcmp(name, PLATFORM_ROOT_FILE) == 0 &&
        faccessat(folder_fd, PLATFORM_KEY_FILE, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return refuse(why, CLOISTER_NOT_FOUND,
                      "there is no platform state in %s; make it with 'cloister key init'", folder);
    return refuse(why, CLOISTER_NOT_FOUND,
                  "platform state in %s has no %s; restore it from a backup, or make a new state "
                  "elsewhere",
                  folder, name);
}

static cloister_status open_file(const char *folder, int folder_fd, const char *name, int *out,
                                 size_t *size, struct reason *why)
{
    /* O_NONBLOCK: a FIFO must not hang us. */
    AUTO_FD int fd =
        openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return missing(folder, folder_fd, name, why);
    if (fd < 0 && errno == ELOOP)
        return refuse(why, CLOISTER_DENIED, "%s/%s is a link; it must be a regular file", folder,
                      name);
    if (fd < 0)
        return refuse_errno(why, "cannot open %s/%s", folder, name);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse_errno(why, "cannot examine %s/%s", folder, name);
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
        return refuse(why, CLOISTER_DENIED, "%s/%s must be a regular file with one name", folder,
                      name);
    char below[64];
    (void)snprintf(below, sizeof below, "/%s", name);
    cloister_status status = check_owner(folder, below, &st, PLATFORM_FILE_MODE, why);
    if (status != CLOISTER_OK)
        return status;
    if (st.st_size > PLATFORM_FILE_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "%s/%s has %lld bytes; at most %d are expected",
                      folder, name, (long long)st.st_size, PLATFORM_FILE_MAX);
    *size = (size_t)st.st_size;
    *out = take_fd(&fd);
    return CLOISTER_OK;
}

/* Reads a whole file into `bytes`, with a NUL after its `*size` bytes. */
static cloister_status read_file(const char *folder, int folder_fd, const char *name,
                                 char bytes[PLATFORM_FILE_MAX + 1], size_t *size,
                                 struct reason *why)
{
    AUTO_FD int fd = -1;
    size_t expected = 0;
    cloister_status status = open_file(folder, folder_fd, name, &fd, &expected, why);
    if (status != CLOISTER_OK)
        return status;
    size_t have = 0;
    while (have < expected) {
        ssize_t n = read(fd, bytes + have, expected - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(why, "cannot read %s/%s", folder, name);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    bytes[have] = '\0';
    *size = have;
    return CLOISTER_OK;
}

static cloister_status read_root(const char *folder, int folder_fd,
                                 uint8_t root[PLATFORM_ROOT_SIZE], struct reason *why)
{
    char text[PLATFORM_FILE_MAX + 1];
    size_t size = 0;
    size_t got = 0;
    cloister_status status = read_file(folder, folder_fd, PLATFORM_ROOT_FILE, text, &size, why);
    if (status != CLOISTER_OK)
        return status;
    bool right = size == ROOT_TEXT_SIZE && text[size - 1] == '\n';
    if (right)
        text[size - 1] = '\0';
    right = right && hex_decode(text, root, PLATFORM_ROOT_SIZE, &got) && got == PLATFORM_ROOT_SIZE;
    bytes_wipe(text, sizeof text);
    if (right)
        return CLOISTER_OK;
    return refuse(why, CLOISTER_BAD_FORMAT,
                  "%s/%s is damaged; it must be one line of %d hexadecimal digits", folder,
                  PLATFORM_ROOT_FILE, 2 * PLATFORM_ROOT_SIZE);
}

/* Takes the first object of the wanted type out of a store. */
static OSSL_STORE_INFO *store_find(OSSL_STORE_CTX *store, int type)
{
    if (OSSL_STORE_expect(store, type) != 1)
        return NULL;
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info && OSSL_STORE_INFO_get_type(info) == type)
            return info;
        OSSL_STORE_INFO_free(info);
        if (!info && OSSL_STORE_error(store))
            return NULL;
    }
    return NULL;
}

/* Through OSSL_STORE, so that a key in a TPM or token differs only in how the store is opened. */
static OSSL_STORE_INFO *store_read(const char *bytes, size_t size, int type)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    if (!bio)
        return NULL;
    OSSL_STORE_INFO *info = NULL;
    OSSL_STORE_CTX *store =
        OSSL_STORE_attach(bio, "file", crypto_context(), NULL, NULL, NULL, NULL, NULL, NULL);
    if (store)
        info = store_find(store, type);
    if (store)
        OSSL_STORE_close(store);
    BIO_free(bio);
    return info;
}

static cloister_status parse_key(const char *folder, const struct platform_files *files,
                                 EVP_PKEY **key, struct reason *why)
{
    OSSL_STORE_INFO *info = store_read(files->key, files->key_size, OSSL_STORE_INFO_PKEY);
    EVP_PKEY *found = info ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
    OSSL_STORE_INFO_free(info);
    char group[32] = "";
    if (found && EVP_PKEY_get_group_name(found, group, sizeof group, NULL) == 1 &&
        (strcmp(group, "secp384r1") == 0 || strcmp(group, "P-384") == 0)) {
        *key = found;
        return CLOISTER_OK;
    }
    EVP_PKEY_free(found);
    (void)crypto_error();
    return refuse(why, CLOISTER_BAD_FORMAT, "%s/%s is damaged; it must be a P-384 private key, PEM",
                  folder, PLATFORM_KEY_FILE);
}

static cloister_status parse_certificate(const char *folder, const struct platform_files *files,
                                         EVP_PKEY *key, X509 **certificate, struct reason *why)
{
    OSSL_STORE_INFO *info =
        store_read(files->certificate, files->certificate_size, OSSL_STORE_INFO_CERT);
    X509 *found = info ? OSSL_STORE_INFO_get1_CERT(info) : NULL;
    OSSL_STORE_INFO_free(info);
    if (found && X509_check_private_key(found, key) == 1) {
        *certificate = found;
        return CLOISTER_OK;
    }
    X509_free(found);
    (void)crypto_error();
    return refuse(why, CLOISTER_BAD_FORMAT,
                  "%s/%s is damaged; it must be the certificate of the key in %s, PEM", folder,
                  PLATFORM_CERTIFICATE_FILE, PLATFORM_KEY_FILE);
}

static cloister_status check_files(const char *folder, int folder_fd, struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    for (size_t i = 0; i < ARRAY_SIZE(file_names) && status == CLOISTER_OK; i++) {
        AUTO_FD int fd = -1;
        size_t size = 0;
        status = open_file(folder, folder_fd, file_names[i], &fd, &size, why);
    }
    return status;
}

cloister_status platform_check(const char *folder, struct reason *why)
{
    AUTO_FD int folder_fd = -1;
    cloister_status status = open_folder(folder, &folder_fd, why);
    return status == CLOISTER_OK ? check_files(folder, folder_fd, why) : status;
}

static cloister_status read_all(const char *folder, int folder_fd, struct platform *platform,
                                struct platform_files *files, struct reason *why)
{
    cloister_status status = read_root(folder, folder_fd, platform->root, why);
    if (status == CLOISTER_OK)
        status = read_file(folder, folder_fd, PLATFORM_KEY_FILE, files->key, &files->key_size, why);
    if (status == CLOISTER_OK)
        status = read_file(folder, folder_fd, PLATFORM_CERTIFICATE_FILE, files->certificate,
                           &files->certificate_size, why);
    return status;
}

cloister_status platform_read(const char *folder, struct platform *platform,
                              struct platform_files *files, struct reason *why)
{
    *platform = (struct platform){.attestation_key = NULL};
    AUTO_FD int folder_fd = -1;
    cloister_status status = open_folder(folder, &folder_fd, why);
    if (status == CLOISTER_OK)
        status = read_all(folder, folder_fd, platform, files, why);
    if (status != CLOISTER_OK) {
        bytes_wipe(files, sizeof *files);
        platform_unload(platform);
    }
    return status;
}

cloister_status platform_parse(const char *folder, struct platform *platform,
                               struct platform_files *files, struct reason *why)
{
    cloister_status status = crypto_start(why);
    if (status == CLOISTER_OK)
        status = parse_key(folder, files, &platform->attestation_key, why);
    if (status == CLOISTER_OK)
        status = parse_certificate(folder, files, platform->attestation_key,
                                   &platform->attestation_certificate, why);
    bytes_wipe(files, sizeof *files);
    if (status != CLOISTER_OK)
        platform_unload(platform);
    return status;
}

cloister_status platform_load(const char *folder, struct platform *platform, struct reason *why)
{
    struct platform_files files;
    *platform = (struct platform){.attestation_key = NULL};
    cloister_status status = platform_check(folder, why);
    if (status == CLOISTER_OK)
        status = platform_read(folder, platform, &files, why);
    if (status == CLOISTER_OK)
        status = platform_parse(folder, platform, &files, why);
    return status;
}

cloister_status platform_read_ca(const char *folder, uint8_t **pem, size_t *size,
                                 struct reason *why)
{
    AUTO_FD int folder_fd = -1;
    cloister_status status = open_folder(folder, &folder_fd, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FREE char *buffer = malloc(PLATFORM_FILE_MAX + 1);
    if (!buffer)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the CA certificate");
    status = read_file(folder, folder_fd, PLATFORM_CA_FILE, buffer, size, why);
    if (status == CLOISTER_OK)
        *pem = take_pointer(&buffer);
    return status;
}

void platform_unload(struct platform *platform)
{
    EVP_PKEY_free(platform->attestation_key);
    X509_free(platform->attestation_certificate);
    bytes_wipe(platform, sizeof *platform);
}
