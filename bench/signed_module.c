/*
 * Measures by way of the image's memfd, as the keeper does.
 */
#include "bench/signed_module.h"

#include "measure/module_image.h"
#include "measure/module_signature.h"

#include <openssl/ec.h>

cloister_status signed_module_make(struct signed_module *module, const char *path,
                                   struct reason *why)
{
    struct module_file file;
    uint8_t measurement[CLO_DIGEST_SIZE];
    cloister_status status = module_file_open(path, ELF_MODULE, &file, why);
    if (status != CLOISTER_OK)
        return status;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    status = key ? module_measure_file(&file.record, file.image, measurement) : CLOISTER_NO_MEMORY;
    if (status == CLOISTER_OK)
        status = module_signature_make(key, measurement, &file.record.manifest, module->signature,
                                       sizeof module->signature, &module->size, why);
    EVP_PKEY_free(key);
    module_file_close(&file);
    return status;
}

cloister_status signed_module_check(const struct signed_module *module,
                                    const struct module_file *file, struct reason *why)
{
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t author[CLO_AUTHOR_SIZE];
    cloister_status status = module_measure_file(&file->record, file->image, measurement);
    if (status != CLOISTER_OK)
        return status;
    return module_signature_verify(module->signature, module->size, measurement,
                                   &file->record.manifest, author, why);
}
