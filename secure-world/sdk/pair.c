/*
 * Which methods have calls of a pair of buffers: see pair.h.
 */
#include "pair.h"

#include "submission.h"

struct pair_method pair_method_of(const struct clo_method *method)
{
    struct pair_method pair = {
        .usable = (method->kinds >> 8) == 0,
        .in = CLO_PARAMETERS_MAX,
        .out = CLO_PARAMETERS_MAX,
        .kinds = method->kinds,
    };
    for (uint8_t i = 0; i < 2 && method->kinds >> (4 * i) != 0; i++) {
        unsigned kind = submission_kind(method->kinds, i);
        uint16_t bit = (uint16_t)(CLO_PARAM_INLINE << (4 * i));
        pair.count = (uint8_t)(i + 1);
        if (kind == CLO_PARAM_BUFFER_IN && !pair.in_bit) {
            pair.in = i;
            pair.in_bit = bit;
            pair.in_least = method->size_min[i];
            pair.in_most = method->size_max[i];
        } else if (kind == CLO_PARAM_BUFFER_OUT && !pair.out_bit) {
            pair.out = i;
            pair.out_bit = bit;
            pair.out_most = method->size_max[i];
        } else {
            pair.usable = false;
        }
        if (method->flags & CLO_METHOD_ZERO_COPY(i))
            pair.usable = false;
    }
    return pair;
}
