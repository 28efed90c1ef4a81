/*
 * The dynamic section of a static-PIE: proves that the program needs nobody but itself. No library,
 * no symbol to look up, no change to its code: only relocations that it applies to its own data.
 */
#include "measure/elf_parts.h"

#include "base/checked.h"
#include "base/cursor.h"

#include <string.h>

#define DYNAMIC_ENTRIES_MAX 128u

#ifndef DT_RELR /* older C libraries */
#define DT_RELRSZ 35
#define DT_RELR 36
#define DT_RELRENT 37
#endif

/* What matters of the section; a table that is not there has size 0. */
struct dynamic {
    uint64_t rela, rela_size, rela_entry;
    uint64_t plt, plt_size, plt_kind;
};

/* Tags that say nothing the loader has to know: start code, symbol hashes and the like, which only
   the program itself reads. */
static bool tag_is_harmless(int64_t tag)
{
    switch (tag) {
    case DT_INIT:
    case DT_FINI:
    case DT_INIT_ARRAY:
    case DT_INIT_ARRAYSZ:
    case DT_FINI_ARRAY:
    case DT_FINI_ARRAYSZ:
    case DT_PREINIT_ARRAY:
    case DT_PREINIT_ARRAYSZ:
    case DT_HASH:
    case DT_GNU_HASH:
    case DT_STRTAB:
    case DT_STRSZ:
    case DT_SYMTAB:
    case DT_SYMENT:
    case DT_SYMBOLIC:
    case DT_PLTGOT:
    case DT_DEBUG:
    case DT_BIND_NOW:
    case DT_FLAGS_1:
    case DT_RELACOUNT:
        return true;
    default:
        return false;
    }
}

static cloister_status check_flags(uint64_t flags, struct reason *why)
{
    if (flags & DF_TEXTREL)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "relocates its code (DF_TEXTREL); compile with -fPIE");
    if (flags & ~(uint64_t)(DF_BIND_NOW | DF_SYMBOLIC | DF_STATIC_TLS))
        return refuse(why, CLOISTER_BAD_FORMAT, "unknown dynamic flags %#lx", flags);
    return CLOISTER_OK;
}

static cloister_status refuse_tag(int64_t tag, struct reason *why)
{
    switch (tag) {
    case DT_NEEDED:
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "needs a shared library (DT_NEEDED); link with -static-pie");
    case DT_TEXTREL:
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "relocates its code (DT_TEXTREL); compile with -fPIE");
    case DT_RELR:
    case DT_RELRSZ:
    case DT_RELRENT:
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "packed relocations (DT_RELR); link without -z pack-relative-relocs");
    default:
        return refuse(why, CLOISTER_BAD_FORMAT, "dynamic tag %#lx is not allowed", tag);
    }
}

static cloister_status read_entry(struct dynamic *dynamic, const Elf64_Dyn *entry,
                                  struct reason *why)
{
    uint64_t value = entry->d_un.d_val;
    switch (entry->d_tag) {
    case DT_RELA:
        dynamic->rela = value;
        return CLOISTER_OK;
    case DT_RELASZ:
        dynamic->rela_size = value;
        return CLOISTER_OK;
    case DT_RELAENT:
        dynamic->rela_entry = value;
        return CLOISTER_OK;
    case DT_JMPREL:
        dynamic->plt = value;
        return CLOISTER_OK;
    case DT_PLTRELSZ:
        dynamic->plt_size = value;
        return CLOISTER_OK;
    case DT_PLTREL:
        dynamic->plt_kind = value;
        return CLOISTER_OK;
    case DT_FLAGS:
        return check_flags(value, why);
    default:
        return tag_is_harmless(entry->d_tag) ? CLOISTER_OK : refuse_tag(entry->d_tag, why);
    }
}

/* A second entry of a tag would mean one thing to us and another to the program. */
static bool tag_repeats(const uint8_t *entries, unsigned count, int64_t tag)
{
    for (unsigned i = 0; i < count; i++) {
        Elf64_Dyn entry;
        memcpy(&entry, entries + i * sizeof entry, sizeof entry);
        if (entry.d_tag == tag)
            return true;
    }
    return false;
}

