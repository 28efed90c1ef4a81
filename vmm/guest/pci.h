/*
 * PCI by configuration mechanism 1: bus 0, a host bridge, and functions whose memory BARs lead to
 * devices. All of it is used by the vCPU thread alone.
 */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_PORT 0xcf8u
#define PCI_PORTS 8u /* address, then data */
#define PCI_CONFIG_SIZE 256u
#define PCI_BARS 6u
#define PCI_FUNCTIONS 16u

/* Where 32-bit BARs may be, in the hole below 4 GiB and clear of the interrupt controllers. */
#define PCI_WINDOW 0xe0000000u
#define PCI_WINDOW_END 0xfe000000u
/* … and where 64-bit ones end, which begin where the guest's memory ends. */
#define PCI_HIGH_END (1ull << 38)

struct pci_function;

/* What a function's device is told. */
struct pci_operations {
    /* Reads or writes `size` (1, 2, 4 or 8) bytes at `offset` of BAR `bar`; it lies within. */
    uint64_t (*read)(void *device, unsigned bar, uint64_t offset, unsigned size);
    void (*write)(void *device, unsigned bar, uint64_t offset, unsigned size, uint64_t value);
    /* The guest has changed the command register or a BAR. May be NULL. */
    void (*changed)(void *device);
    /* Does the device want an interrupt? For the status register. May be NULL: no. */
    bool (*interrupt)(void *device);
};

/* Memory, 32 or 64 bits, at the index of its first register. */
struct pci_bar {
    uint64_t size; /* a power of two, at least 16; 0: there is none */
    bool is_64;    /* and prefetchable; takes the next index too */
    uint64_t address;
};

struct pci_function {
    uint8_t config[PCI_CONFIG_SIZE];   /* what is read, but for BARs and status */
    uint8_t writable[PCI_CONFIG_SIZE]; /* bits that the guest may change */
    struct pci_bar bar[PCI_BARS];
    uint64_t memory_end; /* no 64-bit BAR is mapped below */
    const struct pci_operations *operations;
    void *device;
    unsigned last_capability;
};

/* Who a function is. */
struct pci_identity {
    uint16_t vendor;
    uint16_t device;
    uint16_t subsystem_vendor;
    uint16_t subsystem;
    uint32_t class; /* 24 bits */
    uint8_t revision;
    uint8_t irq; /* 0: no interrupt pin */
};

struct pci {
    uint32_t address;
    struct pci_function bridge;
    struct pci_function *function[PCI_FUNCTIONS]; /* by device number; [0] is the bridge */
    uint32_t next_low;                            /* where the next BARs go */
    uint64_t next_high;                           /* … */
};

/* `memory_end`: the end of the guest's memory; `high`: where 64-bit BARs go, above it. */
void pci_create(struct pci *pci, uint64_t memory_end, uint64_t high);

void pci_function_create(struct pci_function *function, const struct pci_identity *identity,
                         const struct pci_operations *operations, void *device);
/* Appends a capability of `size` bytes, whose first two are filled in here. Read-only. */
void pci_function_add_capability(struct pci_function *function, const void *capability,
                                 size_t size);

/* Gives the function a device number, places its BARs and switches them on, as firmware would: a
   guest without a driver for the device can use it through sysfs. false: there is no such number,
   or another has it. */
__attribute__((warn_unused_result)) bool pci_add(struct pci *pci, unsigned number,
                                                 struct pci_function *function);

/* Where the BAR is mapped for the guest now; 0: it is not. Only inside the window of its kind: a
   BAR never hides memory. */
uint64_t pci_bar_mapped(const struct pci_function *function, unsigned bar);
bool pci_interrupts_disabled(const struct pci_function *function);

/* The guest accesses PCI_PORT + `offset`; size 1, 2 or 4. */
uint32_t pci_port_read(struct pci *pci, unsigned offset, unsigned size);
void pci_port_write(struct pci *pci, unsigned offset, unsigned size, uint32_t value);

/* The guest accesses memory that is none. false: no BAR is there. */
bool pci_memory_read(struct pci *pci, uint64_t address, unsigned size, uint64_t *value);
bool pci_memory_write(struct pci *pci, uint64_t address, unsigned size, uint64_t value);

#endif
