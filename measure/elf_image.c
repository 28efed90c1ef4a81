/*
 * Reads a hostile ELF64 file: file header and program headers. Dynamic section, notes, sections and
 * the memory rules have files of their own (elf_*.c).
 *
 * Our own reader rather than libelf: what it accepts and refuses is what this project exists for,
 * libelf is made for the files of honest compilers, and the world host links as little as it can.
 * Structs are copied out of the file before they are looked at; nothing points into it.
 */
#include "measure/elf_parts.h"

#include "base/checked.h"

#include <string.h>

#ifndef PT_GNU_PROPERTY
#define PT_GNU_PROPERTY 0x6474e553
#endif
#ifndef PT_GNU_SFRAME
#define PT_GNU_SFRAME 0x6474e554
#endif

/* Program headers that a file may have once. */
#define SEEN_DYNAMIC 1u
#define SEEN_PHDR 2u
#define SEEN_TLS 4u
#define SEEN_STACK 8u
#define SEEN_RELRO 16u

struct reader {
    struct elf_image *image;
    enum elf_kind kind;
    Elf64_Ehdr header;
    unsigned seen;
    struct reason *why;
};

bool elf_in_file(const struct elf_image *image, uint64_t offset, uint64_t size)
{
    return range_within(offset, size, image->size);
}

static cloister_status check_identity(const unsigned char *ident, struct reason *why)
{
    static const unsigned char padding[EI_NIDENT - EI_PAD];
    if (memcmp(ident, ELFMAG, SELFMAG) != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "not an ELF file");
    if (ident[EI_CLASS] != ELFCLASS64)
        return refuse(why, CLOISTER_BAD_FORMAT, "ELF class is %u; 64-bit (%u) is needed",
                      ident[EI_CLASS], ELFCLASS64);
    if (ident[EI_DATA] != ELFDATA2LSB)
        return refuse(why, CLOISTER_BAD_FORMAT, "byte order is %u; little-endian (%u) is needed",
                      ident[EI_DATA], ELFDATA2LSB);
    if (ident[EI_VERSION] != EV_CURRENT)
        return refuse(why, CLOISTER_BAD_FORMAT, "ELF version is %u; it must be %u",
                      ident[EI_VERSION], EV_CURRENT);
    if ((ident[EI_OSABI] != ELFOSABI_NONE && ident[EI_OSABI] != ELFOSABI_GNU) ||
        ident[EI_ABIVERSION] != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "ABI is %u.%u; System V (0.0) or GNU (3.0) needed",
                      ident[EI_OSABI], ident[EI_ABIVERSION]);
    if (memcmp(ident + EI_PAD, padding, sizeof padding) != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "padding of the ELF identity is not zero");
    return CLOISTER_OK;
}

static cloister_status check_type(const Elf64_Ehdr *header, enum elf_kind kind, struct reason *why)
{
    if (header->e_machine != EM_X86_64)
        return refuse(why, CLOISTER_BAD_FORMAT, "machine is %u; x86-64 (%u) is needed",
                      header->e_machine, EM_X86_64);
    if (header->e_type == ET_DYN || (header->e_type == ET_EXEC && kind == ELF_PROGRAM))
        return CLOISTER_OK;
    if (kind == ELF_MODULE)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "ELF type is %u; a module is position-independent (%u): link with "
                      "-static-pie",
                      header->e_type, ET_DYN);
    return refuse(why, CLOISTER_BAD_FORMAT, "ELF type is %u; a static program (%u or %u) is needed",
                  header->e_type, ET_EXEC, ET_DYN);
}

static cloister_status read_header(struct reader *reader)
{
    struct reason *why = reader->why;
    Elf64_Ehdr *header = &reader->header;
    if (reader->image->size < sizeof *header)
        return refuse(why, CLOISTER_BAD_FORMAT, "%zu bytes; an ELF file has at least %zu",
                      reader->image->size, sizeof *header);
    memcpy(header, reader->image->bytes, sizeof *header);
    cloister_status status = check_identity(header->e_ident, why);
    if (status == CLOISTER_OK)
        status = check_type(header, reader->kind, why);
    if (status != CLOISTER_OK)
        return status;
    if (header->e_version != EV_CURRENT || header->e_flags != 0 ||
        header->e_ehsize != sizeof(Elf64_Ehdr) || header->e_phentsize != sizeof(Elf64_Phdr))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "ELF header: version %u, flags %#x, sizes %u and %u; 1, 0, %zu and %zu are "
                      "needed",
                      header->e_version, header->e_flags, header->e_ehsize, header->e_phentsize,
                      sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr));
    if (header->e_phnum < 1 || header->e_phnum > ELF_PROGRAM_HEADERS_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "%u program headers; 1 to %u are allowed",
                      header->e_phnum, ELF_PROGRAM_HEADERS_MAX);
    if (!elf_in_file(reader->image, header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr)))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "%u program headers at offset %#lx are not inside the file's %zu bytes",
                      header->e_phnum, header->e_phoff, reader->image->size);
    reader->image->position_independent = header->e_type == ET_DYN;
    reader->image->entry = header->e_entry;
    return CLOISTER_OK;
}

