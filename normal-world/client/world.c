/*
 * Opening a world by name or path, and what can be asked of it.
 */
#include "normal-world/client/world.h"

#include "base/bytes.h"
#include "base/runtime_folder.h"
#include "base/scope.h"
#include "normal-world/client/connection.h"
#include "normal-world/client/facts.h"

#include <string.h>

#define TIMEOUT_MAX_MS 3600000u

/* A name leads into the runtime folder: nobody else may have put a socket there. */
static cloister_status find_socket(const char *name, char *path, size_t size)
{
    char folder[sizeof(((struct cloister_world *)0)->path)];
    cloister_status status = runtime_socket(name, path, size, NULL);
    if (status != CLOISTER_OK || strchr(name, '/'))
        return status;
    status = runtime_folder(folder, sizeof folder, NULL);
    if (status != CLOISTER_OK)
        return status;
    return runtime_folder_check(folder, NULL);
}

cloister_status cloister_world_open(const char *name, cloister_world **world)
{
    AUTO_FREE cloister_world *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return CLOISTER_NO_MEMORY;
    cloister_status status = find_socket(name, fresh->path, sizeof fresh->path);
    if (status != CLOISTER_OK)
        return status;
    status = connection_open(fresh->path, &fresh->socket);
    if (status != CLOISTER_OK)
        return status;
    *world = take_pointer(&fresh);
    return CLOISTER_OK;
}

void cloister_world_close(cloister_world *world)
{
    if (!world)
        return;
    (void)close(world->socket);
    free(world);
}

cloister_status cloister_world_info(cloister_world *world, struct clo_world_info *info)
{
    struct clo_world_info copy;
    struct connection_reply reply = {.body = &copy, .capacity = sizeof copy};
    cloister_status status = connection_ask(world->socket, CLO_CONTROL_WORLD, NULL, 0, &reply);
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
    struct connection_reply reply = {.body = &copy, .capacity = sizeof copy};
    cloister_status status =
        connection_ask(world->socket, CLO_CONTROL_MODULE, &query, sizeof query, &reply);
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
    struct connection_reply reply = {.body = &copy, .capacity = sizeof copy};
    cloister_status status =
        connection_ask(world->socket, CLO_CONTROL_METRICS, &query, sizeof query, &reply);
    if (status != CLOISTER_OK)
        return status;
    if (reply.size != sizeof copy || copy.index != index || !module_metrics_are_sound(&copy))
        return CLOISTER_PROTOCOL;
    *metrics = copy;
    return CLOISTER_OK;
}

cloister_status cloister_world_set_timeout(cloister_world *world, uint32_t timeout_ms)
{
    if (timeout_ms == 0 || timeout_ms > TIMEOUT_MAX_MS)
        return CLOISTER_BAD_ARGUMENT;
    return connection_set_timeout(world->socket, timeout_ms);
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
    struct connection_reply reply = {.body = body, .capacity = CLO_CONTROL_MESSAGE_MAX};
    cloister_status status =
        connection_ask(world->socket, CLO_CONTROL_REPORT, &query, sizeof query, &reply);
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
    struct connection_reply reply = {.capacity = 0};
    return connection_ask(world->socket, CLO_CONTROL_STOP, NULL, 0, &reply);
}
