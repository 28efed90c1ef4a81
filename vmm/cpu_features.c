/*
 * CPUID and extended state for every vCPU: what KVM supports. Where a KVM runs ring 3 on the bare
 * processor but reports less than it has (PVM), it is the processor's own leaves, so that libraries
 * use the instructions that work; and only those that KVM or a program looks at, because there each
 * may cost 35 µs to read, which for all that KVM would list is longer than the rest of a start.
 */
#include "vmm/cpu_features.h"

#include "base/scope.h"

#include <assert.h>
#include <cpuid.h>
#include <sys/ioctl.h>

#define ENTRIES_MAX 256u

#define LEAF1_ECX_MONITOR (1u << 3)
#define LEAF1_ECX_PDCM (1u << 15)
#define LEAF1_ECX_XSAVE (1u << 26)
#define LEAF1_ECX_HYPERVISOR (1u << 31)
#define LEAF7_ECX_UMIP (1u << 2)
#define LEAF_XSAVE 0xdu
#define LEAF_EXTENDED 0x80000000u
#define LEAF_ADDRESS 0x80000008u

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
    for (uint32_t i = 0; i < cpuid->nent; i++)
        if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
            return &cpuid->entries[i];
    return NULL;
}

static void use_processor_leaf(struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
    bool indexed = function == 7 || function == LEAF_XSAVE;
    struct kvm_cpuid_entry2 *entry = &cpuid->entries[cpuid->nent++];
    *entry = (struct kvm_cpuid_entry2){
        .function = function,
        .index = index,
        .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
    };
    __cpuid_count(function, index, entry->eax, entry->ebx, entry->ecx, entry->edx);
    if (function == 1) {
        entry->ecx |= LEAF1_ECX_HYPERVISOR;
        entry->ecx &= ~(LEAF1_ECX_MONITOR | LEAF1_ECX_PDCM);
    }
}

static void use_processor_leaves(struct kvm_cpuid2 *cpuid)
{
    static const uint32_t leaves[][2] = {{0, 0},
                                         {1, 0},
                                         {7, 0},
                                         {7, 1},
                                         {LEAF_XSAVE, 0},
                                         {LEAF_XSAVE, 1},
                                         {LEAF_XSAVE, 2},
                                         {LEAF_XSAVE, 5},
                                         {LEAF_XSAVE, 6},
                                         {LEAF_XSAVE, 7},
                                         {LEAF_EXTENDED, 0},
                                         {LEAF_EXTENDED + 1, 0},
                                         {LEAF_ADDRESS, 0}};
    static_assert(ARRAY_SIZE(leaves) <= ENTRIES_MAX, "leaves");
    cpuid->nent = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++)
        use_processor_leaf(cpuid, leaves[i][0], leaves[i][1]);
}

static uint64_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* State that both the processor's own kernel has switched on and the machine may use: x87, SSE, AVX
   and AVX-512. */
static uint64_t choose_xcr0(struct kvm_cpuid2 *cpuid)
{
    const struct kvm_cpuid_entry2 *features = find(cpuid, 1, 0);
    const struct kvm_cpuid_entry2 *states = find(cpuid, LEAF_XSAVE, 0);
    if (!features || !states || !(features->ecx & LEAF1_ECX_XSAVE))
        return 0;
    return read_xcr0() & states->eax & 0xe7u;
}

static uint64_t address_limit(struct kvm_cpuid2 *cpuid)
{
    const struct kvm_cpuid_entry2 *entry = find(cpuid, LEAF_ADDRESS, 0);
    uint32_t bits = entry ? entry->eax & 0xff : 36;
    return 1ull << (bits >= 32 && bits <= 52 ? bits : 36);
}

cloister_status cpu_features_read(struct machine *machine, struct reason *why)
{
    struct kvm_cpuid2 *cpuid =
        calloc(1, sizeof *cpuid + ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2));
    if (!cpuid)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for CPUID leaves");
    machine->cpuid = cpuid;
    cpuid->nent = ENTRIES_MAX;
    if (machine->flavour == KVM_FLAVOUR_PVM)
        use_processor_leaves(cpuid);
    else if (ioctl(machine->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) != 0)
        return refuse_errno(why, "KVM does not tell its CPUID leaves");
    const struct kvm_cpuid_entry2 *leaf7 = find(cpuid, 7, 0);
    machine->umip = machine->flavour == KVM_FLAVOUR_PVM || (leaf7 && (leaf7->ecx & LEAF7_ECX_UMIP));
    machine->gpa_limit = address_limit(cpuid);
    machine->xcr0 = choose_xcr0(cpuid);
    return CLOISTER_OK;
}
