/*
 * Reads a hostile ELF64 file into a struct, strictly: what the loader does not understand it
 * refuses. Works on bytes nobody else can change; allocates nothing.
 */
#ifndef MEASURE_ELF_IMAGE_H
#define MEASURE_ELF_IMAGE_H

#include "abi/manifest.h"
#include "base/reason.h"

#include <stdbool.h>

#define ELF_FILE_MAX (256u << 20) /* bytes of a file that anyone reads */

enum elf_kind {
    ELF_MODULE,  /* ET_DYN with a manifest note */
    ELF_PROGRAM, /* cloister exec: static ET_DYN or ET_EXEC, no manifest needed */
};

struct elf_segment {
    uint64_t vaddr;
    uint64_t memsz;
    uint64_t filesz;
    uint64_t offset;
    uint32_t rights; /* CLO_SEGMENT_… */
};

/* A stretch of the file; size 0: there is none. */
struct elf_range {
    uint64_t offset;
    uint64_t size;
};

struct elf_image {
    const uint8_t *bytes; /* of the caller */
    size_t size;
    bool position_independent;
    uint64_t entry;
    struct elf_segment segment[CLO_SEGMENTS_MAX]; /* ascending, disjoint pages */
    unsigned segment_count;
    uint64_t span; /* end of the highest segment, rounded up to a page */
    uint64_t relro_vaddr, relro_size;
    uint64_t tls_vaddr, tls_filesz, tls_memsz, tls_align;
    uint64_t phdr_vaddr; /* 0: program headers not loaded */
    uint32_t phdr_count;
    struct elf_range manifest;         /* descriptor of the manifest note */
    struct elf_range signature;        /* descriptor of the signature note */
    struct elf_range symbols, strings; /* .symtab and its string table */
};

/* Refuses, naming the field: wrong class, machine or type; an interpreter; needed libraries;
   symbolic or text relocations; W+X or overlapping or wrapping segments; an executable stack;
   misaligned offsets; memory without file bytes in a segment that is not writable; missing,
   duplicate or misplaced notes; a range outside the file; more than CLO_MODULE_SIZE_MAX. Section
   headers are read only for the signature note and symbols, and a file without them is fine.
   BAD_FORMAT, TOO_BIG. Design section 4. */
CLOISTER_MUST_USE cloister_status elf_image_parse(const void *bytes, size_t size,
                                                  enum elf_kind kind, struct elf_image *out,
                                                  struct reason *why);

/* The name of the function that contains `vaddr` (relative to the load base) and the offset in it;
   false if there is none. `name` gets at most `name_size` bytes with NUL, printable only. */
bool elf_image_symbol(const struct elf_image *image, uint64_t vaddr, char *name, size_t name_size,
                      uint64_t *offset);

#endif
