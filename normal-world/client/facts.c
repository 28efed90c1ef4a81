/*
 * Every field of the world's replies in its range, every text ended and printable, every unused
 * byte zero.
 */
#include "normal-world/client/facts.h"

#include "abi/guest.h"
#include "base/bytes.h"
#include "normal-world/client/parameters.h"

#include <string.h>

/* Ended within the field, zero-filled, printable. */
static bool text_is_sound(const uint8_t *text, size_t size)
{
    size_t length = strnlen((const char *)text, size);
    for (size_t i = 0; i < length; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return length < size && bytes_are_zero(text + length, size - length);
}

bool world_info_is_sound(const struct clo_world_info *info)
{
    return name_is_valid(info->name, sizeof info->name) && info->state <= CLO_WORLD_STOPPING &&
           text_is_sound(info->kvm, sizeof info->kvm) && info->isolation >= CLO_ISOLATION_MAPPED &&
           info->isolation <= CLO_ISOLATION_UNREACHABLE && info->debug <= 1 &&
           info->module_count <= CLO_MODULES_MAX;
}

static bool kind_is_known(unsigned kind)
{
    return kind <= CLO_PARAM_INOUT || kind_is_buffer(kind);
}

static bool method_is_sound(const struct clo_method *method)
{
    bool ended = false;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        unsigned kind = kind_at(method->kinds, i);
        if (!kind_is_known(kind) || (ended && kind != CLO_PARAM_NONE))
            return false;
        ended = kind == CLO_PARAM_NONE;
        if (!kind_is_buffer(kind) && (method->size_max[i] != 0 || method->size_min[i] != 0))
            return false;
        if (method->size_min[i] > method->size_max[i] || method->size_max[i] > CLO_ARENA_MAX)
            return false;
    }
    return name_is_valid(method->name, sizeof method->name);
}

bool module_info_is_sound(const struct clo_module_info *info)
{
    if (!name_is_valid(info->name, sizeof info->name) ||
        !text_is_sound(info->version, sizeof info->version) ||
        !text_is_sound(info->end, sizeof info->end))
        return false;
    if (info->state > CLO_MODULE_ENDED || info->method_count > CLO_METHODS_MAX ||
        info->abi_minor > UINT16_MAX || !bytes_are_zero(info->reserved, sizeof info->reserved))
        return false;
    for (uint32_t i = 0; i < info->method_count; i++)
        if (!method_is_sound(&info->method[i]))
            return false;
    return true;
}

bool module_metrics_are_sound(const struct clo_module_metrics *metrics)
{
    if (!name_is_valid(metrics->name, sizeof metrics->name) || metrics->state > CLO_MODULE_ENDED ||
        metrics->threads > CLO_THREADS_MAX || metrics->polling > metrics->threads ||
        metrics->channels > metrics->channels_max || metrics->channels_max > CLO_CHANNELS_MAX)
        return false;
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++)
        if (metrics->service[i] > CLO_SERVICE_COUNT_MAX)
            return false;
    return metrics->service_ns <= CLO_SERVICE_COUNT_MAX;
}

static bool guest_info_is_sound(const struct clo_guest_info *info)
{
    bool digests = !bytes_are_zero(info->kernel, sizeof info->kernel) ||
                   !bytes_are_zero(info->initrd, sizeof info->initrd) ||
                   !bytes_are_zero(info->command_line, sizeof info->command_line);
    return info->caller.kind == CLO_CALLER_GUEST && info->memory >= CLO_GUEST_SIZE_MIN &&
           info->memory <= CLO_GUEST_SIZE_MAX && info->channels <= CLO_GUEST_LANES &&
           info->measured <= 1 && (info->measured || !digests) && info->reserved == 0;
}

bool guests_info_is_sound(const struct clo_guests_info *info, size_t size)
{
    if (size < CLO_GUESTS_INFO_SIZE(0) || info->count > CLO_GUESTS_MAX ||
        size != CLO_GUESTS_INFO_SIZE(info->count) || info->reserved != 0 ||
        !text_is_sound(info->socket, sizeof info->socket) ||
        (info->socket[0] == 0 && info->count > 0))
        return false;
    uint64_t last = 0;
    for (uint32_t i = 0; i < info->count; i++) {
        if (!guest_info_is_sound(&info->guest[i]) || info->guest[i].caller.id <= last)
            return false;
        last = info->guest[i].caller.id;
    }
    return true;
}
