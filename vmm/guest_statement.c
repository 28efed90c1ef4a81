/*
 * Puts the statement of a VMM together. A guest that runs already could make its VMM say what it
 * likes, so nothing is taken after its first request.
 */
#include "vmm/guest_statement.h"

#include <string.h>

bool guest_statement_take(struct guest_statement *statement, const void *bytes, size_t size,
                          bool late)
{
    struct clo_guest_measured *measured = &statement->measured;
    if (late || size > sizeof *measured - statement->heard)
        return false;
    memcpy((uint8_t *)measured + statement->heard, bytes, size);
    statement->heard += size;
    return statement->heard < sizeof measured->magic || measured->magic == CLO_GUEST_MEASURED_MAGIC;
}

const struct clo_guest_measured *guest_statement_of(const struct guest_statement *statement)
{
    return statement->heard == sizeof statement->measured ? &statement->measured : NULL;
}
