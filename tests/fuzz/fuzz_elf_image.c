/*
 * Fuzzes the ELF reader and what is built on what it accepts: the record, its check by the keeper,
 * the canonical pages, symbols.
 */
#include "measure/module_image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A record that was made from a file must be one that the keeper accepts. */
static void use_module(const struct elf_image *image)
{
    struct clo_module_record record;
    if (module_record_fill(image, &record, NULL) != CLOISTER_OK)
        return;
    if (module_record_check(&record, NULL) != CLOISTER_OK)
        abort();
    uint8_t *pages = calloc(module_image_pages(&record), CLO_PAGE_SIZE);
    if (!pages)
        abort();
    module_image_write(image, &record, pages);
    free(pages);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct elf_image image;
    struct reason why;
    char name[32];
    uint64_t offset;
    if (elf_image_parse(bytes, size, ELF_PROGRAM, &image, &why) == CLOISTER_OK)
        (void)elf_image_symbol(&image, image.entry, name, sizeof name, &offset);
    if (elf_image_parse(bytes, size, ELF_MODULE, &image, &why) == CLOISTER_OK)
        use_module(&image);
    return 0;
}
