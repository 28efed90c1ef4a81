/*
 * The verifier: what it accepts, and above all what it refuses and why.
 */
#include "report_fixture.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "emulated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DAY (24l * 3600)

static int make_fixture(void **state)
{
    *state = report_fixture_new("P-384");
    return 0;
}

static int make_quick_fixture(void **state)
{
    *state = report_fixture_new("P-256");
    return 0;
}

static int free_fixture(void **state)
{
    report_fixture_free(*state);
    return 0;
}

static cloister_verdict judge(const struct report_fixture *fixture)
{
    cloister_verdict verdict;
    assert_int_equal(
        cloister_report_verify(fixture->report, fixture->size, &fixture->expectation, &verdict),
        CLOISTER_OK);
    return verdict;
}

static void assert_accepted(const struct report_fixture *fixture)
{
    cloister_verdict verdict = judge(fixture);
    if (!verdict.accepted)
        fail_msg("refused: %s", verdict.reason[0]);
    assert_int_equal(verdict.reason_count, 0);
}

/* Refused with one reason that has this text. */
static void assert_refused(const struct report_fixture *fixture, const char *because)
{
    cloister_verdict verdict = judge(fixture);
    assert_false(verdict.accepted);
    assert_int_equal(verdict.reason_count, 1);
    if (!strstr(verdict.reason[0], because))
        fail_msg("\"%s\" does not say \"%s\"", verdict.reason[0], because);
}

static void assert_bad_argument(const struct report_fixture *fixture)
{
    cloister_verdict verdict;
    assert_int_equal(
        cloister_report_verify(fixture->report, fixture->size, &fixture->expectation, &verdict),
        CLOISTER_BAD_ARGUMENT);
    assert_false(verdict.accepted);
    assert_int_equal(verdict.reason_count, 1);
}

static void verifier_accepts_a_fresh_report(void **state)
{
    assert_accepted(*state);
}

static void verifier_accepts_the_expected_module(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->expectation.measurement = fixture->launch.module[0].measurement;
    fixture->expectation.author = fixture->launch.module[0].author;
    assert_accepted(fixture);
}

