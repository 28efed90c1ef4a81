/*
 * A memfd that came from the world host: is it one whose bytes can no longer change?
 */
#ifndef MEASURE_KEEPER_IMAGE_H
#define MEASURE_KEEPER_IMAGE_H

#include "base/reason.h"

#include <stdint.h>

/* Refuses, naming `what`: no descriptor, a file that is not in memory, one without the seals
   against writing, shrinking, growing and unsealing, or of another size than `size`, a page
   multiple. BAD_FORMAT, PROTOCOL. */
CLOISTER_MUST_USE cloister_status image_check(int descriptor, const char *what, uint64_t size,
                                              struct reason *why);

#endif
