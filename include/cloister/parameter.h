/*
 * Parameters of a call, as the caller gives them: value pairs and buffers.
 */
#ifndef CLOISTER_PARAMETER_H
#define CLOISTER_PARAMETER_H

#include "cloister/abi/channel.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One parameter of a call: a value pair or a buffer of the caller's. */
typedef struct cloister_parameter {
    unsigned kind;     /* CLO_PARAM_NONE, IN, OUT, INOUT, BUFFER_IN, BUFFER_OUT, BUFFER_INOUT */
    uint64_t a, b;     /* value pairs: in and out */
    const void *input; /* buffers in: read */
    void *output;      /* buffers out: written */
    size_t size;       /* buffers in: bytes given; after the call of a buffer out: bytes made */
    size_t capacity;   /* buffers out: room in `output` */
} cloister_parameter;

static inline cloister_parameter cloister_in(const void *bytes, size_t size)
{
    cloister_parameter p = {CLO_PARAM_BUFFER_IN, 0, 0, bytes, NULL, size, 0};
    return p;
}

static inline cloister_parameter cloister_out(void *bytes, size_t capacity)
{
    cloister_parameter p = {CLO_PARAM_BUFFER_OUT, 0, 0, NULL, bytes, 0, capacity};
    return p;
}

/* In place: `size` bytes go in, at most `capacity` come out. */
static inline cloister_parameter cloister_inout(void *bytes, size_t size, size_t capacity)
{
    cloister_parameter p = {CLO_PARAM_BUFFER_INOUT, 0, 0, bytes, bytes, size, capacity};
    return p;
}

static inline cloister_parameter cloister_value(uint64_t a, uint64_t b)
{
    cloister_parameter p = {CLO_PARAM_IN, a, b, NULL, NULL, 0, 0};
    return p;
}

static inline cloister_parameter cloister_value_out(void)
{
    cloister_parameter p = {CLO_PARAM_OUT, 0, 0, NULL, NULL, 0, 0};
    return p;
}

static inline cloister_parameter cloister_value_inout(uint64_t a, uint64_t b)
{
    cloister_parameter p = {CLO_PARAM_INOUT, a, b, NULL, NULL, 0, 0};
    return p;
}

#ifdef __cplusplus
}
#endif
#endif
