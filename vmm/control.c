/*
 * Answers requests. Everything in a request is hostile; who asks is known from the socket, of a
 * guest from its VMM's.
 */
#include "vmm/control.h"

#include "vmm/guests_info.h"
#include "vmm/module_metrics.h"

#include "base/bytes.h"
#include "base/index.h"
#include "base/log.h"

#include <string.h>

struct question {
    struct world *world;
    struct control_client *client;
    const uint8_t *body;
    struct control_reply *reply;
};

static void *reply_body(struct question *question, size_t size)
{
    question->reply->header.size = (uint32_t)size;
    return question->reply->body;
}

static cloister_status answer_world(struct question *question)
{
    struct clo_world_info info;
    world_fill_info(question->world, &info);
    memcpy(reply_body(question, sizeof info), &info, sizeof info);
    return CLOISTER_OK;
}

static cloister_status find_by_query(struct question *question, struct module **module)
{
    struct clo_module_query query;
    memcpy(&query, question->body, sizeof query);
    bool by_index = bytes_are_zero(query.name, sizeof query.name);
    if (query.reserved != 0 || (!by_index && query.index != 0) ||
        (!by_index && !name_is_valid(query.name, sizeof query.name)))
        return CLOISTER_BAD_ARGUMENT;
    if (by_index && query.index >= question->world->module_count)
        return CLOISTER_NOT_FOUND;
    uint64_t index = index_clamp(query.index, question->world->module_count);
    *module = by_index ? &question->world->module[index] : world_find(question->world, query.name);
    return *module ? CLOISTER_OK : CLOISTER_NOT_FOUND;
}

static cloister_status answer_module(struct question *question)
{
    struct module *module;
    struct clo_module_info info;
    cloister_status status = find_by_query(question, &module);
    if (status != CLOISTER_OK)
        return status;
    module_fill_info(module, &info);
    memcpy(reply_body(question, sizeof info), &info, sizeof info);
    return CLOISTER_OK;
}

static cloister_status answer_metrics(struct question *question)
{
    struct module *module;
    struct clo_module_metrics metrics;
    cloister_status status = find_by_query(question, &module);
    if (status != CLOISTER_OK)
        return status;
    module_fill_metrics(module, &metrics);
    memcpy(reply_body(question, sizeof metrics), &metrics, sizeof metrics);
    return CLOISTER_OK;
}

static cloister_status can_open(const struct question *question,
                                const struct clo_open_request *request)
{
    if (request->flags != 0 || !name_is_valid(request->module, sizeof request->module))
        return CLOISTER_BAD_ARGUMENT;
    if (question->client->module || atomic_load(&question->world->stopping))
        return CLOISTER_BAD_STATE;
    return CLOISTER_OK;
}

void control_release(struct control_client *client)
{
    if (!client->module)
        return;
    channel_close(client->module, client->slot, CLO_CHANNEL_CLOSED);
    if (client->memory)
        guest_memory_give(client->memory, client->offset, client->size);
    client->module = NULL;
}

/* In the memory of the guest whose lane it is. */
static cloister_status open_in_guest(struct control_client *client, struct module *module,
                                     uint32_t arena_size, struct channel_offer *offer,
                                     struct reason *why)
{
    struct channel_place place;
    uint32_t arena;
    uint32_t size;
    cloister_status status = channel_size(arena_size, &arena, &size, why);
    if (status == CLOISTER_OK)
        status = guest_memory_take(client->memory, client->lane, size, &place, why);
    if (status != CLOISTER_OK)
        return status;
    status = channel_open(module, &client->caller, arena_size, &place, offer, why);
    if (status != CLOISTER_OK) {
        guest_memory_give(client->memory, place.offset, size);
        return status;
    }
    client->offset = place.offset;
    client->size = size;
    return CLOISTER_OK;
}

