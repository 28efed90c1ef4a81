/*
 * Names and texts of statuses and origins, from the one list in abi/status.h.
 */
#include "cloister/status.h"

const char *cloister_status_name(cloister_status status)
{
    if (status >= (int)CLO_STATUS_MODULE_FIRST && status <= (int)CLO_STATUS_MAX)
        return "MODULE";
    switch (status) {
#define CASE(name, number, text)                                                                   \
    case number:                                                                                   \
        return #name;
        CLO_STATUS_LIST(CASE)
#undef CASE
    default:
        return "UNKNOWN";
    }
}

const char *cloister_status_text(cloister_status status)
{
    if (status >= (int)CLO_STATUS_MODULE_FIRST && status <= (int)CLO_STATUS_MAX)
        return "a status of the module's own";
    switch (status) {
#define CASE(name, number, text)                                                                   \
    case number:                                                                                   \
        return text;
        CLO_STATUS_LIST(CASE)
#undef CASE
    default:
        return "an unknown status";
    }
}

const char *cloister_origin_name(int origin)
{
    switch (origin) {
#define CASE(name, number, text)                                                                   \
    case number:                                                                                   \
        return text;
        CLO_ORIGIN_LIST(CASE)
#undef CASE
    default:
        return "unknown";
    }
}
