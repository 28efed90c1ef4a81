/*
 * Section headers: nothing that runs depends on them, so a file without them is fine. They lead to
 * the signature, which is not measured, and to the symbols, which only make messages readable.
 */
#include "measure/elf_parts.h"

#include <string.h>

struct sections {
    struct elf_image *image;
    const uint8_t *table;
    unsigned count;
    Elf64_Shdr names; /* the string table of section names */
    struct reason *why;
};

static Elf64_Shdr section_header(const struct sections *sections, unsigned i)
{
    Elf64_Shdr section;
    memcpy(&section, sections->table + i * sizeof section, sizeof section);
    return section;
}

static cloister_status check_in_file(const struct sections *sections, const Elf64_Shdr *section,
                                     const char *name)
{
    if (elf_in_file(sections->image, section->sh_offset, section->sh_size))
        return CLOISTER_OK;
    return refuse(sections->why, CLOISTER_BAD_FORMAT,
                  "%s: %#lx bytes at offset %#lx are not inside the file's %zu bytes", name,
                  section->sh_size, section->sh_offset, sections->image->size);
}

static bool is_named(const struct sections *sections, const Elf64_Shdr *section, const char *name)
{
    size_t size = strlen(name) + 1;
    if (section->sh_name >= sections->names.sh_size ||
        size > sections->names.sh_size - section->sh_name)
        return false;
    return memcmp(sections->image->bytes + sections->names.sh_offset + section->sh_name, name,
                  size) == 0;
}

static cloister_status read_signature(const struct sections *sections, const Elf64_Shdr *section)
{
    struct reason *why = sections->why;
    if (sections->image->signature.size != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "more than one section %s", CLO_SIGNATURE_SECTION);
    if (section->sh_type != SHT_NOTE || (section->sh_flags & SHF_ALLOC))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "section %s has type %u, flags %#lx; a note that is not loaded is needed",
                      CLO_SIGNATURE_SECTION, section->sh_type, section->sh_flags);
    cloister_status status = check_in_file(sections, section, CLO_SIGNATURE_SECTION);
    return status == CLOISTER_OK ? elf_signature_read(sections->image, section, why) : status;
}

static cloister_status read_symbols(const struct sections *sections, const Elf64_Shdr *section)
{
    struct elf_image *image = sections->image;
    if (image->symbols.size != 0)
        return refuse(sections->why, CLOISTER_BAD_FORMAT, "more than one symbol table");
    if (section->sh_entsize != sizeof(Elf64_Sym) || section->sh_link >= sections->count)
        return refuse(sections->why, CLOISTER_BAD_FORMAT,
                      "symbol table: entries of %lu bytes, strings in section %u of %u; %zu-byte "
                      "entries needed",
                      section->sh_entsize, section->sh_link, sections->count, sizeof(Elf64_Sym));
    Elf64_Shdr strings = section_header(sections, section->sh_link);
    cloister_status status = check_in_file(sections, section, "symbol table");
    if (status == CLOISTER_OK)
        status = check_in_file(sections, &strings, "string table");
    if (status != CLOISTER_OK)
        return status;
    image->symbols = (struct elf_range){.offset = section->sh_offset, .size = section->sh_size};
    image->strings = (struct elf_range){.offset = strings.sh_offset, .size = strings.sh_size};
    return CLOISTER_OK;
}

static cloister_status open_sections(struct sections *sections, const Elf64_Ehdr *header)
{
    struct elf_image *image = sections->image;
    if (header->e_shentsize != sizeof(Elf64_Shdr) ||
        !elf_in_file(image, header->e_shoff, header->e_shnum * sizeof(Elf64_Shdr)))
        return refuse(sections->why, CLOISTER_BAD_FORMAT,
                      "%u section headers of %u bytes at offset %#lx; %zu-byte ones inside the "
                      "file's %zu bytes needed",
                      header->e_shnum, header->e_shentsize, header->e_shoff, sizeof(Elf64_Shdr),
                      image->size);
    if (header->e_shstrndx >= header->e_shnum)
        return refuse(sections->why, CLOISTER_BAD_FORMAT,
                      "section names are in section %u; there are %u", header->e_shstrndx,
                      header->e_shnum);
    sections->table = image->bytes + header->e_shoff;
    sections->count = header->e_shnum;
    sections->names = section_header(sections, header->e_shstrndx);
    if (sections->names.sh_type == SHT_NULL)
        sections->names.sh_size = 0;
    return check_in_file(sections, &sections->names, "section names");
}

cloister_status elf_sections_read(struct elf_image *image, const Elf64_Ehdr *header,
                                  struct reason *why)
{
    if (header->e_shnum == 0)
        return CLOISTER_OK;
    struct sections sections = {.image = image, .why = why};
    cloister_status status = open_sections(&sections, header);
    for (unsigned i = 0; status == CLOISTER_OK && i < sections.count; i++) {
        Elf64_Shdr section = section_header(&sections, i);
        if (is_named(&sections, &section, CLO_SIGNATURE_SECTION))
            status = read_signature(&sections, &section);
        else if (section.sh_type == SHT_SYMTAB)
            status = read_symbols(&sections, &section);
    }
    return status;
}
