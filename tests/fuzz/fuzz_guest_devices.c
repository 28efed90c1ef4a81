/*
 * Fuzzes the guest VMM's devices through the bus, as a guest reaches them: ports, configuration
 * space, BARs of a disk and of a mailbox, and the shared words that a mailbox looks at. The input
 * is a list of accesses.
 */
#include "vmm/guest/bus.h"
#include "vmm/guest/mailbox_device.h"
#include "vmm/guest/virtio_block.h"

#include "base/cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_SIZE GUEST_MEMORY_MIN
#define HIGH_SIZE CLO_GUEST_SIZE_MIN
#define DISK_SIZE 65536
#define ACCESSES_MAX 4096u

enum access { PORT_READ, PORT_WRITE, MEMORY_READ, MEMORY_WRITE, CONFIG, COUNT, RESAMPLE, INPUT };

struct step {
    uint8_t access;
    uint8_t size; /* its exponent, two bits */
    uint16_t where;
    uint32_t value;
};

static struct guest_memory memory;
static struct clo_guest_header header;
static struct mailbox_device mailbox;
static struct virtio_block disk;
static struct serial serial;
static struct pci pci;
static struct rtc rtc;
static struct bus bus;
static struct power power;
static char image[64];

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void set_line(void *controller, unsigned line, unsigned source, bool level)
{
    (void)controller;
    (void)source;
    (void)level;
    if (line >= 16)
        abort();
}

static void take(void *sink, uint8_t byte)
{
    (void)sink;
    (void)byte;
}

/* A BAR must never hide memory or the interrupt controllers. */
static void on_move(void *wires, unsigned bar, uint64_t before, uint64_t after)
{
    uint64_t size = bar == MAILBOX_MEMORY_BAR ? HIGH_SIZE : CLO_GUEST_REGISTERS_SIZE;
    (void)wires;
    if (before == after || (after != 0 && after < PCI_WINDOW) ||
        (after < GUEST_MEMORY_ABOVE && after + size > PCI_WINDOW_END) ||
        after > PCI_HIGH_END - size)
        abort();
}

static void on_connect(void *wires, bool on)
{
    (void)wires;
    (void)on;
}

static void on_raise(void *wires)
{
    (void)wires;
    if (mailbox.mask == 0 || mailbox.disabled)
        abort();
}

static void make_image(void)
{
    int fd = memfd_create("disk", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, DISK_SIZE) != 0)
        abort();
    (void)snprintf(image, sizeof image, "/proc/self/fd/%d", fd);
}

static void start(void)
{
    static const struct mailbox_operations operations = {
        .move = on_move, .connect = on_connect, .raise = on_raise};
    const struct guest_disk_option option = {.path = image};
    const struct interrupt_line line = {.set = set_line, .line = 11};
    struct reason why;
    serial_create(&serial, (struct interrupt_line){.set = set_line, .line = SERIAL_IRQ}, take,
                  NULL);
    pci_create(&pci, GUEST_MEMORY_ABOVE, GUEST_MEMORY_DEVICES);
    rtc_create(&rtc, time);
    bus = (struct bus){.serial = &serial, .pci = &pci, .rtc = &rtc, .power = &power};
    if (virtio_block_create(&disk, &option, &memory, line, &why) != CLOISTER_OK ||
        !pci_add(&pci, 1, &disk.pci.function) ||
        mailbox_device_create(&mailbox, &operations, NULL, &header, HIGH_SIZE, 1, &why) !=
            CLOISTER_OK ||
        !pci_add(&pci, 2, &mailbox.function))
        abort();
}

/* Near the BARs as firmware places them, or anywhere. */
static uint64_t place(const struct step *step)
{
    if (step->access & 0x80)
        return (uint64_t)step->value << 12 | step->where;
    return PCI_WINDOW + (step->where & 0x7fff);
}

static void configure(const struct step *step)
{
    (void)bus_port_write(&bus, PCI_PORT, 4, 0x80000000u | (step->where & 0x3ffc));
    (void)bus_port_write(&bus, PCI_PORT + 4, 4, step->value);
    (void)bus_port_read(&bus, PCI_PORT + 4, 4);
}

static void take_step(const struct step *step)
{
    unsigned size = 1u << (step->size & 3);
    unsigned narrow = size > 4 ? 4 : size;
    switch (step->access & 7) {
    case PORT_READ:
        (void)bus_port_read(&bus, step->where, narrow);
        break;
    case PORT_WRITE:
        (void)!bus_port_write(&bus, step->where, narrow, step->value);
        break;
    case MEMORY_READ:
        (void)bus_memory_read(&bus, place(step), size);
        break;
    case MEMORY_WRITE:
        bus_memory_write(&bus, place(step), size, step->value);
        break;
    case CONFIG:
        configure(step);
        break;
    case COUNT:
        header.interrupts = step->value;
        break;
    case RESAMPLE:
        mailbox_device_resampled(&mailbox);
        break;
    default:
        serial_input(&serial, (const uint8_t *)&step->value, sizeof step->value);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct cursor cursor = cursor_over(bytes, size);
    struct reason why;
    struct step step;
    if (!memory.bytes) {
        if (guest_memory_create(&memory, MEMORY_SIZE, &why) != CLOISTER_OK)
            abort();
        make_image();
    }
    start();
    for (unsigned i = 0; i < ACCESSES_MAX && cursor_copy(&cursor, &step, sizeof step); i++)
        take_step(&step);
    virtio_block_destroy(&disk);
    mailbox_device_destroy(&mailbox);
    return 0;
}
