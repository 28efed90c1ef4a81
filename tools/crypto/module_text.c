/*
 * Words for the numbers of a module's record.
 */
#include "tools/crypto/module_text.h"

#include "abi/channel.h"

#include <stddef.h>

const char *module_text_hypercall(unsigned number)
{
    static const char *const names[] = {
        [CLO_HC_WAIT] = "WAIT",
        [CLO_HC_NOTIFY] = "NOTIFY",
        [CLO_HC_PANIC] = "PANIC",
        [CLO_HC_LOG] = "LOG",
        [CLO_HC_RANDOM] = "RANDOM",
        [CLO_HC_TIME] = "TIME",
        [CLO_HC_PROTECT] = "PROTECT",
        [CLO_HC_SEAL] = "SEAL",
        [CLO_HC_UNSEAL] = "UNSEAL",
        [CLO_HC_COMMIT] = "COMMIT",
        [CLO_HC_REPORT] = "REPORT",
        [CLO_HC_EXTEND] = "EXTEND",
        [CLO_HC_READ_REGISTER] = "READ_REGISTER",
        [CLO_HC_OPEN] = "OPEN",
        [CLO_HC_EXIT] = "EXIT",
        [CLO_HC_CLOSE] = "CLOSE",
        [CLO_HC_IDENTITY] = "IDENTITY",
        [CLO_HC_WAKE] = "WAKE",
    };
    return number < sizeof names / sizeof names[0] ? names[number] : NULL;
}

const char *module_text_kind(unsigned kind)
{
    switch (kind) {
    case CLO_PARAM_IN:
        return "value in";
    case CLO_PARAM_OUT:
        return "value out";
    case CLO_PARAM_INOUT:
        return "value in-out";
    case CLO_PARAM_BUFFER_IN:
        return "buffer in";
    case CLO_PARAM_BUFFER_OUT:
        return "buffer out";
    case CLO_PARAM_BUFFER_INOUT:
        return "buffer in-out";
    default:
        return "none";
    }
}

const char *module_text_rights(uint32_t rights)
{
    if (rights & CLO_SEGMENT_EXECUTE)
        return "read-execute";
    return rights & CLO_SEGMENT_WRITE ? "read-write" : "read";
}

const char *module_text_log_class(uint32_t log_class)
{
    return log_class == CLO_LOG_CLASS_PUBLIC ? "public" : "none";
}

const char *module_text_peer(uint32_t flags)
{
    if (flags & CLO_PEER_CALLS)
        return flags & CLO_PEER_ACCEPTS ? "calls and accepts" : "calls";
    return "accepts";
}
