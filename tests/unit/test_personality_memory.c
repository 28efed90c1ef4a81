/*
 * brk, mmap and their relatives in a module, on ordinary memory: what comes back is zeroed and used
 * again, what lost a right is never given out again, nothing becomes executable.
 */
#include "secure-world/personality/heap.c"
#include "secure-world/personality/memory.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGE ((uint64_t)CLO_PAGE_SIZE)
#define PAGES 1024u
#define SIZE (PAGES * PAGE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static struct clo_boot boot;
static uint64_t region;

static struct {
    unsigned protects;
    uint64_t start, size, rights;
    uint32_t status;
} asked;

const struct clo_boot *personality_boot(void)
{
    return &boot;
}

uint32_t personality_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    assert_int_equal(number, CLO_HC_PROTECT);
    asked.protects++;
    asked.start = a0;
    asked.size = a1;
    asked.rights = a2;
    return asked.status;
}

static int setup(void **state)
{
    (void)state;
    uint8_t *memory = aligned_alloc(PAGE, SIZE);
    assert_non_null(memory);
    memset(memory, 0, SIZE);
    region = (uint64_t)(uintptr_t)memory;
    boot = (struct clo_boot){.heap_base = region, .heap_size = SIZE};
    memset(&heap, 0, sizeof heap);
    memset(&asked, 0, sizeof asked);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(personality_pointer(region));
    return 0;
}

static int64_t do_mmap(uint64_t size)
{
    return memory_mmap((uint64_t[]){0, size, RW, ANONYMOUS, (uint64_t)-1, 0});
}

static int64_t do_munmap(int64_t start, uint64_t size)
{
    return memory_munmap((uint64_t[]){(uint64_t)start, size, 0, 0, 0, 0});
}

static int64_t do_mremap(int64_t start, uint64_t old, uint64_t new, uint64_t flags)
{
    return memory_mremap((uint64_t[]){(uint64_t)start, old, new, flags, 0, 0});
}

static int64_t do_mprotect(int64_t start, uint64_t size, uint64_t protection)
{
    return memory_mprotect((uint64_t[]){(uint64_t)start, size, protection, 0, 0, 0});
}

static int64_t do_brk(uint64_t end)
{
    return memory_brk((uint64_t[]){end, 0, 0, 0, 0, 0});
}

static uint8_t *bytes_at(int64_t start)
{
    return personality_pointer((uint64_t)start);
}

static bool is_zero(int64_t start, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        if (bytes_at(start)[i])
            return false;
    return true;
}

static int64_t mapped(uint64_t size)
{
    int64_t start = do_mmap(size);
    assert_true(start > 0);
    assert_int_equal((uint64_t)start % PAGE, 0);
    assert_true((uint64_t)start >= region && (uint64_t)start + size <= region + SIZE);
    assert_true(is_zero(start, size));
    memset(bytes_at(start), 0xa5, size);
    return start;
}

/* brk */

static void brk_moves_and_is_queried(void **state)
{
    (void)state;
    assert_int_equal(do_brk(0), region);
    assert_int_equal(do_brk(region + 100), region + 100);
    assert_int_equal(do_brk(0), region + 100);
}

static void brk_outside_the_heap_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(do_brk(region + SIZE + 1), region);
    assert_int_equal(do_brk(UINT64_MAX), region);
    assert_int_equal(do_brk(region - 1), region);
}

static void brk_that_grows_again_is_zero(void **state)
{
    (void)state;
    (void)do_brk(region + 3 * PAGE);
    memset(personality_pointer(region), 0xa5, 3 * PAGE);
    (void)do_brk(region + 10);
    assert_int_equal(do_brk(region + 2 * PAGE), region + 2 * PAGE);
    assert_true(is_zero((int64_t)region + 10, 2 * PAGE - 10));
    assert_int_equal(bytes_at((int64_t)region)[9], 0xa5);
}

