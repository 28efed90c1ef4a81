/*
 * The claims-set of a report as bytes; used by report.c only.
 */
#ifndef MEASURE_REPORT_CLAIMS_H
#define MEASURE_REPORT_CLAIMS_H

#include "abi/report.h"
#include "measure/cbor_write.h"
#include "measure/launch.h"

#define REPORT_UEID_SIZE 33u /* 0x01, then SHA-256 of the attestation key */

/* Everything that goes into the claims; already checked. */
struct report_input {
    const struct launch *launch;
    const struct launch_module *module; /* the one that the report is about */
    const struct clo_keeper_report *request;
    uint64_t now;
    uint8_t ueid[REPORT_UEID_SIZE];
};

void report_claims_write(struct cbor_writer *writer, const struct report_input *input);

/* Parts of it, in files of their own. */

/* The value of `submods`: every module of the world. */
void report_submodules_write(struct cbor_writer *writer, const struct launch *launch);

/* The value of `measurements` of the world: host program, runtime, layout, configuration. */
void report_components_write(struct cbor_writer *writer, const struct launch *launch);

/* The value of `measurements` of a module. */
void report_module_component_write(struct cbor_writer *writer, const struct launch_module *module);

/* The value of `posture`. */
void report_posture_write(struct cbor_writer *writer, const struct launch *launch);

/* A software version: [text, scheme]. */
void report_version_write(struct cbor_writer *writer, const uint8_t version[CLO_VERSION_SIZE]);

/* The isolation's name, NULL if there is no such isolation. Static text. */
const char *report_isolation_name(uint32_t isolation);

#endif
