/*
 * ELF notes. Program headers and sections hold lists of them, ours among those of the compiler;
 * padding follows the alignment of the list (4 or 8), the form that binutils writes.
 */
#include "measure/elf_parts.h"

#include "abi/keeper.h"
#include "base/checked.h"

#include <string.h>

#define NOTES_MAX 256u /* in one list: a compiler writes a handful */

struct note {
    uint32_t type;
    bool ours; /* owner is CLO_NOTE_OWNER */
    struct elf_range description;
};

/* Reads the note at offset `at` of the list that ends at `end`, and moves `at` to the next one. The
   padding after the last one may be missing. */
static bool next_note(const struct elf_image *image, uint64_t *at, uint64_t end, uint64_t align,
                      struct note *note)
{
    Elf64_Nhdr header;
    if (!range_within(*at, sizeof header, end))
        return false;
    memcpy(&header, image->bytes + *at, sizeof header);
    /* Sizes are 32-bit and offsets lie in the file: sums of 64 bits cannot wrap. */
    uint64_t description =
        (sizeof header + header.n_namesz + align - 1) & ~(align - 1); /* from the note's start */
    if (!range_within(*at, sizeof header + header.n_namesz, end) ||
        !range_within(*at, description + header.n_descsz, end))
        return false;
    note->type = header.n_type;
    note->ours =
        header.n_namesz == sizeof CLO_NOTE_OWNER &&
        memcmp(image->bytes + *at + sizeof header, CLO_NOTE_OWNER, sizeof CLO_NOTE_OWNER) == 0;
    note->description = (struct elf_range){.offset = *at + description, .size = header.n_descsz};
    uint64_t next = *at + ((description + header.n_descsz + align - 1) & ~(align - 1));
    *at = next < end ? next : end;
    return true;
}

/* Is it loaded, and never written? */
static bool is_constant(const struct elf_image *image, const Elf64_Phdr *phdr)
{
    const struct elf_segment *segment =
        elf_segment_with_bytes(image, phdr->p_vaddr, phdr->p_filesz);
    return segment && !(segment->rights & CLO_SEGMENT_WRITE) &&
           phdr->p_offset == segment->offset + (phdr->p_vaddr - segment->vaddr);
}

static cloister_status take_manifest(struct elf_image *image, const Elf64_Phdr *phdr,
                                     const struct note *note, struct reason *why)
{
    if (note->type == CLO_NOTE_SIGNATURE)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "signature note is in a loaded segment; it belongs in a section of its own");
    if (note->type != CLO_NOTE_MANIFEST)
        return refuse(why, CLOISTER_BAD_FORMAT, "%s note of unknown type %u", CLO_NOTE_OWNER,
                      note->type);
    if (image->manifest.size != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "more than one manifest note");
    if (note->description.size != sizeof(struct clo_manifest))
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest has %lu bytes; it must have %zu",
                      note->description.size, sizeof(struct clo_manifest));
    if (!is_constant(image, phdr))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest note is not in a loaded segment that is never written");
    image->manifest = note->description;
    return CLOISTER_OK;
}

static cloister_status check_align(uint64_t align, struct reason *why)
{
    if (align <= 1 || align == 4 || align == 8)
        return CLOISTER_OK;
    return refuse(why, CLOISTER_BAD_FORMAT, "notes are aligned to %lu; 4 or 8 is needed", align);
}

static cloister_status refuse_broken(uint64_t at, struct reason *why)
{
    return refuse(why, CLOISTER_BAD_FORMAT, "note at offset %#lx is longer than its list", at);
}

cloister_status elf_notes_read(struct elf_image *image, const Elf64_Phdr *phdr, struct reason *why)
{
    cloister_status status = check_align(phdr->p_align, why);
    if (status != CLOISTER_OK)
        return status;
    if (!elf_in_file(image, phdr->p_offset, phdr->p_filesz))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "PT_NOTE: %#lx bytes at offset %#lx are not inside the file's %zu bytes",
                      phdr->p_filesz, phdr->p_offset, image->size);
    uint64_t at = phdr->p_offset;
    uint64_t end = phdr->p_offset + phdr->p_filesz;
    for (unsigned count = 0; at < end; count++) {
        struct note note;
        if (count == NOTES_MAX)
            return refuse(why, CLOISTER_BAD_FORMAT, "more than %u notes in a list", NOTES_MAX);
        if (!next_note(image, &at, end, phdr->p_align == 8 ? 8 : 4, &note))
            return refuse_broken(at, why);
        if (!note.ours)
            continue;
        status = take_manifest(image, phdr, &note, why);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_OK;
}

cloister_status elf_signature_read(struct elf_image *image, const Elf64_Shdr *section,
                                   struct reason *why)
{
    uint64_t at = section->sh_offset;
    uint64_t end = at + section->sh_size;
    struct note note;
    if (!next_note(image, &at, end, 4, &note) || at != end)
        return refuse(why, CLOISTER_BAD_FORMAT, "section %s is not one note",
                      CLO_SIGNATURE_SECTION);
    if (!note.ours || note.type != CLO_NOTE_SIGNATURE)
        return refuse(why, CLOISTER_BAD_FORMAT, "section %s holds no signature note",
                      CLO_SIGNATURE_SECTION);
    if (note.description.size < 1 || note.description.size > CLO_KEEPER_SIGNATURE_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "signature has %lu bytes; 1 to %u are allowed",
                      note.description.size, CLO_KEEPER_SIGNATURE_MAX);
    image->signature = note.description;
    return CLOISTER_OK;
}
