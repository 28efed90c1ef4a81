/*
 * The parts of the ELF reader, for one another only: users include measure/elf_image.h.
 */
#ifndef MEASURE_ELF_PARTS_H
#define MEASURE_ELF_PARTS_H

#include "measure/elf_image.h"

#include <elf.h>

#define ELF_PROGRAM_HEADERS_MAX 32u

/* Is [offset, offset + size) inside the file? */
bool elf_in_file(const struct elf_image *image, uint64_t offset, uint64_t size);

/* The segment whose bytes from the file include [vaddr, vaddr + size); NULL if none does. */
const struct elf_segment *elf_segment_with_bytes(const struct elf_image *image, uint64_t vaddr,
                                                 uint64_t size);

/* The segment whose memory includes [vaddr, vaddr + size); NULL if none does. */
const struct elf_segment *elf_segment_of(const struct elf_image *image, uint64_t vaddr,
                                         uint64_t size);

/* The rules about segments: rights, sizes, order, place, span. BAD_FORMAT, TOO_BIG. */
CLOISTER_MUST_USE cloister_status elf_segments_check(const struct elf_image *image,
                                                     struct reason *why);

/* All rules about memory: those, and entry, RELRO, TLS, program headers. Needs no file bytes, so it
   serves for records that came without a file, too. BAD_FORMAT, TOO_BIG. */
CLOISTER_MUST_USE cloister_status elf_layout_check(const struct elf_image *image,
                                                   struct reason *why);

/* The dynamic section and the relocations it names. The range is checked here. */
CLOISTER_MUST_USE cloister_status elf_dynamic_check(const struct elf_image *image,
                                                    const Elf64_Phdr *dynamic, struct reason *why);

/* One PT_NOTE: finds the manifest, refuses a second one and any other note of ours. */
CLOISTER_MUST_USE cloister_status elf_notes_read(struct elf_image *image, const Elf64_Phdr *notes,
                                                 struct reason *why);

/* A section that holds the signature note and nothing else. */
CLOISTER_MUST_USE cloister_status elf_signature_read(struct elf_image *image,
                                                     const Elf64_Shdr *section, struct reason *why);

/* Section headers, if there are any: signature note and symbol table. */
CLOISTER_MUST_USE cloister_status elf_sections_read(struct elf_image *image,
                                                    const Elf64_Ehdr *header, struct reason *why);

#endif
