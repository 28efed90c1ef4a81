/*
 * Makes the platform state: writes it into a temporary folder beside the final one, and renames it
 * into place when all of it is on disk. A rename cannot replace a folder that has files in it, so
 * an existing state cannot be lost, whatever else runs at the same time. Who may write to the
 * parent can put another folder there; platform_load refuses it, for it is not ours.
 */
#include "measure/platform.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "base/signals.h"
#include "measure/crypto.h"
#include "measure/platform_certificate.h"
#include "measure/platform_files.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

/* Where the state goes, and the temporary folder beside it. */
struct place {
    int parent;
    char name[NAME_MAX + 1];
    int folder;
    char temporary[64];
};

static const char *const all_files[] = {PLATFORM_ROOT_FILE, PLATFORM_KEY_FILE,
                                        PLATFORM_CERTIFICATE_FILE, PLATFORM_CA_KEY_FILE,
                                        PLATFORM_CA_FILE};

static cloister_status write_file(int folder, const char *name, const void *bytes, size_t size,
                                  struct reason *why)
{
    AUTO_FD int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                            PLATFORM_FILE_MODE);
    if (fd < 0)
        return refuse_errno(why, "cannot create %s", name);
    /* The mode at creation went through the umask. */
    if (fchmod(fd, PLATFORM_FILE_MODE) != 0 || fd_write_all(fd, bytes, size) != CLOISTER_OK ||
        fsync(fd) != 0)
        return refuse_errno(why, "cannot write %s", name);
    return CLOISTER_OK;
}

static cloister_status write_root(int folder, struct reason *why)
{
    uint8_t root[PLATFORM_ROOT_SIZE];
    char text[2 * PLATFORM_ROOT_SIZE + 1];
    if (crypto_random(root, sizeof root) != CLOISTER_OK)
        return refuse_errno(why, "the kernel gives no random bytes");
    hex_encode(root, sizeof root, text);
    text[sizeof text - 1] = '\n';
    cloister_status status = write_file(folder, PLATFORM_ROOT_FILE, text, sizeof text, why);
    bytes_wipe(root, sizeof root);
    bytes_wipe(text, sizeof text);
    return status;
}

/* Writes what PEM_write_… put into the memory BIO, and wipes and frees the BIO. */
static cloister_status write_pem(int folder, const char *name, BIO *bio, int written,
                                 struct reason *why)
{
    char *text = NULL;
    long size = bio ? BIO_get_mem_data(bio, &text) : 0;
    cloister_status status;
    if (written == 1 && size > 0)
        status = write_file(folder, name, text, (size_t)size, why);
    else
        status = refuse(why, CLOISTER_INTERNAL, "cannot encode %s: %s", name, crypto_error());
    if (text && size > 0)
        bytes_wipe(text, (size_t)size);
    BIO_free(bio);
    return status;
}

static cloister_status write_key(int folder, const char *name, EVP_PKEY *key, struct reason *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int written = bio ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) : 0;
    return write_pem(folder, name, bio, written, why);
}

static cloister_status write_certificate(int folder, const char *name, X509 *certificate,
                                         struct reason *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int written = bio ? PEM_write_bio_X509(bio, certificate) : 0;
    return write_pem(folder, name, bio, written, why);
}

static cloister_status write_state(int folder, struct reason *why)
{
    struct platform_identity identity;
    cloister_status status = platform_identity_make(&identity, why);
    if (status != CLOISTER_OK)
        return status;
    status = write_root(folder, why);
    if (status == CLOISTER_OK)
        status = write_key(folder, PLATFORM_KEY_FILE, identity.attestation_key, why);
    if (status == CLOISTER_OK)
        status = write_certificate(folder, PLATFORM_CERTIFICATE_FILE, identity.attestation, why);
    if (status == CLOISTER_OK)
        status = write_key(folder, PLATFORM_CA_KEY_FILE, identity.ca_key, why);
    if (status == CLOISTER_OK)
        status = write_certificate(folder, PLATFORM_CA_FILE, identity.ca, why);
    if (status == CLOISTER_OK && fsync(folder) != 0)
        status = refuse_errno(why, "cannot write the state folder");
    platform_identity_free(&identity);
    return status;
}

