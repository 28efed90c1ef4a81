/*
 * Makes and checks frames of control messages.
 */
#include "normal-world/client/control_frame.h"

struct clo_control_header control_request(uint16_t type, size_t size)
{
    return (struct clo_control_header){
        .magic = CLO_CONTROL_MAGIC,
        .abi_major = CLO_ABI_MAJOR,
        .type = type,
        .size = (uint32_t)size,
    };
}

cloister_status control_reply_check(const struct clo_control_header *header, uint16_t type,
                                    size_t received)
{
    if (received < sizeof *header || header->magic != CLO_CONTROL_MAGIC)
        return CLOISTER_PROTOCOL;
    if (header->abi_major != CLO_ABI_MAJOR)
        return CLOISTER_UNSUPPORTED;
    if (header->type != type || header->size != received - sizeof *header ||
        header->origin > CLOISTER_ORIGIN_MODULE)
        return CLOISTER_PROTOCOL;
    if (header->status != CLOISTER_OK)
        return header->size == 0 ? header->status : CLOISTER_PROTOCOL;
    return CLOISTER_OK;
}
