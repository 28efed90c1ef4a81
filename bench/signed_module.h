/*
 * A module's signature by a key made for the occasion, and the check of it as the keeper makes it:
 * measure, then verify.
 */
#ifndef BENCH_SIGNED_MODULE_H
#define BENCH_SIGNED_MODULE_H

#include "vmm/module_file.h"

struct signed_module {
    uint8_t signature[CLO_KEEPER_SIGNATURE_MAX];
    size_t size;
};

/* Signs the module in `path`. */
CLOISTER_MUST_USE cloister_status signed_module_make(struct signed_module *module, const char *path,
                                                     struct reason *why);

/* Measures the file that was read and checks the signature over it. */
CLOISTER_MUST_USE cloister_status signed_module_check(const struct signed_module *module,
                                                      const struct module_file *file,
                                                      struct reason *why);

#endif