static void reply_opened(struct question *question, const struct channel_offer *offer)
{
    const struct control_client *client = question->client;
    struct clo_guest_open_reply made = {.offset = client->offset,
                                        .vector = guest_memory_vector(client->lane),
                                        .open = {.size = offer->size,
                                                 .arena_size = offer->arena_size,
                                                 .generation = client->module->generation}};
    module_fill_info(client->module, &made.open.module);
    if (client->memory) {
        memcpy(reply_body(question, sizeof made), &made, sizeof made);
        return;
    }
    memcpy(reply_body(question, sizeof made.open), &made.open, sizeof made.open);
    question->reply->descriptor[0] = offer->memfd;
    question->reply->descriptor[1] = offer->doorbell;
    question->reply->descriptor_count = 2;
}

static cloister_status answer_open(struct question *question)
{
    struct control_client *client = question->client;
    struct clo_open_request request;
    struct channel_offer offer;
    struct reason why = {0};
    memcpy(&request, question->body, sizeof request);
    cloister_status status = can_open(question, &request);
    if (status != CLOISTER_OK)
        return status;
    struct module *module = world_find(question->world, request.module);
    if (!module)
        return CLOISTER_NOT_FOUND;
    status = client->memory
                 ? open_in_guest(client, module, request.arena_size, &offer, &why)
                 : channel_open(module, &client->caller, request.arena_size, NULL, &offer, &why);
    if (status != CLOISTER_OK) {
        log_debug("pid %u gets no channel: %s", client->caller.pid, why.text);
        return status;
    }
    client->module = module;
    client->slot = offer.slot;
    reply_opened(question, &offer);
    return CLOISTER_OK;
}

/* A process closes its connection instead. */
static cloister_status answer_close(struct question *question)
{
    if (!question->client->memory)
        return CLOISTER_UNSUPPORTED;
    control_release(question->client);
    return CLOISTER_OK;
}

static cloister_status check_report_query(const struct clo_report_query *query)
{
    if (query->reserved != 0 || query->nonce_size < CLO_NONCE_MIN ||
        query->nonce_size > CLO_NONCE_MAX ||
        !bytes_are_zero(query->nonce + query->nonce_size, CLO_NONCE_MAX - query->nonce_size) ||
        !name_is_valid(query->module, sizeof query->module))
        return CLOISTER_BAD_ARGUMENT;
    return CLOISTER_OK;
}

static void fill_report(const struct clo_report_query *query, const struct control_client *client,
                        struct clo_keeper_report *report)
{
    const struct clo_caller *caller = &client->caller;
    const struct clo_guest_measured *measured = client->measured;
    *report = (struct clo_keeper_report){.caller_kind = caller->kind,
                                         .caller_uid = caller->uid,
                                         .caller_gid = caller->gid,
                                         .caller_pid = caller->pid,
                                         .caller_start_time = caller->start_time,
                                         .caller_id = caller->id,
                                         .request = {.nonce_size = query->nonce_size}};
    memcpy(report->request.nonce, query->nonce, sizeof report->request.nonce);
    if (!measured)
        return;
    memcpy(report->guest_kernel, measured->kernel, sizeof report->guest_kernel);
    memcpy(report->guest_initrd, measured->initrd, sizeof report->guest_initrd);
    memcpy(report->guest_command_line, measured->command_line, sizeof report->guest_command_line);
}

static cloister_status answer_report(struct question *question)
{
    struct clo_report_query query;
    struct clo_keeper_report report;
    struct reason why = {0};
    memcpy(&query, question->body, sizeof query);
    cloister_status status = check_report_query(&query);
    if (status != CLOISTER_OK)
        return status;
    const struct module *module = world_find(question->world, query.module);
    if (!module)
        return CLOISTER_NOT_FOUND;
    fill_report(&query, question->client, &report);
    struct keeper_request request = {.type = CLO_KEEPER_REPORT,
                                     .module = module->index,
                                     .body = &report,
                                     .size = sizeof report,
                                     .descriptor = -1,
                                     .reply = question->reply->body,
                                     .capacity =
                                         CLO_KEEPER_MESSAGE_MAX - sizeof(struct clo_keeper_header)};
    status = keeper_link_ask(&question->world->keeper, &request, &why);
    if (status == CLOISTER_OK)
        question->reply->header.size = (uint32_t)request.reply_size;
    else
        log_warning("no report for pid %u: %s", question->client->caller.pid, why.text);
    return status;
}

