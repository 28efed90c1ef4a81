/*
 * Four-level x86-64 page tables of 4 KiB pages, made by hand in the monitor slot.
 *
 * Entries are mapped accessed, and writable ring-3 pages not dirty: the processor's dirty bit then
 * tells which pages a module wrote. Bit 9, which the processor ignores, marks a page that was
 * writable once, so that it is still known after the right is gone.
 */
#include "vmm/pagetable.h"

#include "abi/layout.h"
#include "base/checked.h"

#include <string.h>

#define ENTRY_PRESENT (1ull << 0)
#define ENTRY_WRITE (1ull << 1)
#define ENTRY_USER (1ull << 2)
#define ENTRY_ACCESSED (1ull << 5)
#define ENTRY_DIRTY (1ull << 6)
#define ENTRY_WAS_WRITABLE (1ull << 9)
#define ENTRY_NO_EXECUTE (1ull << 63)
#define ENTRY_ADDRESS 0x000ffffffffff000ull

#define LEVELS 4u
#define ENTRIES 512u
#define VA_LIMIT (1ull << 47)

static uint64_t *table_at(const struct machine *machine, uint64_t address)
{
    return (uint64_t *)(void *)(machine->monitor + (address & ENTRY_ADDRESS));
}

static unsigned index_of(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (12 + 9 * level)) % ENTRIES;
}

cloister_status pagetable_create(struct machine *machine, struct pagetable *table)
{
    *table = (struct pagetable){.machine = machine};
    if (!machine_monitor_pages(machine, 1, &table->root))
        return CLOISTER_NO_MEMORY;
    return CLOISTER_OK;
}

/* The last-level entry of `va`; makes the tables above it where `make`. NULL: none, or no memory.
 */
static uint64_t *find_entry(const struct pagetable *table, uint64_t va, bool make)
{
    uint64_t *level = table_at(table->machine, table->root.value);
    for (unsigned i = LEVELS - 1; i > 0; i--) {
        uint64_t *entry = &level[index_of(va, i)];
        if (!(*entry & ENTRY_PRESENT)) {
            struct gpa fresh;
            if (!make || !machine_monitor_pages(table->machine, 1, &fresh))
                return NULL;
            *entry = fresh.value | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER | ENTRY_ACCESSED;
        }
        level = table_at(table->machine, *entry);
    }
    return &level[index_of(va, 0)];
}

static uint64_t entry_of(struct gpa gpa, uint32_t rights)
{
    uint64_t entry = gpa.value | ENTRY_PRESENT | ENTRY_ACCESSED;
    if (rights & PAGE_USER)
        entry |= ENTRY_USER;
    if (rights & PAGE_WRITE)
        entry |= ENTRY_WRITE | ENTRY_WAS_WRITABLE;
    if (!(rights & PAGE_EXECUTE))
        entry |= ENTRY_NO_EXECUTE;
    /* Ring 0 must not have to set bits: some KVMs emulate it. */
    if (!(rights & PAGE_USER) || (rights & PAGE_FILLED))
        entry |= ENTRY_DIRTY;
    return entry;
}

static uint32_t rights_of(uint64_t entry)
{
    uint32_t rights = 0;
    if (entry & ENTRY_USER)
        rights |= PAGE_USER;
    if (entry & ENTRY_WRITE)
        rights |= PAGE_WRITE;
    if (!(entry & ENTRY_NO_EXECUTE))
        rights |= PAGE_EXECUTE;
    return rights;
}

static bool range_is_valid(uint64_t va, size_t size)
{
    return va % CLO_PAGE_SIZE == 0 && size % CLO_PAGE_SIZE == 0 && range_within(va, size, VA_LIMIT);
}

cloister_status pagetable_map(struct pagetable *table, uint64_t va, struct gpa gpa, size_t size,
                              uint32_t rights)
{
    uint32_t both = PAGE_WRITE | PAGE_EXECUTE;
    if (!range_is_valid(va, size) || (rights & both) == both)
        return CLOISTER_BAD_ARGUMENT;
    for (size_t offset = 0; offset < size; offset += CLO_PAGE_SIZE) {
        uint64_t *entry = find_entry(table, va + offset, true);
        if (!entry)
            return CLOISTER_NO_MEMORY;
        if (*entry == 0) /* a page that was taken away does not come back */
            *entry = entry_of((struct gpa){gpa.value + offset}, rights);
    }
    return CLOISTER_OK;
}

