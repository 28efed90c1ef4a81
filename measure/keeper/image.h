/*
 * A memfd that came from the world host, as memory that can no longer change.
 */
#ifndef MEASURE_KEEPER_IMAGE_H
#define MEASURE_KEEPER_IMAGE_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

struct image {
    const uint8_t *bytes;
    size_t size;
};

/* Maps the descriptor read-only. Refuses, naming `what`: no descriptor, a file that is not in
   memory, one without the seals against writing, shrinking, growing and unsealing, or of another
   size than `size`, a page multiple. BAD_FORMAT, NO_MEMORY. The caller ends with image_unmap, and
   may close the descriptor before. */
CLOISTER_MUST_USE cloister_status image_map(int descriptor, const char *what, uint64_t size,
                                            struct image *image, struct reason *why);

void image_unmap(struct image *image);

#endif
