/*
 * What the worlds say of themselves at one moment, for `cloister top` and the metrics server. A
 * world that does not answer costs little: it is asked again only after a while.
 */
#ifndef TOOLS_SHOW_SNAPSHOT_H
#define TOOLS_SHOW_SNAPSHOT_H

#include "cloister/client.h"
#include "tools/show/process_memory.h"

#include <stddef.h>

struct world_sample {
    char *name;             /* as it was asked for: a name or a path */
    cloister_status status; /* OK: the rest is there */
    uint64_t ask_again_ns;  /* a silent world: not before this moment */
    uint64_t taken_ns;      /* monotonic clock */
    struct clo_world_info info;
    struct process_memory host;
    struct process_memory keeper;
    struct clo_module_metrics *module; /* info.module_count of them */
    bool guests_are_known;             /* this user is told of them */
    uint32_t guests;
};

struct snapshot {
    struct world_sample *world;
    size_t count;
};

/* Asks every world of `names`. `before` (may be NULL) is the last snapshot: which worlds were
   silent. A world that is gone is left out if `only_running`. NO_MEMORY: *now is empty. */
CLOISTER_MUST_USE cloister_status snapshot_take(char *const *names, size_t count, bool only_running,
                                                const struct snapshot *before,
                                                struct snapshot *now);

void snapshot_free(struct snapshot *snapshot);

/* The world of that name, NULL: none. */
const struct world_sample *snapshot_find(const struct snapshot *snapshot, const char *name);

#endif
