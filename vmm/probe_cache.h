/*
 * Remembers that the mechanisms a production world needs have been probed on this kernel, so that
 * not every start probes again. The file lies in the runtime folder, which only its owner may write
 * to; it says nothing else than yes.
 */
#ifndef VMM_PROBE_CACHE_H
#define VMM_PROBE_CACHE_H

#include "base/reason.h"

#include <stdbool.h>

/* Did the probes pass since this host booted this kernel, with this version of Cloister? Any doubt
   is a no. */
bool probe_cache_passed(void);

/* Remembers that they did. A failure only means that the next start probes again. */
void probe_cache_store(void);

#endif
