/*
 * Looks up the function that an address lies in. The table is whatever the file's author wrote: it
 * may mislead a reader of the log and nothing else.
 */
#include "measure/elf_image.h"

#include "base/cursor.h"

#include <elf.h>

/* Could `vaddr` be in this function? Hand-written code often has no size. */
static bool covers(const Elf64_Sym *symbol, uint64_t vaddr)
{
    unsigned type = ELF64_ST_TYPE(symbol->st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF)
        return false;
    return vaddr >= symbol->st_value &&
           (symbol->st_size == 0 || vaddr - symbol->st_value < symbol->st_size);
}

/* Copies what is printable; '?' for the rest. */
static bool copy_name(const struct elf_image *image, uint32_t at, char *name, size_t name_size)
{
    if (at >= image->strings.size || name_size == 0)
        return false;
    const uint8_t *from = image->bytes + image->strings.offset + at;
    size_t length = strnlen((const char *)from, image->strings.size - at);
    if (length == 0)
        return false;
    if (length > name_size - 1)
        length = name_size - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = from[i] > 0x20 && from[i] < 0x7f ? (char)from[i] : '?';
    name[length] = '\0';
    return true;
}

static bool is_code(const struct elf_image *image, uint64_t vaddr)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        if ((segment->rights & CLO_SEGMENT_EXECUTE) && vaddr >= segment->vaddr &&
            vaddr - segment->vaddr < segment->memsz)
            return true;
    }
    return false;
}

bool elf_image_symbol(const struct elf_image *image, uint64_t vaddr, char *name, size_t name_size,
                      uint64_t *offset)
{
    if (!is_code(image, vaddr))
        return false;
    struct cursor cursor = cursor_over(image->bytes + image->symbols.offset, image->symbols.size);
    Elf64_Sym symbol, best = {0};
    bool found = false;
    while (cursor_copy(&cursor, &symbol, sizeof symbol)) {
        if (!covers(&symbol, vaddr) || (found && symbol.st_value <= best.st_value))
            continue;
        best = symbol;
        found = true;
    }
    if (!found || !copy_name(image, best.st_name, name, name_size))
        return false;
    *offset = vaddr - best.st_value;
    return true;
}