static void brk_and_mappings_never_meet(void **state)
{
    (void)state;
    int64_t start = mapped(SIZE / 2);
    assert_int_equal(do_brk((uint64_t)start + 1), region);
    assert_int_equal(do_brk((uint64_t)start), (uint64_t)start);
    assert_int_equal(do_mmap(PAGE), -ENOMEM);
    /* What the break once covered is no fresh memory. */
    (void)do_brk(region);
    assert_int_equal(do_mmap(PAGE), -ENOMEM);
}

/* mmap and munmap */

static void mappings_are_apart(void **state)
{
    (void)state;
    int64_t first = mapped(1);
    int64_t second = mapped(2 * PAGE);
    assert_true(second + 2 * (int64_t)PAGE <= first || first + (int64_t)PAGE <= second);
}

static void memory_comes_back_zeroed_and_is_used_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * PAGES; i++) {
        int64_t start = mapped(4 * PAGE);
        assert_int_equal(do_munmap(start, 4 * PAGE), 0);
    }
}

static void neighbours_that_are_free_become_one(void **state)
{
    (void)state;
    int64_t piece[8];
    for (unsigned i = 0; i < 8; i++)
        piece[i] = mapped(PAGES / 8 * PAGE);
    assert_int_equal(do_mmap(PAGE), -ENOMEM);
    static const unsigned order[] = {0, 2, 4, 6, 1, 3, 5, 7};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(do_munmap(piece[order[i]], PAGES / 8 * PAGE), 0);
    assert_int_equal(heap.free_count, 1);
    (void)mapped(SIZE);
}

static void part_of_a_mapping_can_be_unmapped(void **state)
{
    (void)state;
    int64_t start = mapped(3 * PAGE);
    assert_int_equal(do_munmap(start + (int64_t)PAGE, PAGE), 0);
    assert_int_equal(bytes_at(start)[0], 0xa5);
    assert_int_equal(bytes_at(start)[2 * PAGE], 0xa5);
    assert_int_equal(mapped(PAGE), start + (int64_t)PAGE);
}

static void unmapping_twice_frees_once(void **state)
{
    (void)state;
    int64_t start = mapped(3 * PAGE);
    assert_int_equal(do_munmap(start, 2 * PAGE), 0);
    assert_int_equal(do_munmap(start, 3 * PAGE), 0);
    assert_int_equal(heap.free_count, 1);
    int64_t first = mapped(PAGE);
    int64_t second = mapped(PAGE);
    int64_t third = mapped(PAGE);
    assert_true(first != second && second != third && first != third);
}

static void munmap_refuses_what_is_no_mapping(void **state)
{
    (void)state;
    int64_t start = mapped(PAGE);
    assert_int_equal(do_munmap(start, 0), -EINVAL);
    assert_int_equal(do_munmap(start + 1, PAGE), -EINVAL);
    assert_int_equal(do_munmap(start, UINT64_MAX), -EINVAL);
    assert_int_equal(do_munmap(start, 2 * PAGE), -EINVAL);
    assert_int_equal(do_munmap((int64_t)region, PAGE), -EINVAL);
    assert_int_equal(do_munmap(0, PAGE), -EINVAL);
}

static void too_many_pieces_are_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    int64_t start = mapped(SIZE);
    for (uint64_t i = 0; i < HEAP_FREE_MAX; i++)
        assert_int_equal(do_munmap(start + (int64_t)(2 * i * PAGE), PAGE), 0);
    assert_int_equal(do_munmap(start + (int64_t)(2 * HEAP_FREE_MAX * PAGE), PAGE), -ENOMEM);
    for (unsigned i = 0; i < HEAP_FREE_MAX; i++)
        (void)mapped(PAGE);
    assert_int_equal(do_mmap(PAGE), -ENOMEM);
}

static void mmap_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    assert_int_equal(do_mmap(0), -EINVAL);
    assert_int_equal(do_mmap(UINT64_MAX), -ENOMEM);
    assert_int_equal(do_mmap(SIZE + 1), -ENOMEM);
    assert_int_equal(memory_mmap((uint64_t[]){0, PAGE, RW, MAP_PRIVATE, 3, 0}), -ENODEV);
    assert_int_equal(memory_mmap((uint64_t[]){region, PAGE, RW, ANONYMOUS | MAP_FIXED, 0, 0}),
                     -EOPNOTSUPP);
}

