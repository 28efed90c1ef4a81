/*
 * Text that a module wrote, made safe for a log that people read in terminals.
 */
#ifndef VMM_ESCAPE_H
#define VMM_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/* Copies printable ASCII; everything else, and the backslash, becomes \xNN. A trailing newline is
   dropped. Cut to fit, never inside an escape; always ends with NUL. `room` is at least 1. */
void escape_text(const uint8_t *bytes, size_t size, char *text, size_t room);

#endif
