/*
 * GDT, IDT and task state, written byte for byte (AMD64 Architecture Programmer's Manual, volume 2,
 * 4.8, 8.2 and 12.2.5).
 */
#include "vmm/descriptors.h"

#include "abi/hypercall.h"
#include "secure-world/monitor/monitor.h"

#include <string.h>

#define CODE0 0x00af9b000000ffffull /* 64-bit code, accessed */
#define DATA0 0x00cf93000000ffffull
#define DATA3 0x00cff3000000ffffull
#define CODE3 0x00affb000000ffffull

#define GATE_RING0 0x8eull
#define GATE_RING3 0xeeull /* INT3 and INTO may be executed by ring 3 */

#define TASK_RSP0 4u
#define TASK_BITMAP_BASE 0x66u
#define TASK_BITMAP 0x68u
#define TASK_BITMAP_SIZE 32u /* ports 0 … 255, all others are beyond the limit and forbidden */

static void set_gate(uint64_t *idt, unsigned vector)
{
    uint64_t handler = CLO_VA_MONITOR_STUB + vector * MONITOR_ENTRY_SIZE;
    uint64_t type = vector == 3 || vector == 4 ? GATE_RING3 : GATE_RING0;
    idt[2 * vector] = (handler & 0xffff) | (uint64_t)SELECTOR_CODE0 << 16 | type << 40 |
                      (handler >> 16 & 0xffff) << 48;
    idt[2 * vector + 1] = handler >> 32;
}

bool descriptors_create(struct machine *machine, struct gpa *tables)
{
    static const uint64_t gdt[] = {0, CODE0, DATA0, DATA3, CODE3};
    uint8_t *page = machine_monitor_pages(machine, 1, tables);
    if (!page)
        return false;
    memcpy(page, gdt, sizeof gdt);
    uint64_t *idt = (uint64_t *)(void *)(page + DESCRIPTORS_IDT_OFFSET);
    for (unsigned vector = 0; vector < MONITOR_VECTORS; vector++)
        set_gate(idt, vector);
    return true;
}

/* A 4-byte OUT is allowed only if the bits of all four ports are clear. */
static void allow_hypercall(uint8_t *bitmap)
{
    for (unsigned port = CLO_HYPERCALL_PORT; port < CLO_HYPERCALL_PORT + 4; port++)
        bitmap[port / 8] = (uint8_t)(bitmap[port / 8] & ~(1u << port % 8));
}

void descriptors_fill_vcpu_page(uint8_t *page, uint64_t va)
{
    uint64_t stack = va + CLO_PAGE_SIZE;
    uint16_t bitmap = TASK_BITMAP;
    memcpy(page + TASK_RSP0, &stack, sizeof stack);
    memcpy(page + TASK_BITMAP_BASE, &bitmap, sizeof bitmap);
    memset(page + TASK_BITMAP, 0xff, TASK_BITMAP_SIZE + 1);
    allow_hypercall(page + TASK_BITMAP);
}

static_assert(DESCRIPTORS_TASK_LIMIT == TASK_BITMAP + TASK_BITMAP_SIZE, "task limit");