/* mremap */

static void mremap_keeps_the_bytes(void **state)
{
    (void)state;
    int64_t start = mapped(2 * PAGE);
    int64_t blocker = mapped(PAGE);
    int64_t moved = do_mremap(start, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    assert_true(moved > 0 && moved != start && moved != blocker);
    assert_int_equal(bytes_at(moved)[2 * PAGE - 1], 0xa5);
    assert_true(is_zero(moved + 2 * (int64_t)PAGE, 2 * PAGE));
    assert_int_equal(do_mremap(moved, 4 * PAGE, PAGE, 0), moved);
    assert_int_equal(bytes_at(moved)[0], 0xa5);
}

static void mremap_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    int64_t start = mapped(2 * PAGE);
    assert_int_equal(do_mremap(start, 2 * PAGE, 3 * PAGE, 0), -ENOMEM);
    assert_int_equal(do_mremap(start, 2 * PAGE, 2 * SIZE, MREMAP_MAYMOVE), -ENOMEM);
    assert_int_equal(do_mremap(start, 2 * PAGE, 0, MREMAP_MAYMOVE), -EINVAL);
    assert_int_equal(do_mremap(start, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED), -EINVAL);
    assert_int_equal(do_mremap((int64_t)region, PAGE, PAGE, 0), -EFAULT);
    assert_int_equal(do_mremap(start, 2 * PAGE, 2 * PAGE, 0), start);
}

/* mprotect and madvise */

static void nothing_becomes_executable(void **state)
{
    (void)state;
    int64_t start = mapped(PAGE);
    static const uint64_t with[] = {PROT_EXEC, PROT_READ | PROT_EXEC, RW | PROT_EXEC};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(do_mprotect(start, PAGE, with[i]), -EACCES);
        assert_int_equal(do_mprotect(0x1000, PAGE, with[i]), -EACCES);
        assert_int_equal(memory_mmap((uint64_t[]){0, PAGE, with[i], ANONYMOUS, 0, 0}), -EACCES);
    }
    assert_int_equal(asked.protects, 0);
}

static void protect_asks_the_world_host_for_fewer_rights_only(void **state)
{
    (void)state;
    int64_t start = mapped(4 * PAGE);
    assert_int_equal(do_mprotect(start, 4 * PAGE, RW), 0);
    assert_int_equal(asked.protects, 0);
    assert_int_equal(do_mprotect(start, PAGE + 1, PROT_READ), 0);
    assert_int_equal(asked.start, start);
    assert_int_equal(asked.size, 2 * PAGE);
    assert_int_equal(asked.rights, CLO_RIGHT_READ);
    assert_int_equal(do_mprotect(start, PAGE, RW), -EACCES);
    assert_int_equal(do_mprotect(start, 4 * PAGE, RW), -EACCES);
    assert_int_equal(do_mprotect(start, PAGE, PROT_NONE), 0);
    assert_int_equal(asked.rights, 0);
    assert_int_equal(do_mprotect(start, PAGE, PROT_READ), -EACCES);
    assert_int_equal(asked.protects, 2);
}

static void protect_that_the_world_host_refuses_changes_nothing(void **state)
{
    (void)state;
    int64_t start = mapped(PAGE);
    asked.status = 6;
    assert_int_equal(do_mprotect(start, PAGE, PROT_NONE), -EACCES);
    assert_int_equal(do_mprotect(start, PAGE, RW), 0);
}

static void protect_outside_the_heap_is_the_world_hosts_to_judge(void **state)
{
    (void)state;
    assert_int_equal(do_mprotect(0x1000, PAGE, PROT_READ), 0);
    assert_int_equal(do_mprotect(0x1000, PAGE, RW), 0);
    assert_int_equal(asked.rights, CLO_RIGHT_READ | CLO_RIGHT_WRITE);
    asked.status = 5;
    assert_int_equal(do_mprotect(0x1000, PAGE, PROT_READ), -ENOMEM);
    assert_int_equal(do_mprotect(0x1001, PAGE, PROT_READ), -EINVAL);
    assert_int_equal(do_mprotect(0x1000, UINT64_MAX, PROT_READ), -ENOMEM);
}

