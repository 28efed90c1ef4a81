/*
 * Zeroes a module's memory when it has ended. Module data in guest_memfd is mapped nowhere outside
 * the machine, so the machine does it: a table of its own maps every page that was written, in one
 * run, and the module's vCPU, with all registers reset, runs the runtime's wipe routine over it.
 */
#include "vmm/vcpu.h"

#include "abi/hypercall.h"
#include "base/scope.h"
#include "secure-world/monitor/monitor.h"

#include <string.h>
#include <sys/ioctl.h>

/* Where the wipe's table maps the pages: what else lies there in a module does not matter. */
#define WIPE_VA CLO_VA_MODULE

struct wipe {
    struct placement *placement;
    struct pagetable table;
    size_t pages;
    cloister_status status;
};

static void clear_through_mapping(void *context, struct gpa gpa)
{
    const struct machine_data *data = context;
    explicit_bzero(data->mapping + (gpa.value - data->gpa.value), CLO_PAGE_SIZE);
}

static void add_page(void *context, struct gpa gpa)
{
    struct wipe *wipe = context;
    if (wipe->status == CLOISTER_OK)
        wipe->status = pagetable_map(&wipe->table, WIPE_VA + wipe->pages * CLO_PAGE_SIZE, gpa,
                                     CLO_PAGE_SIZE, PAGE_USER | PAGE_WRITE | PAGE_FILLED);
    wipe->pages++;
}

static cloister_status make_table(struct wipe *wipe)
{
    cloister_status status = pagetable_create(wipe->placement->machine, &wipe->table);
    if (status == CLOISTER_OK)
        status = placement_map_monitor(wipe->placement, &wipe->table);
    if (status != CLOISTER_OK)
        return status;
    placement_each_written(wipe->placement, add_page, wipe);
    return wipe->status;
}

/* The last exit may have left an exception or half an instruction behind. */
static cloister_status clear_state(struct vcpu *vcpu, struct reason *why)
{
    struct kvm_vcpu_events events = {0};
    vcpu_complete_exit(vcpu);
    if (ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events) != 0)
        return refuse_errno(why, "KVM does not reset a vCPU");
    return CLOISTER_OK;
}

static cloister_status run_routine(struct vcpu *vcpu, size_t size, struct reason *why)
{
    struct kvm_regs regs = {
        .rip = CLO_VA_RUNTIME + MONITOR_WIPE_OFFSET, .rdi = WIPE_VA, .rsi = size, .rflags = 0x202};
    struct vcpu_exit exit;
    if (ioctl(vcpu->fd, KVM_SET_REGS, &regs) != 0)
        return refuse_errno(why, "KVM does not take a vCPU's registers");
    do {
        vcpu_run(vcpu, &exit);
    } while (exit.event == VCPU_KICKED);
    if (exit.event != VCPU_HYPERCALL || exit.number != CLO_HC_EXIT)
        return refuse(why, CLOISTER_IO, "the wipe ended early (%s, vector %u at %#lx)", exit.text,
                      exit.vector, exit.rip);
    return CLOISTER_OK;
}

static cloister_status wipe_inside(struct vcpu *vcpu, struct reason *why)
{
    struct placement *placement = vcpu->placement;
    struct wipe wipe = {.placement = placement};
    cloister_status status = make_table(&wipe);
    if (status != CLOISTER_OK)
        return refuse(why, status, "no memory for the tables of the wipe");
    status = clear_state(vcpu, why);
    if (status != CLOISTER_OK)
        return status;
    placement->table = wipe.table;
    vcpu->broken = false;
    vcpu->root = wipe.table.root.value;
    status = vcpu_set_system_registers(vcpu, why);
    if (status == CLOISTER_OK)
        status = run_routine(vcpu, wipe.pages * CLO_PAGE_SIZE, why);
    vcpu->broken = true;
    return status;
}

cloister_status vcpu_wipe(struct vcpu *vcpu, struct reason *why)
{
    struct placement *placement = vcpu->placement;
    placement_wipe_pages(placement);
    if (!placement->data.mapping)
        return wipe_inside(vcpu, why);
    placement_each_written(placement, clear_through_mapping, &placement->data);
    vcpu->broken = true;
    return CLOISTER_OK;
}
