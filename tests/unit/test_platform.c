/*
 * The platform state: made once and whole, loaded only by its owner, never through a link.
 */
#include "measure/platform.h"
#include "measure/platform_folder.h"

#include "abi/report.h"
#include "base/bytes.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const files[] = {"root.key", "attestation.key", "attestation.pem", "ca.key",
                                    "ca.pem"};
#define FILES (sizeof files / sizeof files[0])

static char scratch[64];
static char folder[192];
static struct reason why;

/* Two at a time. */
static const char *in_folder(const char *name)
{
    static char paths[2][256];
    static unsigned turn;
    char *path = paths[turn++ % 2];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int make_scratch(void **state)
{
    (void)state;
    (void)snprintf(scratch, sizeof scratch, "/tmp/cloister-test.XXXXXX");
    if (!mkdtemp(scratch))
        return -1;
    (void)snprintf(folder, sizeof folder, "%s/state", scratch);
    memset(&why, 0, sizeof why);
    return 0;
}

static int make_state(void **state)
{
    if (make_scratch(state) != 0)
        return -1;
    return platform_create(folder, &why) == CLOISTER_OK ? 0 : -1;
}

static int remove_scratch(void **state)
{
    (void)state;
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf %s", scratch);
    return system(command);
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void overwrite(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void copy_file(const char *from, const char *to)
{
    char command[640];
    (void)snprintf(command, sizeof command, "cp -p %s %s", in_folder(from), in_folder(to));
    assert_int_equal(system(command), 0);
}

static unsigned entries_in_scratch(void)
{
    char command[160];
    unsigned count = 0;
    (void)snprintf(command, sizeof command, "ls -A %s | wc -l", scratch);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%u", &count), 1);
    (void)pclose(pipe);
    return count;
}

static void load_is_refused(cloister_status status, const char *word)
{
    struct platform platform;
    why.text[0] = '\0';
    assert_int_equal(platform_load(folder, &platform, &why), status);
    assert_non_null(strstr(why.text, word));
    assert_null(platform.attestation_key);
    assert_true(bytes_are_zero(platform.root, sizeof platform.root));
}

static void check_is_refused(cloister_status status, const char *word)
{
    why.text[0] = '\0';
    assert_int_equal(platform_check(folder, &why), status);
    assert_non_null(strstr(why.text, word));
    load_is_refused(status, word);
}

static void state_that_was_made_loads(void **state)
{
    (void)state;
    struct platform platform;
    assert_int_equal(platform_check(folder, &why), CLOISTER_OK);
    assert_int_equal(platform_load(folder, &platform, &why), CLOISTER_OK);
    assert_false(bytes_are_zero(platform.root, sizeof platform.root));
    assert_int_equal(
        X509_check_private_key(platform.attestation_certificate, platform.attestation_key), 1);
    platform_unload(&platform);
    assert_true(bytes_are_zero(&platform, sizeof platform));
}

static void files_are_for_their_owner_only_whatever_the_umask(void **state)
{
    (void)state;
    mode_t before = umask(0);
    assert_int_equal(platform_create(folder, &why), CLOISTER_OK);
    (void)umask(before);
    assert_int_equal(mode_of(folder), 0700);
    for (size_t i = 0; i < FILES; i++)
        assert_int_equal(mode_of(in_folder(files[i])), 0600);
    assert_int_equal(entries_in_scratch(), 1);
}

static void strict_umask_does_no_harm(void **state)
{
    (void)state;
    mode_t before = umask(0777);
    cloister_status status = platform_create(folder, &why);
    (void)umask(before);
    /* Root passes the modes that the umask leaves; others are told that it cannot be done. */
    if (status == CLOISTER_OK)
        assert_int_equal(mode_of(in_folder("root.key")), 0600);
    else
        assert_int_equal(entries_in_scratch(), 0);
}

static void two_platforms_share_nothing(void **state)
{
    (void)state;
    struct platform one;
    struct platform other;
    char second[160];
    (void)snprintf(second, sizeof second, "%s/second", scratch);
    assert_int_equal(platform_create(second, &why), CLOISTER_OK);
    assert_int_equal(platform_load(folder, &one, &why), CLOISTER_OK);
    assert_int_equal(platform_load(second, &other, &why), CLOISTER_OK);
    assert_memory_not_equal(one.root, other.root, sizeof one.root);
    assert_int_not_equal(EVP_PKEY_eq(one.attestation_key, other.attestation_key), 1);
    platform_unload(&one);
    platform_unload(&other);
}

static X509 *read_certificate(const char *name)
{
    FILE *file = fopen(in_folder(name), "r");
    assert_non_null(file);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    assert_non_null(certificate);
    return certificate;
}

static void ca_may_only_issue_leaves(void **state)
{
    (void)state;
    X509 *ca = read_certificate("ca.pem");
    assert_int_equal(X509_get_extension_flags(ca) & (EXFLAG_CA | EXFLAG_INVALID), EXFLAG_CA);
    assert_int_equal(X509_get_pathlen(ca), 0);
    assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN);
    assert_non_null(X509_get0_subject_key_id(ca));
    assert_true(X509_get_ext_by_critical(ca, 1, -1) >= 0);
    X509_free(ca);
}

static void attestation_certificate_is_for_reports_only(void **state)
{
    (void)state;
    X509 *ca = read_certificate("ca.pem");
    X509 *leaf = read_certificate("attestation.pem");
    EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
    char oid[64];
    assert_int_equal(X509_check_issued(ca, leaf), X509_V_OK);
    assert_int_equal(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
    assert_int_equal(X509_get_extension_flags(leaf) & EXFLAG_CA, 0);
    assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
    assert_int_equal(sk_ASN1_OBJECT_num(usage), 1);
    assert_true(OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(usage, 0), 1) > 0);
    assert_string_equal(oid, CLO_REPORT_EKU_OID);
    assert_int_equal(
        ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(leaf), X509_get0_subject_key_id(ca)), 0);
    EXTENDED_KEY_USAGE_free(usage);
    X509_free(leaf);
    X509_free(ca);
}

static void ca_certificate_is_printed_as_it_is(void **state)
{
    (void)state;
    uint8_t *pem = NULL;
    size_t size = 0;
    assert_int_equal(platform_read_ca(folder, &pem, &size, &why), CLOISTER_OK);
    assert_memory_equal(pem, "-----BEGIN CERTIFICATE-----", 27);
    assert_int_equal(pem[size], 0);
    free(pem);
}

static void state_is_never_overwritten(void **state)
{
    (void)state;
    struct platform before;
    struct platform after;
    assert_int_equal(platform_load(folder, &before, &why), CLOISTER_OK);
    assert_int_equal(platform_create(folder, &why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(platform_load(folder, &after, &why), CLOISTER_OK);
    assert_memory_equal(before.root, after.root, sizeof before.root);
    assert_int_equal(EVP_PKEY_eq(before.attestation_key, after.attestation_key), 1);
    assert_int_equal(entries_in_scratch(), 1);
    platform_unload(&before);
    platform_unload(&after);
}

static void half_made_state_is_neither_loaded_nor_overwritten(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(files[i], "ca.key") == 0)
            continue; /* only its owner's business: no report needs it */
        char aside[160];
        (void)snprintf(aside, sizeof aside, "%s/aside", scratch);
        assert_int_equal(rename(in_folder(files[i]), aside), 0);
        check_is_refused(CLOISTER_NOT_FOUND, files[i]);
        assert_int_equal(platform_create(folder, &why), CLOISTER_BAD_ARGUMENT);
        assert_int_equal(rename(aside, in_folder(files[i])), 0);
    }
}

static void folder_with_foreign_files_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir(folder, 0700), 0);
    overwrite("letter", "dear reader");
    assert_int_equal(platform_create(folder, &why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(access(in_folder("letter"), F_OK), 0);
    assert_int_equal(entries_in_scratch(), 1);
}

static void empty_folder_is_filled_and_closed_to_others(void **state)
{
    (void)state;
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(platform_create(folder, &why), CLOISTER_OK);
    assert_int_equal(mode_of(folder), 0700);
}

static void missing_parents_are_made_private(void **state)
{
    (void)state;
    char deep[160];
    (void)snprintf(deep, sizeof deep, "%s/a/b/state", scratch);
    assert_int_equal(platform_create(deep, &why), CLOISTER_OK);
    (void)snprintf(deep, sizeof deep, "%s/a", scratch);
    assert_int_equal(mode_of(deep), 0700);
}

static void state_is_not_made_through_a_link(void **state)
{
    (void)state;
    char target[160];
    (void)snprintf(target, sizeof target, "%s/target", scratch);
    assert_int_equal(mkdir(target, 0700), 0);
    assert_int_equal(symlink(target, folder), 0);
    assert_int_equal(platform_create(folder, &why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(rmdir(target), 0);
}

static void state_is_not_made_over_a_file_or_without_a_name(void **state)
{
    (void)state;
    FILE *file = fopen(folder, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(platform_create(folder, &why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(platform_create("/", &why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(platform_create("..", &why), CLOISTER_BAD_ARGUMENT);
    assert_int_not_equal(platform_create("/proc/nothing", &why), CLOISTER_OK);
}

static void absent_state_says_how_to_make_one(void **state)
{
    (void)state;
    check_is_refused(CLOISTER_NOT_FOUND, "cloister key init");
    assert_int_equal(mkdir(folder, 0700), 0);
    check_is_refused(CLOISTER_NOT_FOUND, "cloister key init");
}

static void folder_that_others_can_read_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0755, 0750, 0705, 0770, 0701};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(folder, modes[i]), 0);
        check_is_refused(CLOISTER_DENIED, "0700");
    }
}

static void file_that_others_can_read_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(files[i], "ca.key") == 0)
            continue;
        assert_int_equal(chmod(in_folder(files[i]), 0640), 0);
        check_is_refused(CLOISTER_DENIED, files[i]);
        assert_int_equal(chmod(in_folder(files[i]), 0600), 0);
    }
}

static void foreign_owner_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give files away\n");
        skip();
    }
    assert_int_equal(chown(in_folder("root.key"), 12345, 0), 0);
    check_is_refused(CLOISTER_DENIED, "12345");
    assert_int_equal(chown(in_folder("root.key"), 0, 0), 0);
    assert_int_equal(chown(folder, 12345, 0), 0);
    check_is_refused(CLOISTER_DENIED, "12345");
}

