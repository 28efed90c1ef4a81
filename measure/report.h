/*
 * Makes a report: an EAT in COSE_Sign1 over one module of a launch record. docs/report.md.
 */
#ifndef MEASURE_REPORT_H
#define MEASURE_REPORT_H

#include "measure/launch.h"
#include "measure/platform.h"

#define REPORT_SIZE_MAX 65536u

/* Signs a report about launch->module[index] for a request whose fields have been copied and are
   checked here (BAD_ARGUMENT). Sets *size. The clock is the caller's: seconds since 1970. */
CLOISTER_MUST_USE cloister_status report_make(const struct platform *platform,
                                              const struct launch *launch, uint32_t index,
                                              const struct clo_keeper_report *request, uint64_t now,
                                              uint8_t report[REPORT_SIZE_MAX], size_t *size,
                                              struct reason *why);

#endif
