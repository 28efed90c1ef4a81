/*
 * Sealed headers: who opens what, and that everybody else gets one refusal and not a byte.
 */
#include "measure/seal.h"
#include "measure/seal_wrap.h"

#include "base/bytes.h"
#include "measure/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1800000000u

static const uint32_t policies[] = {CLO_POLICY_EXACT_CODE, CLO_POLICY_SAME_IMAGE,
                                    CLO_POLICY_SAME_FAMILY, CLO_POLICY_SAME_AUTHOR,
                                    CLO_POLICY_EXACT_SET};
#define POLICIES (sizeof policies / sizeof policies[0])

/* A platform and a started world of two modules; tests seal for module 0. */
struct fixture {
    struct platform platform;
    struct launch launch;
    struct clo_seal_request request;
    struct clo_seal_reply sealed;
    struct clo_unseal_reply opened;
    struct reason why;
};

static void make_module(struct launch_module *module, const char *name, uint8_t fill)
{
    (void)!name_set(module->name, sizeof module->name, name);
    memset(module->measurement, fill, sizeof module->measurement);
    memset(module->author, 0xaa, sizeof module->author);
    module->author[0] = CLO_AUTHOR_KEY;
    memset(module->manifest.family_id, 0xfa, sizeof module->manifest.family_id);
    memset(module->manifest.image_id, fill, sizeof module->manifest.image_id);
    module->manifest.svn = 5;
    module->manifest.svn_floor = 2;
    module->generation = 1;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || crypto_start(&f->why) != CLOISTER_OK)
        return -1;
    memset(f->platform.root, 0x11, sizeof f->platform.root);
    make_module(&f->launch.module[0], "vault", 0x33);
    make_module(&f->launch.module[1], "other", 0x44);
    f->launch.module_count = f->launch.modules_expected = 2;
    f->launch.runtime_svn = 3;
    f->launch.started = true;
    f->request.policy = CLO_POLICY_EXACT_CODE;
    memcpy(f->request.label, "letters", 7);
    memset(f->request.payload_digest, 0x77, sizeof f->request.payload_digest);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void seal_as(struct fixture *f, uint32_t policy)
{
    f->request.policy = (uint16_t)policy;
    assert_int_equal(seal_make(&f->platform, &f->launch, 0, &f->request, NOW, &f->sealed, &f->why),
                     CLOISTER_OK);
}

static cloister_status open_by(struct fixture *f, uint32_t index)
{
    f->why.text[0] = '\0';
    memset(&f->opened, 0, sizeof f->opened);
    return seal_open(&f->platform, &f->launch, index, &f->sealed.header, &f->opened, &f->why);
}

static void opens(struct fixture *f, uint32_t index)
{
    assert_int_equal(open_by(f, index), CLOISTER_OK);
    assert_memory_equal(f->opened.key, f->sealed.key, sizeof f->opened.key);
}

/* Refused, with `word` in the operator's reason and nothing in the reply. */
static void is_refused(struct fixture *f, uint32_t index, const char *word)
{
    assert_int_equal(open_by(f, index), CLOISTER_REFUSED);
    assert_non_null(strstr(f->why.text, word));
    assert_true(bytes_are_zero(&f->opened, sizeof f->opened));
}

static void request_is_refused(struct fixture *f, cloister_status status, const char *word)
{
    memset(&f->sealed, 0, sizeof f->sealed);
    assert_int_equal(seal_make(&f->platform, &f->launch, 0, &f->request, NOW, &f->sealed, &f->why),
                     status);
    assert_non_null(strstr(f->why.text, word));
    assert_true(bytes_are_zero(&f->sealed, sizeof f->sealed));
}

static void sealer_opens_its_own_under_every_policy(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < POLICIES; i++) {
        seal_as(f, policies[i]);
        opens(f, 0);
        assert_memory_equal(f->opened.payload_digest, f->request.payload_digest, CLO_DIGEST_SIZE);
        assert_memory_equal(f->opened.sealer, f->launch.module[0].measurement, CLO_DIGEST_SIZE);
        assert_int_equal(f->opened.sealer_svn, 5);
        assert_int_equal(f->opened.flags, 0);
    }
}

static void header_says_what_was_asked_and_nothing_of_the_key(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    const struct clo_seal_header *header = &f->sealed.header;
    assert_int_equal(header->magic, CLO_SEAL_MAGIC);
    assert_int_equal(header->version, 1);
    assert_int_equal(header->policy, CLO_POLICY_SAME_AUTHOR);
    assert_int_equal(header->flags, 0);
    assert_int_equal(header->sealed_at, NOW);
    assert_int_equal(header->runtime_svn_floor, 3);
    assert_memory_equal(header->label, f->request.label, CLO_LABEL_SIZE);
    assert_true(bytes_are_zero(header->set_digest, sizeof header->set_digest));
    for (size_t i = 0; i + CLO_SEAL_KEY_SIZE <= sizeof *header; i++)
        assert_memory_not_equal((const uint8_t *)header + i, f->sealed.key, CLO_SEAL_KEY_SIZE);
}

