/*
 * The canonical form of a module: its record and its pages. docs/measurement.md.
 */
#ifndef MEASURE_MODULE_IMAGE_H
#define MEASURE_MODULE_IMAGE_H

#include "measure/elf_image.h"

/* Fills the record from a parsed file; copies the manifest and checks it (ELF_MODULE), or leaves it
   zero (ELF_PROGRAM). */
CLOISTER_MUST_USE cloister_status module_record_fill(const struct elf_image *image,
                                                     struct clo_module_record *record,
                                                     struct reason *why);

/* Is a record that someone else wrote one that module_record_fill could have made of a module? A
   record without a manifest (a program) is refused. */
CLOISTER_MUST_USE cloister_status module_record_check(const struct clo_module_record *record,
                                                      struct reason *why);

/* Pages of the image: the sum over its segments. */
uint32_t module_image_pages(const struct clo_module_record *record);

/* Writes the canonical pages, in segment order, to `pages` (module_image_pages pages, zeroed). */
void module_image_write(const struct elf_image *image, const struct clo_module_record *record,
                        uint8_t *pages);

/* For who lets the kernel copy the segments: the bytes of this segment that are others than in the
   file. They are the segment's first; returns how many, 0 for most segments. */
#define MODULE_HEADER_SIZE 64u
size_t module_image_header(const struct elf_image *image, const struct elf_segment *segment,
                           uint8_t bytes[MODULE_HEADER_SIZE]);

/* SHA-384 of the canonical form, its pages in memory or in a file. IO: the file is shorter. In a
   file of its own: needs libcrypto, the rest does not. */
CLOISTER_MUST_USE cloister_status module_measure(const struct clo_module_record *record,
                                                 const uint8_t *pages,
                                                 uint8_t measurement[CLO_DIGEST_SIZE]);
CLOISTER_MUST_USE cloister_status module_measure_file(const struct clo_module_record *record,
                                                      int file,
                                                      uint8_t measurement[CLO_DIGEST_SIZE]);

#endif