static void verifier_refuses_every_flipped_bit(void **state)
{
    struct report_fixture *fixture = *state;
    cloister_verdict verdict;
    for (size_t bit = 0; bit < fixture->size * 8; bit += emulated_step()) {
        fixture->report[bit / 8] ^= (uint8_t)(1u << bit % 8);
        verdict = judge(fixture);
        if (verdict.accepted || verdict.reason_count == 0)
            fail_msg("bit %zu of %zu", bit, fixture->size * 8);
        fixture->report[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_accepted(fixture);
}

static void verifier_refuses_every_truncation(void **state)
{
    struct report_fixture *fixture = *state;
    size_t whole = fixture->size;
    for (fixture->size = 0; fixture->size < whole; fixture->size++)
        assert_false(judge(fixture).accepted);
    fixture->report[whole] = 0;
    fixture->size = whole + 1;
    assert_refused(fixture, "bytes follow");
}

/* A3 */

static void verifier_refuses_a_stale_nonce(void **state)
{
    struct report_fixture *fixture = *state;
    uint8_t fresh[32] = {1};
    fixture->expectation.nonce = fresh;
    assert_refused(fixture, "eat_nonce");
}

static void verifier_refuses_a_nonce_that_is_only_the_start(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->expectation.nonce_size = 16;
    assert_refused(fixture, "eat_nonce");
}

static void verifier_wants_a_nonce_of_16_to_64_bytes(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->expectation.nonce_size = 15;
    assert_bad_argument(fixture);
    fixture->expectation.nonce_size = 65;
    assert_bad_argument(fixture);
    fixture->expectation.nonce_size = 32;
    fixture->expectation.nonce = NULL;
    assert_bad_argument(fixture);
}

static void verifier_refuses_nonces_of_another_form(void **state)
{
    static const char *const values[] = {
        "40",                                 /* empty */
        "4701020304050607",                   /* 7 bytes */
        "7030313233343536373839303132333435", /* text */
        "825000000000000000000000000000000000"
        "5000000000000000000000000000000000", /* two */
        "00",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct report_fixture *fixture = *state;
        report_fixture_edit(fixture, CLO_CLAIM_NONCE, values[i]);
        assert_refused(fixture, "eat_nonce");
        report_fixture_make(fixture);
    }
    char big[2 * 67 + 1] = "5841";
    memset(big + 4, '0', 2 * 65);
    report_fixture_edit(*state, CLO_CLAIM_NONCE, big);
    assert_refused(*state, "eat_nonce");
}

/* Policy */

static void verifier_refuses_another_measurement(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->expectation.measurement = fixture->launch.module[1].measurement;
    assert_refused(fixture, "measurement of module vault");
}

static void verifier_refuses_another_author(void **state)
{
    struct report_fixture *fixture = *state;
    uint8_t author[CLO_AUTHOR_SIZE] = {CLO_AUTHOR_KEY};
    fixture->expectation.author = author;
    assert_refused(fixture, "author of module vault");
}

static void verifier_refuses_an_unsigned_module_where_an_author_is_expected(void **state)
{
    struct report_fixture *fixture = *state;
    uint8_t none[CLO_AUTHOR_SIZE] = {CLO_AUTHOR_NONE};
    memset(fixture->launch.module[0].author, 0, CLO_AUTHOR_SIZE);
    report_fixture_make(fixture);
    fixture->expectation.author = none;
    assert_refused(fixture, "not signed");
}

static void verifier_refuses_a_debug_world_unless_allowed(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->launch.debug = true;
    report_fixture_make(fixture);
    assert_refused(fixture, "debug world");
    fixture->expectation.allow_debug = 1;
    assert_accepted(fixture);
}

static void verifier_names_every_field_that_does_not_fit(void **state)
{
    struct report_fixture *fixture = *state;
    uint8_t zero[64] = {0};
    fixture->launch.debug = true;
    report_fixture_make(fixture);
    fixture->expectation.nonce = zero;
    fixture->expectation.measurement = zero;
    fixture->expectation.author = zero;
    assert_int_equal(judge(fixture).reason_count, 4);
}

/* A4 */

/* A message with this protected header and a signature of zeros. */
static void assert_header_refused(struct report_fixture *fixture, const char *header,
                                  const char *unprotected, const char *because)
{
    uint8_t protected[64];
    uint8_t outside[64];
    uint8_t signature[96] = {0};
    size_t protected_size;
    size_t outside_size;
    assert_true(hex_decode(header, protected, sizeof protected, &protected_size));
    assert_true(hex_decode(unprotected, outside, sizeof outside, &outside_size));
    uint8_t *at = fixture->report;
    *at++ = 0xd2;
    *at++ = 0x84;
    *at++ = (uint8_t)(0x40 | protected_size);
    memcpy(at, protected, protected_size);
    at += protected_size;
    memcpy(at, outside, outside_size);
    at += outside_size;
    memcpy(at, "\x41\xa0\x58\x60", 4);
    memcpy(at + 4, signature, sizeof signature);
    fixture->size = (size_t)(at + 4 + sizeof signature - fixture->report);
    assert_refused(fixture, because);
}

static void verifier_refuses_algorithms_that_are_not_allowed(void **state)
{
    assert_header_refused(*state, "", "a0", "ends");
    assert_header_refused(*state, "a0", "a0", "no algorithm");
    assert_header_refused(*state, "a0", "a10126", "unprotected header is not empty");
    assert_header_refused(*state, "a10126", "a1013822", "unprotected header is not empty");
    assert_header_refused(*state, "a10105", "a0", "algorithm 5 is not allowed");     /* HMAC */
    assert_header_refused(*state, "a10127", "a0", "algorithm -8 is not allowed");    /* EdDSA */
    assert_header_refused(*state, "a1013823", "a0", "algorithm -36 is not allowed"); /* ES512 */
    assert_header_refused(*state, "a1013824", "a0", "algorithm -37 is not allowed"); /* PS256 */
    assert_header_refused(*state, "a10120", "a0", "algorithm -1 is not allowed");
    assert_header_refused(*state, "a101654553333834", "a0", "header 1");
    assert_header_refused(*state, "a1013822", "a0", "typ is 0");
    assert_header_refused(*state, "a201382210190107", "a0", "alg, typ and x5chain");
}

static void assert_leaf_key_refused(struct report_fixture *fixture, EVP_PKEY *leaf_key,
                                    EVP_PKEY *signer, const char *because)
{
    X509 *leaf = fixture_certificate(&fixture_leaf_plan, leaf_key, fixture->ca, fixture->ca_key);
    report_fixture_rechain(fixture, signer, &leaf, 1);
    assert_refused(fixture, because);
    X509_free(leaf);
    EVP_PKEY_free(leaf_key);
}

static void verifier_refuses_certificates_with_other_keys(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *signer = fixture->platform.attestation_key;
    assert_leaf_key_refused(fixture, fixture_key("RSA"), signer, "P-256 or P-384");
    assert_leaf_key_refused(fixture, fixture_key("P-521"), signer, "P-256 or P-384");
    assert_leaf_key_refused(fixture, fixture_key("P-256"), signer, "not one for algorithm -35");
    assert_leaf_key_refused(fixture, fixture_key("P-384"), signer, "not this key's");
}

static void verifier_refuses_a_report_about_another_key(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *other = fixture_key("P-384");
    X509 *leaf = fixture_certificate(&fixture_leaf_plan, other, fixture->ca, fixture->ca_key);
    report_fixture_rechain(fixture, other, &leaf, 1);
    assert_refused(fixture, "ueid");
    X509_free(leaf);
    EVP_PKEY_free(other);
}

/* A6 */

static void assert_leaf_plan_refused(struct report_fixture *fixture,
                                     const struct certificate_plan *plan, const char *because)
{
    EVP_PKEY *key = fixture->platform.attestation_key;
    X509 *leaf = fixture_certificate(plan, key, fixture->ca, fixture->ca_key);
    report_fixture_rechain(fixture, key, &leaf, 1);
    assert_refused(fixture, because);
    X509_free(leaf);
}

static void verifier_refuses_certificates_for_other_purposes(void **state)
{
    struct certificate_plan plan = fixture_leaf_plan;
    plan.extended = NULL;
    assert_leaf_plan_refused(*state, &plan, "extended key usage");
    plan.extended = CLO_REPORT_EKU_OID;
    assert_leaf_plan_refused(*state, &plan, "extended key usage");
    plan.extended = "critical,serverAuth";
    assert_leaf_plan_refused(*state, &plan, "extended key usage");
    plan.extended = "critical,anyExtendedKeyUsage";
    assert_leaf_plan_refused(*state, &plan, "extended key usage");
    plan.extended = "critical,serverAuth," CLO_REPORT_EKU_OID;
    assert_leaf_plan_refused(*state, &plan, "extended key usage");
    plan = fixture_leaf_plan;
    plan.usage = NULL;
    assert_leaf_plan_refused(*state, &plan, "key usage");
    plan.usage = "critical,keyEncipherment";
    assert_leaf_plan_refused(*state, &plan, "key usage");
    plan.usage = "critical,digitalSignature,keyEncipherment";
    assert_leaf_plan_refused(*state, &plan, "key usage");
    plan = fixture_leaf_plan;
    plan.basic = NULL;
    assert_leaf_plan_refused(*state, &plan, "CA:FALSE");
    plan.basic = "critical,CA:TRUE";
    plan.usage = "critical,digitalSignature,keyCertSign";
    assert_leaf_plan_refused(*state, &plan, "CA:FALSE");
}

static void verifier_refuses_certificates_out_of_their_dates(void **state)
{
    struct report_fixture *fixture = *state;
    struct certificate_plan plan = fixture_leaf_plan;
    plan.to = -1;
    assert_leaf_plan_refused(fixture, &plan, "expired");
    plan = fixture_leaf_plan;
    plan.from = 1;
    assert_leaf_plan_refused(fixture, &plan, "not yet valid");
    report_fixture_make(fixture);
    fixture->expectation.now = FIXTURE_NOW + 366u * (uint64_t)DAY;
    assert_refused(fixture, "expired");
    fixture->expectation.now = 0;
    assert_refused(fixture, "not yet valid");
    fixture->expectation.now = UINT64_MAX;
    assert_bad_argument(fixture);
}

static void verifier_refuses_a_chain_to_another_ca(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *key = fixture_key("P-384");
    X509 *other = fixture_certificate(&fixture_ca_plan, key, NULL, key);
    char *pem = fixture_pem(other);
    fixture->expectation.ca_pem = pem;
    fixture->expectation.ca_pem_size = strlen(pem);
    assert_refused(fixture, "certificate chain");
    free(pem);
    X509_free(other);
    EVP_PKEY_free(key);
}

/* Everything genuine but the root, which the attacker brings along. */
static void verifier_refuses_a_root_that_comes_with_the_report(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *key = fixture_key("P-384");
    X509 *chain[3];
    chain[1] = fixture_certificate(&fixture_ca_plan, key, NULL, key);
    chain[0] =
        fixture_certificate(&fixture_leaf_plan, fixture->platform.attestation_key, chain[1], key);
    chain[2] = fixture->ca;
    report_fixture_rechain(fixture, fixture->platform.attestation_key, chain, 1);
    assert_refused(fixture, "certificate chain");
    report_fixture_rechain(fixture, fixture->platform.attestation_key, chain, 2);
    assert_refused(fixture, "certificate chain");
    report_fixture_rechain(fixture, fixture->platform.attestation_key, chain, 3);
    assert_refused(fixture, "certificate chain");
    X509_free(chain[0]);
    X509_free(chain[1]);
    EVP_PKEY_free(key);
}

static void verifier_refuses_a_leaf_that_issued_itself(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *key = fixture->platform.attestation_key;
    X509 *leaf = fixture_certificate(&fixture_leaf_plan, key, NULL, key);
    report_fixture_rechain(fixture, key, &leaf, 1);
    assert_refused(fixture, "certificate chain");
    X509_free(leaf);
}

static void verifier_refuses_a_chain_with_more_than_the_path(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *key = fixture->platform.attestation_key;
    X509 *leaf = fixture->platform.attestation_certificate;
    X509 *const root_inside[] = {leaf, fixture->ca};
    X509 *const twice[] = {leaf, leaf};
    X509 *const root_first[] = {fixture->ca, leaf};
    report_fixture_rechain(fixture, key, root_inside, 2);
    assert_refused(fixture, "x5chain is not just the path");
    report_fixture_rechain(fixture, key, twice, 2);
    assert_refused(fixture, "x5chain is not just the path");
    report_fixture_rechain(fixture, key, root_first, 2);
    assert_refused(fixture, "x5chain is not just the path");
}

static void verifier_refuses_more_certificates_than_the_profile_has(void **state)
{
    struct report_fixture *fixture = *state;
    uint8_t message[512] = {0xd2, 0x84, 0x58, 58, 0xa1, 0x18, 33, 0x98, 50};
    memset(message + 9, 0x40, 50);
    message[3] = 55;
    memcpy(message + 59, "\xa0\x41\xa0\x41\x00", 5);
    memcpy(fixture->report, message, 64);
    fixture->size = 64;
    assert_refused(fixture, "header 33");
}

/* An intermediate CA under a root that allows none (pathlen 0), and under one that does. */
static void verifier_keeps_to_the_path_length(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *key = fixture->platform.attestation_key;
    EVP_PKEY *middle_key = fixture_key("P-384");
    struct certificate_plan plan = fixture_ca_plan;
    plan.name = "middle";
    X509 *middle = fixture_certificate(&plan, middle_key, fixture->ca, fixture->ca_key);
    X509 *leaf = fixture_certificate(&fixture_leaf_plan, key, middle, middle_key);
    X509 *chain[] = {leaf, middle};
    report_fixture_rechain(fixture, key, chain, 2);
    assert_refused(fixture, "path length");
    X509_free(middle);

    plan = fixture_ca_plan;
    plan.basic = "critical,CA:TRUE,pathlen:1";
    X509 *root = fixture_certificate(&plan, fixture->ca_key, NULL, fixture->ca_key);
    char *pem = fixture_pem(root);
    fixture->expectation.ca_pem = pem;
    fixture->expectation.ca_pem_size = strlen(pem);
    plan = fixture_ca_plan;
    plan.name = "middle";
    chain[1] = fixture_certificate(&plan, middle_key, root, fixture->ca_key);
    report_fixture_rechain(fixture, key, chain, 2);
    assert_accepted(fixture);
    X509 *const shuffled[] = {chain[1], chain[0]};
    report_fixture_rechain(fixture, key, shuffled, 2);
    assert_refused(fixture, "x5chain is not just the path");
    X509_free(chain[0]);
    X509_free(chain[1]);
    X509_free(root);
    EVP_PKEY_free(middle_key);
    free(pem);
}

/* A leaf that plays CA. */
static void verifier_refuses_an_issuer_that_is_no_ca(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *key = fixture_key("P-384");
    X509 *leaf =
        fixture_certificate(&fixture_leaf_plan, key, fixture->platform.attestation_certificate,
                            fixture->platform.attestation_key);
    X509 *const chain[] = {leaf, fixture->platform.attestation_certificate};
    report_fixture_rechain(fixture, key, chain, 2);
    assert_refused(fixture, "certificate chain");
    X509_free(leaf);
    EVP_PKEY_free(key);
}

static void verifier_refuses_bytes_that_are_no_certificate(void **state)
{
    struct report_fixture *fixture = *state;
    struct cose_header header = {.type = CLO_REPORT_TYPE, .certificates = 1};
    header.certificate[0] = (struct cbor_view){(const uint8_t *)"hello", 5};
    assert_int_equal(cose_sign(fixture->platform.attestation_key, &header, "\xa0", 1,
                               fixture->report, sizeof fixture->report, &fixture->size, NULL),
                     CLOISTER_OK);
    assert_refused(fixture, "no X.509 certificate");
}

static void verifier_wants_ca_certificates_in_pem(void **state)
{
    struct report_fixture *fixture = *state;
    char *leaf = fixture_pem(fixture->platform.attestation_certificate);
    static const char *const bad[] = {
        "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fixture->expectation.ca_pem = bad[i];
        fixture->expectation.ca_pem_size = strlen(bad[i]);
        assert_bad_argument(fixture);
    }
    fixture->expectation.ca_pem = leaf;
    fixture->expectation.ca_pem_size = strlen(leaf);
    assert_bad_argument(fixture);
    fixture->expectation.ca_pem = NULL;
    assert_bad_argument(fixture);
    fixture->expectation.ca_pem = fixture->ca_pem;
    fixture->expectation.ca_pem_size = 0;
    assert_bad_argument(fixture);
    free(leaf);
}

static void verifier_accepts_any_of_several_pinned_cas(void **state)
{
    struct report_fixture *fixture = *state;
    EVP_PKEY *key = fixture_key("P-384");
    X509 *other = fixture_certificate(&fixture_ca_plan, key, NULL, key);
    char *first = fixture_pem(other);
    AUTO_FREE char *both = malloc(strlen(first) + strlen(fixture->ca_pem) + 1);
    assert_non_null(both);
    (void)strcat(strcpy(both, first), fixture->ca_pem);
    fixture->expectation.ca_pem = both;
    fixture->expectation.ca_pem_size = strlen(both);
    assert_accepted(fixture);
    free(first);
    X509_free(other);
    EVP_PKEY_free(key);
}

/* A7 */

static void assert_edit_refused(struct report_fixture *fixture, int64_t label, const char *value,
                                const char *because)
{
    report_fixture_edit(fixture, label, value);
    assert_refused(fixture, because);
    report_fixture_make(fixture);
}

static void verifier_refuses_a_report_without_a_mandatory_claim(void **state)
{
    static const struct {
        int64_t label;
        const char *name;
    } claims[] = {
        {6, "iat"},        {10, "eat_nonce"},      {256, "ueid"},      {258, "oemid"},
        {259, "hwmodel"},  {262, "oemboot"},       {263, "dbgstat"},   {265, "eat_profile"},
        {268, "bootseed"}, {270, "swname"},        {271, "swversion"}, {273, "measurements"},
        {274, "measres"},  {-70002, "seal_state"}, {-70003, "caller"}, {-70005, "posture"},
        {-70006, "abi"},   {-70008, "module"},
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        report_fixture_edit(*state, claims[i].label, NULL);
        assert_refused(*state, claims[i].name);
        report_fixture_make(*state);
    }
    assert_edit_refused(*state, CLO_CLAIM_SUBMODS, NULL, "measres");
}

static void verifier_refuses_claims_of_another_form(void **state)
{
    assert_edit_refused(*state, 6, "20", "iat");
    assert_edit_refused(*state, 6, "1b8000000000000000", "iat");
    assert_edit_refused(*state, 256, "4100", "ueid");
    assert_edit_refused(*state, 258, "5000000000000000000000000000000000", "oemid");
    assert_edit_refused(*state, 259, "476b766d2d73772d", "hwmodel");
    assert_edit_refused(*state, 259, "48736e702d736e7078", "hwmodel");
    assert_edit_refused(*state, 259, "4a6b766d2d73772d73766d", "different KVM flavours");
    assert_edit_refused(*state, 262, "01", "oemboot");
    assert_edit_refused(*state, 263, "01", "dbgstat");
    assert_edit_refused(*state, 263, "f4", "dbgstat");
    assert_edit_refused(*state, 263, "00", "dbgstat of a submodule");
    assert_edit_refused(*state, 265, "6161", "eat_profile");
    assert_edit_refused(*state, 266, "a0", "submods");
    assert_edit_refused(*state, 268, "4100", "bootseed");
    assert_edit_refused(*state, 270, "6161", "swname");
    assert_edit_refused(*state, 271, "8263302e3101", "swversion");
    assert_edit_refused(*state, 273, "80", "measurements");
    assert_edit_refused(*state, 274, "80", "measres");
    assert_edit_refused(*state, -70002, "a0", "seal_state");
    assert_edit_refused(*state, -70003, "a1646b696e6468736f6d65626f6479", "caller");
    assert_edit_refused(*state, -70003, "a2646b696e646473656c6665737461727400", "caller");
    /* A guest's digest is 48 bytes, and nobody else's. */
    assert_edit_refused(*state, -70003, "a362696405646b696e64656775657374666b65726e656c4100",
                        "caller");
    assert_edit_refused(*state, -70003, "a2646b696e646473656c66666b65726e656c4100", "caller");
    assert_edit_refused(*state, -70005, "a0", "posture");
    assert_edit_refused(*state, -70006, "8101", "abi");
    assert_edit_refused(*state, -70008, "657661756c78", "module");
}

static void verifier_refuses_claims_that_the_profile_does_not_have(void **state)
{
    assert_edit_refused(*state, 1, "6161", "claim 1 is not of this profile");
    assert_edit_refused(*state, 264, "00", "claim 264");
    assert_edit_refused(*state, -70001, "80", "registers");
    assert_edit_refused(*state, -70009, "00", "svn");
    assert_edit_refused(*state, -70011, "00", "claim -70011");
    assert_edit_refused(*state, -70004, "40", "user_data");
    assert_edit_refused(*state, 8, "a0", "cnf");
    assert_edit_refused(*state, 8, "a101a10104", "cnf");
}

static void verifier_refuses_confirmation_keys_that_are_none(void **state)
{
    char zero[] = "a101a301012004215820"
                  "0000000000000000000000000000000000000000000000000000000000000000";
    assert_edit_refused(*state, 8, zero, "cnf");
    char point[] = "a101a401022001215820"
                   "0000000000000000000000000000000000000000000000000000000000000001"
                   "225820"
                   "0000000000000000000000000000000000000000000000000000000000000001";
    assert_edit_refused(*state, 8, point, "cnf");
}

/* Changes inside a component or submodule, as bytes of the claims. */
static void assert_replace_refused(struct report_fixture *fixture, const char *from, const char *to,
                                   const char *because)
{
    uint8_t old[64];
    uint8_t new[64];
    size_t size;
    assert_true(hex_decode(from, old, sizeof old, &size));
    assert_true(hex_decode(to, new, sizeof new, &size));
    report_fixture_replace(fixture, old, new, size);
    assert_refused(fixture, because);
    report_fixture_make(fixture);
}

static void verifier_refuses_other_digests_and_components(void **state)
{
    /* Digest algorithm 7 to another, within the first module and within the world's own. */
    assert_replace_refused(*state, "0282075830", "0282015830", "submods");
    assert_replace_refused(*state, "02820758307171", "02822658307171", "measurements");
    /* A truncated digest: the length byte no longer fits what follows. */
    assert_replace_refused(*state, "0282075830", "028207582f", "submods");
    /* Content format, version scheme, name of a component, the same component twice. */
    assert_replace_refused(*state, "82190127", "82190128", "submods");
    assert_replace_refused(*state, "65312e322e33194000", "65312e322e33194001", "submods");
    assert_replace_refused(*state, "826772756e74696d65", "826772756e74696d66", "measurements");
    /* Two modules of one name, a name with NUL or with a slash. */
    assert_replace_refused(*state, "657661756c74a8", "656563686f6fa8", "measres");
    assert_replace_refused(*state, "646563686fa8", "646563002fa8", "deterministic");
    assert_replace_refused(*state, "646563686fa8", "642e2e2f61a8", "submods");
    /* The result of a signature that is not there, and of no module. */
    assert_replace_refused(*state, "82646563686f04", "82646563686f01", "measres");
    assert_replace_refused(*state, "82646563686f04", "82646563687004", "measres");
}

/* A5, A8: the payload is signed, and not deterministic CBOR. */
/* In the release of the host's kernel, 6.18.0. */
static void verifier_refuses_text_that_is_not_plain(void **state)
{
    struct report_fixture *fixture = *state;
    static const char *const texts[] = {"61621b5b324a", "6162c29b324a", "616263e280ae",
                                        "616263e281a6", "616263e280a8", "616263e2808b"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_replace_refused(fixture, "362e31382e30", texts[i], "control or invisible");
}

static void verifier_refuses_payloads_that_are_not_deterministic(void **state)
{
    static const char *const payloads[] = {"bf0600ff",           "a206000600", "a20a000600",
                                           "a1061800",           "a006",       "9a10000000",
                                           "bb0000000100000000", "f6",         ""};
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        uint8_t bytes[16];
        size_t size;
        assert_true(hex_decode(payloads[i], bytes, sizeof bytes, &size));
        report_fixture_resign(*state, bytes, size);
        assert_refused(*state, "claims-set");
    }
    report_fixture_resign(*state, (const uint8_t *)"\x80", 1);
    assert_refused(*state, "no claims-set");
}

static void verifier_refuses_bombs(void **state)
{
    struct report_fixture *fixture = *state;
    cloister_verdict verdict;
    size_t size = (size_t)64 << 20;
    AUTO_FREE uint8_t *body = calloc(1, size);
    assert_non_null(body);
    assert_int_equal(cloister_report_verify(body, size, &fixture->expectation, &verdict),
                     CLOISTER_OK);
    assert_non_null(strstr(verdict.reason[0], "the most is 65536"));
    memset(body, 0x81, 100000);
    assert_int_equal(cloister_report_verify(body, 60000, &fixture->expectation, &verdict),
                     CLOISTER_OK);
    assert_non_null(strstr(verdict.reason[0], "nested"));
    static const uint8_t array[] = {0x9a, 0x10, 0, 0, 0};
    assert_int_equal(cloister_report_verify(array, 5, &fixture->expectation, &verdict),
                     CLOISTER_OK);
    assert_false(verdict.accepted);
    assert_int_equal(cloister_report_verify(NULL, 0, &fixture->expectation, &verdict), CLOISTER_OK);
    assert_false(verdict.accepted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)
#define QUICK(name) cmocka_unit_test_setup_teardown(name, make_quick_fixture, free_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(verifier_accepts_a_fresh_report),
        QUICK(verifier_accepts_a_fresh_report),
        TEST(verifier_accepts_the_expected_module),
        QUICK(verifier_refuses_every_flipped_bit),
        QUICK(verifier_refuses_every_truncation),
        TEST(verifier_refuses_a_stale_nonce),
        TEST(verifier_refuses_a_nonce_that_is_only_the_start),
        TEST(verifier_wants_a_nonce_of_16_to_64_bytes),
        QUICK(verifier_refuses_nonces_of_another_form),
        TEST(verifier_refuses_another_measurement),
        TEST(verifier_refuses_another_author),
        TEST(verifier_refuses_an_unsigned_module_where_an_author_is_expected),
        TEST(verifier_refuses_a_debug_world_unless_allowed),
        TEST(verifier_names_every_field_that_does_not_fit),
        TEST(verifier_refuses_algorithms_that_are_not_allowed),
        TEST(verifier_refuses_certificates_with_other_keys),
        TEST(verifier_refuses_a_report_about_another_key),
        QUICK(verifier_refuses_certificates_for_other_purposes),
        TEST(verifier_refuses_certificates_out_of_their_dates),
        TEST(verifier_refuses_a_chain_to_another_ca),
        TEST(verifier_refuses_a_root_that_comes_with_the_report),
        TEST(verifier_refuses_a_leaf_that_issued_itself),
        TEST(verifier_refuses_a_chain_with_more_than_the_path),
        TEST(verifier_refuses_more_certificates_than_the_profile_has),
        TEST(verifier_keeps_to_the_path_length),
        TEST(verifier_refuses_an_issuer_that_is_no_ca),
        TEST(verifier_refuses_bytes_that_are_no_certificate),
        TEST(verifier_wants_ca_certificates_in_pem),
        TEST(verifier_accepts_any_of_several_pinned_cas),
        QUICK(verifier_refuses_a_report_without_a_mandatory_claim),
        QUICK(verifier_refuses_claims_of_another_form),
        QUICK(verifier_refuses_claims_that_the_profile_does_not_have),
        QUICK(verifier_refuses_confirmation_keys_that_are_none),
        QUICK(verifier_refuses_other_digests_and_components),
        QUICK(verifier_refuses_text_that_is_not_plain),
        QUICK(verifier_refuses_payloads_that_are_not_deterministic),
        TEST(verifier_refuses_bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
