/*
 * The protected header of COSE_Sign1 as bytes; used by cose.c only.
 */
#ifndef MEASURE_COSE_HEADER_H
#define MEASURE_COSE_HEADER_H

#include "measure/cbor_write.h"
#include "measure/cose.h"

/* Reads a header. BAD_FORMAT: not as docs/report.md has it; REFUSED: critical label that is not
   understood, or an algorithm that is not in `allowed`. */
CLOISTER_MUST_USE cloister_status cose_header_read(const struct cbor_view *bytes, unsigned allowed,
                                                   struct cose_header *header, struct reason *why);

void cose_header_write(struct cbor_writer *writer, const struct cose_header *header);

#endif
