/*
 * The guests of a world for its operator.
 */
#ifndef VMM_GUESTS_INFO_H
#define VMM_GUESTS_INFO_H

#include "vmm/guests.h"

/* Fills every field, by number. `guests` NULL: the world serves none. Main thread. */
void guests_fill_info(const struct guests *guests, struct clo_guests_info *info);

#endif
