/*
 * A small module that follows every rule of the loader, as a struct whose members are the parts of
 * the file: a test breaks one of them and sees what happens. Addresses equal offsets.
 */
#ifndef TESTS_UNIT_ELF_SAMPLE_H
#define TESTS_UNIT_ELF_SAMPLE_H

#include "measure/elf_image.h"

#include <elf.h>

enum sample_phdr {
    SAMPLE_PHDR,
    SAMPLE_CONSTANTS, /* segment 0: from the file header to the relocations */
    SAMPLE_TEXT,      /* segment 1 */
    SAMPLE_DATA,      /* segment 2: from tls on, with a page of zeros behind it */
    SAMPLE_DYNAMIC,
    SAMPLE_NOTE,
    SAMPLE_TLS,
    SAMPLE_STACK,
    SAMPLE_RELRO,
    SAMPLE_SPARE, /* this and the rest are PT_NULL */
    SAMPLE_PHDRS = 13,
};

enum sample_dynamic {
    SAMPLE_RELA,
    SAMPLE_RELASZ,
    SAMPLE_RELAENT,
    SAMPLE_JMPREL,
    SAMPLE_PLTRELSZ,
    SAMPLE_PLTREL,
    SAMPLE_FLAGS,
    SAMPLE_DYNAMIC_SPARE, /* a harmless DT_DEBUG */
    SAMPLE_DYNAMIC_END,
    SAMPLE_DYNAMICS,
};

enum sample_section {
    SAMPLE_SECTION_NULL,
    SAMPLE_SYMTAB,
    SAMPLE_STRTAB,
    SAMPLE_NAMES,
    SAMPLE_SIGNATURE,
    SAMPLE_SECTIONS,
};

struct elf_sample {
    Elf64_Ehdr header;
    Elf64_Phdr phdr[SAMPLE_PHDRS];
    struct {
        Elf64_Nhdr header;
        char owner[12];
        struct clo_manifest manifest;
    } note;
    Elf64_Rela rela[3];
    Elf64_Rela plt[1];
    _Alignas(4096) uint8_t text[256];
    _Alignas(4096) uint8_t tls[16];
    Elf64_Dyn dynamic[SAMPLE_DYNAMICS];
    uint64_t data[64];
    /* From here on nothing is loaded. */
    Elf64_Sym symbol[3]; /* none, _start, resolver */
    char strings[32];
    char names[128];
    struct {
        Elf64_Nhdr header;
        char owner[12];
        uint8_t signature[64];
    } signature;
    Elf64_Shdr section[SAMPLE_SECTIONS];
};

void sample_make(struct elf_sample *sample);

/* A manifest that follows every rule: name "sample", one method "echo". */
void sample_manifest(struct clo_manifest *manifest);

/* Asserts that the sample is refused with `status` and a reason that contains `word`. */
void sample_is_refused(const struct elf_sample *sample, enum elf_kind kind, cloister_status status,
                       const char *word);

/* Asserts that it is accepted, and parses it. */
void sample_is_accepted(const struct elf_sample *sample, enum elf_kind kind,
                        struct elf_image *image);

#endif
