/*
 * Readers of single values of a claims-set; used by report_read*.c only. Each takes its value and
 * says whether it had the form that docs/report.md gives it.
 */
#ifndef MEASURE_REPORT_READ_PARTS_H
#define MEASURE_REPORT_READ_PARTS_H

#include "measure/report_read.h"

#define REPORT_PART __attribute__((warn_unused_result)) bool

REPORT_PART report_read_number(struct cbor_reader *reader, uint64_t *value); /* below 2^63 */
REPORT_PART report_read_sized(struct cbor_reader *reader, size_t least, size_t most,
                              struct cbor_view *view);
REPORT_PART report_read_name(struct cbor_reader *reader, struct cbor_view *name);
REPORT_PART report_read_version(struct cbor_reader *reader, struct cbor_view *version);
REPORT_PART report_read_debug(struct cbor_reader *reader, bool *debug);
REPORT_PART report_read_cnf(struct cbor_reader *reader, struct report_claims *claims);
REPORT_PART report_read_components(struct cbor_reader *reader, struct report_component *component,
                                   unsigned count);
REPORT_PART report_read_seal_state(struct cbor_reader *reader, struct report_fields *fields);
REPORT_PART report_read_caller(struct cbor_reader *reader, struct report_fields *fields);
REPORT_PART report_read_posture(struct cbor_reader *reader, struct report_fields *fields);
REPORT_PART report_read_submodules(struct cbor_reader *reader, struct report_claims *claims);
REPORT_PART report_read_results(struct cbor_reader *reader, struct report_claims *claims);

/* The submodule of that name; NULL: none. */
struct report_submodule *report_submodule_find(struct report_claims *claims,
                                               const struct cbor_view *name);

bool report_views_equal(const struct cbor_view *a, const struct cbor_view *b);

#endif
