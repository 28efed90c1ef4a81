/*
 * Reads the two forms of a Linux kernel. Must never write outside what guest_memory_range gives.
 */
#include "vmm/guest/kernel_image.h"

#include "base/checked.h"

#include <elf.h>
#include <string.h>

#define SETUP_AT 0x1f1u        /* struct setup_header in a bzImage */
#define SETUP_JUMP_AT 0x201u   /* how far the header goes: the distance of the jump over it */
#define SETUP_MAGIC 0x53726448 /* "HdrS" */
#define BOOT_FLAG 0xaa55
#define PROTOCOL_XLOADFLAGS 0x20c
#define SECTOR 512u
#define SECTORS_IF_ZERO 4u
#define ENTRY_64 0x200u /* of the 64-bit entry, from the start of the protected-mode part */
#define LOW_MEMORY_END 0x100000u /* ours below: zero page, page tables, command line */
#define SEGMENTS_MAX 64u
#define COMMAND_LINE_OF_VMLINUX 2047u
#define INITRD_MAX_OF_VMLINUX 0x7fffffffu

/* The part of the file that holds struct setup_header, as far as this kernel has it. */
static cloister_status read_setup(const uint8_t *file, size_t size, struct setup_header *setup,
                                  struct reason *why)
{
    size_t length = sizeof *setup;
    size_t end = SETUP_JUMP_AT + 1u + file[SETUP_JUMP_AT];
    if (end - SETUP_AT < length)
        length = end - SETUP_AT;
    *setup = (struct setup_header){0};
    if (!range_within(SETUP_AT, length, size))
        return refuse(why, CLOISTER_BAD_FORMAT, "kernel is truncated in its header");
    memcpy(setup, file + SETUP_AT, length);
    if (setup->version < PROTOCOL_XLOADFLAGS || !(setup->xloadflags & XLF_KERNEL_64))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "kernel has boot protocol %u.%u and no 64-bit entry; 2.12 with one is needed",
                      setup->version >> 8, setup->version & 0xffu);
    if (end - SETUP_AT < offsetof(struct setup_header, handover_offset))
        return refuse(why, CLOISTER_BAD_FORMAT, "kernel's header ends before its boot addresses");
    return CLOISTER_OK;
}

static cloister_status refuse_small(uint64_t start, uint64_t end, const struct guest_memory *memory,
                                    struct reason *why)
{
    return refuse(why, CLOISTER_TOO_BIG,
                  "kernel needs memory from 0x%llx to 0x%llx; the guest has 0x%x to 0x%llx",
                  (unsigned long long)start, (unsigned long long)end, LOW_MEMORY_END,
                  (unsigned long long)memory->low);
}

static cloister_status place_bzimage(const uint8_t *file, size_t size,
                                     const struct guest_memory *memory, struct kernel_image *image,
                                     struct reason *why)
{
    uint8_t *to;
    struct setup_header *setup = &image->setup;
    cloister_status status = read_setup(file, size, setup, why);
    if (status != CLOISTER_OK)
        return status;
    uint64_t from =
        ((uint64_t)(setup->setup_sects ? setup->setup_sects : SECTORS_IF_ZERO) + 1) * SECTOR;
    uint64_t length = (uint64_t)setup->syssize * 16;
    if (length <= ENTRY_64 || !range_within(from, length, size))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "kernel is truncated: %zu bytes; its header promises %llu", size,
                      (unsigned long long)(from + length));
    uint64_t start = setup->pref_address;
    uint64_t needed = setup->init_size > length ? setup->init_size : length;
    if (start < LOW_MEMORY_END || start >= GUEST_MEMORY_HOLE ||
        !guest_memory_range(memory, start, needed, &to))
        return refuse_small(start, start + needed, memory, why);
    memcpy(to, file + from, length);
    image->start = start;
    image->end = start + needed;
    image->entry = start + ENTRY_64;
    image->command_line_max = setup->cmdline_size;
    image->initrd_max = setup->initrd_addr_max;
    setup->code32_start = (uint32_t)start;
    return CLOISTER_OK;
}

/* Two segments in one place: which of them the guest would get is nobody's to guess. */
static cloister_status check_apart(const Elf64_Phdr *segments, unsigned count, struct reason *why)
{
    const Elf64_Phdr *last = &segments[count];
    for (unsigned i = 0; i < count; i++) {
        const Elf64_Phdr *other = &segments[i];
        if (last->p_paddr < other->p_paddr + other->p_memsz &&
            other->p_paddr < last->p_paddr + last->p_memsz)
            return refuse(why, CLOISTER_BAD_FORMAT,
                          "kernel has two segments at 0x%llx; they must not overlap",
                          (unsigned long long)(last->p_paddr > other->p_paddr ? last->p_paddr
                                                                              : other->p_paddr));
    }
    return CLOISTER_OK;
}

