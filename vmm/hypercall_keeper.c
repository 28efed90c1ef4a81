/*
 * Hypercalls that the keeper decides. The world host copies, limits and passes on; the module gets
 * a status, the operator's log gets the reason.
 */
#include "vmm/hypercall_parts.h"

#include "vmm/world.h"

#include "base/bytes.h"
#include "base/log.h"

#include <string.h>

bool hypercall_rate(struct module *module)
{
    (void)pthread_mutex_lock(&module->lock);
    bool may = rate_take(&module->seals, world_now());
    (void)pthread_mutex_unlock(&module->lock);
    return may;
}

/* A module that asks for what it may not have must not be able to flood the log. */
void hypercall_log_refusal(struct module *module, const char *what, const struct reason *why)
{
    (void)pthread_mutex_lock(&module->lock);
    bool may = rate_take(&module->logs, world_now());
    (void)pthread_mutex_unlock(&module->lock);
    if (may)
        log_warning("module %s: %s refused: %s", module->file.name, what, why->text);
}

/* The reply goes straight into the module's own payload. */
static cloister_status ask(struct hypercall *call, const char *what, uint32_t type,
                           const void *body, size_t size, size_t reply, bool exact)
{
    struct module *module = call->module;
    struct reason why = {0};
    struct keeper_request request = {.type = type,
                                     .module = module->index,
                                     .body = body,
                                     .size = size,
                                     .descriptor = -1,
                                     .reply = call->mailbox->payload,
                                     .capacity = reply,
                                     .exact = exact};
    if (!hypercall_rate(module))
        return CLOISTER_LIMIT;
    cloister_status status = keeper_link_ask(&module->world->keeper, &request, &why);
    if (status != CLOISTER_OK)
        hypercall_log_refusal(module, what, &why);
    else if (!exact)
        call->result[0] = request.reply_size;
    return status;
}

cloister_status hypercall_seal(struct hypercall *call)
{
    struct clo_seal_request request;
    memcpy(&request, call->mailbox->payload, sizeof request);
    return ask(call, "SEAL", CLO_KEEPER_SEAL, &request, sizeof request,
               sizeof(struct clo_seal_reply), true);
}

cloister_status hypercall_unseal(struct hypercall *call)
{
    struct clo_seal_header header;
    memcpy(&header, call->mailbox->payload, sizeof header);
    return ask(call, "UNSEAL", CLO_KEEPER_UNSEAL, &header, sizeof header,
               sizeof(struct clo_unseal_reply), true);
}

cloister_status hypercall_report(struct hypercall *call)
{
    struct clo_keeper_report report = {.by_module = 1};
    memcpy(&report.request, call->mailbox->payload, sizeof report.request);
    return ask(call, "REPORT", CLO_KEEPER_REPORT, &report, sizeof report,
               CLO_KEEPER_MESSAGE_MAX - sizeof(struct clo_keeper_header), false);
}

cloister_status hypercall_extend(struct hypercall *call)
{
    struct clo_keeper_register request = {.index = (uint32_t)call->argument[0]};
    if (call->argument[0] >= CLO_REGISTERS)
        return CLOISTER_BAD_ARGUMENT;
    memcpy(request.bytes, call->mailbox->payload, sizeof request.bytes);
    return ask(call, "EXTEND", CLO_KEEPER_EXTEND, &request, sizeof request, CLO_DIGEST_SIZE, true);
}

cloister_status hypercall_read_register(struct hypercall *call)
{
    struct clo_keeper_register request = {.index = (uint32_t)call->argument[0]};
    if (call->argument[0] >= CLO_REGISTERS)
        return CLOISTER_BAD_ARGUMENT;
    return ask(call, "READ_REGISTER", CLO_KEEPER_READ, &request, sizeof request, CLO_DIGEST_SIZE,
               true);
}

static_assert(CLO_KEEPER_MESSAGE_MAX - sizeof(struct clo_keeper_header) <= CLO_PAYLOAD_SIZE,
              "a report fits into the payload");
