/*
 * Mechanisms that a kernel may lack or break, each tried for real in a throwaway machine. `cloister
 * doctor` prints them; a production world refuses to start where one that protects it fails.
 */
#ifndef VMM_PROBE_H
#define VMM_PROBE_H

#include "vmm/machine.h"

enum probe_outcome { PROBE_OK, PROBE_FAILED, PROBE_ABSENT };

struct probe_result {
    const char *name;
    enum probe_outcome outcome;
    bool required;      /* for a production world */
    const char *detail; /* what it is for */
};

#define PROBE_COUNT 8u

/* Tries them all. A machine that cannot be made is an error; a mechanism that fails is a result. */
CLOISTER_MUST_USE cloister_status probe_all(struct probe_result results[PROBE_COUNT],
                                            enum kvm_flavour *flavour, struct reason *why);

/* UNSUPPORTED, naming the mechanism, if one that a production world needs fails. */
CLOISTER_MUST_USE cloister_status probe_required(struct reason *why);

/* Prints results for `cloister doctor`: "name=outcome" lines, or JSON. false: no world can run. */
bool probe_print(bool json);

#endif
