/*
 * Module signatures: whose they are, over what, and in the one form that is accepted.
 */
#include "measure/module_signature.h"

#include "abi/keeper.h"
#include "base/scope.h"
#include "emulated.h"
#include "measure/cbor_write.h"
#include "measure/openssl_scope.h"
#include "report_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/core_names.h>

#include <cmocka.h>

struct signed_module {
    EVP_PKEY *key;
    uint8_t measurement[CLO_DIGEST_SIZE];
    struct clo_manifest manifest;
    uint8_t signature[CLO_KEEPER_SIGNATURE_MAX];
    size_t size;
};

static int sign_module(void **state)
{
    struct signed_module *module = calloc(1, sizeof *module);
    if (!module)
        return -1;
    *state = module;
    module->key = fixture_key("P-256");
    memset(module->measurement, 0x11, sizeof module->measurement);
    module->manifest.magic = CLO_MANIFEST_MAGIC;
    return module_signature_make(module->key, module->measurement, &module->manifest,
                                 module->signature, sizeof module->signature, &module->size, NULL);
}

static int free_module(void **state)
{
    struct signed_module *module = *state;
    EVP_PKEY_free(module->key);
    free(module);
    return 0;
}

static cloister_status verify(const struct signed_module *module, uint8_t *author,
                              struct reason *why)
{
    return module_signature_verify(module->signature, module->size, module->measurement,
                                   &module->manifest, author, why);
}

static void signature_names_its_author(void **state)
{
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE];
    uint8_t expected[CLO_AUTHOR_SIZE];
    assert_int_equal(verify(module, author, NULL), CLOISTER_OK);
    assert_int_equal(author_of_key(module->key, expected, NULL), CLOISTER_OK);
    assert_int_equal(author[0], CLO_AUTHOR_KEY);
    assert_memory_equal(author, expected, sizeof author);
}

static void signature_fits_the_note_and_the_keeper_message(void **state)
{
    struct signed_module *module = *state;
    assert_true(module->size <= CLO_KEEPER_SIGNATURE_MAX);
}

static void every_flipped_bit_is_refused(void **state)
{
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE];
    for (size_t bit = 0; bit < module->size * 8; bit += emulated_step()) {
        module->signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cloister_status status = verify(module, author, NULL);
        if (status != CLOISTER_CORRUPT && status != CLOISTER_BAD_FORMAT)
            fail_msg("bit %zu: %s", bit, cloister_status_name(status));
        module->signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void every_truncation_is_refused(void **state)
{
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE];
    size_t whole = module->size;
    for (module->size = 0; module->size < whole; module->size++)
        assert_int_equal(verify(module, author, NULL), CLOISTER_BAD_FORMAT);
    module->size = whole + 1;
    assert_int_equal(verify(module, author, NULL), CLOISTER_BAD_FORMAT);
}

static void signature_over_another_measurement_is_refused(void **state)
{
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE];
    module->measurement[47] ^= 1;
    assert_int_equal(verify(module, author, NULL), CLOISTER_CORRUPT);
}

static void signature_over_another_manifest_is_refused(void **state)
{
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE];
    module->manifest.svn++;
    assert_int_equal(verify(module, author, NULL), CLOISTER_CORRUPT);
}

static void author_is_left_alone_when_the_signature_is_refused(void **state)
{
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE] = {0};
    static const uint8_t untouched[CLO_AUTHOR_SIZE];
    module->measurement[0] ^= 1;
    assert_int_equal(verify(module, author, NULL), CLOISTER_CORRUPT);
    assert_memory_equal(author, untouched, sizeof author);
}

static void authors_sign_with_p256_only(void **state)
{
    static const char *const kinds[] = {"P-384", "P-521", "RSA"};
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        AUTO_EVP_PKEY EVP_PKEY *key = fixture_key(kinds[i]);
        assert_int_equal(module_signature_make(key, module->measurement, &module->manifest,
                                               module->signature, sizeof module->signature,
                                               &module->size, NULL),
                         CLOISTER_BAD_ARGUMENT);
        assert_int_equal(author_of_key(key, author, NULL), CLOISTER_BAD_ARGUMENT);
    }
    assert_int_equal(author_of_key(NULL, author, NULL), CLOISTER_BAD_ARGUMENT);
}

