/*
 * Making reports: what goes in comes out under the right claim, and what a module or client may not
 * say is refused.
 */
#include "measure/report.h"

#include "abi/channel.h"
#include "base/bytes.h"
#include "base/scope.h"
#include "measure/report_read.h"
#include "report_fixture.h"

#include <jansson.h>
#include <openssl/sha.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int make_fixture(void **state)
{
    *state = report_fixture_new("P-384");
    return 0;
}

static int free_fixture(void **state)
{
    report_fixture_free(*state);
    return 0;
}

static struct report_claims *read_claims(const struct report_fixture *fixture)
{
    struct cose_message message;
    struct reason why = {""};
    struct report_claims *claims = malloc(sizeof *claims);
    assert_non_null(claims);
    if (report_read_message(fixture->report, fixture->size, &message, &why) != CLOISTER_OK ||
        report_read_claims(&message.payload, claims, &why) != CLOISTER_OK)
        fail_msg("%s", why.text);
    return claims;
}

static cloister_status make(struct report_fixture *fixture, uint32_t index, struct reason *why)
{
    return report_make(&fixture->platform, &fixture->launch, index, &fixture->request, FIXTURE_NOW,
                       fixture->report, &fixture->size, why);
}

static void assert_refused(struct report_fixture *fixture, cloister_status status,
                           const char *because)
{
    struct reason why = {""};
    assert_int_equal(make(fixture, 0, &why), status);
    if (!strstr(why.text, because))
        fail_msg("\"%s\" does not say \"%s\"", why.text, because);
}

static void assert_view(const struct cbor_view *view, const void *bytes, size_t size)
{
    assert_int_equal(view->size, size);
    assert_memory_equal(view->bytes, bytes, size);
}

/* Tag 18, an array of 4, and nothing around it: tag 61 is refused by common verifiers. */
static void report_starts_with_tag_18_alone(void **state)
{
    struct report_fixture *fixture = *state;
    assert_int_equal(fixture->report[0], 0xd2);
    assert_int_equal(fixture->report[1], 0x84);
}

static void report_says_what_the_launch_record_says(void **state)
{
    struct report_fixture *fixture = *state;
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    assert_int_equal(claims->iat, FIXTURE_NOW);
    assert_view(&claims->nonce, fixture->request.request.nonce, 32);
    assert_view(&claims->bootseed, fixture->launch.boot_seed, 32);
    assert_true(cbor_view_is(&claims->hwmodel, "kvm-sw-pvm"));
    assert_false(claims->debug);
    assert_false(claims->oemboot);
    assert_true(cbor_view_is(&claims->version, "0.1.0"));
    assert_view(&claims->component[0].digest, fixture->launch.runtime_measurement, CLO_DIGEST_SIZE);
    assert_view(&claims->component[1].digest, fixture->launch.monitor_measurement, CLO_DIGEST_SIZE);
    assert_view(&claims->component[2].digest, fixture->launch.personality_measurement,
                CLO_DIGEST_SIZE);
    assert_view(&claims->component[5].digest, fixture->launch.world_host_measurement,
                CLO_DIGEST_SIZE);
    assert_int_equal(claims->abi_major, CLO_ABI_MAJOR);
    assert_int_equal(claims->abi_minor, CLO_ABI_MINOR);
    assert_int_equal(report_field_find(&claims->seal_state, "svn")->number, 1);
    assert_true(
        cbor_view_is(&report_field_find(&claims->posture, "isolation")->text, "unreachable"));
    assert_int_equal(report_field_find(&claims->posture, "yama")->number, 1);
}

