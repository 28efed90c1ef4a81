/*
 * A module's file in memory, parsed and measured: what `module sign`, `inspect`, `measure` and
 * `diff` work on.
 */
#ifndef TOOLS_CRYPTO_MODULE_BYTES_H
#define TOOLS_CRYPTO_MODULE_BYTES_H

#include "measure/module_image.h"

struct module_bytes {
    uint8_t *bytes; /* the whole file */
    size_t size;
    uint8_t *pages; /* the canonical pages */
    struct elf_image image;
    struct clo_module_record record;
    uint8_t measurement[CLO_DIGEST_SIZE];
};

/* Reads a file by all rules of the loader; reasons start with the path. The caller ends with
   module_bytes_free. */
CLOISTER_MUST_USE cloister_status module_bytes_read(const char *path, struct module_bytes *module,
                                                    struct reason *why);

/* The same for bytes that are in memory; takes them over on success. */
CLOISTER_MUST_USE cloister_status module_bytes_parse(uint8_t *bytes, size_t size,
                                                     struct module_bytes *module,
                                                     struct reason *why);

/* Frees; a struct of zeros is ignored. */
void module_bytes_free(struct module_bytes *module);

#define AUTO_MODULE_BYTES __attribute__((cleanup(module_bytes_free)))

/* Who signed it. OK: `author` is the valid signature's; all zero if there is none. CORRUPT,
   BAD_FORMAT: there is one that is not valid; `author` is zero. */
CLOISTER_MUST_USE cloister_status module_bytes_author(const struct module_bytes *module,
                                                      uint8_t author[CLO_AUTHOR_SIZE],
                                                      struct reason *why);

#endif
