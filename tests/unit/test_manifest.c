/*
 * Manifests that someone else wrote: one test for each rule.
 */
#include "measure/manifest.h"

#include "abi/channel.h"
#include "tests/unit/elf_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct clo_manifest manifest;
static struct clo_method *method = &manifest.method[0];

static int make_manifest(void **state)
{
    (void)state;
    sample_manifest(&manifest);
    return 0;
}

static void assert_refused(cloister_status status, const char *word)
{
    struct reason why = {0};
    assert_int_equal(manifest_check(&manifest, &why), status);
    if (!strstr(why.text, word))
        fail_msg("reason \"%s\" does not name \"%s\"", why.text, word);
}

static void assert_accepted(void)
{
    struct reason why = {0};
    if (manifest_check(&manifest, &why) != CLOISTER_OK)
        fail_msg("refused: %s", why.text);
}

/* A test that breaks one field: the manifest is refused with `status`, and the reason names it. */
#define REFUSED(name, breakage, status, word)                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        breakage;                                                                                  \
        assert_refused(CLOISTER_##status, word);                                                   \
    }

REFUSED(manifest_with_wrong_magic_is_refused, manifest.magic++, BAD_FORMAT, "magic")
REFUSED(manifest_for_newer_major_abi_is_refused, manifest.abi_major++, UNSUPPORTED, "needs ABI 2.")
REFUSED(manifest_for_older_major_abi_is_refused, manifest.abi_major = 0, UNSUPPORTED, "needs ABI")
REFUSED(manifest_for_newer_minor_abi_is_refused, manifest.abi_minor = CLO_ABI_MINOR + 1,
        UNSUPPORTED, "needs ABI")
REFUSED(empty_name_is_refused, memset(manifest.name, 0, sizeof manifest.name), BAD_FORMAT, "name")
REFUSED(name_without_end_is_refused, memset(manifest.name, 'n', sizeof manifest.name), BAD_FORMAT,
        "name")
REFUSED(name_with_slash_is_refused, manifest.name[1] = '/', BAD_FORMAT, "name")
REFUSED(name_with_terminal_escape_is_refused, manifest.name[1] = 0x1b, BAD_FORMAT, "name")
REFUSED(bytes_after_the_name_are_refused, manifest.name[31] = 'x', BAD_FORMAT, "name")
REFUSED(name_that_starts_with_a_dot_is_refused, manifest.name[0] = '.', BAD_FORMAT, "name")
REFUSED(empty_version_is_refused, memset(manifest.version, 0, sizeof manifest.version), BAD_FORMAT,
        "version")
REFUSED(version_without_end_is_refused, memcpy(manifest.version, "1.2.3-4567890123", 16),
        BAD_FORMAT, "version")
REFUSED(bytes_after_the_version_are_refused, manifest.version[15] = '1', BAD_FORMAT, "version")
REFUSED(svn_floor_above_svn_is_refused, manifest.svn_floor = manifest.svn + 1, BAD_FORMAT,
        "svn_floor is 8")
REFUSED(heap_that_is_no_page_multiple_is_refused, manifest.heap_size++, TOO_BIG, "heap_size")
REFUSED(heap_above_the_limit_is_refused, manifest.heap_size = CLO_HEAP_SIZE_MAX + CLO_PAGE_SIZE,
        TOO_BIG, "heap_size")
REFUSED(missing_stack_is_refused, manifest.stack_size = 0, TOO_BIG, "stack_size")
REFUSED(stack_that_is_no_page_multiple_is_refused, manifest.stack_size++, TOO_BIG, "stack_size")
REFUSED(stack_that_would_reach_its_guard_is_refused,
        manifest.stack_size = CLO_STACK_STRIDE - CLO_PAGE_SIZE, TOO_BIG, "stack_size")
REFUSED(no_threads_are_refused, manifest.threads = 0, BAD_FORMAT, "threads is 0")
REFUSED(too_many_threads_are_refused, manifest.threads = CLO_THREADS_MAX + 1, BAD_FORMAT,
        "threads is 17")