static void report_is_about_the_module_that_was_asked_about(void **state)
{
    struct report_fixture *fixture = *state;
    const struct launch_module *vault = &fixture->launch.module[0];
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    assert_true(cbor_view_is(&claims->subject->name, "vault"));
    assert_view(&claims->subject->component.digest, vault->measurement, CLO_DIGEST_SIZE);
    assert_view(&claims->subject->component.signer, vault->author + 1, CLO_DIGEST_SIZE);
    assert_view(&claims->subject->registers[3], vault->registers[3], CLO_DIGEST_SIZE);
    assert_int_equal(claims->subject->svn, 7);
    assert_int_equal(claims->subject->generation, 1);
    assert_int_equal(make(fixture, 1, NULL), CLOISTER_OK);
    AUTO_FREE struct report_claims *other = read_claims(fixture);
    assert_true(cbor_view_is(&other->subject->name, "echo"));
    assert_int_equal(other->subject->component.signer.size, 0);
}

static void ueid_is_the_digest_of_the_attestation_key(void **state)
{
    struct report_fixture *fixture = *state;
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    unsigned char *der = NULL;
    uint8_t expected[33] = {0x01};
    int size = i2d_PUBKEY(fixture->platform.attestation_key, &der);
    assert_true(size > 0);
    (void)SHA256(der, (size_t)size, expected + 1);
    assert_view(&claims->ueid, expected, sizeof expected);
    OPENSSL_free(der);
}

static void configuration_digest_changes_with_the_configuration(void **state)
{
    struct report_fixture *fixture = *state;
    uint8_t before[CLO_DIGEST_SIZE];
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    memcpy(before, claims->component[4].digest.bytes, sizeof before);
    fixture->launch.start.vcpus++;
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *after = read_claims(fixture);
    assert_memory_not_equal(before, after->component[4].digest.bytes, sizeof before);
}

static void debug_world_says_so_everywhere(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->launch.debug = true;
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    assert_true(claims->debug && claims->module[0].debug && claims->module[1].debug);
}

static void callers_are_named_by_their_kind(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_keeper_report *request = &fixture->request;
    AUTO_FREE struct report_claims *process = read_claims(fixture);
    assert_int_equal(report_field_find(&process->caller, "pid")->number, 4242);
    request->caller_kind = CLO_CALLER_GUEST;
    request->caller_id = 5;
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *guest = read_claims(fixture);
    assert_int_equal(report_field_find(&guest->caller, "id")->number, 5);
    request->caller_kind = CLO_CALLER_MODULE;
    request->caller_id = 1;
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *module = read_claims(fixture);
    assert_true(cbor_view_is(&report_field_find(&module->caller, "module")->text, "echo"));
    *request = (struct clo_keeper_report){.by_module = 1, .request.nonce_size = 16};
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *self = read_claims(fixture);
    assert_true(cbor_view_is(&report_field_find(&self->caller, "kind")->text, "self"));
}

static void assert_digest(const struct report_claims *claims, const char *name, uint8_t byte)
{
    uint8_t digest[CLO_DIGEST_SIZE];
    const struct report_field *field = report_field_find(&claims->caller, name);
    memset(digest, byte, sizeof digest);
    assert_non_null(field);
    assert_int_equal(field->kind, REPORT_FIELD_DIGEST);
    assert_int_equal(field->text.size, sizeof digest);
    assert_memory_equal(field->text.bytes, digest, sizeof digest);
}

static void guest_is_named_with_what_its_vmm_has_measured(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_keeper_report *request = &fixture->request;
    AUTO_FREE char *json = NULL;
    request->caller_kind = CLO_CALLER_GUEST;
    request->caller_id = 5;
    memset(request->guest_kernel, 1, sizeof request->guest_kernel);
    memset(request->guest_command_line, 3, sizeof request->guest_command_line);
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *without = read_claims(fixture);
    assert_digest(without, "kernel", 1);
    assert_digest(without, "command_line", 3);
    assert_null(report_field_find(&without->caller, "initrd"));
    memset(request->guest_initrd, 2, sizeof request->guest_initrd);
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *all = read_claims(fixture);
    assert_digest(all, "kernel", 1);
    assert_digest(all, "initrd", 2);
    assert_digest(all, "command_line", 3);
    assert_int_equal(cloister_report_json(fixture->report, fixture->size, &json, NULL),
                     CLOISTER_OK);
    assert_non_null(strstr(json, "\"initrd\": \"AgICAgIC"));
}

