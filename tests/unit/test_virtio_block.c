/*
 * A virtio disk through its PCI registers, as a driver sees it: set-up, requests, and requests that
 * no driver should make.
 */
#include "tests/unit/virtio_driver.h"
#include "vmm/guest/virtio_block.h"

#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMORY_SIZE (64ull << 20)
#define SECTORS 64u
#define SECTOR 512u
#define HEADER DRIVER_BUFFERS
#define DATA (DRIVER_BUFFERS + 0x1000)
#define STATUS (DRIVER_BUFFERS + 0x8000)
#define COMMON PCI_WINDOW
#define ISR (PCI_WINDOW + 0x1000)
#define CONFIG (PCI_WINDOW + 0x2000)
#define NOTIFY (PCI_WINDOW + 0x3000)
#define READY                                                                                      \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |          \
     VIRTIO_CONFIG_S_DRIVER_OK)

static struct guest_memory memory;
static struct virtio_block disk;
static struct virtio_driver driver;
static struct pci pci;
static struct reason why;
static char path[64];
static bool level;

static void set_line(void *controller, unsigned line, unsigned source, bool high)
{
    (void)controller;
    (void)line;
    (void)source;
    level = high;
}

static uint64_t get(uint64_t address, unsigned size)
{
    uint64_t value;
    assert_true(pci_memory_read(&pci, address, size, &value));
    return value;
}

static void put(uint64_t address, unsigned size, uint64_t value)
{
    assert_true(pci_memory_write(&pci, address, size, value));
}

static uint8_t device_status(void)
{
    return (uint8_t)get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1);
}

static void write_command(uint16_t command)
{
    pci_port_write(&pci, 0, 4, 0x80000000u | 1 << 11 | PCI_COMMAND);
    pci_port_write(&pci, 4, 2, command);
}

static void accept_features(uint64_t features)
{
    put(COMMON + VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
    put(COMMON + VIRTIO_PCI_COMMON_GF, 4, features & 0xffffffff);
    put(COMMON + VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
    put(COMMON + VIRTIO_PCI_COMMON_GF, 4, features >> 32);
    put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, READY & ~VIRTIO_CONFIG_S_DRIVER_OK);
}

static void start_queue(void)
{
    put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    put(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2, 8);
    put(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 4, DRIVER_DESCRIPTORS);
    put(COMMON + VIRTIO_PCI_COMMON_Q_AVAILLO, 4, DRIVER_AVAILABLE);
    put(COMMON + VIRTIO_PCI_COMMON_Q_USEDLO, 8, DRIVER_USED);
    put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, READY);
}

static int start(bool read_only)
{
    const struct guest_disk_option option = {.path = path, .read_only = read_only};
    uint8_t sector[SECTOR];
    (void)snprintf(path, sizeof path, "/tmp/test_block.XXXXXX");
    int fd = mkstemp(path);
    for (unsigned i = 0; i < SECTORS; i++) {
        memset(sector, (int)i, sizeof sector);
        if (write(fd, sector, sizeof sector) != sizeof sector)
            return -1;
    }
    (void)close(fd);
    level = false;
    driver = (struct virtio_driver){.memory = &memory, .size = 8};
    pci_create(&pci, 4ull << 30, 1ull << 37);
    if (guest_memory_create(&memory, MEMORY_SIZE, &why) != CLOISTER_OK ||
        virtio_block_create(&disk, &option, &memory,
                            (struct interrupt_line){.set = set_line, .line = 11},
                            &why) != CLOISTER_OK ||
        !pci_add(&pci, 1, &disk.pci.function))
        return -1;
    write_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    accept_features(1ull << VIRTIO_F_VERSION_1);
    start_queue();
    return device_status() == READY ? 0 : -1;
}

static int start_writable(void **state)
{
    (void)state;
    return start(false);
}

static int start_read_only(void **state)
{
    (void)state;
    return start(true);
}

static int end(void **state)
{
    (void)state;
    virtio_block_destroy(&disk);
    guest_memory_destroy(&memory);
    return unlink(path);
}

/* One request in three parts; returns its status, or 0xff if the device did not give one. */
static uint8_t request(uint32_t type, uint64_t sector, uint64_t data, uint32_t size)
{
    const struct virtio_blk_outhdr header = {.type = type, .sector = sector};
    uint16_t write = type == VIRTIO_BLK_T_OUT ? 0 : VRING_DESC_F_WRITE;
    memcpy(memory.bytes + HEADER, &header, sizeof header);
    memory.bytes[STATUS] = 0xff;
    virtio_driver_describe(&driver, 0, HEADER, sizeof header, VRING_DESC_F_NEXT, 1);
    virtio_driver_describe(&driver, 1, data, size, VRING_DESC_F_NEXT | write, 2);
    virtio_driver_describe(&driver, 2, STATUS, 1, VRING_DESC_F_WRITE, 0);
    virtio_driver_offer(&driver, 0);
    put(NOTIFY, 2, 0);
    return memory.bytes[STATUS];
}

