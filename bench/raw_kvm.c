/*
 * A VM of 2 MiB whose only code is a loop of `out`, in ring 3 with I/O privilege.
 */
#include "bench/raw_kvm.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_SIZE (2u << 20)
#define TABLE_4 0x1000u
#define TABLE_3 0x2000u
#define TABLE_2 0x3000u
#define CODE 0x10000u
#define STACK 0x20000u
#define FILE_AT 0x40000u
#define PAGE_ALL 0x7u /* present, writable, for ring 3 */
#define PAGE_LARGE 0x80u
#define CPUID_ENTRIES 128u

#define CR0_PAGING 0x80050033u /* paging, write protect, protected mode, native FPU errors */
#define CR4_LONG 0x620u        /* PAE, SSE */
#define EFER_LONG 0xd00u       /* long mode, NX */
#define FLAGS_IOPL_3 0x3202u

/* out %eax, $0x20; jmp to it */
static const uint8_t loop[] = {0xe7, 0x20, 0xeb, 0xfc};

static cloister_status open_kvm(struct raw_vm *vm, struct reason *why)
{
    vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm->kvm < 0)
        return refuse_errno(why, "cannot open /dev/kvm");
    vm->vm = ioctl(vm->kvm, KVM_CREATE_VM, 0);
    if (vm->vm < 0)
        return refuse_errno(why, "KVM_CREATE_VM");
    return CLOISTER_OK;
}

static cloister_status add_memory(struct raw_vm *vm, struct reason *why)
{
    vm->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (vm->memory == MAP_FAILED)
        return refuse_errno(why, "cannot map %u bytes", MEMORY_SIZE);
    struct kvm_userspace_memory_region region = {
        .memory_size = MEMORY_SIZE,
        .userspace_addr = (uint64_t)vm->memory,
    };
    if (ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &region) != 0)
        return refuse_errno(why, "KVM_SET_USER_MEMORY_REGION");
    uint64_t entry = TABLE_3 | PAGE_ALL;
    memcpy(vm->memory + TABLE_4, &entry, sizeof entry);
    entry = TABLE_2 | PAGE_ALL;
    memcpy(vm->memory + TABLE_3, &entry, sizeof entry);
    entry = PAGE_ALL | PAGE_LARGE;
    memcpy(vm->memory + TABLE_2, &entry, sizeof entry);
    memcpy(vm->memory + CODE, loop, sizeof loop);
    return CLOISTER_OK;
}

static cloister_status set_cpuid(const struct raw_vm *vm, struct reason *why)
{
    struct kvm_cpuid2 *cpuid =
        calloc(1, sizeof *cpuid + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
    if (!cpuid)
        return CLOISTER_NO_MEMORY;
    cpuid->nent = CPUID_ENTRIES;
    int failed = ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) != 0 ||
                 ioctl(vm->vcpu, KVM_SET_CPUID2, cpuid) != 0;
    free(cpuid);
    return failed ? refuse_errno(why, "KVM_SET_CPUID2") : CLOISTER_OK;
}

static cloister_status set_registers(const struct raw_vm *vm, struct reason *why)
{
    struct kvm_sregs system;
    if (ioctl(vm->vcpu, KVM_GET_SREGS, &system) != 0)
        return refuse_errno(why, "KVM_GET_SREGS");
    system.cr0 = CR0_PAGING;
    system.cr3 = TABLE_4;
    system.cr4 = CR4_LONG;
    system.efer = EFER_LONG;
    system.cs = (struct kvm_segment){.limit = 0xffffffff,
                                     .selector = 0x23,
                                     .type = 11,
                                     .present = 1,
                                     .dpl = 3,
                                     .s = 1,
                                     .l = 1,
                                     .g = 1};
    system.ss = (struct kvm_segment){.limit = 0xffffffff,
                                     .selector = 0x1b,
                                     .type = 3,
                                     .present = 1,
                                     .dpl = 3,
                                     .db = 1,
                                     .s = 1,
                                     .g = 1};
    system.ds = system.es = system.fs = system.gs = system.ss;
    struct kvm_regs general = {.rip = CODE, .rsp = STACK, .rflags = FLAGS_IOPL_3};
    if (ioctl(vm->vcpu, KVM_SET_SREGS, &system) != 0)
        return refuse_errno(why, "KVM_SET_SREGS");
    if (ioctl(vm->vcpu, KVM_SET_REGS, &general) != 0)
        return refuse_errno(why, "KVM_SET_REGS");
    return CLOISTER_OK;
}

static cloister_status add_vcpu(struct raw_vm *vm, struct reason *why)
{
    vm->vcpu = ioctl(vm->vm, KVM_CREATE_VCPU, 0);
    if (vm->vcpu < 0)
        return refuse_errno(why, "KVM_CREATE_VCPU");
    int size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < 0)
        return refuse_errno(why, "KVM_GET_VCPU_MMAP_SIZE");
    vm->run_size = (size_t)size;
    vm->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
    if (vm->run == MAP_FAILED)
        return refuse_errno(why, "cannot map the vCPU's page");
    cloister_status status = set_cpuid(vm, why);
    return status == CLOISTER_OK ? set_registers(vm, why) : status;
}

cloister_status raw_vm_create(struct raw_vm *vm, struct reason *why)
{
    *vm = (struct raw_vm)RAW_VM_NONE;
    cloister_status status = open_kvm(vm, why);
    if (status == CLOISTER_OK)
        status = add_memory(vm, why);
    if (status == CLOISTER_OK)
        status = add_vcpu(vm, why);
    return status;
}

cloister_status raw_vm_populate(struct raw_vm *vm, const char *path, struct reason *why)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, vm->memory + FILE_AT, MEMORY_SIZE - FILE_AT) < 0)
        return refuse_errno(why, "cannot read %s", path);
    return CLOISTER_OK;
}

void raw_vm_run_away(struct raw_vm *vm)
{
    static const uint8_t jump_to_itself[] = {0xeb, 0xfe};
    memcpy(vm->memory + CODE, jump_to_itself, sizeof jump_to_itself);
}

cloister_status raw_vm_enter(struct raw_vm *vm, struct reason *why)
{
    int result;
    do
        result = ioctl(vm->vcpu, KVM_RUN, 0);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return refuse_errno(why, "KVM_RUN");
    if (vm->run->exit_reason != KVM_EXIT_IO)
        return refuse(why, CLOISTER_IO, "the raw vCPU left with exit reason %u instead of %u",
                      vm->run->exit_reason, KVM_EXIT_IO);
    return CLOISTER_OK;
}

cloister_status raw_vm_enter_until_signal(struct raw_vm *vm, struct reason *why)
{
    if (ioctl(vm->vcpu, KVM_RUN, 0) == 0 || errno != EINTR)
        return refuse(why, CLOISTER_IO, "the raw vCPU left with exit reason %u, not by a signal",
                      vm->run->exit_reason);
    return CLOISTER_OK;
}

void raw_vm_destroy(struct raw_vm *vm)
{
    if (vm->run != MAP_FAILED)
        (void)munmap(vm->run, vm->run_size);
    if (vm->vcpu >= 0)
        (void)close(vm->vcpu);
    if (vm->vm >= 0)
        (void)close(vm->vm);
    if (vm->kvm >= 0)
        (void)close(vm->kvm);
    if (vm->memory != MAP_FAILED)
        (void)munmap(vm->memory, MEMORY_SIZE);
}
