/*
 * A world host of the tests' own: the real keeper starts the test program itself, and it speaks the
 * keeper protocol as a world host that was taken over might.
 */
#ifndef TESTS_E2E_KEEPER_WORLD_H
#define TESTS_E2E_KEEPER_WORLD_H

#include <stddef.h>

/* One thing that a world host might do. `play` runs as the world host and ends the process with
   status 0 if the keeper did what it should. */
struct keeper_scenario {
    const char *name; /* by outcome */
    void (*play)(void);
    const char *log; /* what the keeper's log must contain; NULL: it must be empty */
};

extern const struct keeper_scenario keeper_scenarios[];
extern const size_t keeper_scenario_count;

/* main() of the world host: plays the scenario that the last argument names. */
int keeper_world_main(int argc, char **argv);

#endif
