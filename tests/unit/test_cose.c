/*
 * COSE_Sign1: round trips, and every shape of message that is refused.
 */
#include "measure/cose.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "measure/openssl_scope.h"
#include "report_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ALLOW_BOTH (COSE_ALLOW_ES256 | COSE_ALLOW_ES384)

static void assert_refused(const char *hex, unsigned allowed, const char *because)
{
    uint8_t bytes[512];
    size_t size;
    struct cose_message message;
    struct reason why = {""};
    assert_true(hex_decode(hex, bytes, sizeof bytes, &size));
    assert_int_not_equal(cose_parse(bytes, size, allowed, &message, &why), CLOISTER_OK);
    if (!strstr(why.text, because))
        fail_msg("%s: \"%s\" does not say \"%s\"", hex, why.text, because);
}

static void assert_parsed(const char *hex)
{
    uint8_t bytes[512];
    size_t size;
    struct cose_message message;
    struct reason why = {""};
    assert_true(hex_decode(hex, bytes, sizeof bytes, &size));
    if (cose_parse(bytes, size, ALLOW_BOTH, &message, &why) != CLOISTER_OK)
        fail_msg("%s: %s", hex, why.text);
}

static void round_trip(const char *curve, int64_t algorithm)
{
    AUTO_EVP_PKEY EVP_PKEY *key = fixture_key(curve);
    AUTO_EVP_PKEY EVP_PKEY *other = fixture_key(curve);
    const struct cose_header header = {.type = 263, .spki = {(const uint8_t *)"key", 3}};
    struct cose_message message;
    uint8_t bytes[512];
    size_t size;
    assert_int_equal(cose_sign(key, &header, "payload", 7, bytes, sizeof bytes, &size, NULL),
                     CLOISTER_OK);
    assert_int_equal(cose_parse(bytes, size, ALLOW_BOTH, &message, NULL), CLOISTER_OK);
    assert_int_equal(message.header.algorithm, algorithm);
    assert_int_equal(message.header.type, 263);
    assert_true(cbor_view_is(&message.header.spki, "key"));
    assert_true(cbor_view_is(&message.payload, "payload"));
    assert_int_equal(message.signature.size, ecdsa_size(algorithm));
    assert_int_equal(cose_verify(&message, key, NULL), CLOISTER_OK);
    assert_int_equal(cose_verify(&message, other, NULL), CLOISTER_CORRUPT);
}

static void signed_messages_verify_under_their_own_key_only(void **state)
{
    (void)state;
    round_trip("P-256", ECDSA_ES256);
    round_trip("P-384", ECDSA_ES384);
}

static void chains_of_one_and_of_several_certificates_come_back(void **state)
{
    (void)state;
    AUTO_EVP_PKEY EVP_PKEY *key = fixture_key("P-256");
    struct cose_message message;
    uint8_t bytes[512];
    size_t size;
    for (unsigned count = 1; count <= CLO_REPORT_CHAIN_MAX; count++) {
        struct cose_header header = {.certificates = count};
        for (unsigned i = 0; i < count; i++)
            header.certificate[i] = (struct cbor_view){(const uint8_t *)"abcd" + i, 1};
        assert_int_equal(cose_sign(key, &header, "", 0, bytes, sizeof bytes, &size, NULL),
                         CLOISTER_OK);
        assert_int_equal(cose_parse(bytes, size, ALLOW_BOTH, &message, NULL), CLOISTER_OK);
        assert_int_equal(message.header.certificates, count);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(message.header.certificate[i].bytes[0], "abcd"[i]);
    }
}

static void signing_wants_a_key_on_p256_or_p384(void **state)
{
    (void)state;
    static const char *const kinds[] = {"P-521", "RSA", "P-224"};
    const struct cose_header header = {.type = 263};
    uint8_t bytes[512];
    size_t size;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        AUTO_EVP_PKEY EVP_PKEY *key = fixture_key(kinds[i]);
        assert_int_equal(cose_sign(key, &header, "", 0, bytes, sizeof bytes, &size, NULL),
                         CLOISTER_BAD_ARGUMENT);
    }
    assert_int_equal(cose_sign(NULL, &header, "", 0, bytes, sizeof bytes, &size, NULL),
                     CLOISTER_BAD_ARGUMENT);
}

