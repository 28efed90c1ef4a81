/*
 * The rules about a module's memory, apart from the file it came from. The world host applies them
 * to what it parsed, the keeper to a record that a world host sent: one set of rules for both.
 */
#include "measure/elf_parts.h"

#include "base/checked.h"

const struct elf_segment *elf_segment_with_bytes(const struct elf_image *image, uint64_t vaddr,
                                                 uint64_t size)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        if (vaddr >= segment->vaddr && range_within(vaddr - segment->vaddr, size, segment->filesz))
            return segment;
    }
    return NULL;
}

const struct elf_segment *elf_segment_of(const struct elf_image *image, uint64_t vaddr,
                                         uint64_t size)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        if (vaddr >= segment->vaddr && range_within(vaddr - segment->vaddr, size, segment->memsz))
            return segment;
    }
    return NULL;
}

static bool rights_are_valid(uint32_t rights)
{
    return rights == CLO_SEGMENT_READ || rights == (CLO_SEGMENT_READ | CLO_SEGMENT_WRITE) ||
           rights == (CLO_SEGMENT_READ | CLO_SEGMENT_EXECUTE);
}

/* Rights and sizes of segment `i`. */
static cloister_status check_segment(const struct elf_segment *segment, unsigned i,
                                     struct reason *why)
{
    uint32_t both = CLO_SEGMENT_WRITE | CLO_SEGMENT_EXECUTE;
    if ((segment->rights & both) == both)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u is writable and executable; it may be one of them", i);
    if (!rights_are_valid(segment->rights))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u has rights %#x; read, read-write or read-execute are allowed", i,
                      segment->rights);
    if (segment->memsz == 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "segment %u is empty", i);
    if (segment->filesz > segment->memsz)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u has %lu bytes in the file for %lu bytes of memory", i,
                      segment->filesz, segment->memsz);
    /* Constant memory that the file does not give would be neither code nor data. */
    if (segment->filesz < segment->memsz && !(segment->rights & CLO_SEGMENT_WRITE))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u is not writable and has %lu bytes of memory but %lu in the file; "
                      "they must be equal",
                      i, segment->memsz, segment->filesz);
    return CLOISTER_OK;
}

/* The pages [start, *end) of segment `i`, which must lie above `previous` and inside the image. */
static cloister_status check_place(const struct elf_image *image, unsigned i, uint64_t previous,
                                   uint64_t *end, struct reason *why)
{
    const struct elf_segment *segment = &image->segment[i];
    uint64_t lowest = image->position_independent ? 0 : CLO_VA_EXEC_LOWEST;
    uint64_t highest = image->position_independent ? CLO_MODULE_SIZE_MAX : CLO_VA_EXEC_HIGHEST;
    uint64_t last;
    if (!checked_add(segment->vaddr, segment->memsz, &last) ||
        !checked_round_up(last, CLO_PAGE_SIZE, end))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u at %#lx with %#lx bytes wraps round the address space", i,
                      segment->vaddr, segment->memsz);
    uint64_t start = segment->vaddr & ~(uint64_t)(CLO_PAGE_SIZE - 1);
    if (start < lowest || *end > highest)
        return refuse(why, CLOISTER_TOO_BIG,
                      "segment %u takes %#lx to %#lx; it must lie in %#lx to %#lx", i, start, *end,
                      lowest, highest);
    if (start < previous)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u starts at %#lx, before the pages of the one before it end (%#lx)",
                      i, segment->vaddr, previous);
    return CLOISTER_OK;
}

cloister_status elf_segments_check(const struct elf_image *image, struct reason *why)
{
    if (image->segment_count < 1 || image->segment_count > CLO_SEGMENTS_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "%u segments; 1 to %u are allowed",
                      image->segment_count, CLO_SEGMENTS_MAX);
    uint64_t end = 0;
    for (unsigned i = 0; i < image->segment_count; i++) {
        cloister_status status = check_segment(&image->segment[i], i, why);
        if (status == CLOISTER_OK)
            status = check_place(image, i, end, &end, why);
        if (status != CLOISTER_OK)
            return status;
    }
    if (image->span != end)
        return refuse(why, CLOISTER_BAD_FORMAT, "image ends at %#lx, its segments at %#lx",
                      image->span, end);
    return CLOISTER_OK;
}

