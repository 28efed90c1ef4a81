/*
 * Page tables, walked as a processor would, in monitor memory that no machine uses.
 */
#include "vmm/pagetable.h"

#include "abi/hypercall.h"
#include "abi/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE 4096u
#define PAGES 256u
#define VA 0x2000000000ull
#define GPA 0x40000000ull

#define PRESENT 1ull
#define WRITABLE 2ull
#define USER 4ull
#define DIRTY 0x40ull
#define NO_EXECUTE (1ull << 63)
#define ADDRESS 0x000ffffffffff000ull

static struct machine machine;
static struct pagetable table;

static int set_up(void **state)
{
    (void)state;
    machine = (struct machine){
        .monitor = calloc(PAGES, PAGE), .monitor_size = PAGES * PAGE, .monitor_used = PAGE};
    return machine.monitor && pagetable_create(&machine, &table) == CLOISTER_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(machine.monitor);
    return 0;
}

/* The entry of the last level under a root; NULL: some level is not present. */
static uint64_t *walk(uint64_t root, uint64_t va)
{
    uint64_t *level = (uint64_t *)(void *)(machine.monitor + root);
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t entry = level[va >> shift & 511];
        if (!(entry & PRESENT))
            return NULL;
        /* Ring 3 and writing are decided at the last level only. */
        assert_true(entry & USER);
        assert_true(entry & WRITABLE);
        assert_false(entry & NO_EXECUTE);
        level = (uint64_t *)(void *)(machine.monitor + (entry & ADDRESS));
    }
    return &level[va >> 12 & 511];
}

static uint64_t entry_at(uint64_t va)
{
    uint64_t *entry = walk(table.root.value, va);
    return entry ? *entry : 0;
}

static void map(uint64_t va, size_t pages, uint32_t rights)
{
    assert_int_equal(pagetable_map(&table, va, (struct gpa){GPA}, pages * PAGE, rights),
                     CLOISTER_OK);
}

static void mapped_page_has_its_rights_and_no_more(void **state)
{
    (void)state;
    map(VA, 1, PAGE_USER);
    map(VA + PAGE, 1, PAGE_USER | PAGE_WRITE);
    map(VA + 2 * PAGE, 1, PAGE_USER | PAGE_EXECUTE);
    map(VA + 3 * PAGE, 1, PAGE_WRITE);
    uint64_t mask = PRESENT | WRITABLE | USER | NO_EXECUTE;
    assert_int_equal(entry_at(VA) & mask, PRESENT | USER | NO_EXECUTE);
    assert_int_equal(entry_at(VA + PAGE) & mask, PRESENT | USER | WRITABLE | NO_EXECUTE);
    assert_int_equal(entry_at(VA + 2 * PAGE) & mask, PRESENT | USER);
    assert_int_equal(entry_at(VA + 3 * PAGE) & mask, PRESENT | WRITABLE | NO_EXECUTE);
    assert_int_equal(entry_at(VA + 4 * PAGE), 0);
    assert_int_equal(entry_at(VA) & ADDRESS, GPA);
}

static void range_is_mapped_across_tables(void **state)
{
    (void)state;
    uint64_t start = VA + (1ull << 30) - 3 * PAGE; /* into the next GiB */
    map(start, 600, PAGE_USER | PAGE_WRITE);
    for (uint64_t i = 0; i < 600; i++)
        assert_int_equal(entry_at(start + i * PAGE) & ADDRESS, GPA + i * PAGE);
    assert_int_equal(entry_at(start - PAGE), 0);
    assert_int_equal(entry_at(start + 600 * PAGE), 0);
}