static Elf64_Phdr program_header(const struct reader *reader, unsigned i)
{
    Elf64_Phdr phdr;
    memcpy(&phdr, reader->image->bytes + reader->header.e_phoff + i * sizeof phdr, sizeof phdr);
    return phdr;
}

static uint32_t rights_of(uint32_t flags)
{
    return (flags & PF_R ? CLO_SEGMENT_READ : 0) | (flags & PF_W ? CLO_SEGMENT_WRITE : 0) |
           (flags & PF_X ? CLO_SEGMENT_EXECUTE : 0);
}

/* What the file says of a segment. What it means in memory is for elf_layout_check. */
static cloister_status check_load(const struct reader *reader, const Elf64_Phdr *phdr, unsigned i)
{
    struct reason *why = reader->why;
    if (phdr->p_flags & ~(uint32_t)(PF_R | PF_W | PF_X))
        return refuse(why, CLOISTER_BAD_FORMAT, "segment %u has unknown flags %#x", i,
                      phdr->p_flags);
    if (!elf_in_file(reader->image, phdr->p_offset, phdr->p_filesz))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u: %#lx bytes at offset %#lx are not inside the file's %zu bytes",
                      i, phdr->p_filesz, phdr->p_offset, reader->image->size);
    uint64_t align = phdr->p_align < CLO_PAGE_SIZE ? CLO_PAGE_SIZE : phdr->p_align;
    if ((align & (align - 1)) != 0 || align > CLO_MODULE_ALIGN)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u is aligned to %#lx; a power of two up to %#llx is allowed", i,
                      phdr->p_align, CLO_MODULE_ALIGN);
    if ((phdr->p_vaddr & (align - 1)) != (phdr->p_offset & (align - 1)))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "segment %u: address %#lx and offset %#lx differ modulo the alignment %#lx",
                      i, phdr->p_vaddr, phdr->p_offset, align);
    /* Or a small file could describe a huge image. */
    for (unsigned k = 0; k < i; k++) {
        const struct elf_segment *other = &reader->image->segment[k];
        if (phdr->p_offset < other->offset + other->filesz &&
            other->offset < phdr->p_offset + phdr->p_filesz)
            return refuse(why, CLOISTER_BAD_FORMAT, "segments %u and %u share bytes of the file", k,
                          i);
    }
    return CLOISTER_OK;
}

static cloister_status read_loads(struct reader *reader)
{
    struct elf_image *image = reader->image;
    for (unsigned n = 0; n < reader->header.e_phnum; n++) {
        Elf64_Phdr phdr = program_header(reader, n);
        if (phdr.p_type != PT_LOAD)
            continue;
        unsigned i = image->segment_count;
        if (i == CLO_SEGMENTS_MAX)
            return refuse(reader->why, CLOISTER_BAD_FORMAT, "more than %u segments",
                          CLO_SEGMENTS_MAX);
        cloister_status status = check_load(reader, &phdr, i);
        if (status != CLOISTER_OK)
            return status;
        image->segment[i] = (struct elf_segment){.vaddr = phdr.p_vaddr,
                                                 .memsz = phdr.p_memsz,
                                                 .filesz = phdr.p_filesz,
                                                 .offset = phdr.p_offset,
                                                 .rights = rights_of(phdr.p_flags)};
        image->segment_count++;
    }
    if (image->segment_count == 0)
        return refuse(reader->why, CLOISTER_BAD_FORMAT, "no segment is loaded");
    /* A sum that wraps is refused right below. */
    const struct elf_segment *last = &image->segment[image->segment_count - 1];
    image->span = (last->vaddr + last->memsz + CLO_PAGE_SIZE - 1) & ~(uint64_t)(CLO_PAGE_SIZE - 1);
    return elf_segments_check(image, reader->why);
}

/* Where the program headers are in memory, for the program's start code. */
static void find_phdrs(struct reader *reader)
{
    struct elf_image *image = reader->image;
    uint64_t offset = reader->header.e_phoff;
    uint64_t size = reader->header.e_phnum * sizeof(Elf64_Phdr);
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segment[i];
        if (offset < segment->offset ||
            !range_within(offset - segment->offset, size, segment->filesz))
            continue;
        image->phdr_vaddr = segment->vaddr + (offset - segment->offset);
        image->phdr_count = image->phdr_vaddr ? reader->header.e_phnum : 0;
    }
}

static cloister_status check_phdr(const struct reader *reader, const Elf64_Phdr *phdr)
{
    if (phdr->p_offset == reader->header.e_phoff && phdr->p_vaddr == reader->image->phdr_vaddr)
        return CLOISTER_OK;
    return refuse(reader->why, CLOISTER_BAD_FORMAT,
                  "PT_PHDR says offset %#lx, address %#lx; the program headers are at %#lx, %#lx",
                  phdr->p_offset, phdr->p_vaddr, reader->header.e_phoff, reader->image->phdr_vaddr);
}

