/*
 * SEAL, UNSEAL, REPORT, EXTEND, READ and RESTART. What a module is comes from the launch record;
 * the bodies say only what it wants.
 */
#include "measure/keeper/module_requests.h"

#include "base/bytes.h"
#include "measure/report.h"
#include "measure/seal.h"

#include <string.h>
#include <time.h>

static uint64_t now(void)
{
    struct timespec time = {.tv_sec = 0};
    (void)clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec;
}

cloister_status module_request_seal(struct conversation *conversation, struct reason *why)
{
    struct clo_seal_request request;
    memcpy(&request, conversation->message.body, sizeof request);
    struct clo_seal_reply reply;
    cloister_status status =
        seal_make(&conversation->platform, &conversation->launch,
                  conversation->message.header.module, &request, now(), &reply, why);
    if (status != CLOISTER_OK)
        return status;
    memcpy(conversation->reply, &reply, sizeof reply);
    conversation->reply_size = sizeof reply;
    bytes_wipe(&reply, sizeof reply);
    return CLOISTER_OK;
}

cloister_status module_request_unseal(struct conversation *conversation, struct reason *why)
{
    struct clo_seal_header header;
    memcpy(&header, conversation->message.body, sizeof header);
    struct clo_unseal_reply reply;
    cloister_status status = seal_open(&conversation->platform, &conversation->launch,
                                       conversation->message.header.module, &header, &reply, why);
    if (status != CLOISTER_OK)
        return status;
    memcpy(conversation->reply, &reply, sizeof reply);
    conversation->reply_size = sizeof reply;
    bytes_wipe(&reply, sizeof reply);
    return CLOISTER_OK;
}

cloister_status module_request_report(struct conversation *conversation, struct reason *why)
{
    struct clo_keeper_report request;
    memcpy(&request, conversation->message.body, sizeof request);
    cloister_status status = later_measurement(conversation, why);
    if (status != CLOISTER_OK)
        return status;
    return report_make(&conversation->platform, &conversation->launch,
                       conversation->message.header.module, &request, now(), conversation->reply,
                       &conversation->reply_size, why);
}

cloister_status module_request_extend(struct conversation *conversation, struct reason *why)
{
    struct clo_keeper_register request;
    memcpy(&request, conversation->message.body, sizeof request);
    if (request.reserved != 0)
        return refuse(why, CLOISTER_PROTOCOL, "a reserved field is %u; it must be 0",
                      request.reserved);
    conversation->reply_size = CLO_DIGEST_SIZE;
    return launch_extend(&conversation->launch, conversation->message.header.module, request.index,
                         request.bytes, conversation->reply, why);
}

cloister_status module_request_read(struct conversation *conversation, struct reason *why)
{
    struct clo_keeper_register request;
    memcpy(&request, conversation->message.body, sizeof request);
    if (request.reserved != 0 || !bytes_are_zero(request.bytes, sizeof request.bytes))
        return refuse(why, CLOISTER_PROTOCOL, "unused bytes of READ are not zero");
    conversation->reply_size = CLO_DIGEST_SIZE;
    return launch_read(&conversation->launch, conversation->message.header.module, request.index,
                       conversation->reply, why);
}

cloister_status module_request_restart(struct conversation *conversation, struct reason *why)
{
    return launch_restart(&conversation->launch, conversation->message.header.module, why);
}
