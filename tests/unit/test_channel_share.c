/*
 * The last quarter of a module is kept for callers that have nothing there.
 */
#include "vmm/channel_share.h"
#include "vmm/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OWNER 1000u
#define PAGES 100u

static struct clo_channel_header header;
static struct channel channel[CLO_CHANNELS_MAX];
static struct world world = {.owner = OWNER};
static struct module module = {.world = &world, .channel = channel};
static const struct clo_caller guest = {.kind = CLO_CALLER_GUEST, .uid = OWNER, .id = 1};
static const struct clo_caller other_guest = {.kind = CLO_CALLER_GUEST, .uid = OWNER, .id = 2};
static const struct clo_caller user = {.kind = CLO_CALLER_PROCESS, .uid = 2000, .pid = 7};
static const struct clo_caller same_user = {.kind = CLO_CALLER_PROCESS, .uid = 2000, .pid = 8};

/* `count` slots, of which the caller has `taken`, of `pages` each. */
static void fill(unsigned count, unsigned taken, uint32_t pages, const struct clo_caller *caller)
{
    memset(channel, 0, sizeof channel);
    module.channel_count = count;
    module.extents.pages = PAGES;
    for (unsigned i = 0; i < taken; i++) {
        channel[i].pages = pages;
        channel[i].caller = *caller;
        atomic_store(&channel[i].header, &header);
    }
}

static bool may_have(const struct clo_caller *caller, uint32_t pages)
{
    struct reason why = {0};
    cloister_status status = channel_share_check(&module, caller, pages * CLO_PAGE_SIZE, &why);
    assert_true(status == CLOISTER_OK || status == CLOISTER_BUSY);
    assert_int_equal(status == CLOISTER_BUSY, why.text[0] != '\0');
    return status == CLOISTER_OK;
}

static void last_quarter_of_the_channels_is_for_others(void **state)
{
    (void)state;
    static const unsigned counts[][2] = {{1, 1}, {3, 3}, {4, 3}, {7, 6}, {8, 6}, {64, 48}};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        unsigned most = counts[i][1];
        fill(counts[i][0], most - 1, 1, &guest);
        assert_true(may_have(&guest, 1));
        fill(counts[i][0], most, 1, &guest);
        assert_false(may_have(&guest, 1));
        assert_true(may_have(&other_guest, 1));
        assert_true(may_have(&user, 1));
    }
}

static void last_quarter_of_the_window_is_for_others(void **state)
{
    (void)state;
    fill(64, 1, 50, &guest);
    assert_true(may_have(&guest, 25));
    assert_false(may_have(&guest, 26));
    assert_true(may_have(&other_guest, 50));
    fill(64, 0, 0, &guest);
    assert_true(may_have(&guest, PAGES)); /* who comes first takes what there is */
}

static void user_is_one_caller_whatever_the_process(void **state)
{
    (void)state;
    fill(4, 3, 1, &user);
    assert_false(may_have(&same_user, 1));
    assert_true(may_have(&guest, 1));
}

static void owner_root_and_modules_are_not_bound(void **state)
{
    (void)state;
    static const struct clo_caller callers[] = {{.kind = CLO_CALLER_PROCESS, .uid = OWNER},
                                                {.kind = CLO_CALLER_PROCESS, .uid = 0},
                                                {.kind = CLO_CALLER_MODULE, .uid = 5}};
    for (unsigned i = 0; i < sizeof callers / sizeof *callers; i++) {
        fill(4, 3, 1, &callers[i]);
        assert_true(may_have(&callers[i], 90));
    }
}

static void channel_that_has_gone_is_nobodys_and_still_taken(void **state)
{
    (void)state;
    fill(4, 3, 1, &guest);
    for (unsigned i = 0; i < 3; i++)
        atomic_store(&channel[i].header, NULL);
    assert_true(may_have(&guest, 1));
    atomic_store(&channel[0].header, &header);
    assert_false(may_have(&guest, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_quarter_of_the_channels_is_for_others),
        cmocka_unit_test(last_quarter_of_the_window_is_for_others),
        cmocka_unit_test(user_is_one_caller_whatever_the_process),
        cmocka_unit_test(owner_root_and_modules_are_not_bound),
        cmocka_unit_test(channel_that_has_gone_is_nobodys_and_still_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
