/*
 * SHA-384 of bytes in memory.
 */
#ifndef GUEST_DIGEST_H
#define GUEST_DIGEST_H

#include "abi/layout.h"

#include <stddef.h>
#include <stdint.h>

void digest_sha384(const void *bytes, size_t size, uint8_t digest[CLO_DIGEST_SIZE]);

#endif
