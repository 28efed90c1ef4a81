/*
 * Puts the signature note into a module's file.
 */
#ifndef TOOLS_CRYPTO_MODULE_SECTION_H
#define TOOLS_CRYPTO_MODULE_SECTION_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

/* Makes a copy of an ELF file that elf_image_parse accepts, in which the section
   CLO_SIGNATURE_SECTION holds one note with this signature; an earlier one is replaced. No byte
   that is loaded moves or changes, but for the section-header fields of the ELF header. The section
   name table, the section and the section headers become the end of the file. Fresh memory in *out.
 */
CLOISTER_MUST_USE cloister_status module_section_write(const uint8_t *bytes, size_t size,
                                                       const uint8_t *signature,
                                                       size_t signature_size, uint8_t **out,
                                                       size_t *out_size, struct reason *why);

#endif
