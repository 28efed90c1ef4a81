/*
 * A virtqueue against drivers that keep to the rules and drivers that do not.
 */
#include "tests/unit/virtio_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY_SIZE (64ull << 20)
#define SIZE 8

static struct guest_memory memory;
static struct virtio_queue queue;
static struct virtio_chain chain;
static struct virtio_driver driver;

static void set_up_queue(void)
{
    virtio_queue_reset(&queue, &memory);
    queue.size = SIZE;
    queue.descriptors = DRIVER_DESCRIPTORS;
    queue.available = DRIVER_AVAILABLE;
    queue.used = DRIVER_USED;
}

static int create(void **state)
{
    struct reason why;
    (void)state;
    if (guest_memory_create(&memory, MEMORY_SIZE, &why) != CLOISTER_OK)
        return -1;
    driver = (struct virtio_driver){.memory = &memory, .size = SIZE};
    set_up_queue();
    return virtio_queue_enable(&queue) ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    guest_memory_destroy(&memory);
    return 0;
}

static void chain_is_taken_in_order_and_returned(void **state)
{
    struct vring_used_elem last;
    (void)state;
    virtio_driver_describe(&driver, 3, DRIVER_BUFFERS, 16, VRING_DESC_F_NEXT, 5);
    virtio_driver_describe(&driver, 5, DRIVER_BUFFERS + 64, 8,
                           VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 0);
    virtio_driver_describe(&driver, 0, MEMORY_SIZE - 1, 1, VRING_DESC_F_WRITE, 0);
    virtio_driver_offer(&driver, 3);
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_TAKEN);
    assert_int_equal(chain.head, 3);
    assert_int_equal(chain.readable, 1);
    assert_int_equal(chain.writable, 2);
    assert_ptr_equal(chain.part[0].iov_base, memory.bytes + DRIVER_BUFFERS);
    assert_ptr_equal(chain.part[2].iov_base, memory.bytes + MEMORY_SIZE - 1);
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_EMPTY);
    assert_true(virtio_queue_return(&queue, 3, 9));
    assert_int_equal(virtio_driver_used(&driver, &last), 1);
    assert_int_equal(last.id, 3);
    assert_int_equal(last.len, 9);
}

static void indices_run_over_the_end(void **state)
{
    struct vring_used_elem last;
    (void)state;
    virtio_driver_describe(&driver, 1, DRIVER_BUFFERS, 16, 0, 0);
    for (unsigned i = 0; i < 70000; i++) {
        virtio_driver_offer(&driver, 1);
        assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_TAKEN);
        assert_true(virtio_queue_return(&queue, 1, i));
    }
    assert_int_equal(virtio_driver_used(&driver, &last), 70000 % 65536);
    assert_int_equal(last.len, 69999);
}

static void loop_is_broken_off(void **state)
{
    (void)state;
    virtio_driver_describe(&driver, 0, DRIVER_BUFFERS, 16, VRING_DESC_F_NEXT, 1);
    virtio_driver_describe(&driver, 1, DRIVER_BUFFERS, 16, VRING_DESC_F_NEXT, 0);
    virtio_driver_offer(&driver, 0);
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_BROKEN);
}

static void index_outside_the_table_is_refused(void **state)
{
    (void)state;
    virtio_driver_offer(&driver, SIZE);
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_BROKEN);
    virtio_driver_describe(&driver, 0, DRIVER_BUFFERS, 16, VRING_DESC_F_NEXT, 0xffff);
    virtio_driver_offer(&driver, 0);
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_BROKEN);
}

static void more_requests_than_entries_are_refused(void **state)
{
    (void)state;
    driver.offered = SIZE;
    virtio_driver_offer(&driver, 0); /* nine at once */
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_BROKEN);
}

static void buffer_outside_memory_is_refused(void **state)
{
    static const struct {
        uint64_t address;
        uint32_t length;
    } buffers[] = {{MEMORY_SIZE - 1, 2},
                   {MEMORY_SIZE, 1},
                   {UINT64_MAX, 2},
                   {UINT64_MAX - 15, 16},
                   {DRIVER_BUFFERS, UINT32_MAX},
                   {GUEST_MEMORY_HOLE, 1},
                   {GUEST_MEMORY_ABOVE, 1},
                   {0xfee00000, 16},
                   {GUEST_MEMORY_DEVICES, 16},
                   {GUEST_MEMORY_HOLE - 1, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) {
        virtio_driver_describe(&driver, 0, buffers[i].address, buffers[i].length, 0, 0);
        virtio_driver_offer(&driver, 0);
        assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_BROKEN);
    }
}

static void readable_part_behind_a_writable_one_is_refused(void **state)
{
    (void)state;
    virtio_driver_describe(&driver, 0, DRIVER_BUFFERS, 16, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
                           1);
    virtio_driver_describe(&driver, 1, DRIVER_BUFFERS, 16, 0, 0);
    virtio_driver_offer(&driver, 0);
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_BROKEN);
}

static void indirect_descriptor_is_refused(void **state)
{
    (void)state;
    virtio_driver_describe(&driver, 0, DRIVER_BUFFERS, 32, VRING_DESC_F_INDIRECT, 0);
    virtio_driver_offer(&driver, 0);
    assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_BROKEN);
}

static void queue_of_a_wrong_size_is_not_enabled(void **state)
{
    static const uint16_t sizes[] = {0, 3, 127, 129, 256, 0xffff};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        set_up_queue();
        queue.size = sizes[i];
        assert_false(virtio_queue_enable(&queue));
        assert_int_equal(virtio_queue_take(&queue, &chain), VIRTIO_EMPTY);
    }
}

static void queue_in_a_wrong_place_is_not_enabled(void **state)
{
    static const uint64_t places[] = {DRIVER_DESCRIPTORS + 1, MEMORY_SIZE - 16, MEMORY_SIZE,
                                      UINT64_MAX - 15,        UINT64_MAX,       GUEST_MEMORY_HOLE,
                                      GUEST_MEMORY_ABOVE};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        set_up_queue();
        queue.descriptors = places[i];
        assert_false(virtio_queue_enable(&queue));
        set_up_queue();
        queue.available = places[i];
        assert_false(virtio_queue_enable(&queue));
        set_up_queue();
        queue.used = places[i];
        assert_false(virtio_queue_enable(&queue));
    }
}

static void driver_can_forgo_interrupts(void **state)
{
    const uint16_t forgo = VRING_AVAIL_F_NO_INTERRUPT;
    (void)state;
    assert_true(virtio_queue_wants_interrupt(&queue));
    assert_true(guest_memory_write(&memory, DRIVER_AVAILABLE, &forgo, sizeof forgo));
    assert_false(virtio_queue_wants_interrupt(&queue));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chain_is_taken_in_order_and_returned),
        TEST(indices_run_over_the_end),
        TEST(loop_is_broken_off),
        TEST(index_outside_the_table_is_refused),
        TEST(more_requests_than_entries_are_refused),
        TEST(buffer_outside_memory_is_refused),
        TEST(readable_part_behind_a_writable_one_is_refused),
        TEST(indirect_descriptor_is_refused),
        TEST(queue_of_a_wrong_size_is_not_enabled),
        TEST(queue_in_a_wrong_place_is_not_enabled),
        TEST(driver_can_forgo_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
