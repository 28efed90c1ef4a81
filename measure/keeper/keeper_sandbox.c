/*
 * The keeper's sandbox. The list of system calls is in measure/keeper/filters/main.c; the build
 * makes a filter of it.
 */
#include "measure/keeper/keeper_sandbox.h"

#include "base/filter.h"
#include "base/scope.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "keeper_filters.h"

cloister_status keeper_sandbox_harden(struct reason *why)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse_errno(why, "cannot protect the keeper's memory");
    return CLOISTER_OK;
}

cloister_status keeper_sandbox_secret_memory(size_t size, void **memory, struct reason *why)
{
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return refuse_errno(why, "no memory for secrets");
    if (mlock2(bytes, size, MLOCK_ONFAULT) != 0)
        return refuse(why, CLOISTER_NO_MEMORY,
                      "cannot lock %zu bytes of memory for secrets; raise the limit (ulimit -l)",
                      size);
    if (madvise(bytes, size, MADV_DONTDUMP) != 0)
        return refuse_errno(why, "cannot keep secrets out of dumps");
    *memory = bytes;
    return CLOISTER_OK;
}

cloister_status keeper_sandbox_close(struct reason *why)
{
    return filter_load(filter_keeper, ARRAY_SIZE(filter_keeper), NULL, 0, why);
}
