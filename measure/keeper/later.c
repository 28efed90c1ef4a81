/*
 * Does what can wait, in the sandbox, from what was read before it closed.
 */
#include "measure/keeper/later.h"

#include "base/scope.h"
#include "measure/crypto.h"
#include "measure/keeper/conversation.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

cloister_status later_keys(struct conversation *conversation, struct reason *why)
{
    struct later *later = &conversation->later;
    if (!later->keys_done) {
        later->keys_status = platform_parse(conversation->folder, &conversation->platform,
                                            &later->files, &later->keys_why);
        later->keys_done = true;
    }
    if (later->keys_status != CLOISTER_OK)
        *why = later->keys_why;
    return later->keys_status;
}

cloister_status later_measurement(struct conversation *conversation, struct reason *why)
{
    struct later *later = &conversation->later;
    if (later->binary < 0)
        return CLOISTER_OK;
    later->binary_tried = true;
    void *bytes = mmap(NULL, later->binary_size, PROT_READ, MAP_SHARED, later->binary, 0);
    if (bytes == MAP_FAILED)
        return refuse_errno(why, "cannot map the world host");
    const struct crypto_bytes piece = {bytes, later->binary_size};
    cloister_status status = crypto_sha384(&piece, 1, conversation->launch.world_host_measurement);
    (void)munmap(bytes, later->binary_size);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot measure the world host: %s", crypto_error());
    scope_close(&later->binary);
    later->binary = -1;
    return CLOISTER_OK;
}

/* Code and constants are the file's: dropped here, they come back from the page cache when they are
   needed. Data that may have been written stays. */
static int drop_constant_segments(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
            continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(uintptr_t)(CLO_PAGE_SIZE - 1);
        (void)madvise((void *)start,
                      object->dlpi_addr + segment->p_vaddr + segment->p_memsz - start,
                      MADV_DONTNEED);
    }
    return 0;
}

static void trim(void)
{
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(drop_constant_segments, NULL);
}

/* Before START only what START needs: it must not have to wait for the rest. */
bool later_is_due(const struct conversation *conversation)
{
    if (conversation->socket < 0)
        return false;
    return !conversation->later.keys_done ||
           (conversation->launch.started && !conversation->later.trimmed);
}

void later_do(struct conversation *conversation)
{
    struct later *later = &conversation->later;
    struct reason why;
    if (!later->keys_done)
        (void)!later_keys(conversation, &why);
    else if (!later->binary_tried)
        (void)!later_measurement(conversation, &why);
    else {
        trim();
        later->trimmed = true;
    }
}
