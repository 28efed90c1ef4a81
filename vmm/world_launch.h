/*
 * The launch record of a world, as it goes to the keeper (abi/keeper.h).
 */
#ifndef VMM_WORLD_LAUNCH_H
#define VMM_WORLD_LAUNCH_H

#include "vmm/world.h"

/* LAUNCH and a MODULE for each module, whose measurement and author come back. REFUSED: unsigned in
   a production world, a bad signature. */
CLOISTER_MUST_USE cloister_status world_launch_tell(struct world *world, struct reason *why);

/* START: the record is complete. After machine_seal, because it says how isolated the data is. */
CLOISTER_MUST_USE cloister_status world_launch_start(struct world *world, struct reason *why);

#endif