bool pagetable_lookup(const struct pagetable *table, uint64_t va, struct gpa *gpa, uint32_t *rights)
{
    const uint64_t *entry = va < VA_LIMIT ? find_entry(table, va, false) : NULL;
    if (!entry || !(*entry & ENTRY_PRESENT))
        return false;
    gpa->value = *entry & ENTRY_ADDRESS;
    *rights = rights_of(*entry);
    return true;
}

static cloister_status may_restrict(const struct pagetable *table, uint64_t va, size_t size,
                                    uint32_t remaining)
{
    if (!range_is_valid(va, size))
        return CLOISTER_BAD_ARGUMENT;
    for (size_t offset = 0; offset < size; offset += CLO_PAGE_SIZE) {
        struct gpa gpa;
        uint32_t rights;
        if (!pagetable_lookup(table, va + offset, &gpa, &rights))
            return CLOISTER_NOT_FOUND;
        if (!(rights & PAGE_USER) || (remaining & ~rights))
            return CLOISTER_DENIED;
    }
    return CLOISTER_OK;
}

/* Replaces the table that `entry` points at by a copy that no processor has seen, once. */
static bool refresh(struct machine *machine, uint64_t *entry, uint64_t fresh_from)
{
    if ((*entry & ENTRY_ADDRESS) >= fresh_from)
        return true;
    struct gpa copy;
    void *memory = machine_monitor_pages(machine, 1, &copy);
    if (!memory)
        return false;
    memcpy(memory, table_at(machine, *entry), CLO_PAGE_SIZE);
    *entry = copy.value | (*entry & ~ENTRY_ADDRESS);
    return true;
}

/* The last-level entry of `va` in tables that are all fresh. Monitor pages only ever grow, so what
   lies at or above `fresh_from` was made for this change. */
static uint64_t *fresh_entry(const struct pagetable *table, uint64_t va, uint64_t fresh_from)
{
    uint64_t *level = table_at(table->machine, table->root.value);
    for (unsigned i = LEVELS - 1; i > 0; i--) {
        uint64_t *entry = &level[index_of(va, i)];
        if (!refresh(table->machine, entry, fresh_from))
            return NULL;
        level = table_at(table->machine, *entry);
    }
    return &level[index_of(va, 0)];
}

static uint64_t restricted(uint64_t entry, uint32_t remaining)
{
    if (remaining == 0)
        return entry & ~ENTRY_PRESENT;
    if (!(remaining & PAGE_WRITE))
        entry &= ~ENTRY_WRITE;
    if (!(remaining & PAGE_EXECUTE))
        entry |= ENTRY_NO_EXECUTE;
    return entry;
}

cloister_status pagetable_restrict(struct pagetable *table, uint64_t va, size_t size,
                                   uint32_t remaining)
{
    cloister_status status = may_restrict(table, va, size, remaining);
    if (status != CLOISTER_OK)
        return status;
    struct pagetable fresh = *table;
    uint64_t fresh_from = table->machine->monitor_used;
    uint64_t root = table->root.value;
    if (!refresh(table->machine, &root, fresh_from))
        return CLOISTER_NO_MEMORY;
    fresh.root.value = root;
    for (size_t offset = 0; offset < size; offset += CLO_PAGE_SIZE) {
        uint64_t *entry = fresh_entry(&fresh, va + offset, fresh_from);
        if (!entry)
            return CLOISTER_NO_MEMORY;
        *entry = restricted(*entry, remaining);
    }
    table->root = fresh.root;
    return CLOISTER_OK;
}

void pagetable_each_written(const struct pagetable *table, uint64_t va, size_t size,
                            void (*visit)(void *context, struct gpa gpa), void *context)
{
    uint64_t wanted = ENTRY_WAS_WRITABLE | ENTRY_DIRTY;
    for (size_t offset = 0; offset < size; offset += CLO_PAGE_SIZE) {
        const uint64_t *entry = find_entry(table, va + offset, false);
        if (entry && (*entry & wanted) == wanted)
            visit(context, (struct gpa){*entry & ENTRY_ADDRESS});
    }
}