static cloister_status check_entry(const struct elf_image *image, struct reason *why)
{
    const struct elf_segment *segment = elf_segment_with_bytes(image, image->entry, 1);
    if (!segment || !(segment->rights & CLO_SEGMENT_EXECUTE))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "entry point %#lx is not in an executable segment's bytes", image->entry);
    return CLOISTER_OK;
}

/* The linker may round the end of RELRO up to the page, past the end of the segment. */
static cloister_status check_relro(const struct elf_image *image, struct reason *why)
{
    if (image->relro_size == 0 && image->relro_vaddr == 0)
        return CLOISTER_OK;
    const struct elf_segment *segment = elf_segment_of(image, image->relro_vaddr, 1);
    uint64_t end;
    if (image->relro_size == 0 || !segment || !(segment->rights & CLO_SEGMENT_WRITE) ||
        !checked_round_up(segment->vaddr + segment->memsz, CLO_PAGE_SIZE, &end) ||
        !range_within(image->relro_vaddr, image->relro_size, end))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "RELRO of %#lx bytes at %#lx is not inside one writable segment",
                      image->relro_size, image->relro_vaddr);
    return CLOISTER_OK;
}

static cloister_status check_tls(const struct elf_image *image, struct reason *why)
{
    uint64_t align = image->tls_align;
    if (image->tls_memsz == 0 && (image->tls_filesz || image->tls_vaddr || align))
        return refuse(why, CLOISTER_BAD_FORMAT, "thread-local storage of no bytes is described");
    if ((align & (align - 1)) != 0 || align > CLO_PAGE_SIZE)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "thread-local storage is aligned to %lu; a power of two up to %u is allowed",
                      align, CLO_PAGE_SIZE);
    if (image->tls_filesz > image->tls_memsz)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "thread-local storage has %lu bytes in the file for %lu bytes of memory",
                      image->tls_filesz, image->tls_memsz);
    if (image->tls_memsz > CLO_MODULE_SIZE_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "%lu bytes of thread-local storage; at most %llu",
                      image->tls_memsz, CLO_MODULE_SIZE_MAX);
    if (image->tls_vaddr > image->span ||
        (image->tls_filesz != 0 &&
         !elf_segment_with_bytes(image, image->tls_vaddr, image->tls_filesz)))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "thread-local storage of %#lx bytes at %#lx is not inside a segment",
                      image->tls_filesz, image->tls_vaddr);
    return CLOISTER_OK;
}

static cloister_status check_phdrs(const struct elf_image *image, struct reason *why)
{
    if (image->phdr_vaddr == 0 && image->phdr_count == 0)
        return CLOISTER_OK;
    if (image->phdr_vaddr == 0 || image->phdr_count == 0 ||
        image->phdr_count > ELF_PROGRAM_HEADERS_MAX ||
        !elf_segment_with_bytes(image, image->phdr_vaddr, image->phdr_count * sizeof(Elf64_Phdr)))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "%u program headers at %#lx are not inside a segment", image->phdr_count,
                      image->phdr_vaddr);
    return CLOISTER_OK;
}

cloister_status elf_layout_check(const struct elf_image *image, struct reason *why)
{
    cloister_status status = elf_segments_check(image, why);
    if (status == CLOISTER_OK)
        status = check_entry(image, why);
    if (status == CLOISTER_OK)
        status = check_relro(image, why);
    if (status == CLOISTER_OK)
        status = check_tls(image, why);
    if (status == CLOISTER_OK)
        status = check_phdrs(image, why);
    return status;
}
