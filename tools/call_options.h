/*
 * The words of `cloister call`.
 */
#ifndef TOOLS_CALL_OPTIONS_H
#define TOOLS_CALL_OPTIONS_H

#include "tools/call_inputs.h"

struct call_options {
    const char *target;
    const char *method;
    struct call_inputs inputs;
    const char *out[CLO_PARAMETERS_MAX];
    unsigned out_count;
    unsigned long long timeout_ms;
    unsigned long long count;
    unsigned long long in_flight; /* 0: one call at a time, each timed */
};

extern const char call_help[];

/* TOOL_OK, -1 for --help, or the exit status after what is wrong has been said. */
int call_options_parse(int argc, char **argv, struct call_options *options);

#endif
