/*
 * Is text that someone else wrote fit to be shown? The one rule for logs, reasons, reports and what
 * commands print. Text is plain if it is well-formed UTF-8 (RFC 3629: shortest form, no surrogates)
 * and has nothing that a terminal or a reader's eye acts upon instead of showing it: no control
 * characters (C0, DEL, C1), no line or paragraph separators, nothing that changes the direction of
 * writing, nothing invisible (zero-width and format characters, tags).
 *
 * What is made to be safe from the start is narrower: names (name_is_valid), and what modules log
 * (vmm/escape.h), where nothing is lost and no text passes for another.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_is_plain(const uint8_t *text, size_t size);

/* Replaces each byte of what is not plain by '?'; the length stays. */
void utf8_make_plain(char *text);

#endif