static_assert(CLO_KEEPER_MESSAGE_MAX - sizeof(struct clo_keeper_header) <= CONTROL_BODY_MAX,
              "a report fits into a reply");

/* The world's own user, or root. A guest is not the user whose VMM runs it. */
static bool is_operator(const struct question *question)
{
    uint32_t uid = question->client->caller.uid;
    return !question->client->memory && (uid == 0 || uid == question->world->owner);
}

static cloister_status answer_stop(struct question *question)
{
    const struct clo_caller *caller = &question->client->caller;
    if (is_operator(question)) {
        question->reply->stop = true;
        return CLOISTER_OK;
    }
    if (!question->client->memory)
        log_warning("pid %u of user %u asked the world to stop; only its own user and root may",
                    caller->pid, caller->uid);
    return CLOISTER_DENIED;
}

/* No guest learns of another. */
static cloister_status answer_guests(struct question *question)
{
    struct clo_guests_info info;
    if (!is_operator(question))
        return CLOISTER_DENIED;
    guests_fill_info(question->world->guests, &info);
    size_t size = CLO_GUESTS_INFO_SIZE(info.count);
    memcpy(reply_body(question, size), &info, size);
    return CLOISTER_OK;
}

static_assert(sizeof(struct clo_guests_info) <= CONTROL_BODY_MAX, "all guests fit into a reply");

static const struct entry {
    cloister_status (*answer)(struct question *question);
    size_t body;
} table[] = {
    [CLO_CONTROL_WORLD] = {answer_world, 0},
    [CLO_CONTROL_MODULE] = {answer_module, sizeof(struct clo_module_query)},
    [CLO_CONTROL_OPEN] = {answer_open, sizeof(struct clo_open_request)},
    [CLO_CONTROL_REPORT] = {answer_report, sizeof(struct clo_report_query)},
    [CLO_CONTROL_STOP] = {answer_stop, 0},
    [CLO_CONTROL_CLOSE] = {answer_close, 0},
    [CLO_CONTROL_METRICS] = {answer_metrics, sizeof(struct clo_module_query)},
    [CLO_CONTROL_GUESTS] = {answer_guests, 0},
};

/* NULL: there is no such request. */
static const struct entry *find(uint16_t type)
{
    size_t count = sizeof table / sizeof table[0];
    if (type >= count)
        return NULL;
    const struct entry *entry = &table[index_clamp(type, count)];
    return entry->answer ? entry : NULL;
}

cloister_status control_check(const void *request, size_t size, struct clo_control_header *header,
                              const uint8_t **body)
{
    if (size < sizeof *header)
        return CLOISTER_PROTOCOL;
    memcpy(header, request, sizeof *header);
    if (header->magic != CLO_CONTROL_MAGIC || header->size != size - sizeof *header ||
        header->status != 0 || header->origin != 0)
        return CLOISTER_PROTOCOL;
    const struct entry *entry = find(header->type);
    if (header->abi_major != CLO_ABI_MAJOR || !entry)
        return CLOISTER_UNSUPPORTED;
    if (header->size != entry->body)
        return CLOISTER_PROTOCOL;
    *body = (const uint8_t *)request + sizeof *header;
    return CLOISTER_OK;
}

void control_answer(struct world *world, struct control_client *client, const void *request,
                    size_t size, uint8_t *body, struct control_reply *reply)
{
    struct clo_control_header header = {0};
    struct question question = {.world = world, .client = client, .reply = reply};
    *reply = (struct control_reply){
        .header = {.magic = CLO_CONTROL_MAGIC, .abi_major = CLO_ABI_MAJOR}, .body = body};
    cloister_status status = control_check(request, size, &header, &question.body);
    reply->header.type = header.type;
    reply->hang_up = status == CLOISTER_PROTOCOL;
    if (status == CLOISTER_OK)
        status = find(header.type)->answer(&question);
    reply->header.status = (uint16_t)status;
    reply->header.origin = status == CLOISTER_OK ? CLOISTER_ORIGIN_NONE : CLOISTER_ORIGIN_WORLD;
    if (status != CLOISTER_OK)
        reply->header.size = 0;
}