static void links_are_not_followed(void **state)
{
    (void)state;
    char aside[160];
    (void)snprintf(aside, sizeof aside, "%s/aside", scratch);
    assert_int_equal(rename(in_folder("root.key"), aside), 0);
    assert_int_equal(symlink(aside, in_folder("root.key")), 0);
    check_is_refused(CLOISTER_DENIED, "link");
    assert_int_equal(unlink(in_folder("root.key")), 0);
    assert_int_equal(link(aside, in_folder("root.key")), 0);
    check_is_refused(CLOISTER_DENIED, "one name");
}

static void folder_that_is_a_link_or_a_file_is_refused(void **state)
{
    (void)state;
    char aside[160];
    (void)snprintf(aside, sizeof aside, "%s/aside", scratch);
    assert_int_equal(rename(folder, aside), 0);
    assert_int_equal(symlink(aside, folder), 0);
    check_is_refused(CLOISTER_DENIED, "link");
    (void)snprintf(folder, sizeof folder, "%s/root.key", aside);
    check_is_refused(CLOISTER_DENIED, "not a folder");
}

static void fifo_does_not_hang(void **state)
{
    (void)state;
    assert_int_equal(unlink(in_folder("root.key")), 0);
    assert_int_equal(mkfifo(in_folder("root.key"), 0600), 0);
    check_is_refused(CLOISTER_DENIED, "regular file");
}

