/*
 * Builds the address space of one module instance and fills its data. Called before the module's
 * vCPUs exist; what comes later is in placement_change.c.
 */
#include "vmm/placement.h"

#include "abi/hypercall.h"
#include "base/memory.h"
#include "vmm/descriptors.h"
#include "vmm/placement_parts.h"
#include "vmm/process_stack.h"

#include <string.h>
#include <sys/random.h>

#define EXEC_STACK_SIZE (8u << 20)
#define EXEC_HEAP_SIZE (256u << 20)
/* Of the stack that arguments and environment may take. */
#define ARGUMENTS_MAX (256u << 10)
#define ARGUMENTS_SHARE 4u
/* Fresh tables for PROTECT: RELRO takes four pages, and a few more may follow. */
#define PROTECT_PAGES 128u
/* Tables of any address space but those of module image, stacks, heap and window. */
#define SPACE_PAGES 16u
/* Boot and control pages, and tables of a small module with those that its RELRO takes. */
#define PAGES_AHEAD 17u
/* Places a module image may start at, CLO_MODULE_ALIGN apart. */
#define BASES 4096u

/* Where the next part of the data slot starts. */
struct filler {
    struct placement *placement;
    const struct module_file *file;
    size_t data_used;
};

static bool is_program(const struct clo_module_record *record)
{
    return record->manifest.magic == 0;
}

static size_t stack_size_of(const struct clo_module_record *record)
{
    return is_program(record) ? EXEC_STACK_SIZE : record->manifest.stack_size;
}

static size_t heap_size_of(const struct clo_module_record *record, size_t exec_memory)
{
    if (is_program(record))
        return exec_memory ? (exec_memory + PAGE - 1) & ~(size_t)(PAGE - 1) : EXEC_HEAP_SIZE;
    return (size_t)record->manifest.heap_size;
}

static unsigned threads_of(const struct clo_module_record *record)
{
    return is_program(record) ? 1 : record->manifest.threads;
}

static size_t data_size_of(const struct clo_module_record *record, size_t exec_memory)
{
    size_t size = CLO_PERSONALITY_DATA_SIZE + heap_size_of(record, exec_memory) +
                  threads_of(record) * stack_size_of(record);
    for (uint32_t i = 0; i < record->segment_count; i++)
        if (record->segment[i].rights & CLO_SEGMENT_WRITE)
            size += placement_segment_size(&record->segment[i]);
    return size;
}

size_t placement_monitor_need(const struct clo_module_record *record, size_t exec_memory,
                              size_t window_size)
{
    size_t thread_pages = threads_of(record) * (sizeof(struct clo_mailbox) + PAGE);
    size_t data_size = data_size_of(record, exec_memory);
    size_t image_size = (size_t)record->span;
    size_t wipe = SPACE_PAGES * PAGE + placement_table_need(data_size);
    return SPACE_PAGES * PAGE + CLO_CONTROL_SIZE + thread_pages +
           threads_of(record) * placement_table_need(0) + placement_table_need(data_size) +
           placement_table_need(image_size) + placement_table_need(window_size) +
           PROTECT_PAGES * PAGE + wipe;
}

static cloister_status map(struct placement *placement, uint64_t va, struct gpa gpa, size_t size,
                           uint32_t rights)
{
    return pagetable_map(&placement->table, va, gpa, size, rights);
}

/* Monitor pages. The first touch of one costs a module ten times what it costs the world host. */

static cloister_status add_thread_pages(struct placement *placement, unsigned thread)
{
    struct machine *machine = placement->machine;
    placement->mailbox[thread] = machine_monitor_pages(machine, sizeof(struct clo_mailbox) / PAGE,
                                                       &placement->mailbox_gpa[thread]);
    placement->vcpu_page[thread] =
        machine_monitor_pages(machine, 1, &placement->vcpu_page_gpa[thread]);
    if (!placement->vcpu_page[thread] || !placement->mailbox[thread])
        return CLOISTER_NO_MEMORY;
    memory_populate(placement->mailbox[thread], PAGE);
    descriptors_fill_vcpu_page(placement->vcpu_page[thread],
                               CLO_VA_MONITOR_VCPU + (uint64_t)thread * PAGE);
    return CLOISTER_OK;
}

