/*
 * What `cloister top` shows: rows with rates, made of two snapshots, in the order asked for.
 */
#ifndef TOOLS_SHOW_TOP_VIEW_H
#define TOOLS_SHOW_TOP_VIEW_H

#include "tools/show/service_times.h"
#include "tools/show/snapshot.h"

enum top_order { TOP_BY_NAME, TOP_BY_CALLS, TOP_BY_P99, TOP_BY_EXITS, TOP_BY_MEMORY, TOP_ORDERS };

/* A world, or one of its modules. */
struct top_row {
    const char *name; /* in the snapshot */
    bool is_module;
    const char *state;
    bool rates_are_known; /* it was there in the snapshot before */
    double calls_per_s;
    double exits_per_s;
    uint64_t calls;
    uint64_t exits;
    uint64_t p50_ns; /* of the time between the snapshots; 0: no sample */
    uint64_t p99_ns;
    uint32_t threads;
    uint32_t polling;
    uint32_t channels;
    uint32_t modules;      /* world: that follow */
    bool guests_are_known; /* world */
    uint32_t guests;
    struct process_memory host; /* world */
    struct process_memory keeper;
};

struct top_view {
    struct top_row *row; /* each world, its modules behind it */
    size_t count;
    size_t worlds;
    double calls_per_s; /* of all */
    double exits_per_s;
    uint64_t memory; /* of all: PSS where known, else RSS; bytes */
};

/* `before` may be empty: no rates then. The view refers to `now`. The caller frees with
   top_view_free. */
CLOISTER_MUST_USE cloister_status top_view_make(const struct snapshot *before,
                                                const struct snapshot *now, enum top_order order,
                                                bool reverse, struct top_view *view);

void top_view_free(struct top_view *view);

/* What a process takes: PSS where it is known, else RSS. */
uint64_t top_memory(const struct process_memory *memory);

/* Polling or parked, as a word. */
void top_waiting(const struct top_row *row, char *text, size_t size);

/* At most 6 characters: 0, 12.5, 999, 1.25k, 3.40M; 150ns, 1.25us; 900K, 1.4M. "-" for unknown. */
void top_count(double value, char *text, size_t size);
void top_time(uint64_t ns, char *text, size_t size);
void top_bytes(uint64_t bytes, char *text, size_t size);

#endif
