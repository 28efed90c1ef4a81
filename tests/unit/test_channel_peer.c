/*
 * CLOSE of a slot that the module did not open is refused in its own thread: it never becomes an
 * errand, so it never wakes the main thread.
 */
#include "vmm/hypercall_parts.h"
#include "vmm/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS 4u

static void close_of_no_open_slot_wakes_nobody(void **state)
{
    (void)state;
    static const uint64_t slots[] = {0, 1, SLOTS - 1, SLOTS, UINT32_MAX, UINT64_MAX};
    struct channel channel[SLOTS] = {{.pages = 1}};
    struct world world = {.changed = eventfd(0, EFD_NONBLOCK)};
    struct module module = {.world = &world, .channel_count = SLOTS, .channel = channel};
    struct module_thread thread = {.module = &module};
    assert_true(world.changed >= 0);
    atomic_store(&module.leaving, true); /* an errand would end at once: CLOSED */
    for (unsigned i = 0; i < sizeof slots / sizeof *slots; i++) {
        struct hypercall call = {.module = &module, .thread = &thread};
        call.argument[0] = slots[i];
        assert_int_equal(hypercall_close(&call), CLOISTER_NOT_FOUND);
    }
    uint64_t count;
    assert_int_equal(read(world.changed, &count, sizeof count), -1);
    (void)close(world.changed);
}

static void close_of_an_open_slot_is_an_errand(void **state)
{
    (void)state;
    struct channel channel[SLOTS] = {{.pages = 1}};
    struct world world = {.changed = eventfd(0, EFD_NONBLOCK)};
    struct module module = {.world = &world, .channel_count = SLOTS, .channel = channel};
    struct module_thread thread = {.module = &module};
    struct hypercall call = {.module = &module, .thread = &thread};
    uint64_t count;
    assert_true(world.changed >= 0);
    atomic_store(&channel[2].calls, true);
    atomic_store(&module.leaving, true);
    call.argument[0] = 2;
    assert_int_equal(hypercall_close(&call), CLOISTER_CLOSED);
    assert_int_equal(read(world.changed, &count, sizeof count), sizeof count);
    (void)close(world.changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_of_no_open_slot_wakes_nobody),
        cmocka_unit_test(close_of_an_open_slot_is_an_errand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