static void every_seal_has_a_key_of_its_own(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_EXACT_CODE);
    struct clo_seal_reply first = f->sealed;
    seal_as(f, CLO_POLICY_EXACT_CODE);
    assert_memory_not_equal(first.key, f->sealed.key, sizeof first.key);
    assert_memory_not_equal(first.header.salt, f->sealed.header.salt, sizeof first.header.salt);
    assert_memory_not_equal(first.header.wrapped, f->sealed.header.wrapped,
                            sizeof first.header.wrapped);
}

static void every_single_bit_change_is_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < POLICIES; i++) {
        seal_as(f, policies[i]);
        uint8_t *bytes = (uint8_t *)&f->sealed.header;
        for (size_t bit = 0; bit < 8 * sizeof f->sealed.header; bit++) {
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
            is_refused(f, 0, "");
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
        }
        opens(f, 0);
    }
}

static void parts_of_two_headers_do_not_fit_together(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    const struct clo_seal_header first = f->sealed.header;
    memcpy(f->request.label, "another", 7);
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    const struct clo_seal_header second = f->sealed.header;
    for (size_t cut = 0; cut < sizeof first; cut += 4) {
        if (memcmp((const uint8_t *)&first + cut, (const uint8_t *)&second + cut,
                   sizeof first - cut) == 0 ||
            memcmp(&first, &second, cut) == 0)
            continue; /* one of the two as it was */
        f->sealed.header = first;
        memcpy((uint8_t *)&f->sealed.header + cut, (const uint8_t *)&second + cut,
               sizeof second - cut);
        is_refused(f, 0, "");
    }
}

static void exact_code_opens_for_no_other_code(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_EXACT_CODE);
    is_refused(f, 1, "measurement");
    f->launch.module[0].measurement[47] ^= 1;
    is_refused(f, 0, "measurement");
}

static void no_policy_opens_for_another_author(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < POLICIES; i++) {
        seal_as(f, policies[i]);
        f->launch.module[0].author[48] ^= 1;
        is_refused(f, 0, "author");
        f->launch.module[0].author[48] ^= 1;
        f->launch.module[0].author[0] = 2;
        is_refused(f, 0, "author");
        f->launch.module[0].author[0] = CLO_AUTHOR_KEY;
    }
}

static void same_author_opens_for_all_code_of_the_author(void **state)
{
    struct fixture *f = *state;
    memset(f->launch.module[1].manifest.family_id, 0xfb, CLO_ID_SIZE);
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    opens(f, 1);
}

static void same_family_opens_for_no_other_family(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_SAME_FAMILY);
    opens(f, 1);
    f->launch.module[1].manifest.family_id[0] ^= 1;
    is_refused(f, 1, "family");
}

static void same_image_opens_for_no_other_image_or_family(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_SAME_IMAGE);
    is_refused(f, 1, "image");
    memcpy(f->launch.module[1].manifest.image_id, f->launch.module[0].manifest.image_id,
           CLO_ID_SIZE);
    opens(f, 1);
    f->launch.module[1].manifest.family_id[0] ^= 1;
    is_refused(f, 1, "family");
}

static void exact_set_opens_in_the_same_company_only(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_EXACT_SET);
    is_refused(f, 1, "measurement");
    f->launch.module[1].measurement[0] ^= 1;
    is_refused(f, 0, "set of modules");
    f->launch.module[1].measurement[0] ^= 1;
    f->launch.module[1].author[1] ^= 1;
    is_refused(f, 0, "set of modules");
    f->launch.module[1].author[1] ^= 1;
    f->launch.module_count = 1;
    is_refused(f, 0, "set of modules");
    f->launch.module_count = 3;
    f->launch.module[2] = f->launch.module[1];
    is_refused(f, 0, "set of modules");
    f->launch.module_count = 2;
    opens(f, 0);
}

static void order_of_modules_in_the_world_does_not_matter(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_EXACT_SET);
    struct launch_module first = f->launch.module[0];
    f->launch.module[0] = f->launch.module[1];
    f->launch.module[1] = first;
    opens(f, 1);
    is_refused(f, 0, "measurement");
}