static cloister_status add_shared_pages(struct placement *placement)
{
    struct gpa boot, control;
    placement->boot = machine_monitor_pages(placement->machine, 1, &boot);
    placement->control =
        machine_monitor_pages(placement->machine, CLO_CONTROL_SIZE / PAGE, &control);
    if (!placement->boot || !placement->control)
        return CLOISTER_NO_MEMORY;
    cloister_status status = map(placement, CLO_VA_BOOT, boot, PAGE, PAGE_USER);
    if (status == CLOISTER_OK)
        status = map(placement, CLO_VA_CONTROL, control, CLO_CONTROL_SIZE, PAGE_USER);
    return status;
}

/* All but the mailboxes, of which most is never touched, lies together. */
static cloister_status add_monitor_pages(struct placement *placement)
{
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; status == CLOISTER_OK && i < placement->threads; i++)
        status = add_thread_pages(placement, i);
    machine_monitor_ahead(placement->machine, PAGES_AHEAD);
    if (status == CLOISTER_OK)
        status = pagetable_create(placement->machine, &placement->table);
    if (status == CLOISTER_OK)
        status = add_shared_pages(placement);
    return status == CLOISTER_OK ? placement_map_monitor(placement, &placement->table) : status;
}

cloister_status placement_map_monitor(const struct placement *placement, struct pagetable *table)
{
    struct gpa hypercall = {placement->runtime.value + PAGE};
    cloister_status status =
        pagetable_map(table, CLO_VA_MONITOR_STUB, placement->runtime, PAGE, PAGE_EXECUTE);
    if (status == CLOISTER_OK)
        status = pagetable_map(table, CLO_VA_MONITOR_TABLES, placement->tables, PAGE, PAGE_WRITE);
    if (status == CLOISTER_OK)
        status = pagetable_map(table, CLO_VA_RUNTIME, hypercall, PAGE, PAGE_USER | PAGE_EXECUTE);
    for (unsigned i = 0; status == CLOISTER_OK && i < placement->threads; i++) {
        status = pagetable_map(table, CLO_VA_MONITOR_VCPU + (uint64_t)i * PAGE,
                               placement->vcpu_page_gpa[i], PAGE, PAGE_WRITE);
        if (status == CLOISTER_OK)
            status = pagetable_map(table, CLO_VA_MAILBOX + (uint64_t)i * CLO_MAILBOX_STRIDE,
                                   placement->mailbox_gpa[i], sizeof(struct clo_mailbox),
                                   PAGE_USER | PAGE_WRITE);
    }
    return status;
}

static cloister_status map_personality(struct placement *placement,
                                       const struct runtime_image *runtime)
{
    /* The hypercall page is mapped already and counts as text. */
    size_t text = runtime->text_size;
    size_t constants = runtime->size - PAGE - text;
    struct gpa gpa = {runtime->gpa.value + PAGE};
    cloister_status status = map(placement, CLO_VA_RUNTIME, gpa, text, PAGE_USER | PAGE_EXECUTE);
    gpa.value += text;
    if (status == CLOISTER_OK)
        status = map(placement, CLO_VA_RUNTIME + text, gpa, constants, PAGE_USER);
    return status;
}

/* Data slot */

/* Takes `size` bytes of the data slot and maps them. `filled`: the first so many bytes are written
   by the world host. NULL on failure. */
static uint8_t *add_data(struct filler *filler, uint64_t va, size_t size, size_t filled)
{
    struct placement *placement = filler->placement;
    size_t offset = filler->data_used;
    struct gpa gpa = {placement->data.gpa.value + offset};
    struct gpa rest = {gpa.value + filled};
    uint32_t rights = PAGE_USER | PAGE_WRITE;
    filler->data_used += size;
    if (map(placement, va, gpa, filled, rights | PAGE_FILLED) != CLOISTER_OK ||
        map(placement, va + filled, rest, size - filled, rights) != CLOISTER_OK)
        return NULL;
    return placement->data.mapping + offset;
}

