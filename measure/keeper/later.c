/*
 * Does what can wait, in the sandbox, from what was read before it closed.
 */
#include "measure/keeper/later.h"

#include "base/memory.h"
#include "base/scope.h"
#include "measure/crypto.h"
#include "measure/keeper/conversation.h"

/* So long no request comes before what no start needs is done. */
#define QUIET_MS 20

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
    cloister_status status = crypto_sha384_file(later->binary, 0, later->binary_size,
                                                conversation->launch.world_host_measurement);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot measure the world host: %s", crypto_error());
    scope_close(&later->binary);
    later->binary = -1;
    return CLOISTER_OK;
}

/* Before START only what START needs: it must not have to wait for the rest. And after it the world
   host has the processor until it serves. */
int later_wait(const struct conversation *conversation)
{
    if (conversation->socket < 0)
        return -1;
    if (!conversation->later.keys_done)
        return 0;
    return conversation->launch.started && !conversation->later.trimmed ? QUIET_MS : -1;
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
        memory_trim();
        later->trimmed = true;
    }
}