static void disk_tells_its_size_and_features(void **state)
{
    (void)state;
    assert_int_equal(get(CONFIG, 4), SECTORS);
    assert_int_equal(get(CONFIG + 4, 4), 0);
    put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
    uint64_t features = get(COMMON + VIRTIO_PCI_COMMON_DF, 4);
    assert_true(features & 1u << VIRTIO_BLK_F_FLUSH);
    assert_false(features & 1u << VIRTIO_BLK_F_RO);
    put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
    assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_DF, 4), 1);
    put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
    assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_DF, 4), 0);
    assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_NUMQ, 2), 1);
}

static void sectors_are_read(void **state)
{
    struct vring_used_elem last;
    (void)state;
    assert_int_equal(request(VIRTIO_BLK_T_IN, 5, DATA, 2 * SECTOR), VIRTIO_BLK_S_OK);
    assert_int_equal(memory.bytes[DATA], 5);
    assert_int_equal(memory.bytes[DATA + 2 * SECTOR - 1], 6);
    assert_int_equal(virtio_driver_used(&driver, &last), 1);
    assert_int_equal(last.len, 2 * SECTOR + 1);
    assert_true(level);
    assert_int_equal(get(ISR, 1), 1);
    assert_false(level);
}

static void sectors_are_written_and_flushed(void **state)
{
    uint8_t back[SECTOR];
    (void)state;
    memset(memory.bytes + DATA, 0xaa, SECTOR);
    assert_int_equal(request(VIRTIO_BLK_T_OUT, SECTORS - 1, DATA, SECTOR), VIRTIO_BLK_S_OK);
    assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, DATA, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(pread(disk.image, back, sizeof back, (SECTORS - 1) * SECTOR), sizeof back);
    assert_memory_equal(back, memory.bytes + DATA, SECTOR);
}

static void disk_says_who_it_is(void **state)
{
    (void)state;
    assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, DATA, VIRTIO_BLK_ID_BYTES), VIRTIO_BLK_S_OK);
    assert_string_equal((char *)memory.bytes + DATA, "cloister");
    assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, DATA, 19), VIRTIO_BLK_S_IOERR);
}

static void sectors_that_are_not_there_are_refused(void **state)
{
    static const struct {
        uint64_t sector;
        uint32_t size;
    } requests[] = {{SECTORS, SECTOR},          {SECTORS - 1, 2 * SECTOR},
                    {UINT64_MAX, SECTOR},       {UINT64_MAX / SECTOR, SECTOR},
                    {1ull << 55, SECTOR},       {0, SECTOR - 1},
                    {0, (SECTORS + 1) * SECTOR}};
    struct stat st;
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        assert_int_equal(request(VIRTIO_BLK_T_IN, requests[i].sector, DATA, requests[i].size),
                         VIRTIO_BLK_S_IOERR);
        assert_int_equal(request(VIRTIO_BLK_T_OUT, requests[i].sector, DATA, requests[i].size),
                         VIRTIO_BLK_S_IOERR);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, SECTORS * SECTOR);
}

static void unknown_request_is_unsupported(void **state)
{
    (void)state;
    assert_int_equal(request(13, 0, DATA, SECTOR), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(request(UINT32_MAX, 0, DATA, SECTOR), VIRTIO_BLK_S_UNSUPP);
}

static void request_in_odd_parts_is_served(void **state)
{
    const struct virtio_blk_outhdr header = {.type = VIRTIO_BLK_T_IN, .sector = 9};
    (void)state;
    memcpy(memory.bytes + HEADER, &header, sizeof header);
    virtio_driver_describe(&driver, 0, HEADER, 3, VRING_DESC_F_NEXT, 1);
    virtio_driver_describe(&driver, 1, HEADER + 3, 13, VRING_DESC_F_NEXT, 2);
    virtio_driver_describe(&driver, 2, DATA, 100, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 3);
    virtio_driver_describe(&driver, 3, DATA + 100, 413, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 4);
    virtio_driver_describe(&driver, 4, DATA, 0, VRING_DESC_F_WRITE, 0);
    memory.bytes[DATA + 512] = 0xff;
    virtio_driver_offer(&driver, 0);
    put(NOTIFY, 2, 0);
    assert_int_equal(memory.bytes[DATA + 511], 9);
    assert_int_equal(memory.bytes[DATA + 512], VIRTIO_BLK_S_OK);
}

static void expect_broken(void)
{
    put(NOTIFY, 2, 0);
    assert_true(device_status() & VIRTIO_CONFIG_S_NEEDS_RESET);
    assert_true(get(ISR, 1) & 2);
    /* Nothing more until a reset, then everything again. */
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, SECTOR), 0xff);
    put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0);
    assert_int_equal(device_status(), 0);
    memset(memory.bytes + DRIVER_AVAILABLE, 0, 64);
    driver.offered = 0;
    accept_features(1ull << VIRTIO_F_VERSION_1);
    start_queue();
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, SECTOR), VIRTIO_BLK_S_OK);
}