static cloister_status read_tls(const struct reader *reader, const Elf64_Phdr *phdr)
{
    struct elf_image *image = reader->image;
    image->tls_vaddr = phdr->p_vaddr;
    image->tls_filesz = phdr->p_filesz;
    image->tls_memsz = phdr->p_memsz;
    image->tls_align = phdr->p_align;
    const struct elf_segment *segment =
        elf_segment_with_bytes(image, phdr->p_vaddr, phdr->p_filesz);
    if (phdr->p_filesz != 0 && segment &&
        phdr->p_offset != segment->offset + (phdr->p_vaddr - segment->vaddr))
        return refuse(reader->why, CLOISTER_BAD_FORMAT,
                      "PT_TLS: offset %#lx is not where address %#lx lies in the file",
                      phdr->p_offset, phdr->p_vaddr);
    return CLOISTER_OK;
}

static cloister_status read_relro(const struct reader *reader, const Elf64_Phdr *phdr)
{
    reader->image->relro_vaddr = phdr->p_vaddr;
    reader->image->relro_size = phdr->p_memsz;
    return CLOISTER_OK;
}

static cloister_status check_stack(const struct reader *reader, const Elf64_Phdr *phdr)
{
    if (phdr->p_flags & PF_X)
        return refuse(reader->why, CLOISTER_BAD_FORMAT,
                      "wants an executable stack; link with -z noexecstack");
    return CLOISTER_OK;
}

/* Reads a program header that a file may have once. */
static cloister_status read_once(struct reader *reader, const Elf64_Phdr *phdr, unsigned bit,
                                 const char *name,
                                 cloister_status (*read)(const struct reader *, const Elf64_Phdr *))
{
    if (reader->seen & bit)
        return refuse(reader->why, CLOISTER_BAD_FORMAT, "more than one %s", name);
    reader->seen |= bit;
    return read(reader, phdr);
}

static cloister_status read_dynamic(const struct reader *reader, const Elf64_Phdr *phdr)
{
    return elf_dynamic_check(reader->image, phdr, reader->why);
}

static cloister_status read_other(struct reader *reader, const Elf64_Phdr *phdr)
{
    switch (phdr->p_type) {
    case PT_DYNAMIC:
        return read_once(reader, phdr, SEEN_DYNAMIC, "PT_DYNAMIC", read_dynamic);
    case PT_PHDR:
        return read_once(reader, phdr, SEEN_PHDR, "PT_PHDR", check_phdr);
    case PT_TLS:
        return read_once(reader, phdr, SEEN_TLS, "PT_TLS", read_tls);
    case PT_GNU_STACK:
        return read_once(reader, phdr, SEEN_STACK, "PT_GNU_STACK", check_stack);
    case PT_GNU_RELRO:
        return read_once(reader, phdr, SEEN_RELRO, "PT_GNU_RELRO", read_relro);
    case PT_NOTE:
        return reader->kind == ELF_MODULE ? elf_notes_read(reader->image, phdr, reader->why)
                                          : CLOISTER_OK;
    case PT_INTERP:
        return refuse(reader->why, CLOISTER_BAD_FORMAT,
                      "dynamically linked (PT_INTERP); link with -static-pie");
    case PT_NULL:
    case PT_LOAD:
    case PT_GNU_EH_FRAME: /* for the program's own unwinder */
    case PT_GNU_SFRAME:
    case PT_GNU_PROPERTY: /* says again what a PT_NOTE says */
        return CLOISTER_OK;
    default:
        return refuse(reader->why, CLOISTER_BAD_FORMAT, "program header of unknown type %#x",
                      phdr->p_type);
    }
}

static cloister_status read_program_headers(struct reader *reader)
{
    cloister_status status = read_loads(reader);
    if (status != CLOISTER_OK)
        return status;
    find_phdrs(reader);
    for (unsigned i = 0; i < reader->header.e_phnum; i++) {
        Elf64_Phdr phdr = program_header(reader, i);
        status = read_other(reader, &phdr);
        if (status != CLOISTER_OK)
            return status;
    }
    if (reader->kind == ELF_MODULE && reader->image->manifest.size == 0)
        return refuse(reader->why, CLOISTER_BAD_FORMAT,
                      "no manifest note; a module has one CLOISTER_MODULE(…)");
    return elf_layout_check(reader->image, reader->why);
}

cloister_status elf_image_parse(const void *bytes, size_t size, enum elf_kind kind,
                                struct elf_image *out, struct reason *why)
{
    struct elf_image image = {.bytes = bytes, .size = size};
    struct reader reader = {.image = &image, .kind = kind, .why = why};
    cloister_status status = read_header(&reader);
    if (status == CLOISTER_OK)
        status = read_program_headers(&reader);
    if (status == CLOISTER_OK)
        status = elf_sections_read(&image, &reader.header, why);
    if (status == CLOISTER_OK)
        *out = image;
    return status;
}
