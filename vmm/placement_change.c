/*
 * What happens to a module's address space after it has been placed: channels come, rights go, and
 * in the end what was written is found and zeroed.
 */
#include "vmm/placement.h"

#include "abi/hypercall.h"
#include "base/bytes.h"
#include "base/checked.h"
#include "vmm/placement_parts.h"

cloister_status placement_map_window(struct placement *placement, uint32_t offset, uint32_t size)
{
    if (!range_within(offset, size, placement->machine->window_size))
        return CLOISTER_BAD_ARGUMENT;
    struct gpa gpa = {placement->machine->window_gpa.value + offset};
    /* Filled: channels are not the module's own memory and are not wiped with it. */
    return pagetable_map(&placement->table, CLO_VA_WINDOW + offset, gpa, size,
                         PAGE_USER | PAGE_WRITE | PAGE_FILLED);
}

static bool lies_in(uint64_t va, uint64_t size, uint64_t start, uint64_t limit)
{
    return va >= start && range_within(va - start, size, limit);
}

/* The module's own memory, where PROTECT may take rights away. */
static bool is_own(const struct placement *placement, uint64_t va, uint64_t size)
{
    uint64_t image = placement_segment_start(&placement->record.segment[0]);
    if (lies_in(va, size, placement->base + image, placement->record.span - image) ||
        lies_in(va, size, placement->heap_base, placement->heap_size))
        return true;
    for (unsigned i = 0; i < placement->threads; i++)
        if (lies_in(va, size, placement_stack_top(placement, i) - placement->stack_size,
                    placement->stack_size))
            return true;
    return false;
}

static uint32_t remaining_rights(uint32_t rights)
{
    if (rights == 0)
        return 0;
    return PAGE_USER | (rights & CLO_RIGHT_WRITE ? PAGE_WRITE : 0);
}

cloister_status placement_protect(struct placement *placement, uint64_t va, uint64_t size,
                                  uint32_t rights)
{
    struct machine *machine = placement->machine;
    if ((rights & ~(CLO_RIGHT_READ | CLO_RIGHT_WRITE)) || rights == CLO_RIGHT_WRITE || size == 0)
        return CLOISTER_BAD_ARGUMENT;
    if (!is_own(placement, va, size))
        return CLOISTER_DENIED;
    if (placement_table_need((size_t)size) > placement->protect_budget)
        return CLOISTER_LIMIT;
    size_t before = machine->monitor_used;
    cloister_status status =
        pagetable_restrict(&placement->table, va, (size_t)size, remaining_rights(rights));
    placement->protect_budget -=
        placement_min(placement->protect_budget, machine->monitor_used - before);
    return status;
}

void placement_each_written(const struct placement *placement,
                            void (*visit)(void *context, struct gpa gpa), void *context)
{
    const struct pagetable *table = &placement->table;
    pagetable_each_written(table, CLO_VA_PERSONALITY_DATA, CLO_PERSONALITY_DATA_SIZE, visit,
                           context);
    for (uint32_t i = 0; i < placement->record.segment_count; i++) {
        const struct clo_segment *segment = &placement->record.segment[i];
        pagetable_each_written(table, placement->base + placement_segment_start(segment),
                               placement_segment_size(segment), visit, context);
    }
    for (unsigned i = 0; i < placement->threads; i++)
        pagetable_each_written(table, placement_stack_top(placement, i) - placement->stack_size,
                               placement->stack_size, visit, context);
    pagetable_each_written(table, placement->heap_base, placement->heap_size, visit, context);
}

void placement_wipe_pages(struct placement *placement)
{
    for (unsigned i = 0; i < placement->threads; i++) {
        struct clo_mailbox *mailbox = placement->mailbox[i];
        if (!mailbox)
            continue;
        uint64_t calls = mailbox->calls; /* a number that is shown of dead modules too */
        bytes_wipe(mailbox, sizeof *mailbox);
        mailbox->calls = calls;
    }
    if (placement->boot)
        bytes_wipe(placement->boot->random, sizeof placement->boot->random);
}
