/*
 * The hypervisor's signature in CPUID.
 */
#include "normal-world/guest/emulator.h"

#include <cpuid.h>
#include <string.h>

#define HYPERVISOR_LEAF 0x40000000u
#define HYPERVISOR_BIT (1u << 31) /* in ECX of leaf 1 */

bool emulator_runs_us(void)
{
    static const char tcg[] = "TCGTCGTCGTCG";
    unsigned ignored, most, features, name[3];
    if (!__get_cpuid(1, &ignored, &ignored, &features, &ignored) || !(features & HYPERVISOR_BIT))
        return false;
    __cpuid(HYPERVISOR_LEAF, most, name[0], name[1], name[2]);
    return most >= HYPERVISOR_LEAF && memcmp(name, tcg, sizeof name) == 0;
}
