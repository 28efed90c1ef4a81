/*
 * What a VMM says of its guest on its connection: one struct clo_guest_measured or nothing. Pure.
 */
#ifndef VMM_GUEST_STATEMENT_H
#define VMM_GUEST_STATEMENT_H

#include "abi/guest.h"

#include <stdbool.h>

struct guest_statement {
    struct clo_guest_measured measured;
    size_t heard; /* bytes of it */
};

/* Takes what has come, in pieces of any size. `late`: the guest has asked for something already.
   false: not what may be said. */
__attribute__((warn_unused_result)) bool
guest_statement_take(struct guest_statement *statement, const void *bytes, size_t size, bool late);

/* The whole of it, or NULL. */
const struct clo_guest_measured *guest_statement_of(const struct guest_statement *statement);

#endif
