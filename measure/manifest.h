/*
 * Checks a manifest that someone else wrote.
 */
#ifndef MEASURE_MANIFEST_H
#define MEASURE_MANIFEST_H

#include "abi/manifest.h"
#include "base/reason.h"

/* Is every field in its range, every unused byte zero, every name valid and unique? BAD_FORMAT,
   TOO_BIG, UNSUPPORTED (newer ABI), naming the field, its value and the range. Both the world host
   and the keeper call it on their own copy. */
CLOISTER_MUST_USE cloister_status manifest_check(const struct clo_manifest *manifest,
                                                 struct reason *why);

#endif