/* mkdir -p, for the parents of a state folder in a fresh home. */
static cloister_status make_parents(const char *path, struct reason *why)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, PLATFORM_FOLDER_MODE) != 0 && errno != EEXIST)
            return refuse_errno(why, "cannot make folder %s", part);
    }
    return CLOISTER_OK;
}

static cloister_status open_parent(const char *folder, struct place *place, struct reason *why)
{
    char for_parent[PATH_MAX];
    char for_name[PATH_MAX];
    size_t size = strlen(folder) + 1;
    if (size > PATH_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "the path of the state folder is too long");
    memcpy(for_parent, folder, size);
    memcpy(for_name, folder, size);
    const char *parent = dirname(for_parent);
    const char *name = basename(for_name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "/") == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "state folder '%s' has no name of its own; name the folder itself", folder);
    int length = snprintf(place->name, sizeof place->name, "%s", name);
    if (length < 0 || (size_t)length >= sizeof place->name)
        return refuse(why, CLOISTER_TOO_BIG, "the name of state folder %.80s… is too long", folder);
    cloister_status status = make_parents(parent, why);
    if (status != CLOISTER_OK)
        return status;
    place->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->parent < 0)
        return refuse_errno(why, "cannot open %s", parent);
    return CLOISTER_OK;
}

static cloister_status make_temporary(struct place *place, const char *folder, struct reason *why)
{
    uint8_t random[8];
    char suffix[2 * sizeof random + 1];
    if (crypto_random(random, sizeof random) != CLOISTER_OK)
        return refuse_errno(why, "the kernel gives no random bytes");
    hex_encode(random, sizeof random, suffix);
    (void)snprintf(place->temporary, sizeof place->temporary, ".cloister-new-%s", suffix);
    if (mkdirat(place->parent, place->temporary, PLATFORM_FOLDER_MODE) != 0)
        return refuse_errno(why, "cannot make a folder beside %s", folder);
    place->folder =
        openat(place->parent, place->temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (place->folder < 0 || fchmod(place->folder, PLATFORM_FOLDER_MODE) != 0)
        return refuse_errno(why, "cannot use the new folder beside %s", folder);
    return CLOISTER_OK;
}

static void remove_temporary(const struct place *place)
{
    for (size_t i = 0; i < ARRAY_SIZE(all_files) && place->folder >= 0; i++)
        (void)unlinkat(place->folder, all_files[i], 0);
    if (place->temporary[0])
        (void)unlinkat(place->parent, place->temporary, AT_REMOVEDIR);
}

/* rename replaces an empty folder and nothing else. */
static cloister_status put_in_place(const struct place *place, const char *folder,
                                    struct reason *why)
{
    if (renameat(place->parent, place->temporary, place->parent, place->name) == 0)
        return fsync(place->parent) == 0
                   ? CLOISTER_OK
                   : refuse_errno(why, "cannot make sure that %s is on disk", folder);
    if (errno == ENOTEMPTY || errno == EEXIST)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "%s is not empty; a state is never overwritten: name a new folder, or move "
                      "the old one away",
                      folder);
    if (errno == ENOTDIR)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%s is there and is not a folder", folder);
    return refuse_errno(why, "cannot make state folder %s", folder);
}

static cloister_status create_at(struct place *place, const char *folder, struct reason *why)
{
    AUTO_SIGNALS sigset_t before = signals_hold();
    cloister_status status = make_temporary(place, folder, why);
    if (status == CLOISTER_OK)
        status = write_state(place->folder, why);
    if (status == CLOISTER_OK)
        status = put_in_place(place, folder, why);
    if (status != CLOISTER_OK)
        remove_temporary(place);
    return status;
}

cloister_status platform_create(const char *folder, struct reason *why)
{
    struct place place = {.parent = -1, .folder = -1};
    cloister_status status = crypto_start(why);
    if (status == CLOISTER_OK)
        status = open_parent(folder, &place, why);
    if (status == CLOISTER_OK)
        status = create_at(&place, folder, why);
    scope_close(&place.folder);
    scope_close(&place.parent);
    return status;
}