static cloister_status add_segment(struct filler *filler, const struct clo_segment *segment,
                                   struct gpa image, uint32_t first_page)
{
    struct placement *placement = filler->placement;
    uint64_t va = placement->base + placement_segment_start(segment);
    size_t bytes = (size_t)segment->pages * PAGE;
    if (!(segment->rights & CLO_SEGMENT_WRITE)) {
        struct gpa gpa = {image.value + (uint64_t)first_page * PAGE};
        uint32_t execute = segment->rights & CLO_SEGMENT_EXECUTE ? PAGE_EXECUTE : 0;
        return map(placement, va, gpa, bytes, PAGE_USER | execute);
    }
    uint8_t *memory = add_data(filler, va, placement_segment_size(segment), bytes);
    if (!memory)
        return CLOISTER_NO_MEMORY;
    memory_populate(memory, bytes);
    memcpy(memory, placement->image + (size_t)first_page * PAGE, bytes);
    return CLOISTER_OK;
}

static cloister_status add_segments(struct filler *filler, struct reason *why)
{
    struct placement *placement = filler->placement;
    const struct module_file *file = filler->file;
    struct gpa image;
    cloister_status status =
        machine_add_code(placement->machine, file->image, (size_t)file->image_pages * PAGE, &image,
                         &placement->image, why);
    uint32_t page = 0;
    for (uint32_t i = 0; status == CLOISTER_OK && i < placement->record.segment_count; i++) {
        status = add_segment(filler, &placement->record.segment[i], image, page);
        page += placement->record.segment[i].pages;
    }
    return status;
}

/* Writes what thread 0 starts with into the highest bytes of its stack at `memory`. */
static cloister_status write_first_stack(struct filler *filler, uint8_t *memory,
                                         const struct placement_options *options, size_t *used,
                                         struct reason *why)
{
    struct placement *placement = filler->placement;
    char *const name_only[] = {(char *)filler->file->name, NULL};
    size_t room = placement_min(ARGUMENTS_MAX, placement->stack_size / ARGUMENTS_SHARE);
    const struct clo_module_record *record = &placement->record;
    struct process_stack stack = {
        .memory = memory + placement->stack_size - room,
        .size = room,
        .top = placement->first_stack_top,
        .entry = placement->entry,
        .phdr = record->phdr_vaddr ? placement->base + record->phdr_vaddr : 0,
        .phdr_count = record->phdr_count,
        .arguments = options->arguments ? options->arguments : name_only,
        .environment = options->environment,
    };
    return process_stack_write(&stack, &placement->stack, used, why);
}

static cloister_status add_stack(struct filler *filler, unsigned thread, size_t used)
{
    size_t size = filler->placement->stack_size;
    size_t filled = (used + PAGE - 1) & ~(size_t)(PAGE - 1);
    uint64_t top = placement_stack_top(filler->placement, thread);
    if (!add_data(filler, top - size, size - filled, 0) ||
        !add_data(filler, top - filled, filled, filled))
        return CLOISTER_NO_MEMORY;
    return CLOISTER_OK;
}

static cloister_status add_stacks(struct filler *filler, const struct placement_options *options,
                                  struct reason *why)
{
    uint8_t *memory = filler->placement->data.mapping + filler->data_used;
    size_t used = 0;
    cloister_status status = write_first_stack(filler, memory, options, &used, why);
    for (unsigned i = 0; status == CLOISTER_OK && i < filler->placement->threads; i++)
        status = add_stack(filler, i, i == 0 ? used : 0);
    return status;
}

static cloister_status add_memory(struct filler *filler, const struct placement_options *options,
                                  struct reason *why)
{
    struct placement *placement = filler->placement;
    cloister_status status =
        machine_add_data(placement->machine, data_size_of(&placement->record, options->exec_memory),
                         &placement->data, why);
    if (status == CLOISTER_OK &&
        !add_data(filler, CLO_VA_PERSONALITY_DATA, CLO_PERSONALITY_DATA_SIZE, 0))
        status = CLOISTER_NO_MEMORY;
    if (status == CLOISTER_OK)
        status = add_segments(filler, why);
    if (status == CLOISTER_OK)
        status = add_stacks(filler, options, why);
    if (status == CLOISTER_OK && !add_data(filler, placement->heap_base, placement->heap_size, 0))
        status = CLOISTER_NO_MEMORY;
    if (status == CLOISTER_OK)
        status = machine_data_close(&placement->data, !(options->flags & CLO_BOOT_EXEC), why);
    return status;
}

