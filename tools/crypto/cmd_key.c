/*
 * cloister key: makes the platform state, prints its CA certificate, shows whose keys these are.
 */
#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "measure/crypto.h"
#include "measure/openssl_scope.h"
#include "measure/platform.h"
#include "measure/platform_folder.h"
#include "tools/crypto/commands.h"
#include "tools/tool.h"

#include <getopt.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <time.h>

static const char group_help[] =
    "Usage: cloister key COMMAND\n"
    "The platform's keys: the root secret that sealed data depend on, and the attestation key "
    "that\n"
    "signs reports, certified by a CA of this platform. Whoever can read them can open all sealed\n"
    "data and forge reports.\n"
    "\n"
    "  init    make them; once, before the first world\n"
    "  ca      print the CA certificate, which verifiers of reports need\n"
    "  show    print folder, key identities and dates\n"
    "\n"
    "Exit status: 0 done, 4 no keys there, 5 a file is not only yours, 7 the folder is not empty\n"
    "(init) or a file is damaged, others as in 'cloister --help'.\n";

static const char init_help[] =
    "Usage: cloister key init [--state DIR]\n"
    "Makes the platform's keys in DIR (default: $CLOISTER_STATE, else /var/lib/cloister for root,\n"
    "else $XDG_STATE_HOME/cloister or ~/.local/state/cloister). Never overwrites any.\n"
    "Back the folder up: without root.key nothing that was sealed can be opened again.\n"
    "\n"
    "Exit status: 0 done, 7 DIR is not empty, others as in 'cloister --help'.\n";

static const char ca_help[] =
    "Usage: cloister key ca [--state DIR]\n"
    "Prints the CA certificate (PEM). It is not secret.\n"
    "\n"
    "Exit status: 0 done, 4 no keys there, 5 a file is not only yours, others as in\n"
    "'cloister --help'.\n";

static const char show_help[] =
    "Usage: cloister key show [--state DIR]\n"
    "Prints the state folder, the SHA-256 fingerprint of the CA certificate, the platform's id as\n"
    "reports have it (ueid without its first byte), and until when the attestation certificate is\n"
    "valid.\n"
    "\n"
    "Exit status: 0 done, 4 no keys there, 5 a file is not only yours, 7 a file is damaged, others "
    "as\n"
    "in 'cloister --help'.\n";

/* Reads the options and finds the folder; TOOL_OK, or -1 after help, or an exit status. */
static int start(const char *command, const char *help, int argc, char **argv, char *folder,
                 size_t size)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"state", required_argument, NULL, 's'}, {0}};
    const char *state = NULL;
    struct reason why = {0};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h')
            return tool_help(help), -1;
        if (option != 's')
            return tool_bad_option(command, option, argv);
        state = optarg;
    }
    if (optind != argc)
        return tool_usage(command, "unexpected argument '%.80s'", argv[optind]);
    cloister_status status = platform_folder(state, folder, size, &why);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(command, status, &why);
}

static int key_init(int argc, char **argv)
{
    char folder[PATH_MAX];
    struct reason why = {0};
    int started = start("key init", init_help, argc, argv, folder, sizeof folder);
    if (started != TOOL_OK)
        return started < 0 ? TOOL_OK : started;
    cloister_status status = platform_create(folder, &why);
    if (status != CLOISTER_OK)
        return tool_fail("key init", status, &why);
    (void)printf("platform keys made in %s\n", folder);
    return TOOL_OK;
}

static int key_ca(int argc, char **argv)
{
    char folder[PATH_MAX];
    struct reason why = {0};
    int started = start("key ca", ca_help, argc, argv, folder, sizeof folder);
    if (started != TOOL_OK)
        return started < 0 ? TOOL_OK : started;
    AUTO_FREE uint8_t *pem = NULL;
    size_t size = 0;
    cloister_status status = platform_read_ca(folder, &pem, &size, &why);
    if (status == CLOISTER_OK)
        status = file_write("-", pem, size, 0, &why);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail("key ca", status, &why);
}

static void print_digest(const char *what, const uint8_t *digest, unsigned size)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    hex_encode(digest, size, hex);
    (void)printf("%-12s%s\n", what, hex);
}

static bool print_until(const X509 *certificate)
{
    struct tm until;
    char text[32];
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) != 1 ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &until) == 0)
        return false;
    (void)printf("%-12s%s\n", "valid until", text);
    return true;
}

static bool print_state(const char *folder, const X509 *ca, const X509 *attestation)
{
    uint8_t fingerprint[EVP_MAX_MD_SIZE];
    uint8_t id[EVP_MAX_MD_SIZE];
    uint8_t *spki = NULL;
    unsigned fingerprint_size = 0;
    unsigned id_size = 0;
    int spki_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(attestation), &spki);
    bool done = spki_size > 0 &&
                X509_digest(ca, EVP_sha256(), fingerprint, &fingerprint_size) == 1 &&
                EVP_Digest(spki, (size_t)spki_size, id, &id_size, EVP_sha256(), NULL) == 1;
    OPENSSL_free(spki);
    if (!done)
        return false;
    (void)printf("%-12s%s\n", "folder", folder);
    print_digest("ca", fingerprint, fingerprint_size);
    print_digest("platform", id, id_size);
    return print_until(attestation);
}

static int key_show(int argc, char **argv)
{
    char folder[PATH_MAX];
    struct reason why = {0};
    int started = start("key show", show_help, argc, argv, folder, sizeof folder);
    if (started != TOOL_OK)
        return started < 0 ? TOOL_OK : started;
    struct platform platform;
    cloister_status status = platform_load(folder, &platform, &why);
    if (status != CLOISTER_OK)
        return tool_fail("key show", status, &why);
    AUTO_FREE uint8_t *pem = NULL;
    size_t size = 0;
    status = platform_read_ca(folder, &pem, &size, &why);
    AUTO_BIO BIO *bio = status == CLOISTER_OK ? BIO_new_mem_buf(pem, (int)size) : NULL;
    AUTO_X509 X509 *ca = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (status == CLOISTER_OK &&
        (!ca || !print_state(folder, ca, platform.attestation_certificate)))
        status = refuse(&why, CLOISTER_BAD_FORMAT, "%.200s/ca.pem is damaged", folder);
    platform_unload(&platform);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail("key show", status, &why);
}

int cmd_key(int argc, char **argv)
{
    static const struct tool_command commands[] = {
        {"init", key_init}, {"ca", key_ca}, {"show", key_show}};
    return tool_dispatch("key", group_help, commands, ARRAY_SIZE(commands), argc, argv);
}