static void signing_stays_within_its_room(void **state)
{
    (void)state;
    AUTO_EVP_PKEY EVP_PKEY *key = fixture_key("P-256");
    const struct cose_header header = {.type = 263};
    uint8_t bytes[512];
    size_t size;
    assert_int_equal(cose_sign(key, &header, "payload", 7, bytes, 50, &size, NULL),
                     CLOISTER_TOO_BIG);
}

/* The signature covers protected header and payload, and is as long as the key makes it. */
static void changed_messages_do_not_verify(void **state)
{
    (void)state;
    AUTO_EVP_PKEY EVP_PKEY *key = fixture_key("P-256");
    const struct cose_header header = {.type = 263};
    struct cose_message message;
    uint8_t bytes[512];
    size_t size;
    assert_int_equal(cose_sign(key, &header, "payload", 7, bytes, sizeof bytes, &size, NULL),
                     CLOISTER_OK);
    assert_int_equal(cose_parse(bytes, size, ALLOW_BOTH, &message, NULL), CLOISTER_OK);
    struct cose_message changed = message;
    changed.payload.size--;
    assert_int_equal(cose_verify(&changed, key, NULL), CLOISTER_CORRUPT);
    changed = message;
    changed.signature.size--;
    assert_int_equal(cose_verify(&changed, key, NULL), CLOISTER_CORRUPT);
    changed = message;
    changed.protected_bytes = changed.payload;
    assert_int_equal(cose_verify(&changed, key, NULL), CLOISTER_CORRUPT);
    static const uint8_t zeros[64];
    changed = message;
    changed.signature = (struct cbor_view){zeros, sizeof zeros};
    assert_int_equal(cose_verify(&changed, key, NULL), CLOISTER_CORRUPT);
    changed = message;
    changed.header.algorithm = ECDSA_ES384;
    assert_int_equal(cose_verify(&changed, key, NULL), CLOISTER_CORRUPT);
}

static void parser_accepts_the_least_message(void **state)
{
    (void)state;
    assert_parsed("d28443a10126a04040");
    assert_parsed("d28444a1013822a04040");
}

/* A5: tags 61, 17, 98, 16, none at all, a tag in a longer form. */
static void parser_refuses_other_tags(void **state)
{
    (void)state;
    static const char *const messages[] = {"8443a10126a04040", "d18443a10126a04040",
                                           "d8628443a10126a04040", "d08443a10126a04040",
                                           "d83dd28443a10126a04040"};
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++)
        assert_refused(messages[i], ALLOW_BOTH, "tag 18");
    assert_refused("d8128443a10126a04040", ALLOW_BOTH, "shortest form");
}

static void parser_refuses_other_shapes(void **state)
{
    (void)state;
    assert_refused("d28343a10126a040", ALLOW_BOTH, "array of 4");
    assert_refused("d28543a10126a0404040", ALLOW_BOTH, "array of 4");
    assert_refused("d284a10126a04040", ALLOW_BOTH, "array of 4");
    assert_refused("d29f43a10126a04040ff", ALLOW_BOTH, "indefinite");
    assert_refused("d28443a10126a0f640", ALLOW_BOTH, "simple value"); /* detached payload */
    assert_refused("d28443a10126a06040", ALLOW_BOTH, "payload or signature");
    assert_refused("d28443a10126a04080", ALLOW_BOTH, "payload or signature");
    assert_refused("d28443a10126404040", ALLOW_BOTH, "unprotected");
    assert_refused("d28443a10126a0404000", ALLOW_BOTH, "bytes follow");
    assert_refused("d28440a04040", ALLOW_BOTH, "protected header");
    assert_refused("d2844180a04040", ALLOW_BOTH, "no map");
    assert_refused("d28444a1012600a04040", ALLOW_BOTH, "bytes follow");
}

