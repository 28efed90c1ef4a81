/*
 * Opening a world by name, path or mailbox device, and what can be asked of it.
 */
#include "normal-world/client/world.h"

#include "base/bytes.h"
#include "base/runtime_folder.h"
#include "base/scope.h"
#include "normal-world/client/facts.h"
#include "normal-world/client/socket_transport.h"
#include "normal-world/guest/guest_transport.h"

#include <limits.h>
#include <string.h>
#include <sys/un.h>

#define TIMEOUT_MAX_MS 3600000u

/* A name leads into the runtime folder: nobody else may have put a socket there. */
static cloister_status find_socket(const char *name, char *path, size_t size, struct reason *why)
{
    char folder[PATH_MAX];
    cloister_status status = runtime_socket(name, path, size, why);
    if (status != CLOISTER_OK || strchr(name, '/'))
        return status;
    status = runtime_folder(folder, sizeof folder, why);
    if (status != CLOISTER_OK)
        return status;
    return runtime_folder_check(folder, why);
}

static cloister_status open_transport(const char *name, struct transport **transport,
                                      struct reason *why)
{
    static const struct sysfs_places places = {.devices = "/sys/bus/pci/devices", .nodes = "/dev"};
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    size_t prefix = strlen(CLOISTER_GUEST_PREFIX);
    if (strncmp(name, CLOISTER_GUEST_PREFIX, prefix) == 0)
        return guest_transport_open(&places, name + prefix, transport, why);
    cloister_status status = find_socket(name, path, sizeof path, why);
    if (status != CLOISTER_OK)
        return status;
    status = socket_transport_open(path, transport);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot connect to %s: %s", path, cloister_status_text(status));
    return CLOISTER_OK;
}

cloister_status world_over(struct transport *transport, cloister_world **world)
{
    cloister_world *fresh = calloc(1, sizeof *fresh);
    if (!fresh) {
        transport->kind->close(transport);
        return CLOISTER_NO_MEMORY;
    }
    fresh->transport = transport;
    *world = fresh;
    return CLOISTER_OK;
}

static cloister_status open_world(const char *name, cloister_world **world, struct reason *why)
{
    struct transport *transport;
    cloister_status status = open_transport(name, &transport, why);
    if (status != CLOISTER_OK)
        return status;
    return world_over(transport, world);
}

cloister_status cloister_world_open(const char *name, cloister_world **world)
{
    return open_world(name, world, NULL);
}

cloister_status cloister_world_open_why(const char *name, cloister_world **world, char *why,
                                        size_t size)
{
    struct reason reason = {""};
    cloister_status status = open_world(name, world, &reason);
    if (status != CLOISTER_OK && reason.text[0] == '\0')
        status = refuse(&reason, status, "%s", cloister_status_text(status));
    (void)snprintf(why, size, "%s", reason.text);
    return status;
}

void cloister_world_close(cloister_world *world)
{
    if (!world)
        return;
    world->transport->kind->close(world->transport);
    free(world);
}

static cloister_status ask(cloister_world *world, uint16_t type, const void *body, size_t size,
                           struct transport_reply *reply)
{
    return world->transport->kind->ask(world->transport, type, body, size, reply);
}

cloister_status cloister_world_info(cloister_world *world, struct clo_world_info *info)
{
    struct clo_world_info copy;
    struct transport_reply reply = {.body = &copy, .capacity = sizeof copy};
    cloister_status status = ask(world, CLO_CONTROL_WORLD, NULL, 0, &reply);
    if (status != CLOISTER_OK)
        return status;
    if (reply.size != sizeof copy || !world_info_is_sound(&copy))
        return CLOISTER_PROTOCOL;
    *info = copy;
    return CLOISTER_OK;
}

cloister_status cloister_world_module(cloister_world *world, uint32_t index,
                                      struct clo_module_info *info)
{
    struct clo_module_query query = {.index = index};
    struct clo_module_info copy;
    struct transport_reply reply = {.body = &copy, .capacity = sizeof copy};
    cloister_status status = ask(world, CLO_CONTROL_MODULE, &query, sizeof query, &reply);
    if (status != CLOISTER_OK)
        return status;
    if (reply.size != sizeof copy || copy.index != index || !module_info_is_sound(&copy))
        return CLOISTER_PROTOCOL;
    *info = copy;
    return CLOISTER_OK;
}

cloister_status cloister_world_metrics(cloister_world *world, uint32_t index,
                                       struct clo_module_metrics *metrics)
{
    struct clo_module_query query = {.index = index};
    struct clo_module_metrics copy;
    struct transport_reply reply = {.body = &copy, .capacity = sizeof copy};
    cloister_status status = ask(world, CLO_CONTROL_METRICS, &query, sizeof query, &reply);
    if (status != CLOISTER_OK)
        return status;
    if (reply.size != sizeof copy || copy.index != index || !module_metrics_are_sound(&copy))
        return CLOISTER_PROTOCOL;
    *metrics = copy;
    return CLOISTER_OK;
}

cloister_status cloister_world_guests(cloister_world *world, struct clo_guests_info *guests)
{
    struct clo_guests_info copy = {.count = 0};
    struct transport_reply reply = {.body = &copy, .capacity = sizeof copy};
    cloister_status status = ask(world, CLO_CONTROL_GUESTS, NULL, 0, &reply);
    if (status != CLOISTER_OK)
        return status;
    if (!guests_info_is_sound(&copy, reply.size))
        return CLOISTER_PROTOCOL;
    *guests = copy;
    return CLOISTER_OK;
}

cloister_status cloister_world_set_timeout(cloister_world *world, uint32_t timeout_ms)
{
    if (timeout_ms == 0 || timeout_ms > TIMEOUT_MAX_MS)
        return CLOISTER_BAD_ARGUMENT;
    return world->transport->kind->set_timeout(world->transport, timeout_ms);
}

cloister_status cloister_world_report(cloister_world *world, const char *module, const void *nonce,
                                      size_t nonce_size, uint8_t **report, size_t *report_size)
{
    struct clo_report_query query = {.nonce_size = (uint32_t)nonce_size};
    if (nonce_size < CLO_NONCE_MIN || nonce_size > CLO_NONCE_MAX ||
        !name_set(query.module, sizeof query.module, module) ||
        !name_is_valid(query.module, sizeof query.module))
        return CLOISTER_BAD_ARGUMENT;
    memcpy(query.nonce, nonce, nonce_size);
    AUTO_FREE uint8_t *body = malloc(CLO_CONTROL_MESSAGE_MAX);
    if (!body)
        return CLOISTER_NO_MEMORY;
    struct transport_reply reply = {.body = body, .capacity = CLO_CONTROL_MESSAGE_MAX};
    cloister_status status = ask(world, CLO_CONTROL_REPORT, &query, sizeof query, &reply);
    if (status != CLOISTER_OK)
        return status;
    if (reply.size == 0)
        return CLOISTER_PROTOCOL;
    *report_size = reply.size;
    *report = take_pointer(&body);
    return CLOISTER_OK;
}

cloister_status cloister_world_stop(cloister_world *world)
{
    struct transport_reply reply = {.capacity = 0};
    return ask(world, CLO_CONTROL_STOP, NULL, 0, &reply);
}
