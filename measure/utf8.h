/*
 * Is text that someone else wrote fit to be shown?
 */
#ifndef MEASURE_UTF8_H
#define MEASURE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8 (shortest form, no surrogates) without control characters (C0, DEL, C1). */
bool utf8_is_plain(const uint8_t *text, size_t size);

#endif