/* As abi/layout.h says; a heap and a stack of the sizes that a manifest has by default. */
static void small_module_takes_nine_tables(void **state)
{
    (void)state;
    uint64_t stack = CLO_VA_FIRST_STACK(32u << 20);
    uint64_t heap = CLO_VA_HEAP(32u << 20, 64u << 10);
    uint64_t used = machine.monitor_used - PAGE; /* the root is there already */
    map(CLO_VA_MONITOR_STUB, 2, 0);
    map(CLO_VA_MONITOR_VCPU, CLO_THREADS_MAX, PAGE_WRITE);
    map(CLO_VA_RUNTIME, CLO_RUNTIME_SIZE_MAX / PAGE, PAGE_USER | PAGE_EXECUTE);
    map(CLO_VA_PERSONALITY_DATA, CLO_PERSONALITY_DATA_SIZE / PAGE, PAGE_USER | PAGE_WRITE);
    map(CLO_VA_BOOT, 1, PAGE_USER);
    map(CLO_VA_CONTROL, CLO_CONTROL_SIZE / PAGE, PAGE_USER);
    map(CLO_VA_MAILBOX, sizeof(struct clo_mailbox) / PAGE, PAGE_USER | PAGE_WRITE);
    map(CLO_VA_MODULE + 77 * CLO_MODULE_ALIGN, 16, PAGE_USER | PAGE_EXECUTE);
    map(stack, (64u << 10) / PAGE, PAGE_USER | PAGE_WRITE);
    map(heap, (256u << 10) / PAGE, PAGE_USER | PAGE_WRITE);
    map(CLO_VA_WINDOW, 64, PAGE_USER | PAGE_WRITE);
    assert_int_equal((machine.monitor_used - used) / PAGE, 9);
}

/* The largest window and stack move stack and heap, and their gaps stay. */
static void stack_and_heap_keep_their_gaps(void **state)
{
    (void)state;
    uint64_t largest = CLO_STACK_STRIDE - 2 * PAGE;
    for (uint64_t window = 0; window <= CLO_WINDOW_SIZE_MAX; window += CLO_WINDOW_SIZE_MAX / 64)
        for (uint64_t pages = 0; pages < 2; pages++) {
            uint64_t end = CLO_VA_WINDOW + window + pages * PAGE;
            uint64_t stack = CLO_VA_FIRST_STACK(window + pages * PAGE);
            assert_in_range(stack - end, CLO_STACK_GAP, CLO_STACK_GAP + CLO_WINDOW_ALIGN - 1);
            assert_int_equal(stack % CLO_WINDOW_ALIGN, 0);
            assert_int_equal(CLO_VA_HEAP(window + pages * PAGE, largest) - (stack + largest),
                             CLO_HEAP_GAP);
        }
    assert_true(CLO_VA_HEAP(CLO_WINDOW_SIZE_MAX, largest) + CLO_HEAP_SIZE_MAX < 1ull << 47);
}

static void writable_and_executable_page_is_refused(void **state)
{
    (void)state;
    assert_int_equal(
        pagetable_map(&table, VA, (struct gpa){GPA}, PAGE, PAGE_USER | PAGE_WRITE | PAGE_EXECUTE),
        CLOISTER_BAD_ARGUMENT);
    assert_int_equal(entry_at(VA), 0);
}

static void odd_and_wrapping_ranges_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t va;
        size_t size;
    } ranges[] = {{VA + 1, PAGE},
                  {VA, PAGE - 1},
                  {(1ull << 47) - PAGE, 2 * PAGE},
                  {1ull << 47, PAGE},
                  {UINT64_MAX - PAGE + 1, 2 * PAGE},
                  {PAGE, SIZE_MAX - PAGE + 1}};
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        assert_int_equal(
            pagetable_map(&table, ranges[i].va, (struct gpa){GPA}, ranges[i].size, PAGE_USER),
            CLOISTER_BAD_ARGUMENT);
        assert_int_equal(pagetable_restrict(&table, ranges[i].va, ranges[i].size, 0),
                         CLOISTER_BAD_ARGUMENT);
    }
}

static void page_that_is_mapped_stays_as_it_is(void **state)
{
    (void)state;
    map(VA, 1, PAGE_USER);
    assert_int_equal(
        pagetable_map(&table, VA, (struct gpa){GPA + 8 * PAGE}, 2 * PAGE, PAGE_USER | PAGE_WRITE),
        CLOISTER_OK);
    assert_int_equal(entry_at(VA) & (ADDRESS | WRITABLE), GPA);
    assert_int_equal(entry_at(VA + PAGE) & (ADDRESS | WRITABLE), (GPA + 9 * PAGE) | WRITABLE);
}

