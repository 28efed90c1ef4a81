/*
 * Tries the mechanisms that the walls are made of, with the world host's own machinery: a machine,
 * small programs placed in it, and what their vCPUs report.
 */
#include "vmm/probe.h"

#include "abi/hypercall.h"
#include "base/scope.h"
#include "vmm/vcpu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define ENTRY_SIZE 64u
#define ENTRY_CALLS 0u
#define ENTRY_PORT 1u
#define ENTRY_SGDT 2u
#define ENTRY_WRITE_CODE 3u
#define ENTRY_RUN_DATA 4u

#define HEAP_SIZE (64u << 10)
#define PAGE_FAULT 14u
#define PROTECTION_FAULT 13u

extern const uint8_t probe_code[CLO_PAGE_SIZE];

/* One program in a machine of its own. */
struct trial {
    struct machine machine;
    struct runtime_image runtime;
    struct module_file file;
    struct placement placement;
    struct vcpu vcpu;
    struct vcpu_exit exit;
};

static cloister_status fill_file(struct module_file *file, unsigned entry, struct reason *why)
{
    *file = (struct module_file){.name = "probe", .source = -1, .image_pages = 1};
    file->record = (struct clo_module_record){
        .entry = entry * ENTRY_SIZE,
        .span = CLO_PAGE_SIZE,
        .segment_count = 1,
        .segment[0] = {.memsz = CLO_PAGE_SIZE,
                       .filesz = CLO_PAGE_SIZE,
                       .rights = CLO_SEGMENT_READ | CLO_SEGMENT_EXECUTE,
                       .pages = 1},
    };
    int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    file->image = memfd_create("cloister-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file->image < 0 || write(file->image, probe_code, CLO_PAGE_SIZE) != CLO_PAGE_SIZE ||
        fcntl(file->image, F_ADD_SEALS, seals) != 0)
        return refuse_errno(why, "cannot make sealed code");
    return CLOISTER_OK;
}

static cloister_status start(struct trial *trial, unsigned entry, struct reason *why)
{
    struct placement_options placing = {.generation = 1, .exec_memory = HEAP_SIZE};
    cloister_status status = fill_file(&trial->file, entry, why);
    struct machine_options wanted = {
        .monitor_size = 1u << 20, .window_size = CLO_PAGE_SIZE, .no_guest_memfd = false};
    wanted.code_size = runtime_image_size() + (size_t)trial->file.image_pages * CLO_PAGE_SIZE;
    wanted.monitor_size += placement_monitor_need(&trial->file.record, HEAP_SIZE, CLO_PAGE_SIZE);
    if (status == CLOISTER_OK)
        status = machine_create(&trial->machine, &wanted, why);
    if (status == CLOISTER_OK)
        status = runtime_image_add(&trial->machine, &trial->runtime, why);
    if (status == CLOISTER_OK)
        status = placement_create(&trial->machine, &trial->runtime, &trial->file, &placing,
                                  &trial->placement, why);
    if (status == CLOISTER_OK)
        status = vcpu_create(&trial->machine, 0, &trial->placement, 0, &trial->vcpu, why);
    if (status == CLOISTER_OK)
        status = vcpu_reset(&trial->vcpu, trial->placement.entry, trial->placement.stack,
                            trial->placement.heap_base, why);
    return status;
}

static void finish(struct trial *trial)
{
    vcpu_destroy(&trial->vcpu);
    placement_release(&trial->placement);
    runtime_image_close(&trial->runtime);
    machine_destroy(&trial->machine);
    if (trial->file.image >= 0)
        (void)close(trial->file.image);
}

static void prepare(struct trial *trial)
{
    *trial = (struct trial){.machine = {.kvm_fd = -1, .vm_fd = -1},
                            .runtime = {.memfd = -1},
                            .file = {.image = -1, .source = -1},
                            .placement = {.data = {.memfd = -1}},
                            .vcpu = {.fd = -1}};
}

static bool called(struct trial *trial, uint32_t number)
{
    vcpu_run(&trial->vcpu, &trial->exit);
    return trial->exit.event == VCPU_HYPERCALL && trial->exit.number == number;
}

static bool faulted(struct trial *trial, uint32_t vector)
{
    vcpu_run(&trial->vcpu, &trial->exit);
    return trial->exit.event == VCPU_FAULT && trial->exit.vector == vector;
}

static void count_page(void *context, struct gpa gpa)
{
    (void)gpa;
    (*(unsigned *)context)++;
}