static void debug_world_does_not_open_production_data_nor_the_reverse(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < POLICIES; i++) {
        f->launch.debug = false;
        seal_as(f, policies[i]);
        f->launch.debug = true;
        is_refused(f, 0, "sealed in a production world");
        f->sealed.header.flags = CLO_SEAL_DEBUG; /* a lie does not help */
        is_refused(f, 0, "changed");
        seal_as(f, policies[i]);
        assert_int_equal(f->sealed.header.flags, CLO_SEAL_DEBUG);
        opens(f, 0);
        f->launch.debug = false;
        is_refused(f, 0, "sealed in a debug world");
        f->sealed.header.flags = 0;
        is_refused(f, 0, "changed");
    }
}

static void newer_code_opens_older_data_and_never_the_reverse(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    f->launch.module[0].manifest.svn = 6;
    opens(f, 0);
    f->launch.module[0].manifest.svn = 4;
    is_refused(f, 0, "SVN 5 or newer");
    f->sealed.header.svn_floor = 4; /* a lie does not help */
    is_refused(f, 0, "changed");
}

static void floor_is_never_below_the_sealers_own_svn(void **state)
{
    struct fixture *f = *state;
    f->request.svn_floor = 1;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    assert_int_equal(f->sealed.header.svn_floor, 5);
    f->request.svn_floor = 9;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    assert_int_equal(f->sealed.header.svn_floor, 9);
    is_refused(f, 0, "SVN 9 or newer");
    f->launch.module[0].manifest.svn = 9;
    opens(f, 0);
}

static void data_of_code_below_the_openers_floor_are_refused(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    f->launch.module[0].manifest.svn = 8;
    f->launch.module[0].manifest.svn_floor = 5;
    opens(f, 0);
    f->launch.module[0].manifest.svn_floor = 6;
    is_refused(f, 0, "SVN 6 or newer");
    f->sealed.header.sealer_svn = 8;
    is_refused(f, 0, "changed");
}

static void older_runtime_does_not_open_newer_data(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < POLICIES; i++) {
        f->launch.runtime_svn = 3;
        seal_as(f, policies[i]);
        f->launch.runtime_svn = 4;
        opens(f, 0);
        f->launch.runtime_svn = 2;
        is_refused(f, 0, "runtime SVN 3");
    }
}

static void exact_policies_take_no_floor_that_nobody_can_reach(void **state)
{
    struct fixture *f = *state;
    f->request.svn_floor = 6;
    request_is_refused(f, CLOISTER_BAD_ARGUMENT, "SVN floor");
    f->request.policy = CLO_POLICY_EXACT_SET;
    request_is_refused(f, CLOISTER_BAD_ARGUMENT, "SVN floor");
}

static void module_without_an_author_has_exact_policies_only(void **state)
{
    struct fixture *f = *state;
    f->launch.debug = true;
    memset(f->launch.module[0].author, 0, CLO_AUTHOR_SIZE);
    memset(f->launch.module[1].author, 0, CLO_AUTHOR_SIZE);
    for (size_t i = 0; i < POLICIES; i++) {
        f->request.policy = (uint16_t)policies[i];
        if (policies[i] == CLO_POLICY_EXACT_CODE || policies[i] == CLO_POLICY_EXACT_SET) {
            seal_as(f, policies[i]);
            opens(f, 0);
        } else {
            request_is_refused(f, CLOISTER_BAD_ARGUMENT, "not signed");
        }
    }
}

/* A header that some other keeper could have made: unsigned modules share no data by it. */
static void header_of_an_unsigned_author_policy_is_refused(void **state)
{
    struct fixture *f = *state;
    f->launch.debug = true;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    memset(f->launch.module[0].author, 0, CLO_AUTHOR_SIZE);
    memset(f->sealed.header.author, 0, CLO_AUTHOR_SIZE);
    is_refused(f, 0, "not signed");
}

static void unknown_policies_and_flags_are_refused(void **state)
{
    struct fixture *f = *state;
    static const uint16_t bad[] = {0, 6, 0x100, 0xffff};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        f->request.policy = bad[i];
        request_is_refused(f, CLOISTER_BAD_ARGUMENT, "policy");
    }
    f->request.policy = CLO_POLICY_EXACT_CODE;
    f->request.flags = CLO_SEAL_ROLLBACK;
    request_is_refused(f, CLOISTER_UNSUPPORTED, "rollback");
    f->request.flags = CLO_SEAL_DEBUG;
    request_is_refused(f, CLOISTER_BAD_ARGUMENT, "flags");
    f->request.flags = 0x8000;
    request_is_refused(f, CLOISTER_BAD_ARGUMENT, "flags");
}

