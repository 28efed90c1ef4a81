/*
 * Fuzzes the checks of a manifest and of a whole record, as the keeper gets it from a world host.
 */
#include "measure/manifest.h"
#include "measure/module_image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct clo_module_record record = {0};
    struct reason why;
    memcpy(&record, bytes, size < sizeof record ? size : sizeof record);
    bool manifest = manifest_check(&record.manifest, &why) == CLOISTER_OK;
    if (module_record_check(&record, &why) != CLOISTER_OK)
        return 0;
    /* What is accepted keeps these promises, on which the world host and the keeper rely. */
    if (!manifest || record.segment_count < 1 || record.segment_count > CLO_SEGMENTS_MAX ||
        module_image_pages(&record) > CLO_MODULE_SIZE_MAX / CLO_PAGE_SIZE ||
        record.manifest.method_count > CLO_METHODS_MAX)
        abort();
    return 0;
}
