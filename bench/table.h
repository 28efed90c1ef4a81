/*
 * Rows as a table for people and as JSON.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bench/row.h"

/* One line about the machine, then the column heads. */
void table_print_head(void);

void table_print_row(const struct row *row);

/* A row that could not be measured. */
void table_print_skipped(const char *name);

/* An array of objects: name, ours, reference, unit, ratio, target, aim, holds (null: no
   target), spread, rounds, machine. Prints it on standard output. */
CLOISTER_MUST_USE cloister_status table_print_json(const struct row *rows, unsigned count);

#endif