/* A4 */
static void parser_refuses_algorithms_outside_the_protected_header(void **state)
{
    (void)state;
    assert_refused("d28441a0a101264040", ALLOW_BOTH, "unprotected header is not empty");
    assert_refused("d28443a10126a101264040", ALLOW_BOTH, "unprotected header is not empty");
    assert_refused("d28443a10126a10441614040", ALLOW_BOTH, "unprotected header is not empty");
    assert_refused("d28441a0a04040", ALLOW_BOTH, "names no algorithm");
}

static void parser_refuses_algorithms_that_the_caller_does_not_allow(void **state)
{
    (void)state;
    assert_refused("d28443a10126a04040", COSE_ALLOW_ES384, "ES384 (-35) is");
    assert_refused("d28444a1013822a04040", COSE_ALLOW_ES256, "ES256 (-7) is");
    assert_refused("d28443a10105a04040", ALLOW_BOTH, "algorithm 5");
    assert_refused("d28443a10100a04040", ALLOW_BOTH, "no algorithm");
    assert_refused("d28443a10127a04040", ALLOW_BOTH, "algorithm -8");
    assert_refused("d28448a101654553323536a04040", ALLOW_BOTH, "header 1 ");
    assert_refused("d28445a101390100a04040", ALLOW_BOTH, "algorithm -257"); /* RS256 */
}

/* A5: crit names what is not understood, what is absent, nothing, or too much. */
static void parser_refuses_critical_headers_that_it_does_not_understand(void **state)
{
    (void)state;
    assert_refused("d28448a2012602811903e7a04040", ALLOW_BOTH, "crit names header 999");
    assert_refused("d28447a2012602811863a04040", ALLOW_BOTH, "crit names header 99");
    assert_refused("d28446a20126028110a04040", ALLOW_BOTH, "crit names header 16");
    assert_refused("d28445a201260280a04040", ALLOW_BOTH, "crit");
    assert_refused("d28445a201260210a04040", ALLOW_BOTH, "crit");
    assert_refused("d28447a2012602816161a04040", ALLOW_BOTH, "crit");
    assert_refused("d2844aa2012602851010101010a04040", ALLOW_BOTH, "crit");
    assert_parsed("d2844aa3012602811010190107a04040");
}

static void parser_refuses_headers_that_it_does_not_know(void **state)
{
    (void)state;
    assert_refused("d28446a20126044161a04040", ALLOW_BOTH, "label 4");
    assert_refused("d28445a201260300a04040", ALLOW_BOTH, "label 3");
    assert_refused("d28446a20126616100a04040", ALLOW_BOTH, "label that is no number");
    assert_refused("d28445a201261000a04040", ALLOW_BOTH, "header 16");
    assert_refused("d28445a201261020a04040", ALLOW_BOTH, "header 16");
    assert_refused("d28446a20126182100a04040", ALLOW_BOTH, "header 33");
    assert_refused("d28446a20126182180a04040", ALLOW_BOTH, "header 33");
    assert_refused("d28447a2012618218140a04040", ALLOW_BOTH, "header 33");
    assert_refused("d2844ba201261821854040404040a04040", ALLOW_BOTH, "header 33");
}

static void parser_refuses_a_label_twice(void **state)
{
    (void)state;
    assert_refused("d28445a201260126a04040", ALLOW_BOTH, "twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_messages_verify_under_their_own_key_only),
        cmocka_unit_test(chains_of_one_and_of_several_certificates_come_back),
        cmocka_unit_test(signing_wants_a_key_on_p256_or_p384),
        cmocka_unit_test(signing_stays_within_its_room),
        cmocka_unit_test(changed_messages_do_not_verify),
        cmocka_unit_test(parser_accepts_the_least_message),
        cmocka_unit_test(parser_refuses_other_tags),
        cmocka_unit_test(parser_refuses_other_shapes),
        cmocka_unit_test(parser_refuses_algorithms_outside_the_protected_header),
        cmocka_unit_test(parser_refuses_algorithms_that_the_caller_does_not_allow),
        cmocka_unit_test(parser_refuses_critical_headers_that_it_does_not_understand),
        cmocka_unit_test(parser_refuses_headers_that_it_does_not_know),
        cmocka_unit_test(parser_refuses_a_label_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
