/*
 * Parts of the SDK, as its own files see them. Freestanding: nothing of a libc but mem* functions,
 * which libcloister-start.a brings where there is none.
 */
#ifndef SDK_H
#define SDK_H

#include "cloister/module.h"

#include <stdbool.h>

/* place.c: where the module's pages are, and the hypercall. */
const struct clo_boot *sdk_boot(void);
const struct clo_control *sdk_control(void);
struct clo_mailbox *sdk_mailbox(void);
uint8_t *sdk_window(void);
cloister_status sdk_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2);

/* hypercall.S: EAX = number onto the hypercall port. */
void sdk_out(uint32_t number);

/* Zeroed memory that is never given back, 64-byte aligned; NULL: none left. One per kind of module:
   main.c asks the libc, start.c takes the heap itself. */
void *sdk_memory(size_t size);

extern const struct cloister_manifest_note cloister_manifest_note;

/* Written by a client at any time: copied once, and the compiler must not go back to the source. */
static inline void sdk_copy_once(void *to, const void *from, size_t size)
{
    __builtin_memcpy(to, from, size);
    __asm__ volatile("" : : : "memory");
}

/* Not elided, though nobody reads the memory again. */
static inline void sdk_wipe(void *bytes, size_t size)
{
    __builtin_memset(bytes, 0, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

#endif
