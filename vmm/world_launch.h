/*
 * The launch record of a world, as it goes to the keeper (abi/keeper.h).
 */
#ifndef VMM_WORLD_LAUNCH_H
#define VMM_WORLD_LAUNCH_H

#include "vmm/world.h"

/* Sends LAUNCH and a MODULE for each module. A status is the keeper's to what came before. */
CLOISTER_MUST_USE cloister_status world_launch_tell(struct world *world, struct reason *why);

/* Sends START: the record is complete. After machine_seal, because it says how isolated the data
 * is. */
CLOISTER_MUST_USE cloister_status world_launch_start(struct world *world, struct reason *why);

/* Waits until the keeper has agreed to all of it; modules have their measurement and author then.
   REFUSED: unsigned in a production world, a bad signature. Before this no module may run. */
CLOISTER_MUST_USE cloister_status world_launch_wait(struct world *world, struct reason *why);

#endif