/* Boot page and base */

static cloister_status choose_base(struct placement *placement, struct reason *why)
{
    const struct clo_module_record *record = &placement->record;
    if (is_program(record) && record->segment[0].vaddr >= CLO_VA_EXEC_LOWEST)
        return CLOISTER_OK; /* linked to fixed addresses: base 0 */
    uint16_t random;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return refuse_errno(why, "no random bytes");
    placement->base = CLO_VA_MODULE + random % BASES * CLO_MODULE_ALIGN;
    return CLOISTER_OK;
}

static cloister_status fill_boot_page(struct placement *placement, const struct module_file *file,
                                      const struct placement_options *options, struct reason *why)
{
    struct clo_boot *boot = placement->boot;
    *boot = (struct clo_boot){
        .abi_major = CLO_ABI_MAJOR,
        .abi_minor = CLO_ABI_MINOR,
        .flags = options->flags,
        .threads = placement->threads,
        .generation = options->generation,
        .module_base = placement->base,
        .stack_size = placement->stack_size,
        .heap_base = placement->heap_base,
        .heap_size = placement->heap_size,
        .window_size = placement->machine->window_size,
        .spin_us = options->spin_us,
    };
    memcpy(boot->name, file->name, sizeof boot->name);
    if (getrandom(boot->random, sizeof boot->random, 0) != (ssize_t)sizeof boot->random)
        return refuse_errno(why, "no random bytes");
    return CLOISTER_OK;
}

static void choose_stack_and_heap(struct placement *placement)
{
    uint64_t window = placement->machine->window_size;
    placement->first_stack_top = CLO_VA_FIRST_STACK(window) + placement->stack_size;
    placement->heap_base = CLO_VA_HEAP(window, placement->stack_size);
}

static cloister_status place(struct filler *filler, const struct runtime_image *runtime,
                             const struct placement_options *options, struct reason *why)
{
    struct placement *placement = filler->placement;
    cloister_status status = choose_base(placement, why);
    placement->entry = placement->base + placement->record.entry;
    choose_stack_and_heap(placement);
    if (status == CLOISTER_OK)
        status = add_monitor_pages(placement);
    if (status == CLOISTER_OK)
        status = map_personality(placement, runtime);
    if (status == CLOISTER_OK)
        status = fill_boot_page(placement, filler->file, options, why);
    if (status == CLOISTER_OK)
        status = add_memory(filler, options, why);
    return status;
}

cloister_status placement_create(struct machine *machine, const struct runtime_image *runtime,
                                 const struct module_file *file,
                                 const struct placement_options *options,
                                 struct placement *placement, struct reason *why)
{
    *placement = (struct placement){
        .machine = machine,
        .tables = runtime->tables,
        .runtime = runtime->gpa,
        .threads = threads_of(&file->record),
        .stack_size = stack_size_of(&file->record),
        .heap_size = heap_size_of(&file->record, options->exec_memory),
        .data = {.memfd = -1},
        .record = file->record,
        .protect_budget = PROTECT_PAGES * PAGE,
    };
    struct filler filler = {.placement = placement, .file = file};
    struct reason inner = {""};
    cloister_status status = place(&filler, runtime, options, &inner);
    if (status == CLOISTER_OK)
        return CLOISTER_OK;
    placement_release(placement);
    return refuse(why, status, "cannot place module %s: %s", (const char *)file->name,
                  inner.text[0] ? inner.text : "the monitor slot is full");
}

void placement_release(struct placement *placement)
{
    placement_wipe_pages(placement);
    machine_data_release(&placement->data);
    *placement = (struct placement){.data = {.memfd = -1}};
}