static cloister_status read_entries(struct dynamic *dynamic, const uint8_t *entries, size_t size,
                                    struct reason *why)
{
    struct cursor cursor = cursor_over(entries, size);
    Elf64_Dyn entry;
    for (unsigned i = 0; cursor_copy(&cursor, &entry, sizeof entry); i++) {
        if (entry.d_tag == DT_NULL)
            return CLOISTER_OK;
        if (i == DYNAMIC_ENTRIES_MAX)
            break;
        if (tag_repeats(entries, i, entry.d_tag))
            return refuse(why, CLOISTER_BAD_FORMAT, "dynamic tag %#lx occurs twice", entry.d_tag);
        cloister_status status = read_entry(dynamic, &entry, why);
        if (status != CLOISTER_OK)
            return status;
    }
    return refuse(why, CLOISTER_BAD_FORMAT,
                  "dynamic section has no end within %zu bytes and %u entries", size,
                  DYNAMIC_ENTRIES_MAX);
}

static bool is_code(const struct elf_image *image, uint64_t vaddr)
{
    const struct elf_segment *segment = elf_segment_with_bytes(image, vaddr, 1);
    return segment && (segment->rights & CLO_SEGMENT_EXECUTE);
}

static cloister_status check_relocation(const struct elf_image *image, const Elf64_Rela *rela,
                                        struct reason *why)
{
    uint64_t type = ELF64_R_TYPE(rela->r_info);
    if (rela->r_info == R_X86_64_NONE)
        return CLOISTER_OK; /* the linker's filler for one that it did not need */
    if (ELF64_R_SYM(rela->r_info) != 0 || (type != R_X86_64_RELATIVE && type != R_X86_64_IRELATIVE))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "relocation of type %lu with symbol %lu at %#lx; only relative ones are "
                      "allowed",
                      type, ELF64_R_SYM(rela->r_info), rela->r_offset);
    const struct elf_segment *target = elf_segment_of(image, rela->r_offset, sizeof(uint64_t));
    if (!target || !(target->rights & CLO_SEGMENT_WRITE))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "relocation at %#lx is not inside a writable segment", rela->r_offset);
    if (type == R_X86_64_IRELATIVE && !is_code(image, (uint64_t)rela->r_addend))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "relocation at %#lx calls %#lx, which is not inside an executable segment",
                      rela->r_offset, rela->r_addend);
    return CLOISTER_OK;
}

static cloister_status check_relocations(const struct elf_image *image, uint64_t vaddr,
                                         uint64_t size, const char *name, struct reason *why)
{
    if (size == 0)
        return CLOISTER_OK;
    const struct elf_segment *segment = elf_segment_with_bytes(image, vaddr, size);
    if (!segment || (segment->rights & CLO_SEGMENT_WRITE) || size % sizeof(Elf64_Rela) != 0)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "%s: %#lx bytes at %#lx; whole entries inside one read-only segment needed",
                      name, size, vaddr);
    struct cursor cursor =
        cursor_over(image->bytes + segment->offset + (vaddr - segment->vaddr), size);
    Elf64_Rela rela;
    while (cursor_copy(&cursor, &rela, sizeof rela)) {
        cloister_status status = check_relocation(image, &rela, why);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_OK;
}

cloister_status elf_dynamic_check(const struct elf_image *image, const Elf64_Phdr *phdr,
                                  struct reason *why)
{
    const struct elf_segment *segment =
        elf_segment_with_bytes(image, phdr->p_vaddr, phdr->p_filesz);
    if (!segment || phdr->p_filesz != phdr->p_memsz ||
        phdr->p_offset != segment->offset + (phdr->p_vaddr - segment->vaddr))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "PT_DYNAMIC: %#lx bytes at %#lx are not where a segment has them in the file",
                      phdr->p_filesz, phdr->p_vaddr);
    struct dynamic dynamic = {.rela_entry = sizeof(Elf64_Rela), .plt_kind = DT_RELA};
    cloister_status status =
        read_entries(&dynamic, image->bytes + phdr->p_offset, phdr->p_filesz, why);
    if (status != CLOISTER_OK)
        return status;
    if (dynamic.rela_entry != sizeof(Elf64_Rela) || dynamic.plt_kind != DT_RELA)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "relocation entries of %lu bytes, kind %lu; %zu bytes and kind %u needed",
                      dynamic.rela_entry, dynamic.plt_kind, sizeof(Elf64_Rela), DT_RELA);
    status = check_relocations(image, dynamic.rela, dynamic.rela_size, "DT_RELA", why);
    if (status == CLOISTER_OK)
        status = check_relocations(image, dynamic.plt, dynamic.plt_size, "DT_JMPREL", why);
    return status;
}
