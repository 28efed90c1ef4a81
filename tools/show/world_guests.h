/*
 * The guests of a world, for people and programs.
 */
#ifndef TOOLS_SHOW_WORLD_GUESTS_H
#define TOOLS_SHOW_WORLD_GUESTS_H

#include "cloister/client.h"

#include <jansson.h>

struct world_guests {
    bool known; /* false: this user, or this guest, is not told; `info` is zero */
    struct clo_guests_info info;
};

/* Not to be told is no failure. */
CLOISTER_MUST_USE cloister_status world_guests_read(cloister_world *world,
                                                    struct world_guests *guests);

/* Sets "guest_socket" and "guests" in `world`; null: not known, and no socket. false: no memory. */
CLOISTER_MUST_USE bool world_guests_json(const struct world_guests *guests, json_t *world);

/* On standard output; nothing if the world serves no guests. */
void world_guests_print(const struct world_guests *guests);

#endif