/* One key must not have two identities: a compressed point is another encoding of the same key. */
static void a_key_has_one_encoding_only(void **state)
{
    struct signed_module *module = *state;
    uint8_t author[CLO_AUTHOR_SIZE];
    assert_int_equal(EVP_PKEY_set_utf8_string_param(
                         module->key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"),
                     1);
    assert_int_equal(author_of_key(module->key, author, NULL), CLOISTER_BAD_ARGUMENT);
    unsigned char *der = NULL;
    int der_size = i2d_PUBKEY(module->key, &der);
    assert_true(der_size > 0);
    const struct cose_header header = {.spki = {der, (size_t)der_size}};
    struct reason why = {""};
    assert_int_equal(cose_sign(module->key, &header, "", 0, module->signature,
                               sizeof module->signature, &module->size, NULL),
                     CLOISTER_OK);
    assert_int_equal(verify(module, author, &why), CLOISTER_BAD_FORMAT);
    assert_non_null(strstr(why.text, "uncompressed"));
    OPENSSL_free(der);
}

/* A report's header is not a module signature's, even from the same key. */
static void other_headers_are_refused(void **state)
{
    struct signed_module *module = *state;
    struct cose_message message;
    uint8_t copy[CLO_KEEPER_SIGNATURE_MAX];
    uint8_t author[CLO_AUTHOR_SIZE];
    memcpy(copy, module->signature, module->size);
    assert_int_equal(cose_parse(copy, module->size, COSE_ALLOW_ES256, &message, NULL), CLOISTER_OK);
    struct cose_header header = message.header;
    header.type = CLO_REPORT_TYPE;
    assert_int_equal(cose_sign(module->key, &header, message.payload.bytes, message.payload.size,
                               module->signature, sizeof module->signature, &module->size, NULL),
                     CLOISTER_OK);
    assert_int_equal(verify(module, author, NULL), CLOISTER_BAD_FORMAT);
    header = message.header;
    header.spki.size = 0;
    assert_int_equal(cose_sign(module->key, &header, message.payload.bytes, message.payload.size,
                               module->signature, sizeof module->signature, &module->size, NULL),
                     CLOISTER_OK);
    assert_int_equal(verify(module, author, NULL), CLOISTER_BAD_FORMAT);
}

/* Rightly signed, but of another version of the format. */
static void other_payloads_are_refused(void **state)
{
    struct signed_module *module = *state;
    struct cose_message message;
    uint8_t copy[CLO_KEEPER_SIGNATURE_MAX];
    uint8_t author[CLO_AUTHOR_SIZE];
    memcpy(copy, module->signature, module->size);
    assert_int_equal(cose_parse(copy, module->size, COSE_ALLOW_ES256, &message, NULL), CLOISTER_OK);
    uint8_t *version = (uint8_t *)message.payload.bytes + 1 + sizeof "cloister-module";
    assert_int_equal(*version, 1);
    *version = 2;
    assert_int_equal(cose_sign(module->key, &message.header, message.payload.bytes,
                               message.payload.size, module->signature, sizeof module->signature,
                               &module->size, NULL),
                     CLOISTER_OK);
    assert_int_equal(verify(module, author, NULL), CLOISTER_CORRUPT);
}

static void signing_stays_within_its_room(void **state)
{
    struct signed_module *module = *state;
    assert_int_equal(module_signature_make(module->key, module->measurement, &module->manifest,
                                           module->signature, 100, &module->size, NULL),
                     CLOISTER_TOO_BIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sign_module, free_module)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signature_names_its_author),
        TEST(signature_fits_the_note_and_the_keeper_message),
        TEST(every_flipped_bit_is_refused),
        TEST(every_truncation_is_refused),
        TEST(signature_over_another_measurement_is_refused),
        TEST(signature_over_another_manifest_is_refused),
        TEST(author_is_left_alone_when_the_signature_is_refused),
        TEST(authors_sign_with_p256_only),
        TEST(a_key_has_one_encoding_only),
        TEST(other_headers_are_refused),
        TEST(other_payloads_are_refused),
        TEST(signing_stays_within_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