static cloister_status check_segment(size_t size, const Elf64_Phdr *segment,
                                     const struct guest_memory *memory, struct reason *why)
{
    uint8_t *to;
    uint64_t start = segment->p_paddr;
    if (segment->p_filesz > segment->p_memsz ||
        !range_within(segment->p_offset, segment->p_filesz, size))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "kernel is truncated: %zu bytes; a segment has 0x%llx bytes at 0x%llx", size,
                      (unsigned long long)segment->p_filesz, (unsigned long long)segment->p_offset);
    if (start < LOW_MEMORY_END || start >= GUEST_MEMORY_HOLE ||
        !guest_memory_range(memory, start, segment->p_memsz, &to))
        return refuse_small(start, start + segment->p_memsz, memory, why);
    return CLOISTER_OK;
}

/* The segments that take memory, each checked; *count of them. */
static cloister_status read_segments(const uint8_t *file, size_t size, const Elf64_Ehdr *header,
                                     const struct guest_memory *memory,
                                     Elf64_Phdr segments[SEGMENTS_MAX], unsigned *count,
                                     struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    *count = 0;
    for (unsigned i = 0; i < header->e_phnum && status == CLOISTER_OK; i++) {
        Elf64_Phdr *segment = &segments[*count];
        memcpy(segment, file + header->e_phoff + i * sizeof *segment, sizeof *segment);
        if (segment->p_type != PT_LOAD || segment->p_memsz == 0)
            continue;
        status = check_segment(size, segment, memory, why);
        if (status == CLOISTER_OK)
            status = check_apart(segments, *count, why);
        ++*count;
    }
    return status;
}

static cloister_status place_segment(const uint8_t *file, const Elf64_Phdr *segment,
                                     const struct guest_memory *memory, struct kernel_image *image,
                                     struct reason *why)
{
    uint8_t *to;
    uint64_t start = segment->p_paddr;
    if (!guest_memory_range(memory, start, segment->p_memsz, &to))
        return refuse_small(start, start + segment->p_memsz, memory, why);
    memcpy(to, file + segment->p_offset, segment->p_filesz);
    memset(to + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
    if (start < image->start)
        image->start = start;
    if (start + segment->p_memsz > image->end)
        image->end = start + segment->p_memsz;
    return CLOISTER_OK;
}

static cloister_status check_elf(const Elf64_Ehdr *header, size_t size, struct reason *why)
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
        header->e_type != ET_EXEC || header->e_phentsize != sizeof(Elf64_Phdr))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "kernel is an ELF file but no vmlinux (64-bit x86, ET_EXEC)");
    if (header->e_phnum == 0 || header->e_phnum > SEGMENTS_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "kernel has %u segments; 1 to %u are possible",
                      header->e_phnum, SEGMENTS_MAX);
    if (!range_within(header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr), size))
        return refuse(why, CLOISTER_BAD_FORMAT, "kernel is truncated in its segment table");
    return CLOISTER_OK;
}

static cloister_status place_vmlinux(const uint8_t *file, size_t size,
                                     const struct guest_memory *memory, struct kernel_image *image,
                                     struct reason *why)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[SEGMENTS_MAX];
    unsigned count = 0;
    if (size < sizeof header)
        return refuse(why, CLOISTER_BAD_FORMAT, "kernel is truncated in its ELF header");
    memcpy(&header, file, sizeof header);
    cloister_status status = check_elf(&header, size, why);
    if (status == CLOISTER_OK)
        status = read_segments(file, size, &header, memory, segments, &count, why);
    image->start = GUEST_MEMORY_HOLE;
    image->end = 0;
    for (unsigned i = 0; i < count && status == CLOISTER_OK; i++)
        status = place_segment(file, &segments[i], memory, image, why);
    if (status != CLOISTER_OK)
        return status;
    if (header.e_entry < image->start || header.e_entry >= image->end)
        return refuse(why, CLOISTER_BAD_FORMAT, "kernel's entry 0x%llx is in none of its segments",
                      (unsigned long long)header.e_entry);
    image->entry = header.e_entry;
    image->command_line_max = COMMAND_LINE_OF_VMLINUX;
    image->initrd_max = INITRD_MAX_OF_VMLINUX;
    image->setup.boot_flag = BOOT_FLAG;
    image->setup.header = SETUP_MAGIC;
    image->setup.kernel_alignment = 0x1000000;
    return CLOISTER_OK;
}

cloister_status kernel_image_place(const uint8_t *file, size_t size,
                                   const struct guest_memory *memory, struct kernel_image *image,
                                   struct reason *why)
{
    static const uint8_t boot_flag[] = {BOOT_FLAG & 0xff, BOOT_FLAG >> 8};
    *image = (struct kernel_image){0};
    if (size >= SELFMAG && memcmp(file, ELFMAG, SELFMAG) == 0)
        return place_vmlinux(file, size, memory, image, why);
    if (size > SETUP_JUMP_AT + sizeof(uint32_t) && memcmp(file + 0x1fe, boot_flag, 2) == 0 &&
        memcmp(file + 0x202, "HdrS", 4) == 0)
        return place_bzimage(file, size, memory, image, why);
    return refuse(why, CLOISTER_BAD_FORMAT,
                  "this is no kernel (%zu bytes); a bzImage or an ELF vmlinux is needed", size);
}
