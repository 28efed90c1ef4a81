/*
 * What a module that defines no hooks gets.
 */
#include "sdk.h"

__attribute__((weak)) cloister_status cloister_module_init(void)
{
    return CLOISTER_OK;
}

__attribute__((weak)) cloister_status cloister_session_opened(cloister_call *call)
{
    (void)call;
    return CLOISTER_OK;
}

__attribute__((weak)) void cloister_session_closed(unsigned channel, unsigned session)
{
    (void)channel;
    (void)session;
}
