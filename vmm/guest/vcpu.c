/*
 * The loop around KVM_RUN. Whatever the guest does ends in an answer on its bus or in the end of
 * the guest; nothing it does is logged, so that it cannot flood a log.
 */
#include "vmm/guest/vcpu.h"

#include "vmm/guest/boot_params.h"

#include "base/checked.h"
#include "base/scope.h"

#include <asm/kvm_para.h>
#include <string.h>
#include <sys/ioctl.h>

#define CPUID_ENTRIES 256u /* KVM has no more */
#define CPUID_FEATURES 1u
#define CPUID_TOPOLOGY 0xbu
#define CPUID_TOPOLOGY_2 0x1fu
#define HYPERVISOR (1u << 31)
#define TSC_DEADLINE (1u << 24)
#define ONE_PROCESSOR (1u << 16) /* in EBX of leaf 1: one, with APIC number 0 */
#define KEEP_EBX 0x0000ffffu
/* What KVM offers a Linux guest besides a processor, without what reaches it by the local APIC,
   which a guest may leave off: an asynchronous page fault that cannot be delivered keeps every HLT
   from waiting. */
#define KVM_OFFERS                                                                                 \
    (1u << KVM_FEATURE_CLOCKSOURCE | 1u << KVM_FEATURE_CLOCKSOURCE2 |                              \
     1u << KVM_FEATURE_CLOCKSOURCE_STABLE_BIT | 1u << KVM_FEATURE_NOP_IO_DELAY |                   \
     1u << KVM_FEATURE_STEAL_TIME)

#define CR0_LONG_MODE 0x80050033u /* PG AM WP NE ET MP PE */
#define CR4_PAE 0x20u
#define EFER_LONG_MODE 0x500u /* LME LMA */
#define RFLAGS_RESERVED 2u
#define RFLAGS_INTERRUPTS 0x200u

static void adapt(struct kvm_cpuid_entry2 *entry, bool deadline)
{
    if (entry->function == CPUID_FEATURES) {
        entry->ebx = (entry->ebx & KEEP_EBX) | ONE_PROCESSOR;
        entry->ecx |= HYPERVISOR | (deadline ? TSC_DEADLINE : 0);
    }
    if (entry->function == KVM_CPUID_FEATURES)
        entry->eax &= KVM_OFFERS;
    if (entry->function == CPUID_TOPOLOGY || entry->function == CPUID_TOPOLOGY_2)
        entry->edx = 0;
}