REFUSED(hypercall_zero_is_refused, manifest.hypercalls |= 1, BAD_FORMAT, "hypercalls")
REFUSED(unknown_hypercall_is_refused, manifest.hypercalls |= 1ull << 40, BAD_FORMAT, "hypercalls")
REFUSED(console_write_of_exec_is_refused, manifest.hypercalls |= 1ull << CLO_HC_CONSOLE_WRITE,
        BAD_FORMAT, "hypercalls")
REFUSED(console_read_of_exec_is_refused, manifest.hypercalls |= 1ull << CLO_HC_CONSOLE_READ,
        BAD_FORMAT, "hypercalls")
REFUSED(no_channels_are_refused, manifest.channels_max = 0, BAD_FORMAT, "channels_max is 0")
REFUSED(too_many_channels_are_refused, manifest.channels_max = CLO_CHANNELS_MAX + 1, BAD_FORMAT,
        "channels_max is 128")
REFUSED(unknown_log_class_is_refused, manifest.log_class = 2, BAD_FORMAT, "log_class is 2")
REFUSED(unknown_flags_are_refused, manifest.flags |= 2, BAD_FORMAT, "flags")
REFUSED(reserved_bytes_are_refused, manifest.reserved[5] = 1u << 31, BAD_FORMAT, "reserved")
REFUSED(too_many_methods_are_refused, manifest.method_count = CLO_METHODS_MAX + 1, TOO_BIG,
        "33 methods")
REFUSED(huge_method_count_is_refused, manifest.method_count = UINT32_MAX, TOO_BIG, "methods")
REFUSED(method_beyond_the_count_is_refused, manifest.method_count = 1, BAD_FORMAT,
        "beyond method_count")
REFUSED(method_without_name_is_refused, memset(method->name, 0, sizeof method->name), BAD_FORMAT,
        "method 0 has no valid name")
REFUSED(methods_of_one_name_are_refused, memcpy(manifest.method[1].name, "echo", 5);
        memset(manifest.method[1].name + 5, 0, 3), BAD_FORMAT, "both named echo")
REFUSED(unknown_method_flags_are_refused, method->flags |= 32, BAD_FORMAT, "unknown flags")
REFUSED(reserved_of_a_method_is_refused, method->reserved = 1, BAD_FORMAT, "unknown flags")
REFUSED(unknown_parameter_kind_is_refused, method->kinds = 4, BAD_FORMAT, "unknown kind 4")
REFUSED(inline_parameter_kind_is_refused, method->kinds |= CLO_PARAM_INLINE, BAD_FORMAT,
        "unknown kind 13")
REFUSED(parameter_after_the_end_of_the_list_is_refused, method->kinds = CLO_PARAM_IN << 12;
        memset(method->size_max, 0, sizeof method->size_max);
        memset(method->size_min, 0, sizeof method->size_min);
        method->flags = 0, BAD_FORMAT, "after the list has ended")
REFUSED(size_of_a_value_is_refused, method->size_max[2] = 8, BAD_FORMAT, "parameter 2 is no buffer")
REFUSED(least_size_of_a_value_is_refused, method->size_min[2] = 8, BAD_FORMAT,
        "parameter 2 is no buffer")
REFUSED(size_of_no_parameter_is_refused, method->size_max[3] = 8, BAD_FORMAT,
        "parameter 3 is no buffer")
REFUSED(zero_copy_of_a_value_is_refused, method->flags |= CLO_METHOD_ZERO_COPY(2), BAD_FORMAT,
        "parameter 2 is no buffer")
REFUSED(stream_of_other_parameters_is_refused, method->flags |= CLO_METHOD_STREAM, BAD_FORMAT,
        "is a stream of kinds")
REFUSED(buffer_of_no_bytes_is_refused, method->size_max[1] = 0, TOO_BIG, "size_max is 0")
REFUSED(buffer_above_the_arena_is_refused, method->size_max[0] = CLO_ARENA_MAX + 1, TOO_BIG,
        "size_max is 16777217")
