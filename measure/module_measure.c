/*
 * Measures a module: SHA-384 over its canonical form. docs/measurement.md is the specification.
 */
#include "measure/module_image.h"

#include "base/file.h"

#include <openssl/evp.h>

#define PAGES_AT_ONCE 4u

/* What precedes each page's bytes. */
struct page_header {
    uint64_t address;
    uint32_t rights;
    uint32_t zero;
};

/* The pages of an image, one after the other. */
struct pages {
    const uint8_t *memory; /* NULL: in the file */
    int file;
    uint32_t next;
    uint32_t left; /* of the whole image */
    uint8_t read[PAGES_AT_ONCE * CLO_PAGE_SIZE];
};

static const uint8_t *next_page(struct pages *pages)
{
    uint32_t i = pages->next++;
    uint32_t slot = i % PAGES_AT_ONCE;
    if (pages->memory)
        return pages->memory + (size_t)i * CLO_PAGE_SIZE;
    if (slot == 0) {
        uint32_t count = pages->left < PAGES_AT_ONCE ? pages->left : PAGES_AT_ONCE;
        if (fd_read_at(pages->file, pages->read, (size_t)count * CLO_PAGE_SIZE,
                       (off_t)i * CLO_PAGE_SIZE) != CLOISTER_OK)
            return NULL;
        pages->left -= count;
    }
    return pages->read + (size_t)slot * CLO_PAGE_SIZE;
}

static cloister_status add_segment(EVP_MD_CTX *digest, const struct clo_segment *segment,
                                   struct pages *pages)
{
    struct page_header header = {
        .address = segment->vaddr & ~(uint64_t)(CLO_PAGE_SIZE - 1),
        .rights = segment->rights,
    };
    for (uint32_t i = 0; i < segment->pages; i++) {
        const uint8_t *page = next_page(pages);
        if (!page)
            return CLOISTER_IO;
        if (EVP_DigestUpdate(digest, &header, sizeof header) != 1 ||
            EVP_DigestUpdate(digest, page, CLO_PAGE_SIZE) != 1)
            return CLOISTER_INTERNAL;
        header.address += CLO_PAGE_SIZE;
    }
    return CLOISTER_OK;
}

static cloister_status digest_module(EVP_MD_CTX *digest, const struct clo_module_record *record,
                                     struct pages *pages, uint8_t measurement[CLO_DIGEST_SIZE])
{
    cloister_status status = CLOISTER_OK;
    if (EVP_DigestInit_ex(digest, EVP_sha384(), NULL) != 1 ||
        EVP_DigestUpdate(digest, CLO_MEASUREMENT_TAG, sizeof CLO_MEASUREMENT_TAG - 1) != 1 ||
        EVP_DigestUpdate(digest, record, sizeof *record) != 1)
        return CLOISTER_INTERNAL;
    for (uint32_t i = 0; i < record->segment_count && status == CLOISTER_OK; i++)
        status = add_segment(digest, &record->segment[i], pages);
    if (status == CLOISTER_OK && EVP_DigestFinal_ex(digest, measurement, NULL) != 1)
        status = CLOISTER_INTERNAL;
    return status;
}

static cloister_status measure(const struct clo_module_record *record, struct pages *pages,
                               uint8_t measurement[CLO_DIGEST_SIZE])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (!digest)
        return CLOISTER_NO_MEMORY;
    cloister_status status = digest_module(digest, record, pages, measurement);
    EVP_MD_CTX_free(digest);
    return status;
}

cloister_status module_measure(const struct clo_module_record *record, const uint8_t *pages,
                               uint8_t measurement[CLO_DIGEST_SIZE])
{
    struct pages in_memory = {.memory = pages, .file = -1};
    return measure(record, &in_memory, measurement);
}

cloister_status module_measure_file(const struct clo_module_record *record, int file,
                                    uint8_t measurement[CLO_DIGEST_SIZE])
{
    struct pages in_file = {.file = file, .left = module_image_pages(record)};
    return measure(record, &in_file, measurement);
}