/* A module's own part: at most its largest, beside the world's claims. */
static void module_adds_user_data_and_a_key(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_report_request *request = &fixture->request.request;
    fixture->request = (struct clo_keeper_report){.by_module = 1};
    request->nonce_size = CLO_NONCE_MAX;
    request->user_data_size = CLO_USER_DATA_MAX;
    memset(request->user_data, 0xa0, CLO_USER_DATA_MAX);
    request->cnf_kind = CLO_CNF_X25519;
    request->cnf_size = 32;
    memset(request->cnf, 9, 32);
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    assert_view(&claims->user_data, request->user_data, CLO_USER_DATA_MAX);
    assert_int_equal(claims->cnf_kind, CLO_CNF_X25519);
    assert_memory_equal(claims->cnf, request->cnf, 32);
}

static void module_confirms_a_p256_key(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_report_request *request = &fixture->request.request;
    EVP_PKEY *key = fixture_key("P-256");
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    assert_int_equal(size, 91);
    fixture->request.by_module = 1;
    fixture->request.caller_kind = 0;
    request->cnf_kind = CLO_CNF_P256;
    request->cnf_size = 64;
    memcpy(request->cnf, der + 27, 64);
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    assert_memory_equal(claims->cnf, request->cnf, 64);
    request->cnf[0] ^= 1; /* no longer on the curve */
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "confirmation key");
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static void full_world_fits(void **state)
{
    struct report_fixture *fixture = *state;
    struct launch *launch = &fixture->launch;
    for (unsigned i = 0; i < CLO_MODULES_MAX; i++) {
        char name[CLO_NAME_SIZE];
        launch->module[i] = launch->module[0];
        (void)snprintf(name, sizeof name, "module-with-a-rather-long-na.%02u", CLO_MODULES_MAX - i);
        assert_true(name_set(launch->module[i].name, CLO_NAME_SIZE, name));
        assert_true(name_set(launch->module[i].manifest.name, CLO_NAME_SIZE, name));
    }
    launch->module_count = CLO_MODULES_MAX;
    fixture->request = (struct clo_keeper_report){.by_module = 1};
    fixture->request.request.nonce_size = CLO_NONCE_MAX;
    fixture->request.request.user_data_size = CLO_USER_DATA_MAX;
    report_fixture_make(fixture);
    assert_true(fixture->size < CLO_PAYLOAD_SIZE - 512);
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    assert_int_equal(claims->module_count, CLO_MODULES_MAX);
}

/* A3 */
static void nonces_of_other_sizes_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    static const uint32_t sizes[] = {0, 7, 15, 65, 0xffffffff};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        fixture->request.request.nonce_size = sizes[i];
        assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "nonce");
    }
}

static void sizes_beyond_their_fields_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->request.by_module = 1;
    fixture->request.caller_kind = 0;
    fixture->request.request.user_data_size = CLO_USER_DATA_MAX + 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "user data");
    fixture->request.request.user_data_size = 0;
    fixture->request.request.cnf_size = 0xffffffff;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "confirmation key");
}

static void unused_bytes_must_be_zero(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_report_request *request = &fixture->request.request;
    request->nonce[63] = 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "not zero");
    request->nonce[63] = 0;
    request->cnf[127] = 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "not zero");
    request->cnf[127] = 0;
    request->user_data[0] = 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "not zero");
    request->user_data[0] = 0;
    fixture->request.reserved = 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "reserved");
}

