/*
 * A module's file in memory, parsed and measured.
 */
#include "tools/crypto/module_bytes.h"

#include "base/file.h"
#include "base/scope.h"
#include "measure/crypto.h"
#include "measure/module_signature.h"

#include <string.h>

cloister_status module_bytes_parse(uint8_t *bytes, size_t size, struct module_bytes *module,
                                   struct reason *why)
{
    struct module_bytes parsed = {.bytes = bytes, .size = size};
    cloister_status status = elf_image_parse(bytes, size, ELF_MODULE, &parsed.image, why);
    if (status == CLOISTER_OK)
        status = module_record_fill(&parsed.image, &parsed.record, why);
    if (status == CLOISTER_OK)
        status = crypto_start(why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FREE uint8_t *pages = calloc(module_image_pages(&parsed.record), CLO_PAGE_SIZE);
    if (!pages)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the image");
    module_image_write(&parsed.image, &parsed.record, pages);
    status = module_measure(&parsed.record, pages, parsed.measurement);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot compute a digest: %s", crypto_error());
    parsed.pages = take_pointer(&pages);
    *module = parsed;
    return CLOISTER_OK;
}

cloister_status module_bytes_read(const char *path, struct module_bytes *module, struct reason *why)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;
    cloister_status status = file_read(path, ELF_FILE_MAX, &bytes, &size, why);
    if (status != CLOISTER_OK)
        return status;
    struct reason inner = {0};
    status = module_bytes_parse(bytes, size, module, &inner);
    if (status != CLOISTER_OK)
        return refuse(why, status, "%s: %s", path, inner.text);
    (void)take_pointer(&bytes);
    return CLOISTER_OK;
}

void module_bytes_free(struct module_bytes *module)
{
    free(module->bytes);
    free(module->pages);
    module->bytes = NULL;
    module->pages = NULL;
}

cloister_status module_bytes_author(const struct module_bytes *module,
                                    uint8_t author[CLO_AUTHOR_SIZE], struct reason *why)
{
    memset(author, 0, CLO_AUTHOR_SIZE);
    if (module->image.signature.size == 0)
        return CLOISTER_OK;
    return module_signature_verify(module->bytes + module->image.signature.offset,
                                   module->image.signature.size, module->measurement,
                                   &module->record.manifest, author, why);
}
