/*
 * Words for the numbers of a module's record.
 */
#ifndef TOOLS_CRYPTO_MODULE_TEXT_H
#define TOOLS_CRYPTO_MODULE_TEXT_H

#include "abi/manifest.h"

/* "SEAL" for a bit of the manifest's hypercalls, NULL for one without a name. */
const char *module_text_hypercall(unsigned number);

/* "in", "buffer out", … for a kind of parameter. */
const char *module_text_kind(unsigned kind);

/* "read-execute" and the like. */
const char *module_text_rights(uint32_t rights);

/* "none" or "public". */
const char *module_text_log_class(uint32_t log_class);

/* "calls", "accepts" or both. */
const char *module_text_peer(uint32_t flags);

#endif
