/*
 * Order and form of the conversation: which request may come when, how long it is, whether a
 * descriptor comes with it. Anything else ends it, and nothing but the end is said from then on.
 */
#include "measure/keeper/conversation.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "measure/keeper/launch_requests.h"
#include "measure/keeper/module_requests.h"

#include <stdbool.h>

enum stage {
    STAGE_NEW,       /* nothing came yet: LAUNCH */
    STAGE_LAUNCHING, /* MODULE, and START in the end */
    STAGE_STARTED,   /* requests of modules */
};

static const struct request {
    const char *name;
    uint16_t type;
    enum stage stage;
    bool descriptor;
    uint32_t size;
    cloister_status (*serve)(struct conversation *conversation, struct reason *why);
} requests[] = {
    {"LAUNCH", CLO_KEEPER_LAUNCH, STAGE_NEW, true, sizeof(struct clo_keeper_launch),
     launch_request_launch},
    {"MODULE", CLO_KEEPER_MODULE, STAGE_LAUNCHING, true, sizeof(struct clo_keeper_module),
     launch_request_module},
    {"START", CLO_KEEPER_START, STAGE_LAUNCHING, false, sizeof(struct clo_keeper_start),
     launch_request_start},
    {"SEAL", CLO_KEEPER_SEAL, STAGE_STARTED, false, sizeof(struct clo_seal_request),
     module_request_seal},
    {"UNSEAL", CLO_KEEPER_UNSEAL, STAGE_STARTED, false, sizeof(struct clo_seal_header),
     module_request_unseal},
    {"REPORT", CLO_KEEPER_REPORT, STAGE_STARTED, false, sizeof(struct clo_keeper_report),
     module_request_report},
    {"EXTEND", CLO_KEEPER_EXTEND, STAGE_STARTED, false, sizeof(struct clo_keeper_register),
     module_request_extend},
    {"READ", CLO_KEEPER_READ, STAGE_STARTED, false, sizeof(struct clo_keeper_register),
     module_request_read},
    {"RESTART", CLO_KEEPER_RESTART, STAGE_STARTED, false, 0, module_request_restart},
};

static const char *const stage_names[] = {"before LAUNCH", "before START", "after START"};

static enum stage stage_of(const struct launch *launch)
{
    if (launch->started)
        return STAGE_STARTED;
    return launch->modules_expected ? STAGE_LAUNCHING : STAGE_NEW;
}

static const struct request *find_request(uint16_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
        if (requests[i].type == type)
            return &requests[i];
    return NULL;
}

/* Which module the request may name: the next one, any of the record, or none. */
static bool module_is_right(const struct launch *launch, const struct request *request,
                            uint32_t module)
{
    if (request->type == CLO_KEEPER_MODULE)
        return module == launch->module_count;
    if (request->stage == STAGE_STARTED)
        return module < launch->module_count;
    return module == 0;
}

static cloister_status check_request(const struct launch *launch, const struct message *message,
                                     const struct request **found, struct reason *why)
{
    const struct request *request = find_request(message->header.type);
    if (!request)
        return refuse(why, CLOISTER_PROTOCOL, "unknown request %u", message->header.type);
    if (request->stage != stage_of(launch))
        return refuse(why, CLOISTER_BAD_STATE, "%s came %s", request->name,
                      stage_names[stage_of(launch)]);
    if (message->header.size != request->size)
        return refuse(why, CLOISTER_PROTOCOL, "%s has %u bytes of body; it must have %u",
                      request->name, message->header.size, request->size);
    if ((message->descriptor >= 0) != request->descriptor)
        return refuse(why, CLOISTER_PROTOCOL, "%s came %s descriptor", request->name,
                      request->descriptor ? "without a" : "with a");
    if (!module_is_right(launch, request, message->header.module))
        return refuse(why, CLOISTER_PROTOCOL, "%s names module %u; the record has %u",
                      request->name, message->header.module, launch->module_count);
    *found = request;
    return CLOISTER_OK;
}

static cloister_status serve_request(struct conversation *conversation, struct reason *why)
{
    const struct request *request = NULL;
    cloister_status status =
        check_request(&conversation->launch, &conversation->message, &request, why);
    if (status != CLOISTER_OK)
        return status;
    conversation->reply_size = 0;
    return request->serve(conversation, why);
}

/* A launch that fails once is over. Later a module's request may be refused, but only a world host
   that is not ours breaks the protocol. */
static bool ends_conversation(const struct launch *launch, cloister_status status)
{
    if (status == CLOISTER_OK)
        return false;
    return !launch->started || status == CLOISTER_PROTOCOL || status == CLOISTER_BAD_STATE;
}

cloister_status conversation_serve(struct conversation *conversation, struct reason *why)
{
    cloister_status status = message_receive(conversation->socket, &conversation->message, why);
    if (status != CLOISTER_OK)
        return status;
    status = serve_request(conversation, why);
    cloister_status sent = message_reply(conversation->socket, &conversation->message, status,
                                         conversation->reply, conversation->reply_size, why);
    /* Keys came and went in these. */
    bytes_wipe(conversation->reply, conversation->reply_size);
    bytes_wipe(conversation->message.body, sizeof conversation->message.body);
    scope_close(&conversation->message.descriptor);
    conversation->message.descriptor = -1;
    if (ends_conversation(&conversation->launch, status))
        return status;
    return sent == CLOISTER_OK ? CLOISTER_OK
                               : refuse(why, sent, "the world host does not read its replies");
}
