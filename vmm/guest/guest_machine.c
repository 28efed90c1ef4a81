/*
 * Makes the virtual machine and wraps the calls on it. Must never map anything into the guest but
 * its own memory and what a device was given.
 */
#include "vmm/guest/guest_machine.h"

#include "base/scope.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define TSS_ADDRESS 0xfffbd000u /* three pages that old Intel processors need */
/* Lines that PCI devices and ACPI have are level-triggered: in the edge/level registers of both
 * PICs.
 */
#define LEVEL_TRIGGERED ((1u << 5) | (1u << 9) | (1u << 10) | (1u << 11))

static cloister_status open_kvm(struct guest_machine *machine, struct reason *why)
{
    machine->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (machine->kvm < 0)
        return refuse(why, CLOISTER_UNSUPPORTED,
                      "cannot open /dev/kvm: %s; a guest needs KVM and permission to use it",
                      strerror(errno));
    if (ioctl(machine->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return refuse(why, CLOISTER_UNSUPPORTED, "/dev/kvm does not speak API version %d",
                      KVM_API_VERSION);
    machine->vm = ioctl(machine->kvm, KVM_CREATE_VM, 0);
    if (machine->vm < 0)
        return refuse(why, CLOISTER_UNSUPPORTED, "KVM makes no virtual machine: %s",
                      strerror(errno));
    return CLOISTER_OK;
}

static cloister_status make_level_triggered(int vm, struct reason *why)
{
    for (uint32_t pic = KVM_IRQCHIP_PIC_MASTER; pic <= KVM_IRQCHIP_PIC_SLAVE; pic++) {
        struct kvm_irqchip chip = {.chip_id = pic};
        if (ioctl(vm, KVM_GET_IRQCHIP, &chip) != 0)
            return refuse_errno(why, "cannot read the interrupt controller");
        chip.chip.pic.elcr = (uint8_t)(LEVEL_TRIGGERED >> (pic * 8));
        if (ioctl(vm, KVM_SET_IRQCHIP, &chip) != 0)
            return refuse_errno(why, "cannot set the interrupt controller up");
    }
    return CLOISTER_OK;
}

static cloister_status create_controllers(int vm, struct reason *why)
{
    const struct kvm_pit_config timer = {.flags = KVM_PIT_SPEAKER_DUMMY};
    if (ioctl(vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) != 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) != 0 ||
        ioctl(vm, KVM_CREATE_PIT2, &timer) != 0)
        return refuse(why, CLOISTER_UNSUPPORTED,
                      "this KVM has no interrupt controllers or timer of its own: %s",
                      strerror(errno));
    return make_level_triggered(vm, why);
}

static cloister_status create_vcpu(struct guest_machine *machine, struct reason *why)
{
    int size = ioctl(machine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    machine->vcpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0);
    if (machine->vcpu < 0 || size < (int)sizeof(struct kvm_run))
        return refuse_errno(why, "KVM makes no vCPU");
    void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->vcpu, 0);
    if (run == MAP_FAILED)
        return refuse_errno(why, "cannot map the vCPU's page");
    machine->run = run;
    machine->run_size = (size_t)size;
    return CLOISTER_OK;
}

static cloister_status map_memory(struct guest_machine *machine, const struct guest_memory *memory,
                                  struct reason *why)
{
    bool good = guest_machine_map(machine, GUEST_SLOT_LOW, 0, memory->bytes, memory->low);
    if (good && memory->size > memory->low)
        good = guest_machine_map(machine, GUEST_SLOT_HIGH, GUEST_MEMORY_ABOVE,
                                 memory->bytes + memory->low, memory->size - memory->low);
    return good ? CLOISTER_OK : refuse_errno(why, "KVM does not take the guest's memory");
}

cloister_status guest_machine_create(struct guest_machine *machine,
                                     const struct guest_memory *memory, struct reason *why)
{
    *machine = (struct guest_machine){.kvm = -1, .vm = -1, .vcpu = -1};
    cloister_status status = open_kvm(machine, why);
    if (status == CLOISTER_OK)
        status = create_controllers(machine->vm, why);
    if (status == CLOISTER_OK)
        status = map_memory(machine, memory, why);
    if (status == CLOISTER_OK)
        status = create_vcpu(machine, why);
    if (status != CLOISTER_OK)
        guest_machine_destroy(machine);
    return status;
}

void guest_machine_destroy(struct guest_machine *machine)
{
    if (machine->run)
        (void)munmap(machine->run, machine->run_size);
    scope_close(&machine->vcpu);
    scope_close(&machine->vm);
    scope_close(&machine->kvm);
    *machine = (struct guest_machine){.kvm = -1, .vm = -1, .vcpu = -1};
}

void guest_machine_set_irq(void *of, unsigned irq, unsigned source, bool level)
{
    struct guest_machine *machine = of;
    uint32_t before = machine->high[irq];
    machine->high[irq] = level ? before | 1u << source : before & ~(1u << source);
    if (!before == !machine->high[irq])
        return;
    struct kvm_irq_level set = {.irq = irq, .level = machine->high[irq] != 0};
    (void)ioctl(machine->vm, KVM_IRQ_LINE, &set); /* fails for a controller that is not there */
}

bool guest_machine_map(struct guest_machine *machine, enum guest_slot slot, uint64_t address,
                       void *bytes, uint64_t size)
{
    const struct kvm_userspace_memory_region region = {.slot = slot,
                                                       .guest_phys_addr = address,
                                                       .memory_size = bytes ? size : 0,
                                                       .userspace_addr = (uint64_t)bytes};
    return ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

bool guest_machine_doorbell(struct guest_machine *machine, const struct guest_doorbell *doorbell,
                            bool on)
{
    const struct kvm_ioeventfd event = {.datamatch = doorbell->value,
                                        .addr = doorbell->address,
                                        .len = sizeof doorbell->value,
                                        .fd = doorbell->fd,
                                        .flags = KVM_IOEVENTFD_FLAG_DATAMATCH |
                                                 (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN)};
    return ioctl(machine->vm, KVM_IOEVENTFD, &event) == 0;
}

bool guest_machine_completion(struct guest_machine *machine, unsigned irq, int fd, int resample,
                              bool on)
{
    const struct kvm_irqfd event = {.fd = (uint32_t)fd,
                                    .gsi = irq,
                                    .flags = on ? KVM_IRQFD_FLAG_RESAMPLE : KVM_IRQFD_FLAG_DEASSIGN,
                                    .resamplefd = (uint32_t)resample};
    return ioctl(machine->vm, KVM_IRQFD, &event) == 0;
}
