/*
 * What the world host does for a module (include/cloister/module.h): one hypercall each. Bytes pass
 * through the mailbox, which the world host can read; secrets are wiped from it at once.
 */
#include "sdk.h"

#include <string.h>

#define TEXT_MAX 1024u
#define PANIC_TEXT_MAX 256u

static size_t put_text(const char *text, size_t most)
{
    uint8_t *payload = sdk_mailbox()->payload;
    size_t length = 0;
    for (; text[length] != '\0' && length < most; length++)
        payload[length] = (uint8_t)text[length];
    return length;
}

void cloister_log(unsigned level, const char *text)
{
    size_t length = put_text(text, TEXT_MAX);
    if (length > 0)
        (void)sdk_hypercall(CLO_HC_LOG, level, length, 0);
}

void cloister_panic(const char *text)
{
    size_t length = put_text(text, PANIC_TEXT_MAX);
    for (;;)
        (void)sdk_hypercall(CLO_HC_PANIC, CLO_PANIC_MODULE, 0, length);
}

int cloister_in_debug_world(void)
{
    return (sdk_boot()->flags & CLO_BOOT_DEBUG) != 0;
}

cloister_status cloister_random(void *bytes, size_t size)
{
    uint8_t *out = bytes;
    uint8_t *payload = sdk_mailbox()->payload;
    for (size_t done = 0; done < size;) {
        size_t part = size - done < CLO_PAYLOAD_SIZE ? size - done : CLO_PAYLOAD_SIZE;
        cloister_status status = sdk_hypercall(CLO_HC_RANDOM, part, 0, 0);
        if (status != CLOISTER_OK)
            return status;
        memcpy(out + done, payload, part);
        sdk_wipe(payload, part);
        done += part;
    }
    return CLOISTER_OK;
}

cloister_status cloister_time(uint64_t *real, uint64_t *monotonic)
{
    cloister_status status = sdk_hypercall(CLO_HC_TIME, 0, 0, 0);
    if (status != CLOISTER_OK)
        return status;
    *real = sdk_mailbox()->result[0];
    *monotonic = sdk_mailbox()->result[1];
    return CLOISTER_OK;
}

/* A hypercall with `in` in the payload, whose answer, `out_size` bytes of payload, may be secret.
 */
static cloister_status exchange(uint32_t number, uint64_t a0, const void *in, size_t in_size,
                                void *out, size_t out_size)
{
    uint8_t *payload = sdk_mailbox()->payload;
    memcpy(payload, in, in_size);
    cloister_status status = sdk_hypercall(number, a0, 0, 0);
    if (status == CLOISTER_OK)
        memcpy(out, payload, out_size);
    sdk_wipe(payload, in_size > out_size ? in_size : out_size);
    return status;
}

cloister_status cloister_seal_key(unsigned policy, const void *label, size_t label_size,
                                  const uint8_t payload_digest[CLO_DIGEST_SIZE],
                                  struct clo_seal_reply *reply)
{
    struct clo_seal_request request = {.policy = (uint16_t)policy};
    if (policy > UINT16_MAX || label_size > CLO_LABEL_SIZE)
        return CLOISTER_BAD_ARGUMENT;
    if (label_size > 0)
        memcpy(request.label, label, label_size);
    memcpy(request.payload_digest, payload_digest, CLO_DIGEST_SIZE);
    return exchange(CLO_HC_SEAL, 0, &request, sizeof request, reply, sizeof *reply);
}

cloister_status cloister_unseal_key(const struct clo_seal_header *header,
                                    struct clo_unseal_reply *reply)
{
    return exchange(CLO_HC_UNSEAL, 0, header, sizeof *header, reply, sizeof *reply);
}

cloister_status cloister_report(const struct clo_report_request *request, uint8_t *report,
                                size_t *size)
{
    struct clo_mailbox *mailbox = sdk_mailbox();
    memcpy(mailbox->payload, request, sizeof *request);
    cloister_status status = sdk_hypercall(CLO_HC_REPORT, 0, 0, 0);
    if (status != CLOISTER_OK)
        return status;
    uint64_t made = mailbox->result[0];
    if (made > CLO_PAYLOAD_SIZE)
        return CLOISTER_PROTOCOL;
    memcpy(report, mailbox->payload, made);
    *size = made;
    return CLOISTER_OK;
}

cloister_status cloister_extend(unsigned index, const uint8_t bytes[CLO_DIGEST_SIZE],
                                uint8_t value[CLO_DIGEST_SIZE])
{
    return exchange(CLO_HC_EXTEND, index, bytes, CLO_DIGEST_SIZE, value, CLO_DIGEST_SIZE);
}

cloister_status cloister_read_register(unsigned index, uint8_t value[CLO_DIGEST_SIZE])
{
    return exchange(CLO_HC_READ_REGISTER, index, "", 0, value, CLO_DIGEST_SIZE);
}