REFUSED(least_size_above_the_most_is_refused, method->size_min[0] = 4097, BAD_FORMAT,
        "size_min is 4097")
REFUSED(least_size_of_an_output_is_refused, method->size_min[1] = 1, BAD_FORMAT, "size_min is 1")

static void manifest_within_all_rules_is_accepted(void **state)
{
    (void)state;
    assert_accepted();
}

static void limits_themselves_are_accepted(void **state)
{
    (void)state;
    manifest.heap_size = CLO_HEAP_SIZE_MAX;
    manifest.stack_size = CLO_STACK_STRIDE - 2 * CLO_PAGE_SIZE;
    manifest.threads = CLO_THREADS_MAX;
    manifest.channels_max = CLO_CHANNELS_MAX;
    manifest.svn = manifest.svn_floor = UINT32_MAX;
    method->size_max[0] = method->size_min[0] = CLO_ARENA_MAX;
    assert_accepted();
    manifest.heap_size = 0;
    manifest.method_count = 0;
    memset(manifest.method, 0, sizeof manifest.method);
    assert_accepted();
}

static void every_hypercall_of_modules_may_be_asked_for(void **state)
{
    (void)state;
    for (unsigned n = CLO_HC_WAIT; n <= CLO_HC_EXIT; n++) {
        manifest.hypercalls = 1ull << n;
        assert_accepted();
    }
}

static void versions_are_semantic(void **state)
{
    (void)state;
    static const char *const good[] = {"0.0.0", "10.20.30", "1.0.0-rc.1", "1.0.0+build5"};
    static const char *const bad[] = {"1",      "1.2",       "1.2.3.4", "v1.2.3", "01.2.3",
                                      "1.2.3-", "1..3",      "1.2.",    ".2.3",   "1.2.x",
                                      "1.2.3 ", "1.2.3-a b", "1.2.3\n"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        memset(manifest.version, 0, sizeof manifest.version);
        memcpy(manifest.version, good[i], strlen(good[i]));
        assert_accepted();
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(manifest.version, 0, sizeof manifest.version);
        memcpy(manifest.version, bad[i], strlen(bad[i]));
        assert_refused(CLOISTER_BAD_FORMAT, "version");
    }
}

#define TEST(name) cmocka_unit_test_setup(name, make_manifest)

static struct clo_peer *peer = &manifest.peer[0];

static void give_peers(void)
{
    manifest.hypercalls |= 1ull << CLO_HC_OPEN;
    manifest.peer_count = 2;
    memcpy(peer[0].name, "vault", 6);
    peer[0].flags = CLO_PEER_CALLS;
    peer[1].flags = CLO_PEER_ACCEPTS | CLO_PEER_SAME_AUTHOR;
}

static void peers_are_accepted(void **state)
{
    (void)state;
    give_peers();
    assert_accepted();
    peer[0].author[0] = CLO_AUTHOR_KEY;
    assert_accepted();
    manifest.peer_count = CLO_PEERS_MAX;
    for (unsigned i = 2; i < CLO_PEERS_MAX; i++)
        peer[i].flags = CLO_PEER_CALLS | CLO_PEER_ACCEPTS;
    assert_accepted();
}

#define PEER_REFUSED(name, breakage, status, word)                                                 \
    REFUSED(name, give_peers(); breakage, status, word)

PEER_REFUSED(too_many_peers_are_refused, manifest.peer_count = CLO_PEERS_MAX + 1, TOO_BIG,
             "9 peers")
PEER_REFUSED(peer_beyond_the_count_is_refused, manifest.peer_count = 1, BAD_FORMAT, "peer_count")
PEER_REFUSED(peer_without_a_right_is_refused, peer[0].flags = CLO_PEER_SAME_AUTHOR, BAD_FORMAT,
             "flags")
