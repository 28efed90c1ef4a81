/*
 * Which module may call which: both manifests decide.
 */
#include "vmm/peer_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static struct clo_manifest caller;
static struct clo_manifest other;
static uint8_t caller_author[CLO_AUTHOR_SIZE];
static uint8_t other_author[CLO_AUTHOR_SIZE];

static void allow(struct clo_manifest *manifest, const char *name, uint32_t flags)
{
    struct clo_peer *peer = &manifest->peer[manifest->peer_count++];
    memcpy(peer->name, name, strlen(name));
    peer->flags = flags;
}

static void sign(uint8_t author[CLO_AUTHOR_SIZE], uint8_t who)
{
    memset(author, who, CLO_AUTHOR_SIZE);
    author[0] = CLO_AUTHOR_KEY;
}

static int setup(void **state)
{
    (void)state;
    memset(&caller, 0, sizeof caller);
    memset(&other, 0, sizeof other);
    memset(caller_author, 0, sizeof caller_author);
    memset(other_author, 0, sizeof other_author);
    memcpy(caller.name, "mail", 5);
    memcpy(other.name, "vault", 6);
    return 0;
}

static enum peer_verdict judge(void)
{
    return peer_rules_judge((struct peer_side){&caller, caller_author},
                            (struct peer_side){&other, other_author});
}

static void nobody_may_by_default(void **state)
{
    (void)state;
    assert_int_equal(judge(), PEER_NOT_CALLED);
}

static void both_sides_must_permit(void **state)
{
    (void)state;
    allow(&other, "mail", CLO_PEER_ACCEPTS);
    assert_int_equal(judge(), PEER_NOT_CALLED);
    allow(&caller, "vault", CLO_PEER_CALLS);
    assert_int_equal(judge(), PEER_PERMITTED);
    other.peer_count = 0;
    assert_int_equal(judge(), PEER_NOT_ACCEPTED);
}

static void right_of_one_way_is_none_of_the_other(void **state)
{
    (void)state;
    allow(&caller, "vault", CLO_PEER_ACCEPTS);
    allow(&other, "mail", CLO_PEER_CALLS);
    assert_int_equal(judge(), PEER_NOT_CALLED);
}

static void other_names_do_not_fit(void **state)
{
    (void)state;
    allow(&caller, "vault2", CLO_PEER_CALLS);
    allow(&caller, "vaul", CLO_PEER_CALLS);
    allow(&other, "", CLO_PEER_ACCEPTS);
    assert_int_equal(judge(), PEER_NOT_CALLED);
    allow(&caller, "", CLO_PEER_CALLS);
    assert_int_equal(judge(), PEER_PERMITTED);
}

static void author_that_is_asked_for_must_be_there(void **state)
{
    (void)state;
    allow(&caller, "", CLO_PEER_CALLS);
    allow(&other, "mail", CLO_PEER_ACCEPTS);
    sign(other.peer[0].author, 7);
    assert_int_equal(judge(), PEER_NOT_ACCEPTED);
    sign(caller_author, 8);
    assert_int_equal(judge(), PEER_NOT_ACCEPTED);
    sign(caller_author, 7);
    assert_int_equal(judge(), PEER_PERMITTED);
    caller_author[CLO_AUTHOR_SIZE - 1] ^= 1;
    assert_int_equal(judge(), PEER_NOT_ACCEPTED);
}

static void unsigned_modules_are_not_of_one_author(void **state)
{
    (void)state;
    allow(&caller, "", CLO_PEER_CALLS);
    allow(&other, "", CLO_PEER_ACCEPTS | CLO_PEER_SAME_AUTHOR);
    assert_int_equal(judge(), PEER_NOT_ACCEPTED);
    sign(caller_author, 7);
    assert_int_equal(judge(), PEER_NOT_ACCEPTED);
    sign(other_author, 7);
    assert_int_equal(judge(), PEER_PERMITTED);
    sign(caller_author, 8);
    assert_int_equal(judge(), PEER_NOT_ACCEPTED);
}

static void entries_beyond_the_count_permit_nothing(void **state)
{
    (void)state;
    allow(&caller, "", CLO_PEER_CALLS);
    allow(&other, "", CLO_PEER_ACCEPTS);
    caller.peer_count = 0;
    assert_int_equal(judge(), PEER_NOT_CALLED);
}

#define RULE(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(nobody_may_by_default),
        RULE(both_sides_must_permit),
        RULE(right_of_one_way_is_none_of_the_other),
        RULE(other_names_do_not_fit),
        RULE(author_that_is_asked_for_must_be_there),
        RULE(unsigned_modules_are_not_of_one_author),
        RULE(entries_beyond_the_count_permit_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
