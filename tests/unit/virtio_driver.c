/*
 * Writes descriptors and rings straight into guest memory.
 */
#include "tests/unit/virtio_driver.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void virtio_driver_describe(const struct virtio_driver *driver, uint16_t index, uint64_t address,
                            uint32_t length, uint16_t flags, uint16_t next)
{
    const struct vring_desc descriptor = {
        .addr = address, .len = length, .flags = flags, .next = next};
    assert_true(guest_memory_write(driver->memory, DRIVER_DESCRIPTORS + index * sizeof descriptor,
                                   &descriptor, sizeof descriptor));
}

void virtio_driver_offer(struct virtio_driver *driver, uint16_t head)
{
    uint64_t entry = DRIVER_AVAILABLE + 4 + driver->offered % driver->size * sizeof head;
    assert_true(guest_memory_write(driver->memory, entry, &head, sizeof head));
    driver->offered++;
    assert_true(guest_memory_write(driver->memory, DRIVER_AVAILABLE + 2, &driver->offered,
                                   sizeof driver->offered));
}

uint16_t virtio_driver_used(const struct virtio_driver *driver, struct vring_used_elem *last)
{
    uint16_t index;
    assert_true(guest_memory_read(driver->memory, DRIVER_USED + 2, &index, sizeof index));
    uint64_t entry = DRIVER_USED + 4 + (uint16_t)(index - 1) % driver->size * sizeof *last;
    assert_true(guest_memory_read(driver->memory, entry, last, sizeof *last));
    return index;
}