static void modules_outside_the_record_get_nothing(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_EXACT_CODE);
    is_refused(f, 2, "no module");
    is_refused(f, UINT32_MAX, "no module");
    f->launch.started = false;
    is_refused(f, 0, "no module");
    request_is_refused(f, CLOISTER_BAD_STATE, "no module");
}

static void another_platform_opens_nothing(void **state)
{
    struct fixture *f = *state;
    seal_as(f, CLO_POLICY_SAME_AUTHOR);
    f->platform.root[31] ^= 1;
    is_refused(f, 0, "another root secret");
}

static void wrap_alone_keeps_identities_apart(void **state)
{
    struct fixture *f = *state;
    /* What seal_open checks is left out here: the derived keys alone must differ. */
    static const size_t offsets[] = {
        offsetof(struct seal_identity, author), offsetof(struct seal_identity, measurement),
        offsetof(struct seal_identity, family_id), offsetof(struct seal_identity, image_id),
        offsetof(struct seal_identity, set_digest)};
    /* Which of them a policy asks for, in the order of `offsets`. */
    static const char *const asked[] = {"11000", "10110", "10100", "10000", "11001"};
    for (size_t i = 0; i < POLICIES; i++) {
        struct seal_identity identity = {.policy = policies[i]};
        uint8_t plain[SEAL_WRAPPED_SIZE] = {1, 2, 3};
        uint8_t again[SEAL_WRAPPED_SIZE];
        struct clo_seal_header header = {.magic = CLO_SEAL_MAGIC};
        assert_int_equal(seal_wrap(&f->platform, &identity, plain, &header), CLOISTER_OK);
        assert_int_equal(seal_unwrap(&f->platform, &identity, &header, again), CLOISTER_OK);
        assert_memory_equal(plain, again, sizeof plain);
        for (size_t k = 0; k < 5; k++) {
            ((uint8_t *)&identity)[offsets[k]] ^= 1;
            assert_int_equal(seal_unwrap(&f->platform, &identity, &header, again),
                             asked[i][k] == '1' ? CLOISTER_CORRUPT : CLOISTER_OK);
            ((uint8_t *)&identity)[offsets[k]] ^= 1;
        }
        identity.debug = true;
        assert_int_equal(seal_unwrap(&f->platform, &identity, &header, again), CLOISTER_CORRUPT);
        assert_true(bytes_are_zero(again, sizeof again));
    }
}

static void no_two_policies_derive_the_same_key(void **state)
{
    struct fixture *f = *state;
    struct seal_identity identity = {.policy = 0};
    for (size_t i = 0; i < POLICIES; i++) {
        uint8_t plain[SEAL_WRAPPED_SIZE] = {1};
        uint8_t again[SEAL_WRAPPED_SIZE];
        struct clo_seal_header header = {.magic = CLO_SEAL_MAGIC};
        identity.policy = policies[i];
        assert_int_equal(seal_wrap(&f->platform, &identity, plain, &header), CLOISTER_OK);
        for (size_t k = 0; k < POLICIES; k++) {
            identity.policy = policies[k];
            assert_int_equal(seal_unwrap(&f->platform, &identity, &header, again),
                             i == k ? CLOISTER_OK : CLOISTER_CORRUPT);
        }
    }
}

static void bytes_that_move_between_fields_make_another_key(void **state)
{
    struct fixture *f = *state;
    /* Next to each other in family || image, on either side of the border. */
    struct seal_identity one = {.policy = CLO_POLICY_SAME_IMAGE};
    struct seal_identity other = {.policy = CLO_POLICY_SAME_IMAGE};
    one.family_id[CLO_ID_SIZE - 1] = 'a';
    other.image_id[0] = 'a';
    uint8_t plain[SEAL_WRAPPED_SIZE] = {1};
    struct clo_seal_header header = {.magic = CLO_SEAL_MAGIC};
    assert_int_equal(seal_wrap(&f->platform, &one, plain, &header), CLOISTER_OK);
    assert_int_equal(seal_unwrap(&f->platform, &other, &header, plain), CLOISTER_CORRUPT);
}

/* HKDF-SHA384 and AES-256-GCM as another implementation computes them (Python's hmac and
   cryptography) from abi/seal.h and the fields of seal_wrap.c, each behind its length: were the key
   derived from anything else, whatever has been sealed could not be opened any more. */
