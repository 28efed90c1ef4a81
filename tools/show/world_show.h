/*
 * What a running world says of itself, as text and as JSON.
 */
#ifndef TOOLS_SHOW_WORLD_SHOW_H
#define TOOLS_SHOW_WORLD_SHOW_H

#include "base/reason.h"
#include "tools/show/world_guests.h"

struct world_facts {
    struct clo_world_info info;
    struct clo_module_info module[CLO_MODULES_MAX]; /* info.module_count of them */
    struct world_guests guests;
};

/* Asks a running world for everything. The reason names the world. */
CLOISTER_MUST_USE cloister_status world_facts_read(const char *name, struct world_facts *facts,
                                                   struct reason *why);

/* Fresh JSON object (NULL: no memory), and a page of text on standard output. */
json_t *world_facts_json(const struct world_facts *facts);
void world_facts_print(const struct world_facts *facts);

const char *world_state_name(uint32_t state);
const char *world_isolation_name(uint32_t isolation);
const char *world_module_state_name(uint32_t state);

#endif