PEER_REFUSED(peer_with_unknown_flag_is_refused, peer[0].flags |= 8, BAD_FORMAT, "flags")
PEER_REFUSED(peer_with_bad_name_is_refused, peer[0].name[1] = '/', BAD_FORMAT, "peer 0")
PEER_REFUSED(peer_with_unknown_author_type_is_refused, peer[0].author[0] = 2, BAD_FORMAT, "author")
PEER_REFUSED(peer_with_author_digest_alone_is_refused, peer[0].author[1] = 2, BAD_FORMAT, "author")
PEER_REFUSED(peer_with_two_authors_is_refused, peer[1].author[0] = CLO_AUTHOR_KEY, BAD_FORMAT,
             "author")
PEER_REFUSED(peer_with_reserved_byte_is_refused, peer[1].reserved[2] = 1, BAD_FORMAT, "reserved")
PEER_REFUSED(called_peer_without_open_is_refused, manifest.hypercalls = 0, BAD_FORMAT, "OPEN")

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(manifest_with_wrong_magic_is_refused),
        TEST(manifest_for_newer_major_abi_is_refused),
        TEST(manifest_for_older_major_abi_is_refused),
        TEST(manifest_for_newer_minor_abi_is_refused),
        TEST(empty_name_is_refused),
        TEST(name_without_end_is_refused),
        TEST(name_with_slash_is_refused),
        TEST(name_with_terminal_escape_is_refused),
        TEST(bytes_after_the_name_are_refused),
        TEST(name_that_starts_with_a_dot_is_refused),
        TEST(empty_version_is_refused),
        TEST(version_without_end_is_refused),
        TEST(bytes_after_the_version_are_refused),
        TEST(svn_floor_above_svn_is_refused),
        TEST(heap_that_is_no_page_multiple_is_refused),
        TEST(heap_above_the_limit_is_refused),
        TEST(missing_stack_is_refused),
        TEST(stack_that_is_no_page_multiple_is_refused),
        TEST(stack_that_would_reach_its_guard_is_refused),
        TEST(peers_are_accepted),
        TEST(too_many_peers_are_refused),
        TEST(peer_beyond_the_count_is_refused),
        TEST(peer_without_a_right_is_refused),
        TEST(peer_with_unknown_flag_is_refused),
        TEST(peer_with_bad_name_is_refused),
        TEST(peer_with_unknown_author_type_is_refused),
        TEST(peer_with_author_digest_alone_is_refused),
        TEST(peer_with_two_authors_is_refused),
        TEST(peer_with_reserved_byte_is_refused),
        TEST(called_peer_without_open_is_refused),
        TEST(no_threads_are_refused),
        TEST(too_many_threads_are_refused),
        TEST(hypercall_zero_is_refused),
        TEST(unknown_hypercall_is_refused),
        TEST(console_write_of_exec_is_refused),
        TEST(console_read_of_exec_is_refused),
        TEST(no_channels_are_refused),
        TEST(too_many_channels_are_refused),
        TEST(unknown_log_class_is_refused),
        TEST(unknown_flags_are_refused),
        TEST(reserved_bytes_are_refused),
        TEST(too_many_methods_are_refused),
        TEST(huge_method_count_is_refused),
        TEST(method_beyond_the_count_is_refused),
        TEST(method_without_name_is_refused),
        TEST(methods_of_one_name_are_refused),
        TEST(unknown_method_flags_are_refused),
        TEST(reserved_of_a_method_is_refused),
        TEST(unknown_parameter_kind_is_refused),
        TEST(inline_parameter_kind_is_refused),
        TEST(parameter_after_the_end_of_the_list_is_refused),
        TEST(size_of_a_value_is_refused),
        TEST(least_size_of_a_value_is_refused),
        TEST(size_of_no_parameter_is_refused),
        TEST(zero_copy_of_a_value_is_refused),
        TEST(stream_of_other_parameters_is_refused),
        TEST(buffer_of_no_bytes_is_refused),
        TEST(buffer_above_the_arena_is_refused),
        TEST(least_size_above_the_most_is_refused),
        TEST(least_size_of_an_output_is_refused),
        TEST(manifest_within_all_rules_is_accepted),
        TEST(limits_themselves_are_accepted),
        TEST(every_hypercall_of_modules_may_be_asked_for),
        TEST(versions_are_semantic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
