/*
 * A handler of a typed interface in C++: compiled only, to see that the header is C++ too.
 */
#include "notes_module.h"

cloister_status notes_handle_clear(const cloister_context *context)
{
    return context->caller.uid == 0 ? CLOISTER_OK : CLOISTER_DENIED;
}
