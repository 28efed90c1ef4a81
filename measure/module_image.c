/*
 * The canonical form of a module: what two files have in common when they run alike.
 */
#include "measure/module_image.h"

#include "base/bytes.h"
#include "measure/elf_parts.h"
#include "measure/manifest.h"

#include <string.h>

static_assert(MODULE_HEADER_SIZE == sizeof(Elf64_Ehdr), "ELF header");

/* Fields of the ELF header that strip and signing change: e_shoff, and e_shentsize, e_shnum,
   e_shstrndx, which are neighbours at its end. */
static const struct elf_range section_fields[] = {
    {offsetof(Elf64_Ehdr, e_shoff), sizeof(uint64_t)},
    {offsetof(Elf64_Ehdr, e_shentsize), 3 * sizeof(uint16_t)},
};

/* Pages that [vaddr, vaddr + filesz) touches. */
static uint32_t pages_of(uint64_t vaddr, uint64_t filesz)
{
    if (filesz == 0)
        return 0;
    uint64_t first = vaddr / CLO_PAGE_SIZE;
    uint64_t last = (vaddr + filesz - 1) / CLO_PAGE_SIZE;
    return (uint32_t)(last - first + 1);
}

cloister_status module_record_fill(const struct elf_image *image, struct clo_module_record *record,
                                   struct reason *why)
{
    struct clo_module_record filled = {
        .entry = image->entry,
        .span = image->span,
        .relro_vaddr = image->relro_vaddr,
        .relro_size = image->relro_size,
        .tls_vaddr = image->tls_vaddr,
        .tls_filesz = image->tls_filesz,
        .tls_memsz = image->tls_memsz,
        .tls_align = image->tls_align,
        .phdr_vaddr = image->phdr_vaddr,
        .phdr_count = image->phdr_count,
        .segment_count = image->segment_count,
    };
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        filled.segment[i] = (struct clo_segment){
            .vaddr = segment->vaddr,
            .memsz = segment->memsz,
            .filesz = segment->filesz,
            .rights = segment->rights,
            .pages = pages_of(segment->vaddr, segment->filesz),
        };
    }
    if (image->manifest.size != 0) {
        memcpy(&filled.manifest, image->bytes + image->manifest.offset, sizeof filled.manifest);
        cloister_status status = manifest_check(&filled.manifest, why);
        if (status != CLOISTER_OK)
            return status;
    }
    *record = filled;
    return CLOISTER_OK;
}

/* The image that such a record would come from, without its file. */
static void image_of_record(const struct clo_module_record *record, struct elf_image *image)
{
    *image = (struct elf_image){
        .position_independent = true,
        .entry = record->entry,
        .segment_count = record->segment_count,
        .span = record->span,
        .relro_vaddr = record->relro_vaddr,
        .relro_size = record->relro_size,
        .tls_vaddr = record->tls_vaddr,
        .tls_filesz = record->tls_filesz,
        .tls_memsz = record->tls_memsz,
        .tls_align = record->tls_align,
        .phdr_vaddr = record->phdr_vaddr,
        .phdr_count = record->phdr_count,
    };
    for (unsigned i = 0; i < record->segment_count; i++)
        image->segment[i] = (struct elf_segment){.vaddr = record->segment[i].vaddr,
                                                 .memsz = record->segment[i].memsz,
                                                 .filesz = record->segment[i].filesz,
                                                 .rights = record->segment[i].rights};
}

cloister_status module_record_check(const struct clo_module_record *record, struct reason *why)
{
    cloister_status status = manifest_check(&record->manifest, why);
    if (status != CLOISTER_OK)
        return status;
    if (record->segment_count > CLO_SEGMENTS_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "%u segments; 1 to %u are allowed",
                      record->segment_count, CLO_SEGMENTS_MAX);
    struct elf_image image;
    image_of_record(record, &image);
    status = elf_layout_check(&image, why);
    if (status != CLOISTER_OK)
        return status;
    for (unsigned i = 0; i < record->segment_count; i++) {
        const struct clo_segment *segment = &record->segment[i];
        uint32_t pages = pages_of(segment->vaddr, segment->filesz);
        if (segment->pages != pages)
            return refuse(why, CLOISTER_BAD_FORMAT, "segment %u has %u pages; its bytes take %u", i,
                          segment->pages, pages);
    }
    const struct clo_segment *unused = &record->segment[record->segment_count];
    if (!bytes_are_zero(unused, (CLO_SEGMENTS_MAX - record->segment_count) * sizeof *unused))
        return refuse(why, CLOISTER_BAD_FORMAT, "segments beyond segment_count (%u) given",
                      record->segment_count);
    return CLOISTER_OK;
}

uint32_t module_image_pages(const struct clo_module_record *record)
{
    uint32_t pages = 0;
    for (unsigned i = 0; i < record->segment_count; i++)
        pages += record->segment[i].pages;
    return pages;
}

/* `bytes` are the first of the segment's part of the file. */
static void clear_section_fields(uint64_t first, uint8_t *bytes, size_t size)
{
    for (unsigned f = 0; f < sizeof section_fields / sizeof section_fields[0]; f++)
        for (uint64_t k = 0; k < section_fields[f].size; k++) {
            uint64_t offset = section_fields[f].offset + k;
            if (offset >= first && offset - first < size)
                bytes[offset - first] = 0;
        }
}

size_t module_image_header(const struct elf_image *image, const struct elf_segment *segment,
                           uint8_t bytes[MODULE_HEADER_SIZE])
{
    if (segment->offset >= MODULE_HEADER_SIZE || segment->filesz == 0)
        return 0;
    size_t size = MODULE_HEADER_SIZE - segment->offset;
    if (size > segment->filesz)
        size = segment->filesz;
    memcpy(bytes, image->bytes + segment->offset, size);
    clear_section_fields(segment->offset, bytes, size);
    return size;
}

void module_image_write(const struct elf_image *image, const struct clo_module_record *record,
                        uint8_t *pages)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        uint8_t *bytes = pages + segment->vaddr % CLO_PAGE_SIZE;
        uint8_t header[MODULE_HEADER_SIZE];
        if (segment->filesz != 0)
            memcpy(bytes, image->bytes + segment->offset, segment->filesz);
        memcpy(bytes, header, module_image_header(image, segment, header));
        pages += (size_t)record->segment[i].pages * CLO_PAGE_SIZE;
    }
}