static void key_is_derived_as_it_always_was(void **state)
{
    struct fixture *f = *state;
    static const uint8_t tags[POLICIES][16] = {
        {0x30, 0x15, 0x33, 0x10, 0xb7, 0x30, 0x7f, 0x96, 0x8e, 0x8f, 0xdf, 0x06, 0xfa, 0xfc, 0xdf,
         0x01},
        {0x45, 0x7e, 0x68, 0x3a, 0xbe, 0x80, 0x68, 0x5a, 0xbc, 0x50, 0xc6, 0x47, 0xbd, 0x5a, 0x0e,
         0xe6},
        {0xa6, 0x42, 0xf6, 0x39, 0x62, 0x03, 0xc4, 0x59, 0x03, 0x72, 0x22, 0x8e, 0x78, 0x2e, 0x8c,
         0x61},
        {0x94, 0x79, 0xb2, 0x72, 0x93, 0x3a, 0xaa, 0x6e, 0x43, 0xd3, 0xc7, 0x7f, 0xe5, 0x26, 0xf7,
         0x76},
        {0x1c, 0x6e, 0xa7, 0x9d, 0x33, 0x06, 0x64, 0x40, 0xf0, 0x45, 0x73, 0x4d, 0xfd, 0x98, 0x2c,
         0x45},
    };
    struct seal_identity identity = {.debug = false};
    uint8_t plain[SEAL_WRAPPED_SIZE];
    memset(plain, 0x44, sizeof plain);
    memset(identity.author, 0xaa, sizeof identity.author);
    identity.author[0] = CLO_AUTHOR_KEY;
    memset(identity.measurement, 0x33, sizeof identity.measurement);
    memset(identity.family_id, 0xfa, sizeof identity.family_id);
    memset(identity.image_id, 0x1a, sizeof identity.image_id);
    memset(identity.set_digest, 0x5e, sizeof identity.set_digest);
    for (size_t i = 0; i < POLICIES; i++) {
        struct clo_seal_header header = {.magic = CLO_SEAL_MAGIC};
        memset(header.salt, 0x22, sizeof header.salt);
        memset(header.nonce, 0x66, sizeof header.nonce);
        identity.policy = policies[i];
        assert_int_equal(seal_wrap(&f->platform, &identity, plain, &header), CLOISTER_OK);
        assert_memory_equal(header.tag, tags[i], sizeof tags[i]);
    }
}

static void labels_are_bytes_and_bound_to_the_header(void **state)
{
    struct fixture *f = *state;
    static const char *const labels[] = {"", "a", "ab", "a\0b", "abcdefghijklmnopqrstuvwxyzabcdef"};
    static const size_t sizes[] = {0, 1, 2, 3, 32};
    struct clo_seal_header header[5];
    for (size_t i = 0; i < 5; i++) {
        memset(f->request.label, 0, CLO_LABEL_SIZE);
        memcpy(f->request.label, labels[i], sizes[i]);
        seal_as(f, CLO_POLICY_SAME_AUTHOR);
        opens(f, 0);
        header[i] = f->sealed.header;
    }
    for (size_t i = 0; i < 5; i++) {
        f->sealed.header = header[i];
        memcpy(f->sealed.header.label, header[(i + 1) % 5].label, CLO_LABEL_SIZE);
        is_refused(f, 0, "changed");
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sealer_opens_its_own_under_every_policy),
        TEST(header_says_what_was_asked_and_nothing_of_the_key),
        TEST(every_seal_has_a_key_of_its_own),
        TEST(every_single_bit_change_is_refused),
        TEST(parts_of_two_headers_do_not_fit_together),
        TEST(exact_code_opens_for_no_other_code),
        TEST(no_policy_opens_for_another_author),
        TEST(same_author_opens_for_all_code_of_the_author),
        TEST(same_family_opens_for_no_other_family),
        TEST(same_image_opens_for_no_other_image_or_family),
        TEST(exact_set_opens_in_the_same_company_only),
        TEST(order_of_modules_in_the_world_does_not_matter),
        TEST(debug_world_does_not_open_production_data_nor_the_reverse),
        TEST(newer_code_opens_older_data_and_never_the_reverse),
        TEST(floor_is_never_below_the_sealers_own_svn),
        TEST(data_of_code_below_the_openers_floor_are_refused),
        TEST(older_runtime_does_not_open_newer_data),
        TEST(exact_policies_take_no_floor_that_nobody_can_reach),
        TEST(module_without_an_author_has_exact_policies_only),
        TEST(header_of_an_unsigned_author_policy_is_refused),
        TEST(unknown_policies_and_flags_are_refused),
        TEST(modules_outside_the_record_get_nothing),
        TEST(another_platform_opens_nothing),
        TEST(wrap_alone_keeps_identities_apart),
        TEST(no_two_policies_derive_the_same_key),
        TEST(bytes_that_move_between_fields_make_another_key),
        TEST(key_is_derived_as_it_always_was),
        TEST(labels_are_bytes_and_bound_to_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
