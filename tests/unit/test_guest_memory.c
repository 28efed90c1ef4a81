/*
 * Guest memories: what is in a fresh one, and who gets which part of it.
 */
#include "vmm/guest_memory.h"

#include "base/bytes.h"
#include "base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#define PAGE CLO_PAGE_SIZE

static struct guest_memory memory;

static int make(void **state)
{
    (void)state;
    return guest_memory_create(&memory, CLO_GUEST_SIZE_MIN, 7, NULL) == CLOISTER_OK ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    guest_memory_destroy(&memory);
    return 0;
}

static void fresh_memory_says_what_it_is_and_no_more(void **state)
{
    (void)state;
    const struct clo_guest_header *header = memory.header;
    struct stat st;
    assert_int_equal(fstat(memory.memfd, &st), 0);
    assert_int_equal(st.st_size, CLO_GUEST_SIZE_MIN);
    assert_int_equal(header->magic, CLO_GUEST_MAGIC);
    assert_int_equal(header->abi_major, CLO_ABI_MAJOR);
    assert_int_equal(header->size, CLO_GUEST_SIZE_MIN);
    assert_int_equal(header->lanes, CLO_GUEST_LANES);
    assert_int_equal(header->number, 7);
    assert_int_not_equal(header->generation, 0);
    assert_int_equal(header->state, CLO_GUEST_LIVE);
    assert_int_equal(header->beat, 0);
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        assert_true(bytes_are_zero((const uint8_t *)&memory.lanes[i], CLO_GUEST_LANE_SIZE));
}

static void memory_cannot_be_resized(void **state)
{
    (void)state;
    int seals = fcntl(memory.memfd, F_GET_SEALS);
    assert_int_equal(seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

static void every_memory_is_of_another_generation(void **state)
{
    (void)state;
    struct guest_memory other;
    assert_int_equal(guest_memory_create(&other, CLO_GUEST_SIZE_MIN, 7, NULL), CLOISTER_OK);
    assert_int_not_equal(other.header->generation, memory.header->generation);
    guest_memory_destroy(&other);
}

static void channels_lie_behind_the_lanes_and_apart(void **state)
{
    (void)state;
    struct channel_place first;
    struct channel_place second;
    assert_int_equal(guest_memory_take(&memory, 0, 3 * PAGE, &first, NULL), CLOISTER_OK);
    assert_int_equal(guest_memory_take(&memory, 1, PAGE, &second, NULL), CLOISTER_OK);
    assert_int_equal(first.memfd, memory.memfd);
    assert_int_equal(first.offset, CLO_GUEST_CHANNELS_OFFSET);
    assert_int_equal(second.offset, CLO_GUEST_CHANNELS_OFFSET + 3 * PAGE);
}

static void lanes_share_the_vectors_but_that_of_requests(void **state)
{
    (void)state;
    for (unsigned lane = 0; lane < CLO_GUEST_LANES; lane++) {
        struct channel_place place;
        unsigned vector = guest_memory_vector(lane);
        assert_in_range(vector, 1, CLO_GUEST_VECTORS - 1);
        assert_int_equal(guest_memory_take(&memory, lane, PAGE, &place, NULL), CLOISTER_OK);
        assert_int_equal(place.doorbell, memory.doorbell[vector]);
        assert_int_equal(place.interrupt, memory.interrupt[vector]);
        assert_ptr_equal(place.interrupts, &memory.header->interrupts);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct channel_place place;
    uint32_t room = CLO_GUEST_SIZE_MIN - CLO_GUEST_CHANNELS_OFFSET;
    assert_int_equal(guest_memory_take(&memory, 0, room + PAGE, &place, NULL), CLOISTER_TOO_BIG);
    assert_int_equal(guest_memory_take(&memory, 0, room, &place, NULL), CLOISTER_OK);
    assert_int_equal(guest_memory_take(&memory, 0, PAGE, &place, NULL), CLOISTER_BUSY);
    guest_memory_give(&memory, place.offset, room);
    assert_int_equal(guest_memory_take(&memory, 0, PAGE, &place, NULL), CLOISTER_OK);
}

/* What a guest puts there while nobody has it is gone as well. */
static void nobody_finds_what_another_left(void **state)
{
    (void)state;
    struct channel_place place;
    assert_int_equal(guest_memory_take(&memory, 0, 2 * PAGE, &place, NULL), CLOISTER_OK);
    uint8_t *seen =
        mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory.memfd, (off_t)place.offset);
    assert_ptr_not_equal(seen, MAP_FAILED);
    memset(seen, 0xaa, 2 * PAGE);
    guest_memory_give(&memory, place.offset, 2 * PAGE);
    assert_true(bytes_are_zero(seen, 2 * PAGE));
    memset(seen, 0xbb, 2 * PAGE);
    assert_int_equal(guest_memory_take(&memory, 5, 2 * PAGE, &place, NULL), CLOISTER_OK);
    assert_true(bytes_are_zero(seen, 2 * PAGE));
    (void)munmap(seen, 2 * PAGE);
}

static void end_is_told(void **state)
{
    (void)state;
    guest_memory_say_closed(&memory);
    assert_int_equal(memory.header->state, CLO_GUEST_CLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(fresh_memory_says_what_it_is_and_no_more),
        TEST(memory_cannot_be_resized),
        TEST(every_memory_is_of_another_generation),
        TEST(channels_lie_behind_the_lanes_and_apart),
        TEST(lanes_share_the_vectors_but_that_of_requests),
        TEST(what_does_not_fit_is_refused),
        TEST(nobody_finds_what_another_left),
        TEST(end_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
