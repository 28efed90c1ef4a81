/*
 * Measures a module: SHA-384 over its canonical form. docs/measurement.md is the specification.
 */
#include "measure/module_image.h"

#include <openssl/evp.h>

/* What precedes each page's bytes. */
struct page_header {
    uint64_t address;
    uint32_t rights;
    uint32_t zero;
};

static bool add_segment(EVP_MD_CTX *digest, const struct clo_segment *segment, const uint8_t *pages)
{
    struct page_header header = {
        .address = segment->vaddr & ~(uint64_t)(CLO_PAGE_SIZE - 1),
        .rights = segment->rights,
    };
    for (uint32_t i = 0; i < segment->pages; i++) {
        if (EVP_DigestUpdate(digest, &header, sizeof header) != 1 ||
            EVP_DigestUpdate(digest, pages + (size_t)i * CLO_PAGE_SIZE, CLO_PAGE_SIZE) != 1)
            return false;
        header.address += CLO_PAGE_SIZE;
    }
    return true;
}

static bool digest_module(EVP_MD_CTX *digest, const struct clo_module_record *record,
                          const uint8_t *pages, uint8_t measurement[CLO_DIGEST_SIZE])
{
    if (EVP_DigestInit_ex(digest, EVP_sha384(), NULL) != 1 ||
        EVP_DigestUpdate(digest, CLO_MEASUREMENT_TAG, sizeof CLO_MEASUREMENT_TAG - 1) != 1 ||
        EVP_DigestUpdate(digest, record, sizeof *record) != 1)
        return false;
    for (uint32_t i = 0; i < record->segment_count; i++) {
        if (!add_segment(digest, &record->segment[i], pages))
            return false;
        pages += (size_t)record->segment[i].pages * CLO_PAGE_SIZE;
    }
    return EVP_DigestFinal_ex(digest, measurement, NULL) == 1;
}

cloister_status module_measure(const struct clo_module_record *record, const uint8_t *pages,
                               uint8_t measurement[CLO_DIGEST_SIZE])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest)
        return CLOISTER_NO_MEMORY;
    bool done = digest_module(digest, record, pages, measurement);
    EVP_MD_CTX_free(digest);
    return done ? CLOISTER_OK : CLOISTER_INTERNAL;
}
