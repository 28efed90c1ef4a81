/*
 * Asks for a world's guests and shows them.
 */
#include "tools/show/world_guests.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define DIGEST_TEXT_SIZE (2 * CLO_DIGEST_SIZE + 1)

cloister_status world_guests_read(cloister_world *world, struct world_guests *guests)
{
    *guests = (struct world_guests){.known = false};
    cloister_status status = cloister_world_guests(world, &guests->info);
    guests->known = status == CLOISTER_OK;
    bool untold = status == CLOISTER_DENIED || status == CLOISTER_UNSUPPORTED;
    return untold ? CLOISTER_OK : status;
}

/* false: there is none. */
static bool digest_text(const uint8_t digest[CLO_DIGEST_SIZE], char text[DIGEST_TEXT_SIZE])
{
    hex_encode(digest, CLO_DIGEST_SIZE, text);
    return !bytes_are_zero(digest, CLO_DIGEST_SIZE);
}

/* JSON */

static json_t *digest_json(const uint8_t digest[CLO_DIGEST_SIZE])
{
    char text[DIGEST_TEXT_SIZE];
    return digest_text(digest, text) ? json_string(text) : json_null();
}

static json_t *guest_json(const struct clo_guest_info *guest)
{
    const struct clo_caller *vmm = &guest->caller;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "number",
                     (json_int_t)vmm->id, "pid", (json_int_t)vmm->pid, "uid", (json_int_t)vmm->uid,
                     "gid", (json_int_t)vmm->gid, "connected_at", (json_int_t)guest->connected_at,
                     "memory", (json_int_t)guest->memory, "channels", (json_int_t)guest->channels,
                     "requests", (json_int_t)guest->requests, "measured", guest->measured != 0,
                     "kernel", digest_json(guest->kernel), "initrd", digest_json(guest->initrd),
                     "command_line", digest_json(guest->command_line));
}

static json_t *list_json(const struct clo_guests_info *info)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < info->count; i++)
        if (json_array_append_new(list, guest_json(&info->guest[i])) != 0)
            break;
    return list;
}

bool world_guests_json(const struct world_guests *guests, json_t *world)
{
    const char *path = (const char *)guests->info.socket;
    return json_object_set_new(world, "guest_socket", path[0] ? json_string(path) : json_null()) ==
               0 &&
           json_object_set_new(world, "guests",
                               guests->known ? list_json(&guests->info) : json_null()) == 0;
}

/* Text */

static void print_digest(const char *name, const uint8_t digest[CLO_DIGEST_SIZE])
{
    char text[DIGEST_TEXT_SIZE];
    if (digest_text(digest, text))
        (void)printf("  %-10s %s\n", name, text);
}

static void print_guest(const struct clo_guest_info *guest)
{
    time_t at = (time_t)guest->connected_at;
    char since[32] = "?";
    struct tm parts;
    if (localtime_r(&at, &parts))
        (void)strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", &parts);
    (void)printf("guest        %" PRIu64 ", VMM pid %" PRIu32 " of user %" PRIu32 "\n",
                 guest->caller.id, guest->caller.pid, guest->caller.uid);
    (void)printf("  since      %s\n", since);
    (void)printf("  memory     %" PRIu32 " MiB, channels %" PRIu32 ", requests %" PRIu64 "\n",
                 guest->memory >> 20, guest->channels, guest->requests);
    if (!guest->measured)
        (void)printf("  measured   not by its VMM\n");
    print_digest("kernel", guest->kernel);
    print_digest("initrd", guest->initrd);
    print_digest("cmdline", guest->command_line);
}

void world_guests_print(const struct world_guests *guests)
{
    const struct clo_guests_info *info = &guests->info;
    if (info->socket[0] == 0)
        return;
    (void)printf("guests       %" PRIu32 " at %s\n", info->count, info->socket);
    for (uint32_t i = 0; i < info->count; i++)
        print_guest(&info->guest[i]);
}
