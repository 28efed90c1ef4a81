/*
 * A module's file, read once: a hostile file becomes a checked record and a sealed image.
 */
#ifndef VMM_MODULE_FILE_H
#define VMM_MODULE_FILE_H

#include "abi/keeper.h"
#include "measure/elf_image.h"

#define MODULE_FILE_MAX ELF_FILE_MAX

struct module_file {
    uint8_t name[CLO_NAME_SIZE]; /* file name without folder and .mod; "program" for a program
                                    whose file name is no valid name */
    struct clo_module_record record;
    uint8_t signature[CLO_KEEPER_SIGNATURE_MAX];
    uint32_t signature_size;
    int image; /* memfd of the canonical pages, sealed against any change */
    uint32_t image_pages;
    int source; /* memfd of the whole file, sealed: for symbols */
};

/* Opens the path once, copies it into a sealed memfd, and works on that. On success the caller
   ends with module_file_close. Reasons name the path. NOT_FOUND, DENIED; BAD_FORMAT, TOO_BIG,
   UNSUPPORTED: the file; BAD_ARGUMENT: its name; NO_MEMORY, IO. */
CLOISTER_MUST_USE cloister_status module_file_open(const char *path, enum elf_kind kind,
                                                   struct module_file *file, struct reason *why);

/* "function+0x12" for an address relative to the load base, or "" if the file has no symbol. */
void module_file_symbol(const struct module_file *file, uint64_t vaddr, char *text, size_t size);

void module_file_close(struct module_file *file);

#endif