static void damaged_root_secret_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "00",
        "zz",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef\n",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n\n",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefx\n",
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        overwrite("root.key", texts[i]);
        load_is_refused(CLOISTER_BAD_FORMAT, "root.key");
    }
}

static void damaged_keys_and_certificates_are_refused(void **state)
{
    (void)state;
    overwrite("attestation.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    load_is_refused(CLOISTER_BAD_FORMAT, "attestation.pem");
    overwrite("attestation.key", "");
    load_is_refused(CLOISTER_BAD_FORMAT, "attestation.key");
    overwrite("attestation.key", "-----BEGIN PRIVATE KEY-----\n%%%%\n-----END PRIVATE KEY-----\n");
    load_is_refused(CLOISTER_BAD_FORMAT, "attestation.key");
}

static void huge_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(truncate(in_folder("attestation.pem"), 1ll << 40), 0);
    check_is_refused(CLOISTER_BAD_FORMAT, "attestation.pem");
}

static void key_of_another_kind_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    FILE *file = fopen(in_folder("attestation.key"), "w");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
    EVP_PKEY_free(key);
    load_is_refused(CLOISTER_BAD_FORMAT, "P-384");
}

static void certificate_of_another_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(unlink(in_folder("attestation.pem")), 0);
    assert_int_equal(link(in_folder("ca.pem"), in_folder("attestation.pem")), 0);
    load_is_refused(CLOISTER_DENIED, "one name");
    assert_int_equal(unlink(in_folder("attestation.pem")), 0);
    copy_file("ca.pem", "attestation.pem");
    load_is_refused(CLOISTER_BAD_FORMAT, "attestation.pem");
}

