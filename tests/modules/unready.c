/*
 * A module with two threads whose init takes a while, and fails.
 */
#include <cloister/module.h>

#define INIT_MS 500u

cloister_status cloister_module_init(void)
{
    uint64_t khz = ((const struct clo_boot *)(uintptr_t)CLO_VA_BOOT)->tsc_khz;
    uint64_t end = __builtin_ia32_rdtsc() + INIT_MS * khz;
    while (__builtin_ia32_rdtsc() < end)
        __builtin_ia32_pause();
    return CLOISTER_INTERNAL;
}

static cloister_status nothing(cloister_call *call)
{
    (void)call;
    return CLOISTER_OK;
}

CLOISTER_MODULE(.name = "unready", .version = "1.0.0", .svn = 1, .threads = 2, .method_count = 1,
                .method = {CLOISTER_METHOD("nothing", CLOISTER_VALUE_IN)});
CLOISTER_HANDLERS(nothing);
