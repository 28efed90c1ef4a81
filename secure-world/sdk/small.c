/*
 * Which methods have small calls: see small.h.
 */
#include "small.h"

#include "submission.h"

static uint8_t at_most_a_line(uint32_t size)
{
    return size < CLO_INLINE_SIZE ? (uint8_t)size : CLO_INLINE_SIZE;
}

struct small_method small_method_of(const struct clo_method *method)
{
    struct small_method small = {
        .usable = true,
        .in = CLO_PARAMETERS_MAX,
        .out = CLO_PARAMETERS_MAX,
        .kinds = method->kinds,
    };
    for (uint8_t i = 0; i < CLO_PARAMETERS_MAX && method->kinds >> (4 * i) != 0; i++) {
        unsigned kind = submission_kind(method->kinds, i);
        if (kind == CLO_PARAM_BUFFER_IN && small.in == CLO_PARAMETERS_MAX &&
            method->size_min[i] <= CLO_INLINE_SIZE) {
            small.in = i;
            small.in_least = (uint8_t)method->size_min[i];
            small.in_most = at_most_a_line(method->size_max[i]);
        } else if (kind == CLO_PARAM_BUFFER_OUT && small.out == CLO_PARAMETERS_MAX) {
            small.out = i;
            small.out_most = at_most_a_line(method->size_max[i]);
        } else {
            small.usable = false;
        }
        small.kinds = (uint16_t)(small.kinds | CLO_PARAM_INLINE << (4 * i));
    }
    return small;
}