static void request_without_a_header_breaks_the_device_until_reset(void **state)
{
    (void)state;
    virtio_driver_describe(&driver, 0, HEADER, 15, VRING_DESC_F_NEXT, 1);
    virtio_driver_describe(&driver, 1, STATUS, 1, VRING_DESC_F_WRITE, 0);
    virtio_driver_offer(&driver, 0);
    expect_broken();
}

static void request_without_room_for_a_status_breaks_the_device_until_reset(void **state)
{
    (void)state;
    virtio_driver_describe(&driver, 0, HEADER, 16, VRING_DESC_F_NEXT, 1);
    virtio_driver_describe(&driver, 1, STATUS, 0, VRING_DESC_F_WRITE, 0);
    virtio_driver_offer(&driver, 0);
    expect_broken();
}

static void buffer_outside_memory_breaks_the_device_until_reset(void **state)
{
    (void)state;
    virtio_driver_describe(&driver, 0, HEADER, 16, VRING_DESC_F_NEXT, 1);
    virtio_driver_describe(&driver, 1, MEMORY_SIZE - 1, 512, VRING_DESC_F_WRITE, 0);
    virtio_driver_offer(&driver, 0);
    expect_broken();
}

static void driver_without_version_1_gets_nowhere(void **state)
{
    (void)state;
    put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0);
    accept_features(0);
    assert_false(device_status() & VIRTIO_CONFIG_S_FEATURES_OK);
    put(COMMON + VIRTIO_PCI_COMMON_STATUS, 1, 0);
    accept_features(1ull << VIRTIO_F_VERSION_1 | 1ull << 40);
    assert_false(device_status() & VIRTIO_CONFIG_S_FEATURES_OK);
    start_queue();
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, SECTOR), 0xff);
}

static void device_that_may_not_reach_memory_does_not(void **state)
{
    (void)state;
    write_command(PCI_COMMAND_MEMORY);
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, SECTOR), 0xff);
}

static void queue_cannot_be_moved_while_it_is_enabled(void **state)
{
    (void)state;
    put(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x20000);
    put(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2, 0xffff);
    assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 4), DRIVER_DESCRIPTORS);
    assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2), 8);
    put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
    assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
}

static void interrupt_that_is_disabled_waits(void **state)
{
    (void)state;
    write_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
    assert_int_equal(request(VIRTIO_BLK_T_IN, 0, DATA, SECTOR), VIRTIO_BLK_S_OK);
    assert_false(level);
    write_command(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    assert_true(level);
}

static void read_only_disk_cannot_be_written(void **state)
{
    (void)state;
    put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
    assert_true(get(COMMON + VIRTIO_PCI_COMMON_DF, 4) & 1u << VIRTIO_BLK_F_RO);
    assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, DATA, SECTOR), VIRTIO_BLK_S_IOERR);
    assert_int_equal(request(VIRTIO_BLK_T_IN, 1, DATA, SECTOR), VIRTIO_BLK_S_OK);
    assert_int_equal(memory.bytes[DATA], 1);
}

static void image_of_another_guest_is_refused(void **state)
{
    struct virtio_block other;
    struct guest_disk_option option = {.path = path, .read_only = true};
    const struct interrupt_line line = {.set = set_line};
    (void)state;
    assert_int_equal(virtio_block_create(&other, &option, &memory, line, &why), CLOISTER_BUSY);
    option.path = (char[]){"/tmp"};
    assert_int_not_equal(virtio_block_create(&other, &option, &memory, line, &why), CLOISTER_OK);
    option.path = (char[]){"/dev/null"};
    assert_int_equal(virtio_block_create(&other, &option, &memory, line, &why),
                     CLOISTER_BAD_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_writable, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(disk_tells_its_size_and_features),
        TEST(sectors_are_read),
        TEST(sectors_are_written_and_flushed),
        TEST(disk_says_who_it_is),
        TEST(sectors_that_are_not_there_are_refused),
        TEST(unknown_request_is_unsupported),
        TEST(request_in_odd_parts_is_served),
        TEST(request_without_a_header_breaks_the_device_until_reset),
        TEST(request_without_room_for_a_status_breaks_the_device_until_reset),
        TEST(buffer_outside_memory_breaks_the_device_until_reset),
        TEST(driver_without_version_1_gets_nowhere),
        TEST(device_that_may_not_reach_memory_does_not),
        TEST(queue_cannot_be_moved_while_it_is_enabled),
        TEST(interrupt_that_is_disabled_waits),
        cmocka_unit_test_setup_teardown(read_only_disk_cannot_be_written, start_read_only, end),
        TEST(image_of_another_guest_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
