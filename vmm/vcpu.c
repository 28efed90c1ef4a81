/*
 * One virtual processor. The exit record in the shared run area is copied once and the copy is
 * judged: only the OUT of the hypercall page is a call, only the stub's OUT is an exception report.
 */
#include "vmm/vcpu.h"

#include "abi/hypercall.h"
#include "base/checked.h"
#include "base/scope.h"
#include "vmm/descriptors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define CR0_RUN 0x80050033ull /* PG, AM, WP, NE, ET, MP, PE */
#define CR4_RUN 0x00010620ull /* PAE, OSFXSR, OSXMMEXCPT, FSGSBASE */
#define CR4_XSAVE 0x00040000ull
#define CR4_UMIP 0x00000800ull
#define EFER_RUN 0xd00ull /* LME, LMA, NXE; never SCE: `syscall` would enter ring 0 */
#define RFLAGS_RUN 0x202ull
#define MSR_LSTAR 0xc0000082u

#define OUT_SIZE 2u /* bytes of `out %eax, $port` */

static struct kvm_segment segment3(uint16_t selector, uint8_t type, bool code)
{
    return (struct kvm_segment){.limit = 0xffffffff,
                                .selector = selector,
                                .type = type,
                                .present = 1,
                                .dpl = 3,
                                .db = !code,
                                .s = 1,
                                .l = code,
                                .g = 1};
}

static uint64_t page_of(const struct vcpu *vcpu)
{
    return CLO_VA_MONITOR_VCPU + (uint64_t)vcpu->thread * CLO_PAGE_SIZE;
}

/* Emulated SVM rejects the I/O bitmap of a busy task state, VMX wants it busy. */
static struct kvm_segment task_state(const struct vcpu *vcpu)
{
    return (struct kvm_segment){.base = page_of(vcpu),
                                .limit = DESCRIPTORS_TASK_LIMIT,
                                .selector = SELECTOR_TASK,
                                .type = vcpu->flavour == KVM_FLAVOUR_SVM ? 9 : 11,
                                .present = 1};
}

static void fill_sregs(const struct vcpu *vcpu, struct kvm_sregs *sregs)
{
    struct kvm_segment data = segment3(SELECTOR_DATA3, 3, false);
    sregs->cs = segment3(SELECTOR_CODE3, 11, true);
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
    sregs->tr = task_state(vcpu);
    sregs->gdt.base = CLO_VA_MONITOR_TABLES;
    sregs->gdt.limit = DESCRIPTORS_GDT_LIMIT;
    sregs->idt.base = CLO_VA_MONITOR_TABLES + DESCRIPTORS_IDT_OFFSET;
    sregs->idt.limit = DESCRIPTORS_IDT_LIMIT;
    sregs->cr0 = CR0_RUN;
    sregs->cr2 = 0;
    sregs->cr3 = vcpu->root;
    sregs->cr4 = CR4_RUN | (vcpu->xcr0 ? CR4_XSAVE : 0) | (vcpu->umip ? CR4_UMIP : 0);
    sregs->efer = EFER_RUN;
    memset(sregs->interrupt_bitmap, 0, sizeof sregs->interrupt_bitmap);
}

cloister_status vcpu_set_system_registers(struct vcpu *vcpu, struct reason *why)
{
    struct kvm_sregs sregs;
    if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) != 0)
        return refuse_errno(why, "KVM does not give a vCPU's system registers");
    fill_sregs(vcpu, &sregs);
    if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) != 0)
        return refuse_errno(why, "KVM does not take a ring-3 vCPU's system registers");
    return CLOISTER_OK;
}

static cloister_status set_extended_state(const struct vcpu *vcpu, struct reason *why)
{
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0].value = vcpu->xcr0};
    if (vcpu->xcr0 && ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs) != 0)
        return refuse_errno(why, "KVM does not take XCR0 %#lx", vcpu->xcr0);
    return CLOISTER_OK;
}

/* Where `syscall` goes on KVMs that ignore EFER.SCE and stay in ring 3. */
static cloister_status set_system_call(const struct vcpu *vcpu, struct reason *why)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } msrs = {.head.nmsrs = 1, .entry = {.index = MSR_LSTAR, .data = CLO_VA_PERSONALITY}};
    if (ioctl(vcpu->fd, KVM_SET_MSRS, &msrs) != 1)
        return refuse_errno(why, "KVM does not take a vCPU's LSTAR");
    return CLOISTER_OK;
}

