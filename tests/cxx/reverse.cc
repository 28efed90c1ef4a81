/*
 * A handler in C++. The manifest is C (reverse_manifest.c): its macro relies on rules for
 * initializers that C++ has not.
 */
#include "cloister/module.h"

#include <algorithm>

extern "C" cloister_status reverse(cloister_call *call)
{
    const cloister_argument &in = call->argument[0];
    cloister_argument &out = call->argument[1];
    if (in.size > out.capacity)
        return CLOISTER_TOO_BIG;
    std::reverse_copy(in.in, in.in + in.size, out.out);
    out.size = in.size;
    return CLOISTER_OK;
}