static unsigned written_heap_pages(const struct trial *trial)
{
    unsigned pages = 0;
    pagetable_each_written(&trial->placement.table, trial->placement.heap_base, HEAP_SIZE,
                           count_page, &pages);
    return pages;
}

/* The probes: each gets a program that has been placed but not run. */

static enum probe_outcome outcome_of(bool ok)
{
    return ok ? PROBE_OK : PROBE_FAILED;
}

static enum probe_outcome probe_ring3(struct trial *trial)
{
    return outcome_of(called(trial, CLO_HC_WAIT) && called(trial, CLO_HC_EXIT));
}

static enum probe_outcome probe_guest_memfd(struct trial *trial)
{
    if (!trial->machine.guest_memfd)
        return PROBE_ABSENT;
    machine_seal(&trial->machine);
    return probe_ring3(trial);
}

static enum probe_outcome probe_revocation(struct trial *trial)
{
    return outcome_of(called(trial, CLO_HC_WAIT) &&
                      placement_protect(&trial->placement, trial->placement.heap_base,
                                        CLO_PAGE_SIZE, CLO_RIGHT_READ) == CLOISTER_OK &&
                      faulted(trial, PAGE_FAULT));
}

static enum probe_outcome probe_dirty(struct trial *trial)
{
    unsigned before = written_heap_pages(trial);
    return outcome_of(called(trial, CLO_HC_WAIT) && before == 0 && written_heap_pages(trial) == 1);
}

static enum probe_outcome probe_port(struct trial *trial)
{
    return outcome_of(faulted(trial, PROTECTION_FAULT));
}

static enum probe_outcome probe_umip(struct trial *trial)
{
    if (!trial->machine.umip)
        return PROBE_ABSENT;
    return outcome_of(faulted(trial, PROTECTION_FAULT));
}

static enum probe_outcome probe_page_fault(struct trial *trial)
{
    return outcome_of(faulted(trial, PAGE_FAULT));
}

static const struct {
    const char *name;
    unsigned entry;
    bool required;
    enum probe_outcome (*run)(struct trial *trial);
    const char *detail;
} probes[PROBE_COUNT] = {
    {"ring3", ENTRY_CALLS, true, probe_ring3, "a vCPU starts in ring 3 and makes hypercalls"},
    {"sealed-code", ENTRY_WRITE_CODE, true, probe_page_fault, "code cannot be written"},
    {"no-execute", ENTRY_RUN_DATA, true, probe_page_fault, "data cannot be executed"},
    {"revocation", ENTRY_CALLS, true, probe_revocation, "a right taken away is gone at once"},
    {"io-bitmap", ENTRY_PORT, true, probe_port, "other I/O ports are forbidden"},
    {"umip", ENTRY_SGDT, false, probe_umip, "system registers cannot be read"},
    {"dirty-bits", ENTRY_CALLS, true, probe_dirty, "written pages are known, so they can be wiped"},
    {"guest-memfd", ENTRY_CALLS, false, probe_guest_memfd,
     "module data is out of the world host's reach, without descriptors"},
};

static cloister_status try_one(unsigned i, struct probe_result *result, enum kvm_flavour *flavour,
                               struct reason *why)
{
    struct trial trial;
    prepare(&trial);
    cloister_status status = start(&trial, probes[i].entry, why);
    if (status == CLOISTER_OK) {
        *flavour = trial.machine.flavour;
        *result = (struct probe_result){.name = probes[i].name,
                                        .required = probes[i].required,
                                        .detail = probes[i].detail,
                                        .outcome = probes[i].run(&trial)};
    }
    finish(&trial);
    return status;
}

cloister_status probe_all(struct probe_result results[PROBE_COUNT], enum kvm_flavour *flavour,
                          struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; status == CLOISTER_OK && i < PROBE_COUNT; i++)
        status = try_one(i, &results[i], flavour, why);
    return status;
}

cloister_status probe_required(struct reason *why)
{
    struct probe_result results[PROBE_COUNT];
    enum kvm_flavour flavour;
    cloister_status status = probe_all(results, &flavour, why);
    for (unsigned i = 0; status == CLOISTER_OK && i < PROBE_COUNT; i++)
        if (results[i].required && results[i].outcome != PROBE_OK)
            return refuse(why, CLOISTER_UNSUPPORTED,
                          "this KVM fails '%s' (%s): only debug worlds can run here",
                          results[i].name, results[i].detail);
    return status;
}