static void memory_that_lost_rights_is_never_given_out_again(void **state)
{
    (void)state;
    int64_t start = mapped(SIZE);
    int64_t middle = start + (int64_t)(PAGES / 2 * PAGE);
    assert_int_equal(do_mprotect(middle, PAGE, PROT_NONE), 0);
    assert_int_equal(do_munmap(start, SIZE), 0);
    for (unsigned i = 0; i < PAGES - 1; i++)
        assert_int_not_equal(mapped(PAGE), middle);
    assert_int_equal(do_mmap(PAGE), -ENOMEM);
    assert_int_equal(bytes_at(middle)[0], 0xa5);
}

static void brk_stops_before_memory_that_lost_rights(void **state)
{
    (void)state;
    (void)do_brk(region + 4 * PAGE);
    assert_int_equal(do_mprotect((int64_t)(region + 2 * PAGE), PAGE, PROT_READ), 0);
    (void)do_brk(region + PAGE);
    assert_int_equal(do_brk(region + 4 * PAGE), region + PAGE);
    assert_int_equal(do_brk(region + 2 * PAGE), region + 2 * PAGE);
}

static void more_fences_than_fit_are_refused(void **state)
{
    (void)state;
    int64_t start = mapped(SIZE);
    for (uint64_t i = 0; i < HEAP_FENCES_MAX; i++)
        assert_int_equal(do_mprotect(start + (int64_t)(i * PAGE), PAGE, PROT_READ), 0);
    assert_int_equal(do_mprotect(start + (int64_t)(HEAP_FENCES_MAX * PAGE), PAGE, PROT_READ),
                     -ENOMEM);
    assert_int_equal(asked.protects, HEAP_FENCES_MAX);
}

static void madvise_dontneed_zeroes(void **state)
{
    (void)state;
    int64_t start = mapped(2 * PAGE);
    const uint64_t advice[] = {(uint64_t)start, PAGE, MADV_DONTNEED, 0, 0, 0};
    assert_int_equal(memory_madvise(advice), 0);
    assert_true(is_zero(start, PAGE));
    assert_int_equal(bytes_at(start)[PAGE], 0xa5);
    const uint64_t outside[] = {0x1000, PAGE, MADV_DONTNEED, 0, 0, 0};
    assert_int_equal(memory_madvise(outside), -EINVAL);
    const uint64_t other[] = {(uint64_t)start, 2 * PAGE, MADV_FREE, 0, 0, 0};
    assert_int_equal(memory_madvise(other), 0);
    assert_int_equal(bytes_at(start)[PAGE], 0xa5);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(brk_moves_and_is_queried),
        RULE(brk_outside_the_heap_changes_nothing),
        RULE(brk_that_grows_again_is_zero),
        RULE(brk_and_mappings_never_meet),
        RULE(mappings_are_apart),
        RULE(memory_comes_back_zeroed_and_is_used_again),
        RULE(neighbours_that_are_free_become_one),
        RULE(part_of_a_mapping_can_be_unmapped),
        RULE(unmapping_twice_frees_once),
        RULE(munmap_refuses_what_is_no_mapping),
        RULE(too_many_pieces_are_refused_and_nothing_is_lost),
        RULE(mmap_refuses_what_it_cannot_do),
        RULE(mremap_keeps_the_bytes),
        RULE(mremap_refuses_what_it_cannot_do),
        RULE(nothing_becomes_executable),
        RULE(protect_asks_the_world_host_for_fewer_rights_only),
        RULE(protect_that_the_world_host_refuses_changes_nothing),
        RULE(protect_outside_the_heap_is_the_world_hosts_to_judge),
        RULE(memory_that_lost_rights_is_never_given_out_again),
        RULE(brk_stops_before_memory_that_lost_rights),
        RULE(more_fences_than_fit_are_refused),
        RULE(madvise_dontneed_zeroes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
