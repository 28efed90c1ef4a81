/*
 * The stack a program starts with: argument count, arguments, environment, auxiliary vector (System
 * V ABI, AMD64 supplement, 3.4.1).
 */
#ifndef VMM_PROCESS_STACK_H
#define VMM_PROCESS_STACK_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

struct process_stack {
    uint8_t *memory; /* of the stack's highest bytes, zeroed */
    size_t size;     /* of that memory */
    uint64_t top;    /* guest-virtual address of its end */
    uint64_t entry;  /* auxiliary vector: where the program starts */
    uint64_t phdr;   /* guest-virtual, 0: not loaded */
    uint32_t phdr_count;
    char *const *arguments;   /* NULL-terminated */
    char *const *environment; /* NULL-terminated, or NULL */
};

/* Writes the stack and sets *rsp (16-byte-aligned) and *used, the bytes written below top. TOO_BIG:
   arguments and environment take more than `size`; IO: no random bytes. */
CLOISTER_MUST_USE cloister_status process_stack_write(const struct process_stack *stack,
                                                      uint64_t *rsp, size_t *used,
                                                      struct reason *why);

#endif