static void keys_of_other_kinds_and_sizes_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_report_request *request = &fixture->request.request;
    static const struct {
        uint32_t kind;
        uint32_t size;
    } cases[] = {{CLO_CNF_NONE, 32},
                 {CLO_CNF_X25519, 0},
                 {CLO_CNF_X25519, 64},
                 {CLO_CNF_P256, 32},
                 {CLO_CNF_P256, 65},
                 {3, 32},
                 {3, 0},
                 {CLO_CNF_X25519, 32},
                 {CLO_CNF_P256, 64}};
    fixture->request.by_module = 1;
    fixture->request.caller_kind = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) { /* all-zero keys, the last two */
        request->cnf_kind = cases[i].kind;
        request->cnf_size = cases[i].size;
        assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "confirmation key");
    }
}

/* M13: who speaks for the module is the module. */
static void client_may_not_speak_for_the_module(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_report_request *request = &fixture->request.request;
    request->user_data_size = 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "only the module");
    request->user_data_size = 0;
    request->cnf_kind = CLO_CNF_X25519;
    request->cnf_size = 32;
    request->cnf[0] = 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "only the module");
}

static void callers_that_cannot_be_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_keeper_report *request = &fixture->request;
    request->caller_kind = 0;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "caller kind 0");
    request->caller_kind = 4;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "caller kind 4");
    request->by_module = 1;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "by_module 1");
    request->by_module = 2;
    request->caller_kind = 0;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "by_module 2");
    request->by_module = 0;
    request->caller_kind = CLO_CALLER_MODULE;
    request->caller_id = 2;
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "calling module 2");
}

static void digests_of_a_guest_that_is_none_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    struct clo_keeper_report *request = &fixture->request;
    uint8_t *const digests[] = {request->guest_kernel, request->guest_initrd,
                                request->guest_command_line};
    for (unsigned i = 0; i < ARRAY_SIZE(digests); i++) {
        digests[i][47] = 1;
        assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "digests of a guest with caller kind 1");
        digests[i][47] = 0;
    }
    *request =
        (struct clo_keeper_report){.by_module = 1, .guest_kernel = {1}, .request.nonce_size = 16};
    assert_refused(fixture, CLOISTER_BAD_ARGUMENT, "digests of a guest with caller kind 0");
}

static void modules_that_are_not_there_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    assert_int_equal(make(fixture, 2, NULL), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(make(fixture, UINT32_MAX, NULL), CLOISTER_BAD_ARGUMENT);
}

static void world_that_has_not_started_has_no_reports(void **state)
{
    struct report_fixture *fixture = *state;
    fixture->launch.started = false;
    assert_refused(fixture, CLOISTER_BAD_STATE, "not complete");
}

/* M13: names that would forge structure, had the launch record let them in. */
static void names_that_are_none_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    static const char *const names[] = {"", "..", "a/b", "-a", "a b", "\xff", "a\nb"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_true(name_set(fixture->launch.module[1].name, CLO_NAME_SIZE, names[i]));
        assert_refused(fixture, CLOISTER_BAD_STATE, "module 1");
    }
    memset(fixture->launch.module[1].name, 'a', CLO_NAME_SIZE);
    assert_refused(fixture, CLOISTER_BAD_STATE, "module 1");
}

static void two_modules_of_one_name_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    assert_true(name_set(fixture->launch.module[1].name, CLO_NAME_SIZE, "vault"));
    assert_refused(fixture, CLOISTER_INTERNAL, "one name");
}

static void launch_records_with_bad_texts_are_refused(void **state)
{
    struct report_fixture *fixture = *state;
    memset(fixture->launch.start.kvm, 'a', sizeof fixture->launch.start.kvm);
    assert_refused(fixture, CLOISTER_BAD_STATE, "KVM flavour");
    assert_true(name_set(fixture->launch.start.kvm, 16, "svm"));
    fixture->launch.start.isolation = 0;
    assert_refused(fixture, CLOISTER_BAD_STATE, "isolation");
    fixture->launch.start.isolation = 1;
    memset(fixture->launch.runtime_version, 'a', CLO_VERSION_SIZE);
    assert_refused(fixture, CLOISTER_BAD_STATE, "version");
}