static void full_monitor_slot_is_no_memory(void **state)
{
    (void)state;
    machine.monitor_used = machine.monitor_size - 2 * PAGE;
    assert_int_equal(pagetable_map(&table, VA, (struct gpa){GPA}, PAGE, PAGE_USER),
                     CLOISTER_NO_MEMORY);
    machine.monitor_used = machine.monitor_size;
    struct pagetable other;
    assert_int_equal(pagetable_create(&machine, &other), CLOISTER_NO_MEMORY);
}

static void lookup_tells_what_is_mapped(void **state)
{
    (void)state;
    struct gpa gpa;
    uint32_t rights;
    map(VA, 2, PAGE_USER | PAGE_WRITE);
    assert_true(pagetable_lookup(&table, VA + PAGE + 8, &gpa, &rights));
    assert_int_equal(gpa.value, GPA + PAGE);
    assert_int_equal(rights, PAGE_USER | PAGE_WRITE);
    assert_false(pagetable_lookup(&table, VA + 2 * PAGE, &gpa, &rights));
    assert_false(pagetable_lookup(&table, 0, &gpa, &rights));
    assert_false(pagetable_lookup(&table, UINT64_MAX, &gpa, &rights));
}

/* Taking rights away */

static void restricting_builds_fresh_tables_and_leaves_the_old_ones_alone(void **state)
{
    (void)state;
    map(VA, 4, PAGE_USER | PAGE_WRITE);
    uint64_t old = table.root.value;
    uint64_t used = machine.monitor_used;
    uint8_t *before = malloc(used);
    assert_non_null(before);
    memcpy(before, machine.monitor, used);
    assert_int_equal(pagetable_restrict(&table, VA + PAGE, 2 * PAGE, PAGE_USER), CLOISTER_OK);
    assert_memory_equal(machine.monitor, before, used);
    free(before);
    assert_int_not_equal(table.root.value, old);
    assert_true(entry_at(VA) & WRITABLE);
    assert_false(entry_at(VA + PAGE) & WRITABLE);
    assert_false(entry_at(VA + 2 * PAGE) & WRITABLE);
    assert_true(entry_at(VA + 3 * PAGE) & WRITABLE);
    /* No table on the way to the page is one that a processor may have seen. */
    uint64_t *level = (uint64_t *)(void *)(machine.monitor + table.root.value);
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t entry = level[VA >> shift & 511];
        assert_true((entry & ADDRESS) >= used);
        level = (uint64_t *)(void *)(machine.monitor + (entry & ADDRESS));
    }
}

static void restricting_to_nothing_unmaps(void **state)
{
    (void)state;
    struct gpa gpa;
    uint32_t rights;
    map(VA, 1, PAGE_USER | PAGE_WRITE);
    assert_int_equal(pagetable_restrict(&table, VA, PAGE, 0), CLOISTER_OK);
    assert_false(entry_at(VA) & PRESENT);
    assert_false(pagetable_lookup(&table, VA, &gpa, &rights));
    assert_int_equal(pagetable_restrict(&table, VA, PAGE, 0), CLOISTER_NOT_FOUND);
    map(VA, 1, PAGE_USER | PAGE_WRITE); /* and it does not come back */
    assert_false(entry_at(VA) & PRESENT);
}

static void restricting_gives_no_right(void **state)
{
    (void)state;
    map(VA, 1, PAGE_USER);
    map(VA + PAGE, 1, PAGE_USER | PAGE_EXECUTE);
    map(VA + 2 * PAGE, 1, PAGE_WRITE);
    uint64_t root = table.root.value;
    uint32_t write = PAGE_USER | PAGE_WRITE;
    uint32_t execute = PAGE_USER | PAGE_EXECUTE;
    assert_int_equal(pagetable_restrict(&table, VA, PAGE, write), CLOISTER_DENIED);
    assert_int_equal(pagetable_restrict(&table, VA, PAGE, execute), CLOISTER_DENIED);
    assert_int_equal(pagetable_restrict(&table, VA + PAGE, PAGE, write), CLOISTER_DENIED);
    assert_int_equal(pagetable_restrict(&table, VA + 2 * PAGE, PAGE, 0), CLOISTER_DENIED);
    assert_int_equal(pagetable_restrict(&table, VA, 2 * PAGE, execute), CLOISTER_DENIED);
    assert_int_equal(table.root.value, root);
}

