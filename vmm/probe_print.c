/*
 * Prints what the probes found, for `cloister doctor`: name=outcome lines, or one JSON object.
 * Names and outcomes are plain words of our own.
 */
#include "vmm/probe.h"

#include <stdio.h>
#include <string.h>

static const char *outcome_name(enum probe_outcome outcome)
{
    switch (outcome) {
    case PROBE_OK:
        return "ok";
    case PROBE_ABSENT:
        return "absent";
    default:
        return "failed";
    }
}

static const char *isolation_name(const struct probe_result *results)
{
    for (unsigned i = 0; i < PROBE_COUNT; i++)
        if (strcmp(results[i].name, "guest-memfd") == 0 && results[i].outcome == PROBE_OK)
            return "unreachable";
    return "mapped";
}

static void print_pair(const char *name, const char *value, bool json, bool first)
{
    if (json)
        (void)printf("%s\"%s\": \"%s\"", first ? "{" : ", ", name, value);
    else
        (void)printf("%s=%s\n", name, value);
}

bool probe_print(bool json)
{
    struct probe_result results[PROBE_COUNT];
    enum kvm_flavour flavour;
    struct reason why;
    bool usable = true;
    if (probe_all(results, &flavour, &why) != CLOISTER_OK) {
        (void)fprintf(stderr, "cloister-world: %s\n", why.text);
        return false;
    }
    print_pair("kvm", kvm_flavour_name(flavour), json, true);
    print_pair("isolation", isolation_name(results), json, false);
    for (unsigned i = 0; i < PROBE_COUNT; i++) {
        print_pair(results[i].name, outcome_name(results[i].outcome), json, false);
        usable = usable && (!results[i].required || results[i].outcome == PROBE_OK);
    }
    if (json)
        (void)puts("}");
    return usable;
}