static cloister_status set_features(const struct guest_machine *machine, struct reason *why)
{
    AUTO_FREE struct kvm_cpuid2 *cpuid =
        calloc(1, sizeof *cpuid + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
    if (!cpuid)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the vCPU's features");
    cpuid->nent = CPUID_ENTRIES;
    if (ioctl(machine->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) != 0)
        return refuse_errno(why, "KVM does not say what a vCPU can do");
    bool deadline = ioctl(machine->kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    for (uint32_t i = 0; i < cpuid->nent && i < CPUID_ENTRIES; i++)
        adapt(&cpuid->entries[i], deadline);
    if (ioctl(machine->vcpu, KVM_SET_CPUID2, cpuid) != 0)
        return refuse_errno(why, "KVM does not take the vCPU's features");
    return CLOISTER_OK;
}

cloister_status vcpu_prepare(struct guest_machine *machine, uint64_t entry, struct reason *why)
{
    const struct kvm_segment code = {.limit = 0xffffffff,
                                     .selector = BOOT_CODE,
                                     .type = 11,
                                     .present = 1,
                                     .s = 1,
                                     .l = 1,
                                     .g = 1};
    const struct kvm_segment data = {.limit = 0xffffffff,
                                     .selector = BOOT_DATA,
                                     .type = 3,
                                     .present = 1,
                                     .db = 1,
                                     .s = 1,
                                     .g = 1};
    const struct kvm_regs registers = {
        .rip = entry, .rsi = BOOT_ZERO_PAGE, .rsp = BOOT_STACK, .rflags = RFLAGS_RESERVED};
    struct kvm_sregs special;
    cloister_status status = set_features(machine, why);
    if (status != CLOISTER_OK)
        return status;
    if (ioctl(machine->vcpu, KVM_GET_SREGS, &special) != 0)
        return refuse_errno(why, "cannot read the vCPU's state");
    special.cs = code;
    special.ds = special.es = special.fs = special.gs = special.ss = data;
    special.gdt.base = BOOT_GDT;
    special.gdt.limit = BOOT_GDT_SIZE - 1;
    special.cr0 = CR0_LONG_MODE;
    special.cr3 = BOOT_PAGE_TABLES;
    special.cr4 = CR4_PAE;
    special.efer = EFER_LONG_MODE;
    if (ioctl(machine->vcpu, KVM_SET_SREGS, &special) != 0 ||
        ioctl(machine->vcpu, KVM_SET_REGS, &registers) != 0)
        return refuse_errno(why, "KVM does not take the vCPU's first state");
    return CLOISTER_OK;
}

/* Halted with interrupts off: nothing can ever wake it. */
static bool is_halted_for_good(const struct guest_machine *machine)
{
    struct kvm_mp_state state;
    struct kvm_regs registers;
    return ioctl(machine->vcpu, KVM_GET_MP_STATE, &state) == 0 &&
           state.mp_state == KVM_MP_STATE_HALTED &&
           ioctl(machine->vcpu, KVM_GET_REGS, &registers) == 0 &&
           !(registers.rflags & RFLAGS_INTERRUPTS);
}

/* Repeated string instructions come with all their bytes at once. */
static enum bus_effect serve_port(struct guest_machine *machine, struct bus *bus)
{
    const struct kvm_run *run = machine->run;
    uint8_t *data = (uint8_t *)machine->run + run->io.data_offset;
    if (!range_within(run->io.data_offset, (uint64_t)run->io.size * run->io.count,
                      machine->run_size))
        return BUS_NOTHING;
    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        uint32_t value = 0xffffffff;
        if (run->io.direction == KVM_EXIT_IO_IN) {
            value = bus_port_read(bus, run->io.port, run->io.size);
            memcpy(data, &value, run->io.size);
            continue;
        }
        value = 0;
        memcpy(&value, data, run->io.size);
        enum bus_effect effect = bus_port_write(bus, run->io.port, run->io.size, value);
        if (effect != BUS_NOTHING)
            return effect;
    }
    return BUS_NOTHING;
}

static void serve_memory(struct kvm_run *run, struct bus *bus)
{
    uint64_t value = 0;
    unsigned size = run->mmio.len <= sizeof value ? run->mmio.len : sizeof value;
    if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, size);
        bus_memory_write(bus, run->mmio.phys_addr, size, value);
        return;
    }
    value = bus_memory_read(bus, run->mmio.phys_addr, size);
    memcpy(run->mmio.data, &value, size);
}

enum vcpu_end vcpu_run(struct guest_machine *machine, struct bus *bus, struct reason *why)
{
    enum bus_effect effect;
    for (;;) {
        if (ioctl(machine->vcpu, KVM_RUN, 0) != 0) {
            if (errno != EINTR && errno != EAGAIN) {
                cloister_status status = refuse_errno(why, "KVM cannot run the guest");
                (void)status;
                return VCPU_FAILED;
            }
            if (is_halted_for_good(machine))
                return VCPU_HALTED;
            continue;
        }
        switch (machine->run->exit_reason) {
        case KVM_EXIT_IO:
            effect = serve_port(machine, bus);
            if (effect != BUS_NOTHING)
                return effect == BUS_RESET ? VCPU_RESET : VCPU_POWER_OFF;
            break;
        case KVM_EXIT_MMIO:
            serve_memory(machine->run, bus);
            break;
        case KVM_EXIT_SHUTDOWN:
            return VCPU_RESET;
        case KVM_EXIT_INTR:
            break;
        default: {
            cloister_status status =
                refuse(why, CLOISTER_DEAD, "the guest does what KVM cannot emulate (exit %u, %u)",
                       machine->run->exit_reason, machine->run->internal.suberror);
            (void)status;
            return VCPU_FAILED;
        }
        }
    }
}
