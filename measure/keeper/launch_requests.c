/*
 * LAUNCH, MODULE and START: measures what the world host is about to run and records it.
 */
#include "measure/keeper/launch_requests.h"

#include "base/bytes.h"
#include "measure/crypto.h"
#include "measure/keeper/image.h"
#include "measure/module_image.h"
#include "measure/module_signature.h"

#include <string.h>

/* The runtime lies below the personality's data, with one page more for the monitor's stub. */
#define RUNTIME_IMAGE_MAX (CLO_RUNTIME_SIZE_MAX + CLO_PAGE_SIZE)

/* The runtime image as a whole, and its two parts: the first page is the monitor's stub. */
struct runtime_digests {
    uint8_t whole[CLO_DIGEST_SIZE];
    uint8_t monitor[CLO_DIGEST_SIZE];
    uint8_t personality[CLO_DIGEST_SIZE];
};

static cloister_status digest_runtime(int image, uint64_t size, struct runtime_digests *digests)
{
    uint64_t stub = size < CLO_PAGE_SIZE ? size : CLO_PAGE_SIZE;
    cloister_status status = crypto_sha384_file(image, 0, size, digests->whole);
    if (status == CLOISTER_OK)
        status = crypto_sha384_file(image, 0, stub, digests->monitor);
    if (status == CLOISTER_OK)
        status = crypto_sha384_file(image, stub, size - stub, digests->personality);
    return status;
}

static cloister_status measure_runtime(int descriptor, uint64_t size,
                                       struct runtime_digests *digests, struct reason *why)
{
    cloister_status status = image_check(descriptor, "the runtime", size, why);
    if (status != CLOISTER_OK)
        return status;
    status = digest_runtime(descriptor, size, digests);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot measure the runtime: %s", crypto_error());
    return CLOISTER_OK;
}

cloister_status launch_request_launch(struct conversation *conversation, struct reason *why)
{
    struct clo_keeper_launch launch;
    memcpy(&launch, conversation->message.body, sizeof launch);
    if (launch.runtime_size > RUNTIME_IMAGE_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "the runtime has %u bytes; at most %u are allowed",
                      launch.runtime_size, RUNTIME_IMAGE_MAX);
    struct runtime_digests digests;
    cloister_status status =
        measure_runtime(conversation->message.descriptor, launch.runtime_size, &digests, why);
    if (status != CLOISTER_OK)
        return status;
    status = launch_begin(&conversation->launch, &launch, digests.whole, why);
    if (status != CLOISTER_OK)
        return status;
    memcpy(conversation->launch.monitor_measurement, digests.monitor, CLO_DIGEST_SIZE);
    memcpy(conversation->launch.personality_measurement, digests.personality, CLO_DIGEST_SIZE);
    return CLOISTER_OK;
}

static cloister_status check_module(const struct clo_keeper_module *module, struct reason *why)
{
    if (module->signature_size > sizeof module->signature ||
        !bytes_are_zero(module->signature + module->signature_size,
                        sizeof module->signature - module->signature_size))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "a signature has %u bytes and others behind it; at most %zu are allowed",
                      module->signature_size, sizeof module->signature);
    cloister_status status = module_record_check(&module->record, why);
    if (status != CLOISTER_OK)
        return status;
    uint32_t pages = module_image_pages(&module->record);
    if (module->image_pages != pages)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "an image has %u pages; its record makes it %u",
                      module->image_pages, pages);
    return CLOISTER_OK;
}

static cloister_status measure_module(const struct clo_keeper_module *module, int descriptor,
                                      uint8_t measurement[CLO_DIGEST_SIZE], struct reason *why)
{
    const char *name = (const char *)module->record.manifest.name;
    uint64_t size = (uint64_t)module->image_pages * CLO_PAGE_SIZE;
    cloister_status status = image_check(descriptor, name, size, why);
    if (status != CLOISTER_OK)
        return status;
    status = module_measure_file(&module->record, descriptor, measurement);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot measure module %s", name);
    return CLOISTER_OK;
}

/* Whose module it is. In a debug world a signature that does not fit is as good as none: while a
   module is being written it is rebuilt more often than signed. */
static cloister_status find_author(const struct clo_keeper_module *module, bool debug,
                                   const uint8_t measurement[CLO_DIGEST_SIZE],
                                   uint8_t author[CLO_AUTHOR_SIZE], struct reason *why)
{
    memset(author, 0, CLO_AUTHOR_SIZE);
    if (module->signature_size == 0)
        return CLOISTER_OK;
    cloister_status status =
        module_signature_verify(module->signature, module->signature_size, measurement,
                                &module->record.manifest, author, why);
    if (status == CLOISTER_OK)
        return CLOISTER_OK;
    memset(author, 0, CLO_AUTHOR_SIZE);
    if (debug)
        return CLOISTER_OK;
    struct reason detail = *why;
    return refuse(why, CLOISTER_REFUSED, "signature of module %s: %s",
                  (const char *)module->record.manifest.name, detail.text);
}

cloister_status launch_request_module(struct conversation *conversation, struct reason *why)
{
    struct launch *launch = &conversation->launch;
    struct clo_keeper_module module;
    memcpy(&module, conversation->message.body, sizeof module);
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t author[CLO_AUTHOR_SIZE];
    cloister_status status = check_module(&module, why);
    if (status == CLOISTER_OK)
        status = measure_module(&module, conversation->message.descriptor, measurement, why);
    if (status == CLOISTER_OK)
        status = find_author(&module, launch->debug, measurement, author, why);
    if (status == CLOISTER_OK)
        status = launch_add(launch, &module, measurement, author, why);
    if (status != CLOISTER_OK)
        return status;
    struct clo_keeper_module_reply reply = {.author = {0}};
    memcpy(reply.measurement, measurement, sizeof reply.measurement);
    memcpy(reply.author, author, sizeof reply.author);
    memcpy(conversation->reply, &reply, sizeof reply);
    conversation->reply_size = sizeof reply;
    return CLOISTER_OK;
}

cloister_status launch_request_start(struct conversation *conversation, struct reason *why)
{
    struct clo_keeper_start start;
    memcpy(&start, conversation->message.body, sizeof start);
    /* A world that could not report must not start. */
    cloister_status status = later_keys(conversation, why);
    if (status != CLOISTER_OK)
        return status;
    return launch_start(&conversation->launch, &start, why);
}