static cloister_status set_up(struct machine *machine, unsigned id, struct vcpu *vcpu,
                              struct reason *why)
{
    vcpu->fd = ioctl(machine->vm_fd, KVM_CREATE_VCPU, id);
    if (vcpu->fd < 0)
        return refuse_errno(why, "KVM cannot make vCPU %u", id);
    vcpu->run = mmap(NULL, vcpu->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (vcpu->run == MAP_FAILED) {
        vcpu->run = NULL;
        return refuse_errno(why, "cannot map the run area of vCPU %u", id);
    }
    /* CPUID comes first: what CR4 and XCR0 may hold follows from it. */
    if (ioctl(vcpu->fd, KVM_SET_CPUID2, machine->cpuid) != 0)
        return refuse_errno(why, "KVM does not take the CPUID leaves");
    cloister_status status = vcpu_set_system_registers(vcpu, why);
    if (status == CLOISTER_OK)
        status = set_extended_state(vcpu, why);
    if (status == CLOISTER_OK)
        status = set_system_call(vcpu, why);
    if (machine->tsc_khz == 0) {
        int khz = ioctl(vcpu->fd, KVM_GET_TSC_KHZ, 0);
        machine->tsc_khz = khz > 0 ? (uint64_t)khz : 0;
    }
    vcpu->placement->boot->tsc_khz = machine->tsc_khz;
    return status;
}

cloister_status vcpu_create(struct machine *machine, unsigned id, struct placement *placement,
                            unsigned thread, struct vcpu *vcpu, struct reason *why)
{
    *vcpu = (struct vcpu){
        .fd = -1,
        .run_size = machine->run_size,
        .placement = placement,
        .thread = thread,
        .root = placement->table.root.value,
        .xcr0 = machine->xcr0,
        .umip = machine->umip,
        .flavour = machine->flavour,
    };
    cloister_status status = set_up(machine, id, vcpu, why);
    if (status != CLOISTER_OK)
        vcpu_destroy(vcpu);
    return status;
}

cloister_status vcpu_reset(struct vcpu *vcpu, uint64_t rip, uint64_t rsp, uint64_t rdi,
                           struct reason *why)
{
    struct kvm_regs regs = {.rip = rip, .rsp = rsp, .rdi = rdi, .rflags = RFLAGS_RUN};
    if (ioctl(vcpu->fd, KVM_SET_REGS, &regs) != 0)
        return refuse_errno(why, "KVM does not take a vCPU's registers");
    return CLOISTER_OK;
}

static void set_immediate_exit(struct vcpu *vcpu, uint8_t value)
{
    *(volatile uint8_t *)&vcpu->run->immediate_exit = value;
}

void vcpu_kick(struct vcpu *vcpu)
{
    vcpu->kicked = 1;
    set_immediate_exit(vcpu, 1);
}

/* The next run is left at once only if somebody kicks or has kicked. The signal may come between
   any two of these lines. */
static void allow_entry(struct vcpu *vcpu)
{
    set_immediate_exit(vcpu, 0);
    if (vcpu->kicked)
        set_immediate_exit(vcpu, 1);
}

/* Judging an exit */

__attribute__((format(printf, 2, 3))) static void broken(struct vcpu_exit *exit, const char *format,
                                                         ...)
{
    va_list arguments;
    exit->event = VCPU_BROKEN;
    va_start(arguments, format);
    (void)vsnprintf(exit->text, sizeof exit->text, format, arguments);
    va_end(arguments);
}

/* What the stub and the processor pushed. */
struct stub_frame {
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

static void judge_exception(struct vcpu *vcpu, const struct kvm_regs *regs, struct vcpu_exit *exit)
{
    uint64_t page = page_of(vcpu);
    struct stub_frame frame;
    struct kvm_sregs sregs;
    if (regs->rsp < page || !range_within(regs->rsp - page, sizeof frame, CLO_PAGE_SIZE)) {
        broken(exit, "exception report with a stack at %#llx", regs->rsp);
        return;
    }
    memcpy(&frame, vcpu->placement->vcpu_page[vcpu->thread] + (regs->rsp - page), sizeof frame);
    exit->event = VCPU_FAULT;
    exit->vector = (uint32_t)frame.vector;
    exit->error = frame.error;
    exit->rip = frame.rip;
    if (frame.vector == 14 && ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) == 0)
        exit->address = sregs.cr2;
}

static bool in_hypercall_page(uint64_t rip)
{
    /* Before the OUT on some KVMs, after it on others. */
    return rip == CLO_VA_RUNTIME || rip == CLO_VA_RUNTIME + OUT_SIZE;
}

static void judge_output(struct vcpu *vcpu, const struct kvm_run *copy, uint64_t data_offset,
                         struct vcpu_exit *exit)
{
    const struct kvm_regs *regs = &copy->s.regs.regs;
    bool out = copy->io.direction == KVM_EXIT_IO_OUT && copy->io.count == 1;
    if (out && copy->io.port == CLO_MONITOR_PORT && copy->io.size == 1) {
        judge_exception(vcpu, regs, exit);
        return;
    }
    if (!out || copy->io.port != CLO_HYPERCALL_PORT || copy->io.size != 4 ||
        !in_hypercall_page(regs->rip) ||
        !range_within(data_offset, sizeof exit->number, vcpu->run_size)) {
        broken(exit, "%s of %u bytes, port %#x", out ? "OUT" : "IN or string I/O", copy->io.size,
               copy->io.port);
        return;
    }
    exit->event = VCPU_HYPERCALL;
    memcpy(&exit->number, (const uint8_t *)vcpu->run + data_offset, sizeof exit->number);
}

static void judge(struct vcpu *vcpu, struct vcpu_exit *exit)
{
    struct kvm_run copy;
    memcpy(&copy, vcpu->run, sizeof copy);
    exit->rip = copy.s.regs.regs.rip;
    switch (copy.exit_reason) {
    case KVM_EXIT_IO:
        judge_output(vcpu, &copy, copy.io.data_offset, exit);
        break;
    case KVM_EXIT_MMIO:
        broken(exit, "access to guest-physical %#llx, where nothing is", copy.mmio.phys_addr);
        break;
    case KVM_EXIT_SHUTDOWN:
        broken(exit, "triple fault");
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        broken(exit, "KVM cannot emulate an instruction (suberror %u)", copy.internal.suberror);
        break;
    default:
        broken(exit, "exit reason %u", copy.exit_reason);
    }
}

void vcpu_complete_exit(struct vcpu *vcpu)
{
    vcpu->run->kvm_dirty_regs = 0;
    set_immediate_exit(vcpu, 1);
    (void)ioctl(vcpu->fd, KVM_RUN, 0);
}

static bool load_root(struct vcpu *vcpu)
{
    struct kvm_sregs sregs;
    vcpu_complete_exit(vcpu);
    if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) != 0)
        return false;
    sregs.cr3 = vcpu->placement->table.root.value;
    sregs.tr = task_state(vcpu); /* some KVMs call it busy whatever it was set to */
    if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) != 0)
        return false;
    vcpu->root = sregs.cr3;
    return true;
}

void vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
    *exit = (struct vcpu_exit){.event = VCPU_BROKEN};
    if (vcpu->broken) {
        broken(exit, "run after its end");
        return;
    }
    if (vcpu->root != vcpu->placement->table.root.value && !load_root(vcpu)) {
        broken(exit, "KVM does not take fresh page tables");
        vcpu->broken = true;
        return;
    }
    vcpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
    vcpu->run->kvm_dirty_regs = 0;
    allow_entry(vcpu);
    int result = ioctl(vcpu->fd, KVM_RUN, 0);
    vcpu->exits++;
    if (result == 0) {
        judge(vcpu, exit);
    } else if (errno == EINTR || errno == EAGAIN) {
        vcpu->kicked = 0;
        exit->event = VCPU_KICKED;
    } else {
        broken(exit, "memory that the machine does not have (%s)", strerror(errno));
    }
    vcpu->broken = exit->event == VCPU_BROKEN || exit->event == VCPU_FAULT;
}

void vcpu_destroy(struct vcpu *vcpu)
{
    if (vcpu->run)
        (void)munmap(vcpu->run, vcpu->run_size);
    if (vcpu->fd >= 0)
        (void)close(vcpu->fd);
    *vcpu = (struct vcpu){.fd = -1};
}