static void restricting_a_range_with_a_hole_changes_nothing(void **state)
{
    (void)state;
    map(VA, 1, PAGE_USER | PAGE_WRITE);
    map(VA + 2 * PAGE, 1, PAGE_USER | PAGE_WRITE);
    uint64_t root = table.root.value;
    assert_int_equal(pagetable_restrict(&table, VA, 3 * PAGE, PAGE_USER), CLOISTER_NOT_FOUND);
    assert_int_equal(table.root.value, root);
    assert_true(entry_at(VA) & WRITABLE);
}

static void restricting_without_memory_changes_nothing(void **state)
{
    (void)state;
    map(VA, 1, PAGE_USER | PAGE_WRITE);
    for (unsigned left = 0; left < 4; left++) {
        uint64_t root = table.root.value;
        machine.monitor_used = machine.monitor_size - left * PAGE;
        assert_int_equal(pagetable_restrict(&table, VA, PAGE, PAGE_USER), CLOISTER_NO_MEMORY);
        assert_int_equal(table.root.value, root);
        assert_true(entry_at(VA) & WRITABLE);
    }
}

/* Which pages were written */

static unsigned visited;
static uint64_t visited_sum;

static void visit(void *context, struct gpa gpa)
{
    (void)context;
    visited++;
    visited_sum += gpa.value - GPA;
}

static void count(uint64_t va, size_t pages)
{
    visited = 0;
    visited_sum = 0;
    pagetable_each_written(&table, va, pages * PAGE, visit, NULL);
}

static void pages_start_unwritten_unless_filled(void **state)
{
    (void)state;
    map(VA, 2, PAGE_USER | PAGE_WRITE);
    count(VA, 2);
    assert_int_equal(visited, 0);
    map(VA + 2 * PAGE, 1, PAGE_USER | PAGE_WRITE | PAGE_FILLED);
    map(VA + 3 * PAGE, 1, PAGE_USER | PAGE_FILLED);
    count(VA, 8);
    assert_int_equal(visited, 1);
}

static void written_page_is_found_after_its_rights_are_gone(void **state)
{
    (void)state;
    map(VA, 4, PAGE_USER | PAGE_WRITE);
    *walk(table.root.value, VA + PAGE) |= DIRTY; /* as a processor does */
    *walk(table.root.value, VA + 3 * PAGE) |= DIRTY;
    assert_int_equal(pagetable_restrict(&table, VA + PAGE, PAGE, PAGE_USER), CLOISTER_OK);
    assert_int_equal(pagetable_restrict(&table, VA + 3 * PAGE, PAGE, 0), CLOISTER_OK);
    count(VA, 600);
    assert_int_equal(visited, 2);
    assert_int_equal(visited_sum, 4 * PAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(mapped_page_has_its_rights_and_no_more),
        TEST(range_is_mapped_across_tables),
        TEST(small_module_takes_nine_tables),
        TEST(stack_and_heap_keep_their_gaps),
        TEST(writable_and_executable_page_is_refused),
        TEST(odd_and_wrapping_ranges_are_refused),
        TEST(page_that_is_mapped_stays_as_it_is),
        TEST(full_monitor_slot_is_no_memory),
        TEST(lookup_tells_what_is_mapped),
        TEST(restricting_builds_fresh_tables_and_leaves_the_old_ones_alone),
        TEST(restricting_to_nothing_unmaps),
        TEST(restricting_gives_no_right),
        TEST(restricting_a_range_with_a_hole_changes_nothing),
        TEST(restricting_without_memory_changes_nothing),
        TEST(pages_start_unwritten_unless_filled),
        TEST(written_page_is_found_after_its_rights_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
