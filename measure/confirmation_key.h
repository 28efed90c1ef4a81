/*
 * Is a public key for the `cnf` claim one that a relying party may encrypt to?
 */
#ifndef MEASURE_CONFIRMATION_KEY_H
#define MEASURE_CONFIRMATION_KEY_H

#include "abi/hypercall.h"

#include <stdbool.h>
#include <stddef.h>

/* kind: CLO_CNF_…; the key's bytes as in struct clo_report_request. NONE goes with size 0. */
bool confirmation_key_is_valid(uint32_t kind, const uint8_t *key, size_t size);

#endif
