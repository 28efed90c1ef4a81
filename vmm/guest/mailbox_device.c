/*
 * Registers and interrupt of the mailbox. The header in shared memory is hostile: of it only one
 * word is read, and only compared.
 */
#include "vmm/guest/mailbox_device.h"

#include "base/scope.h"

#include <sys/eventfd.h>

#define SUBSYSTEM 0x1100u
#define CLASS_MEMORY 0x050000u
#define REVISION 1u
#define MASK_BITS 1u

/* The world's count, with what it wrote before it. */
static uint32_t counted(const struct mailbox_device *device)
{
    return __atomic_load_n(&device->header->interrupts, __ATOMIC_ACQUIRE);
}

static bool is_pending(const struct mailbox_device *device)
{
    return counted(device) != device->acknowledged;
}

static void raise_if_due(struct mailbox_device *device)
{
    if (device->mask && !device->disabled && is_pending(device))
        device->operations->raise(device->wires);
}

static uint32_t take_status(struct mailbox_device *device)
{
    uint32_t count = counted(device);
    bool pending = count != device->acknowledged;
    device->acknowledged = count;
    return pending;
}

static void set_mask(struct mailbox_device *device, uint32_t mask)
{
    if (mask == device->mask)
        return;
    device->mask = mask;
    device->operations->connect(device->wires, mask != 0);
    raise_if_due(device);
}

static uint32_t read_register(struct mailbox_device *device, uint64_t offset)
{
    switch (offset) {
    case CLO_GUEST_INTERRUPT_MASK:
        return device->mask;
    case CLO_GUEST_INTERRUPT_STATUS:
        return take_status(device);
    case CLO_GUEST_POSITION:
        return device->id;
    default:
        return 0;
    }
}

static uint64_t on_read(void *of, unsigned bar, uint64_t offset, unsigned size)
{
    struct mailbox_device *device = of;
    if (bar != MAILBOX_REGISTERS_BAR || size != sizeof(uint32_t) || offset % size != 0)
        return ~0ull;
    (void)pthread_mutex_lock(&device->lock);
    uint32_t value = read_register(device, offset);
    (void)pthread_mutex_unlock(&device->lock);
    return value;
}

/* Doorbells that exist are served by KVM and do not come here. */
static void on_write(void *of, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    struct mailbox_device *device = of;
    if (bar != MAILBOX_REGISTERS_BAR || size != sizeof(uint32_t) ||
        offset != CLO_GUEST_INTERRUPT_MASK)
        return;
    (void)pthread_mutex_lock(&device->lock);
    set_mask(device, (uint32_t)value & MASK_BITS);
    (void)pthread_mutex_unlock(&device->lock);
}

static void move(struct mailbox_device *device, unsigned bar)
{
    uint64_t after = pci_bar_mapped(&device->function, bar);
    if (after != device->at[bar])
        device->operations->move(device->wires, bar, device->at[bar], after);
    device->at[bar] = after;
}

static void on_change(void *of)
{
    struct mailbox_device *device = of;
    move(device, MAILBOX_REGISTERS_BAR);
    move(device, MAILBOX_MEMORY_BAR);
    (void)pthread_mutex_lock(&device->lock);
    bool was = device->disabled;
    device->disabled = pci_interrupts_disabled(&device->function);
    if (was)
        raise_if_due(device);
    (void)pthread_mutex_unlock(&device->lock);
}

static bool wants_interrupt(void *of)
{
    struct mailbox_device *device = of;
    (void)pthread_mutex_lock(&device->lock);
    bool wanted = device->mask && is_pending(device);
    (void)pthread_mutex_unlock(&device->lock);
    return wanted;
}

cloister_status mailbox_device_create(struct mailbox_device *device,
                                      const struct mailbox_operations *operations, void *wires,
                                      const struct clo_guest_header *header, uint64_t size,
                                      uint32_t id, struct reason *why)
{
    static const struct pci_identity identity = {.vendor = CLO_GUEST_PCI_VENDOR,
                                                 .device = CLO_GUEST_PCI_DEVICE,
                                                 .subsystem_vendor = CLO_GUEST_PCI_VENDOR,
                                                 .subsystem = SUBSYSTEM,
                                                 .class = CLASS_MEMORY,
                                                 .revision = REVISION,
                                                 .irq = MAILBOX_IRQ};
    static const struct pci_operations pci_operations = {
        .read = on_read, .write = on_write, .changed = on_change, .interrupt = wants_interrupt};
    *device = (struct mailbox_device){
        .operations = operations, .wires = wires, .header = header, .id = id};
    device->acknowledged = counted(device);
    device->resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (device->resample < 0)
        return refuse_errno(why, "cannot make an eventfd");
    (void)pthread_mutex_init(&device->lock, NULL);
    pci_function_create(&device->function, &identity, &pci_operations, device);
    device->function.bar[MAILBOX_REGISTERS_BAR].size = CLO_GUEST_REGISTERS_SIZE;
    device->function.bar[MAILBOX_MEMORY_BAR].size = size;
    device->function.bar[MAILBOX_MEMORY_BAR].is_64 = true;
    return CLOISTER_OK;
}

void mailbox_device_destroy(struct mailbox_device *device)
{
    scope_close(&device->resample);
}

void mailbox_device_resampled(struct mailbox_device *device)
{
    uint64_t count;
    /* Ours alone and not blocking; how often it was signalled does not matter. */
    if (read(device->resample, &count, sizeof count) < 0)
        return;
    (void)pthread_mutex_lock(&device->lock);
    raise_if_due(device);
    (void)pthread_mutex_unlock(&device->lock);
}