static void folder_is_the_one_that_is_named(void **state)
{
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(setenv("CLOISTER_STATE", "/from/environment", 1), 0);
    assert_int_equal(platform_folder("relative/option", path, sizeof path, &why), CLOISTER_OK);
    assert_string_equal(path, "relative/option");
    assert_int_equal(platform_folder(NULL, path, sizeof path, &why), CLOISTER_OK);
    assert_string_equal(path, "/from/environment");
    assert_int_equal(platform_folder("", path, sizeof path, &why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(platform_folder("too/long", path, 5, &why), CLOISTER_TOO_BIG);
    assert_int_equal(setenv("CLOISTER_STATE", "relative", 1), 0);
    assert_int_equal(platform_folder(NULL, path, sizeof path, &why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(unsetenv("CLOISTER_STATE"), 0);
}

static void openssl_configuration_of_the_environment_is_ignored(void **state)
{
    (void)state;
    /* A configuration that is read makes every later fetch fail: it loads a module that is not
       there, and turns the built-in provider off. */
    char path[160];
    (void)snprintf(path, sizeof path, "%s/openssl.cnf", scratch);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("openssl_conf = o\n[o]\nproviders = p\nalg_section = a\n[p]\nnothing = n\n"
                "[n]\nmodule = /nothing.so\nactivate = 1\n[a]\ndefault_properties = fips=yes\n",
                file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("OPENSSL_CONF", path, 1), 0);
    assert_int_equal(setenv("OPENSSL_MODULES", scratch, 1), 0);
    /* A process of its own: this one has made its OpenSSL context long ago. */
    const char *again = getenv("CLOISTER_TEST_AGAIN");
    if (!again) {
        char command[PATH_MAX + 64];
        char self[PATH_MAX];
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
        assert_true(length > 0);
        self[length] = '\0';
        (void)snprintf(command, sizeof command, "CLOISTER_TEST_AGAIN=1 %s >/dev/null 2>&1", self);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(unsetenv("OPENSSL_CONF"), 0);
    assert_int_equal(unsetenv("OPENSSL_MODULES"), 0);
}

#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, make_state, remove_scratch)
#define WITHOUT_STATE(test) cmocka_unit_test_setup_teardown(test, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STATE(state_that_was_made_loads),
        WITHOUT_STATE(files_are_for_their_owner_only_whatever_the_umask),
        WITHOUT_STATE(strict_umask_does_no_harm),
        WITH_STATE(two_platforms_share_nothing),
        WITH_STATE(ca_may_only_issue_leaves),
        WITH_STATE(attestation_certificate_is_for_reports_only),
        WITH_STATE(ca_certificate_is_printed_as_it_is),
        WITH_STATE(state_is_never_overwritten),
        WITH_STATE(half_made_state_is_neither_loaded_nor_overwritten),
        WITHOUT_STATE(folder_with_foreign_files_is_left_alone),
        WITHOUT_STATE(empty_folder_is_filled_and_closed_to_others),
        WITHOUT_STATE(missing_parents_are_made_private),
        WITHOUT_STATE(state_is_not_made_through_a_link),
        WITHOUT_STATE(state_is_not_made_over_a_file_or_without_a_name),
        WITHOUT_STATE(absent_state_says_how_to_make_one),
        WITH_STATE(folder_that_others_can_read_is_refused),
        WITH_STATE(file_that_others_can_read_is_refused),
        WITH_STATE(foreign_owner_is_refused),
        WITH_STATE(links_are_not_followed),
        WITH_STATE(folder_that_is_a_link_or_a_file_is_refused),
        WITH_STATE(fifo_does_not_hang),
        WITH_STATE(damaged_root_secret_is_refused),
        WITH_STATE(damaged_keys_and_certificates_are_refused),
        WITH_STATE(huge_file_is_refused),
        WITH_STATE(key_of_another_kind_is_refused),
        WITH_STATE(certificate_of_another_key_is_refused),
        WITHOUT_STATE(folder_is_the_one_that_is_named),
        WITHOUT_STATE(openssl_configuration_of_the_environment_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
