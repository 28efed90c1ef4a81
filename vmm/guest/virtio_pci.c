/*
 * Registers of a virtio device. A driver that breaks the rules gets a device that needs a reset,
 * and nothing else happens.
 */
#include "vmm/guest/virtio_pci.h"

#include "base/checked.h"

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

#define VENDOR 0x1af4u
#define DEVICE_BASE 0x1040u
#define SUBSYSTEM 0x1100u
#define REVISION 1u

/* Regions of BAR 0. */
#define BAR_SIZE 0x4000u
#define REGION_SIZE 0x1000u
#define COMMON_AT 0x0000u
#define ISR_AT 0x1000u
#define CONFIG_AT 0x2000u
#define NOTIFY_AT 0x3000u

#define ISR_QUEUE 1u
#define ISR_CONFIG 2u
#define ALL_ONES 0xffffffffu

#define RING_FIELDS VIRTIO_PCI_COMMON_Q_DESCLO
#define RING_FIELDS_END (VIRTIO_PCI_COMMON_Q_USEDHI + 4)

static void update_line(struct virtio_pci *pci)
{
    interrupt_line_set(&pci->line,
                       pci->interrupts != 0 && !pci_interrupts_disabled(&pci->function));
}

static void interrupt(struct virtio_pci *pci, uint8_t cause)
{
    pci->interrupts |= cause;
    update_line(pci);
}

static void reset(struct virtio_pci *pci)
{
    virtio_queue_reset(&pci->queue, pci->queue.memory);
    pci->feature_page = 0;
    pci->driver_page = 0;
    pci->accepted = 0;
    pci->selected = 0;
    pci->status = 0;
    pci->interrupts = 0;
    update_line(pci);
}

static void set_broken(struct virtio_pci *pci)
{
    pci->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    interrupt(pci, ISR_CONFIG);
}

static bool features_are_good(const struct virtio_pci *pci)
{
    return (pci->accepted & ~pci->kind.features) == 0 &&
           (pci->accepted & 1ull << VIRTIO_F_VERSION_1);
}

/* Bits are only ever added, but by a reset. */
static void write_status(struct virtio_pci *pci, uint8_t status)
{
    if (status == 0) {
        reset(pci);
        return;
    }
    if ((status & VIRTIO_CONFIG_S_FEATURES_OK) && !features_are_good(pci))
        status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
    pci->status |= status & (uint8_t)~VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* Which 64-bit address of the queue a register is half of. */
static uint64_t *ring_field(struct virtio_pci *pci, uint64_t offset)
{
    switch (offset & ~7ull) {
    case VIRTIO_PCI_COMMON_Q_DESCLO:
        return &pci->queue.descriptors;
    case VIRTIO_PCI_COMMON_Q_AVAILLO:
        return &pci->queue.available;
    default:
        return &pci->queue.used;
    }
}

static uint64_t read_common(struct virtio_pci *pci, uint64_t offset)
{
    if (offset >= RING_FIELDS && offset < RING_FIELDS_END)
        return pci->selected == 0 ? *ring_field(pci, offset) >> (offset & 4 ? 32 : 0) : 0;
    switch (offset) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        return pci->feature_page;
    case VIRTIO_PCI_COMMON_DF:
        return pci->feature_page < 2 ? pci->kind.features >> pci->feature_page * 32 : 0;
    case VIRTIO_PCI_COMMON_GFSELECT:
        return pci->driver_page;
    case VIRTIO_PCI_COMMON_GF:
        return pci->driver_page < 2 ? pci->accepted >> pci->driver_page * 32 : 0;
    case VIRTIO_PCI_COMMON_MSIX:
    case VIRTIO_PCI_COMMON_Q_MSIX:
        return VIRTIO_MSI_NO_VECTOR;
    case VIRTIO_PCI_COMMON_NUMQ:
        return 1;
    case VIRTIO_PCI_COMMON_STATUS:
        return pci->status;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        return pci->selected;
    case VIRTIO_PCI_COMMON_Q_SIZE:
        return pci->selected == 0 ? pci->queue.size : 0;
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        return pci->selected == 0 && pci->queue.enabled;
    default:
        return 0; /* config generation and notify offset among them */
    }
}

static void write_half(uint64_t *field, uint64_t offset, uint64_t value)
{
    unsigned shift = offset & 4 ? 32 : 0;
    *field = (*field & ~((uint64_t)ALL_ONES << shift)) | (value & ALL_ONES) << shift;
}

static void write_features(struct virtio_pci *pci, uint64_t value)
{
    if (pci->driver_page < 2 && !(pci->status & VIRTIO_CONFIG_S_FEATURES_OK))
        write_half(&pci->accepted, pci->driver_page * 4, value);
}

