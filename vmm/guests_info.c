/*
 * Says of each guest what its VMM's connection told, and what was counted here. Nothing of it is
 * read from memory that a guest writes.
 */
#include "vmm/guests_info.h"

#include "vmm/escape.h"

#include <stdlib.h>
#include <string.h>

static uint32_t channels_of(const struct guest *guest)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        count += guest->lane[i].module != NULL;
    return count;
}

static void fill_one(const struct guest *guest, struct clo_guest_info *info)
{
    const struct clo_guest_measured *measured = guest_statement_of(&guest->statement);
    *info = (struct clo_guest_info){.caller = guest->lane[0].caller,
                                    .connected_at = guest->connected_at,
                                    .requests = guest->answers,
                                    .memory = guest->memory.size,
                                    .channels = channels_of(guest),
                                    .measured = measured != NULL};
    if (!measured)
        return;
    memcpy(info->kernel, measured->kernel, sizeof info->kernel);
    memcpy(info->initrd, measured->initrd, sizeof info->initrd);
    memcpy(info->command_line, measured->command_line, sizeof info->command_line);
}

static int by_number(const void *one, const void *other)
{
    const struct clo_guest_info *a = one;
    const struct clo_guest_info *b = other;
    return (a->caller.id > b->caller.id) - (a->caller.id < b->caller.id);
}

void guests_fill_info(const struct guests *guests, struct clo_guests_info *info)
{
    memset(info, 0, sizeof *info);
    if (!guests)
        return;
    escape_text((const uint8_t *)guests->path, strlen(guests->path), (char *)info->socket,
                sizeof info->socket);
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        if (guests->place[i].guest)
            fill_one(guests->place[i].guest, &info->guest[info->count++]);
    qsort(info->guest, info->count, sizeof *info->guest, by_number);
}