/* What sysfs says is the host's text, not ours. */
static void odd_texts_of_the_host_become_unknown(void **state)
{
    struct report_fixture *fixture = *state;
    memcpy(fixture->launch.posture.smt, "on\u202e", 6);
    memset(fixture->launch.posture.kernel, 'k', sizeof fixture->launch.posture.kernel);
    fixture->launch.posture.lockdown[0] = 0;
    fixture->launch.posture.yama_scope = UINT32_MAX;
    report_fixture_make(fixture);
    AUTO_FREE struct report_claims *claims = read_claims(fixture);
    assert_true(cbor_view_is(&report_field_find(&claims->posture, "smt")->text, "unknown"));
    assert_true(cbor_view_is(&report_field_find(&claims->posture, "kernel")->text, "unknown"));
    assert_true(cbor_view_is(&report_field_find(&claims->posture, "lockdown")->text, "unknown"));
    assert_null(report_field_find(&claims->posture, "yama"));
}

static void json_has_the_names_of_the_profile(void **state)
{
    struct report_fixture *fixture = *state;
    static const char *const names[] = {
        "iat",     "eat_nonce", "ueid",      "oemid",        "hwmodel", "oemboot",    "dbgstat",
        "submods", "bootseed",  "swname",    "eat_profile",  "measres", "seal_state", "caller",
        "posture", "abi",       "swversion", "measurements", "module"};
    char why[CLOISTER_REASON_SIZE];
    AUTO_FREE char *text = NULL;
    assert_int_equal(cloister_report_json(fixture->report, fixture->size, &text, why), CLOISTER_OK);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_non_null(json_object_get(json, names[i]));
    assert_int_equal(json_object_size(json), ARRAY_SIZE(names));
    assert_string_equal(json_string_value(json_object_get(json, "hwmodel")), "a3ZtLXN3LXB2bQ");
    assert_string_equal(json_string_value(json_object_get(json, "dbgstat")), "disabled-since-boot");
    const json_t *vault = json_object_get(json_object_get(json, "submods"), "vault");
    assert_int_equal(json_integer_value(json_object_get(vault, "svn")), 7);
    json_decref(json);
}

static void json_of_no_report_is_refused_with_a_reason(void **state)
{
    (void)state;
    char why[CLOISTER_REASON_SIZE] = "";
    char *text = NULL;
    assert_int_equal(cloister_report_json("\xa0", 1, &text, why), CLOISTER_BAD_FORMAT);
    assert_null(text);
    assert_non_null(strstr(why, "tag 18"));
    assert_int_equal(cloister_report_json("", 0, &text, NULL), CLOISTER_BAD_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(report_starts_with_tag_18_alone),
        TEST(report_says_what_the_launch_record_says),
        TEST(report_is_about_the_module_that_was_asked_about),
        TEST(ueid_is_the_digest_of_the_attestation_key),
        TEST(configuration_digest_changes_with_the_configuration),
        TEST(debug_world_says_so_everywhere),
        TEST(callers_are_named_by_their_kind),
        TEST(guest_is_named_with_what_its_vmm_has_measured),
        TEST(module_adds_user_data_and_a_key),
        TEST(module_confirms_a_p256_key),
        TEST(full_world_fits),
        TEST(nonces_of_other_sizes_are_refused),
        TEST(sizes_beyond_their_fields_are_refused),
        TEST(unused_bytes_must_be_zero),
        TEST(keys_of_other_kinds_and_sizes_are_refused),
        TEST(client_may_not_speak_for_the_module),
        TEST(callers_that_cannot_be_are_refused),
        TEST(digests_of_a_guest_that_is_none_are_refused),
        TEST(modules_that_are_not_there_are_refused),
        TEST(world_that_has_not_started_has_no_reports),
        TEST(names_that_are_none_are_refused),
        TEST(two_modules_of_one_name_are_refused),
        TEST(launch_records_with_bad_texts_are_refused),
        TEST(odd_texts_of_the_host_become_unknown),
        TEST(json_has_the_names_of_the_profile),
        TEST(json_of_no_report_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
