/*
 * Writes what the boot protocol promises a kernel. Everything it reads is our own or was checked by
 * kernel_image.c.
 */
#include "vmm/guest/boot_params.h"

#include "vmm/guest/acpi_tables.h"

#include <string.h>

#define PAGE 4096u
#define LOW_END 0x9fc00u /* of memory below 1 MiB; the rest is a BIOS's */
#define HIGH_START 0x100000u
#define E820_MEMORY 1u
#define E820_RESERVED 2u
#define BOOTLOADER_UNKNOWN 0xffu

#define TABLE_ENTRIES 512u
#define TABLE_NEXT 0x7u     /* present, writable, user */
#define TABLE_2M_PAGE 0x83u /* present, writable, large */
#define GIGABYTES_MAPPED 4u

#define GDT_CODE_64 0x00af9b000000ffffull
#define GDT_DATA 0x00cf93000000ffffull

cloister_status boot_initrd_place(const uint8_t *file, size_t size,
                                  const struct kernel_image *image,
                                  const struct guest_memory *memory, struct boot_initrd *initrd,
                                  struct reason *why)
{
    *initrd = (struct boot_initrd){0};
    if (size == 0)
        return CLOISTER_OK;
    uint64_t most = image->initrd_max + 1;
    uint64_t end = memory->low < most ? memory->low : most;
    uint64_t start = end > size ? (end - size) & ~(uint64_t)(PAGE - 1) : 0;
    if (start < image->end || !guest_memory_write(memory, start, file, size))
        return refuse(why, CLOISTER_TOO_BIG,
                      "no room for an initrd of %zu bytes between the kernel's end 0x%llx and "
                      "0x%llx; give more memory",
                      size, (unsigned long long)image->end, (unsigned long long)end);
    *initrd = (struct boot_initrd){.address = start, .size = size};
    return CLOISTER_OK;
}

static void add_range(struct boot_params *zero_page, uint64_t start, uint64_t end, uint32_t type)
{
    zero_page->e820_table[zero_page->e820_entries++] =
        (struct boot_e820_entry){.addr = start, .size = end - start, .type = type};
}

static cloister_status write_zero_page(const struct kernel_image *image,
                                       const struct boot_initrd *initrd, size_t line_length,
                                       const struct guest_memory *memory)
{
    static struct boot_params zero_page;
    memset(&zero_page, 0, sizeof zero_page);
    zero_page.acpi_rsdp_addr = ACPI_TABLES;
    zero_page.hdr = image->setup;
    zero_page.hdr.type_of_loader = BOOTLOADER_UNKNOWN;
    zero_page.hdr.loadflags |= LOADED_HIGH;
    zero_page.hdr.cmd_line_ptr = BOOT_COMMAND_LINE;
    zero_page.hdr.cmdline_size = (uint32_t)line_length;
    zero_page.hdr.ramdisk_image = (uint32_t)initrd->address;
    zero_page.hdr.ramdisk_size = (uint32_t)initrd->size;
    zero_page.hdr.setup_data = 0;
    add_range(&zero_page, 0, LOW_END, E820_MEMORY);
    add_range(&zero_page, LOW_END, HIGH_START, E820_RESERVED);
    add_range(&zero_page, HIGH_START, memory->low, E820_MEMORY);
    if (memory->size > memory->low)
        add_range(&zero_page, GUEST_MEMORY_ABOVE, GUEST_MEMORY_ABOVE + memory->size - memory->low,
                  E820_MEMORY);
    return guest_memory_write(memory, BOOT_ZERO_PAGE, &zero_page, sizeof zero_page)
               ? CLOISTER_OK
               : CLOISTER_INTERNAL;
}

/* The first 4 GiB at their own addresses: one top page, one page of gigabytes, four of 2 MiB. */
static bool write_page_tables(const struct guest_memory *memory)
{
    uint64_t table[TABLE_ENTRIES] = {(BOOT_PAGE_TABLES + PAGE) | TABLE_NEXT};
    bool good = guest_memory_write(memory, BOOT_PAGE_TABLES, table, sizeof table);
    memset(table, 0, sizeof table);
    for (uint64_t i = 0; i < GIGABYTES_MAPPED; i++)
        table[i] = (BOOT_PAGE_TABLES + (2 + i) * PAGE) | TABLE_NEXT;
    good = good && guest_memory_write(memory, BOOT_PAGE_TABLES + PAGE, table, sizeof table);
    for (uint64_t gigabyte = 0; gigabyte < GIGABYTES_MAPPED; gigabyte++) {
        for (uint64_t i = 0; i < TABLE_ENTRIES; i++)
            table[i] = (gigabyte * TABLE_ENTRIES + i) << 21 | TABLE_2M_PAGE;
        good = good && guest_memory_write(memory, BOOT_PAGE_TABLES + (2 + gigabyte) * PAGE, table,
                                          sizeof table);
    }
    return good;
}

static bool write_gdt(const struct guest_memory *memory)
{
    const uint64_t gdt[BOOT_GDT_SIZE / 8] = {[BOOT_CODE / 8] = GDT_CODE_64,
                                             [BOOT_DATA / 8] = GDT_DATA};
    return guest_memory_write(memory, BOOT_GDT, gdt, sizeof gdt);
}

cloister_status boot_params_write(const struct kernel_image *image,
                                  const struct boot_initrd *initrd, const char *command_line,
                                  const struct guest_memory *memory, struct reason *why)
{
    size_t length = strlen(command_line);
    size_t most = image->command_line_max < BOOT_COMMAND_LINE_MAX ? image->command_line_max
                                                                  : BOOT_COMMAND_LINE_MAX;
    if (length > most)
        return refuse(why, CLOISTER_TOO_BIG,
                      "--cmdline makes a line of %zu characters with ours; the kernel takes %zu",
                      length, most);
    if (write_zero_page(image, initrd, length, memory) != CLOISTER_OK ||
        !guest_memory_write(memory, BOOT_COMMAND_LINE, command_line, length + 1) ||
        !write_page_tables(memory) || !write_gdt(memory) || !acpi_tables_write(memory))
        return refuse(why, CLOISTER_INTERNAL, "the guest has no memory below 1 MiB");
    return CLOISTER_OK;
}