/* A queue's place is settled once it is enabled. */
static void write_queue(struct virtio_pci *pci, uint64_t offset, uint64_t value)
{
    if (pci->selected != 0 || pci->queue.enabled)
        return;
    if (offset >= RING_FIELDS && offset < RING_FIELDS_END)
        write_half(ring_field(pci, offset), offset, value);
    else if (offset == VIRTIO_PCI_COMMON_Q_SIZE)
        pci->queue.size = (uint16_t)value;
    else if (offset == VIRTIO_PCI_COMMON_Q_ENABLE && value == 1 &&
             !virtio_queue_enable(&pci->queue))
        set_broken(pci);
}

static void write_common(struct virtio_pci *pci, uint64_t offset, uint64_t value)
{
    switch (offset) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        pci->feature_page = (uint32_t)value;
        break;
    case VIRTIO_PCI_COMMON_GFSELECT:
        pci->driver_page = (uint32_t)value;
        break;
    case VIRTIO_PCI_COMMON_GF:
        write_features(pci, value);
        break;
    case VIRTIO_PCI_COMMON_STATUS:
        write_status(pci, (uint8_t)value);
        break;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        pci->selected = (uint16_t)value;
        break;
    default:
        write_queue(pci, offset, value);
        break;
    }
}

/* The driver must have finished its set-up and the device must be allowed to reach memory. */
static void notify(struct virtio_pci *pci)
{
    const uint8_t ready = VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;
    if ((pci->status & ready) != ready || (pci->status & VIRTIO_CONFIG_S_NEEDS_RESET) ||
        !(pci->function.config[PCI_COMMAND] & PCI_COMMAND_MASTER))
        return;
    uint16_t before = pci->queue.returned;
    bool good = pci->operations->notified(pci->device, &pci->queue);
    if (pci->queue.returned != before && virtio_queue_wants_interrupt(&pci->queue))
        interrupt(pci, ISR_QUEUE);
    if (!good)
        set_broken(pci);
}

static uint8_t take_interrupts(struct virtio_pci *pci)
{
    uint8_t interrupts = pci->interrupts;
    pci->interrupts = 0;
    update_line(pci);
    return interrupts;
}

static uint64_t on_read(void *of, unsigned bar, uint64_t offset, unsigned size)
{
    struct virtio_pci *pci = of;
    uint64_t value = 0;
    uint64_t inside = offset % REGION_SIZE;
    (void)bar;
    switch (offset - inside) {
    case COMMON_AT:
        return read_common(pci, inside);
    case ISR_AT:
        return inside == 0 ? take_interrupts(pci) : 0;
    case CONFIG_AT:
        if (range_within(inside, size, pci->kind.config_size))
            memcpy(&value, (const uint8_t *)pci->kind.config + inside, size);
        return value;
    default:
        return 0;
    }
}

static void on_write(void *of, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_pci *pci = of;
    (void)bar;
    if (offset < COMMON_AT + REGION_SIZE && size == sizeof(uint64_t)) {
        write_common(pci, offset, value & ALL_ONES);
        write_common(pci, offset + 4, value >> 32);
    } else if (offset < COMMON_AT + REGION_SIZE) {
        write_common(pci, offset, value);
    } else if (offset == NOTIFY_AT && (uint16_t)value == 0) {
        notify(pci);
    }
}

static void on_change(void *of)
{
    update_line(of);
}

static bool wants_interrupt(void *of)
{
    const struct virtio_pci *pci = of;
    return pci->interrupts != 0;
}

static void add_capability(struct virtio_pci *pci, uint8_t type, uint32_t at)
{
    const struct virtio_pci_notify_cap capability = {
        .cap = {.cap_vndr = PCI_CAP_ID_VNDR,
                .cap_len =
                    type == VIRTIO_PCI_CAP_NOTIFY_CFG ? sizeof capability : sizeof capability.cap,
                .cfg_type = type,
                .offset = at,
                .length = REGION_SIZE}};
    pci_function_add_capability(&pci->function, &capability, capability.cap.cap_len);
}

void virtio_pci_create(struct virtio_pci *pci, const struct virtio_kind *kind,
                       const struct virtio_operations *operations, void *device,
                       const struct guest_memory *memory, struct interrupt_line line)
{
    static const struct pci_operations pci_operations = {
        .read = on_read, .write = on_write, .changed = on_change, .interrupt = wants_interrupt};
    const struct pci_identity identity = {.vendor = VENDOR,
                                          .device = (uint16_t)(DEVICE_BASE + kind->device),
                                          .subsystem_vendor = VENDOR,
                                          .subsystem = SUBSYSTEM,
                                          .class = kind->class,
                                          .revision = REVISION,
                                          .irq = (uint8_t)line.line};
    *pci = (struct virtio_pci){
        .line = line, .operations = operations, .device = device, .kind = *kind};
    virtio_queue_reset(&pci->queue, memory);
    pci_function_create(&pci->function, &identity, &pci_operations, pci);
    pci->function.bar[0].size = BAR_SIZE;
    add_capability(pci, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_AT);
    add_capability(pci, VIRTIO_PCI_CAP_ISR_CFG, ISR_AT);
    add_capability(pci, VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG_AT);
    add_capability(pci, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AT);
}
