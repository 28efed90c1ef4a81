/*
 * The virtual machine and its memory slots. Called while a world is put together, by one thread;
 * nothing here is on the way of a call.
 */
#include "vmm/machine.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/scope.h"
#include "vmm/cpu_features.h"
#include "vmm/kvm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGE 4096u

/* Wanted of a memfd behind a code slot. */
#define CODE_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

const char *kvm_flavour_name(enum kvm_flavour flavour)
{
    switch (flavour) {
    case KVM_FLAVOUR_PVM:
        return "pvm";
    case KVM_FLAVOUR_SVM:
        return "svm";
    case KVM_FLAVOUR_VMX:
        return "vmx";
    default:
        return "other";
    }
}

static enum kvm_flavour find_flavour(void)
{
    if (access("/sys/module/kvm_pvm", F_OK) == 0)
        return KVM_FLAVOUR_PVM;
    if (access("/sys/module/kvm_amd", F_OK) == 0)
        return KVM_FLAVOUR_SVM;
    if (access("/sys/module/kvm_intel", F_OK) == 0)
        return KVM_FLAVOUR_VMX;
    return KVM_FLAVOUR_OTHER;
}

static cloister_status open_kvm(struct machine *machine, struct reason *why)
{
    machine->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (machine->kvm_fd < 0 && errno == ENOENT)
        return refuse(
            why, CLOISTER_NOT_FOUND,
            "there is no /dev/kvm: load kvm_intel or kvm_amd, or switch on virtualization "
            "in the firmware or the outer hypervisor");
    if (machine->kvm_fd < 0 && errno == EACCES)
        return refuse(why, CLOISTER_DENIED,
                      "no permission for /dev/kvm: add this user to the group kvm");
    if (machine->kvm_fd < 0)
        return refuse_errno(why, "cannot open /dev/kvm");
    int version = ioctl(machine->kvm_fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        return refuse(why, CLOISTER_UNSUPPORTED, "KVM's API version is %d; %d is needed", version,
                      KVM_API_VERSION);
    return CLOISTER_OK;
}

static cloister_status check_capabilities(const struct machine *machine, struct reason *why)
{
    static const struct {
        long number;
        const char *name;
    } needed[] = {
        {KVM_CAP_READONLY_MEM, "read-only memory slots"},
        {KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
        {KVM_CAP_SYNC_REGS, "synchronized registers"},
        {KVM_CAP_XCRS, "extended control registers"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(needed); i++)
        if (ioctl(machine->kvm_fd, KVM_CHECK_EXTENSION, needed[i].number) <= 0)
            return refuse(why, CLOISTER_UNSUPPORTED, "this KVM lacks %s (capability %ld)",
                          needed[i].name, needed[i].number);
    return CLOISTER_OK;
}

/* Leaving the machine at every PAUSE would make polling cost an exit. Not all KVMs offer it. */
static void keep_pause_inside(const struct machine *machine)
{
    int offered = ioctl(machine->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS);
    struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_DISABLE_EXITS,
                                 .args[0] = KVM_X86_DISABLE_EXITS_PAUSE};
    if (offered > 0 && (offered & KVM_X86_DISABLE_EXITS_PAUSE))
        (void)ioctl(machine->vm_fd, KVM_ENABLE_CAP, &cap);
}

/* Guest-physical addresses are 2 MiB-aligned and a page apart from the next slot. */
static cloister_status take_gpa(struct machine *machine, size_t size, struct gpa *gpa)
{
    uint64_t end;
    if (!checked_add(machine->next_gpa, size + PAGE, &end) ||
        !checked_round_up(end, 2u << 20, &end) || end > machine->gpa_limit)
        return CLOISTER_TOO_BIG;
    gpa->value = machine->next_gpa;
    machine->next_gpa = end;
    return CLOISTER_OK;
}

static cloister_status add_slot(struct machine *machine, const void *address, size_t size,
                                uint32_t flags, struct gpa *gpa, struct reason *why)
{
    if (take_gpa(machine, size, gpa) != CLOISTER_OK)
        return refuse(why, CLOISTER_TOO_BIG, "%zu bytes do not fit the guest-physical space", size);
    struct kvm_userspace_memory_region region = {
        .slot = machine->next_slot,
        .flags = flags,
        .guest_phys_addr = gpa->value,
        .memory_size = size,
        .userspace_addr = (uint64_t)(uintptr_t)address,
    };
    if (ioctl(machine->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) != 0)
        return refuse_errno(why, "cannot add a memory slot of %zu bytes", size);
    machine->next_slot++;
    return CLOISTER_OK;
}

/* A range of the world host for one slot. Huge pages would make a few used pages cost 2 MiB. */
static uint8_t *reserve(size_t size, int protection)
{
    uint8_t *range =
        mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED)
        return NULL;
    (void)madvise(range, size, MADV_NOHUGEPAGE);
    (void)madvise(range, size, MADV_DONTFORK);
    (void)madvise(range, size, MADV_DONTDUMP);
    return range;
}

static cloister_status add_monitor_and_window(struct machine *machine, size_t monitor,
                                              size_t window, struct reason *why)
{
    struct gpa gpa;
    uint64_t size;
    if (monitor % PAGE || window % PAGE || !checked_add(monitor, window, &size))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "monitor slot of %zu and window of %zu bytes; both must be whole pages",
                      monitor, window);
    uint8_t *range = reserve((size_t)size, PROT_NONE);
    if (!range || mprotect(range, monitor, PROT_READ | PROT_WRITE) != 0)
        return refuse_errno(why, "cannot reserve %zu bytes for monitor and window", (size_t)size);
    machine->monitor = range;
    machine->monitor_size = monitor;
    machine->window = range + monitor;
    machine->window_size = window;
    cloister_status status = add_slot(machine, range, (size_t)size, 0, &gpa, why);
    machine->window_gpa.value = gpa.value + monitor;
    return status;
}

static cloister_status add_code_range(struct machine *machine, size_t size, struct reason *why)
{
    uint8_t *range = reserve(size, PROT_NONE);
    if (!range)
        return refuse_errno(why, "cannot reserve %zu bytes for code", size);
    machine->code = range;
    machine->code_size = size;
    return add_slot(machine, range, size, KVM_MEM_READONLY, &machine->code_gpa, why);
}

static cloister_status fill(struct machine *machine, const struct machine_options *options,
                            struct reason *why)
{
    cloister_status status = open_kvm(machine, why);
    if (status == CLOISTER_OK)
        status = check_capabilities(machine, why);
    if (status != CLOISTER_OK)
        return status;
    machine->vm_fd = ioctl(machine->kvm_fd, KVM_CREATE_VM, 0);
    if (machine->vm_fd < 0)
        return refuse_errno(why, "KVM cannot make a virtual machine");
    int run_size = ioctl(machine->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (run_size < (int)sizeof(struct kvm_run))
        return refuse(why, CLOISTER_UNSUPPORTED, "KVM's run area has %d bytes", run_size);
    machine->run_size = (size_t)run_size;
    keep_pause_inside(machine);
    status = cpu_features_read(machine, why);
    if (status == CLOISTER_OK)
        status = add_monitor_and_window(machine, options->monitor_size, options->window_size, why);
    if (status == CLOISTER_OK)
        status = add_code_range(machine, options->code_size, why);
    return status;
}

cloister_status machine_create(struct machine *machine, const struct machine_options *options,
                               struct reason *why)
{
    *machine = (struct machine){
        .kvm_fd = -1,
        .vm_fd = -1,
        .flavour = find_flavour(),
        .guest_memfd = !options->no_guest_memfd,
    };
    cloister_status status = fill(machine, options, why);
    if (status != CLOISTER_OK)
        machine_destroy(machine);
    return status;
}

void *machine_monitor_pages(struct machine *machine, size_t pages, struct gpa *gpa)
{
    if (!range_within(machine->monitor_used, pages * PAGE, machine->monitor_size))
        return NULL;
    uint8_t *memory = machine->monitor + machine->monitor_used;
    gpa->value = machine->monitor_used; /* the monitor slot starts at 0 */
    machine->monitor_used += pages * PAGE;
    return memory;
}

void machine_monitor_ahead(struct machine *machine, size_t pages)
{
    if (range_within(machine->monitor_used, pages * PAGE, machine->monitor_size))
        memory_populate(machine->monitor + machine->monitor_used, pages * PAGE);
}

/* Shared, so that not even a debugger can change a private copy of a page. Kernels before 6.7 map a
   file that is sealed against writing only from a descriptor that cannot write. */
static bool map_code(uint8_t *at, int memfd, size_t size)
{
    int flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
    if (mmap(at, size, PROT_READ, flags, memfd, 0) != MAP_FAILED)
        return true;
    if (errno != EPERM)
        return false;
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", memfd);
    AUTO_FD int readable = open(path, O_RDONLY | O_CLOEXEC);
    return mmap(at, size, PROT_READ, flags, readable, 0) != MAP_FAILED;
}

cloister_status machine_add_code(struct machine *machine, int memfd, size_t size, struct gpa *gpa,
                                 const uint8_t **mapping, struct reason *why)
{
    int seals = fcntl(memfd, F_GET_SEALS);
    if (seals < 0 || (seals & CODE_SEALS) != CODE_SEALS)
        return refuse(why, CLOISTER_BAD_STATE, "code has seals %#x; it must have %#x", seals,
                      CODE_SEALS);
    if (size % PAGE || !range_within(machine->code_used, size, machine->code_size))
        return refuse(why, CLOISTER_LIMIT, "the code slot has no room for %zu bytes", size);
    /* Some KVMs fetch instructions through this mapping: it stays for the world's life. */
    uint8_t *code = machine->code + machine->code_used;
    if (!map_code(code, memfd, size))
        return refuse_errno(why, "cannot map %zu bytes of code", size);
    gpa->value = machine->code_gpa.value + machine->code_used;
    machine->code_used += size;
    *mapping = code;
    return CLOISTER_OK;
}

/* One page more than the slot: it stays mapped, inaccessible, and keeps the file alive. */
static cloister_status add_guest_memfd(struct machine *machine, size_t size,
                                       struct machine_data *data, struct reason *why)
{
    struct kvm_guest_memfd wanted = {.size = size + PAGE,
                                     .flags = KVM_GUEST_MEMFD_MMAP | KVM_GUEST_MEMFD_INIT_SHARED};
    AUTO_FD int fd = ioctl(machine->vm_fd, KVM_GUEST_MEMFD_CREATE, &wanted);
    if (fd < 0)
        return CLOISTER_UNSUPPORTED;
    uint8_t *memory = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return CLOISTER_UNSUPPORTED;
    struct kvm_memory_region2 region = {
        .slot = machine->next_slot,
        .flags = KVM_MEMORY_IN_GUEST_MEMFD,
        .memory_size = size,
        .userspace_addr = (uint64_t)(uintptr_t)memory,
        .guest_memfd = (uint32_t)fd,
    };
    if (take_gpa(machine, size, &data->gpa) != CLOISTER_OK) {
        (void)munmap(memory, size + PAGE);
        return refuse(why, CLOISTER_TOO_BIG, "%zu bytes do not fit the guest-physical space", size);
    }
    region.guest_phys_addr = data->gpa.value;
    if (ioctl(machine->vm_fd, KVM_MEMORY_REGION2_SET, &region) != 0) {
        (void)munmap(memory, size + PAGE);
        return CLOISTER_UNSUPPORTED;
    }
    machine->next_slot++;
    data->mapping = data->address = memory;
    data->memfd = take_fd(&fd);
    data->tail = PAGE;
    return CLOISTER_OK;
}

static cloister_status add_anonymous(struct machine *machine, size_t size,
                                     struct machine_data *data, struct reason *why)
{
    uint8_t *memory = reserve(size, PROT_READ | PROT_WRITE);
    if (!memory)
        return refuse_errno(why, "cannot reserve %zu bytes for module data", size);
    cloister_status status = add_slot(machine, memory, size, 0, &data->gpa, why);
    if (status != CLOISTER_OK) {
        (void)munmap(memory, size);
        return status;
    }
    data->mapping = data->address = memory;
    return CLOISTER_OK;
}

cloister_status machine_add_data(struct machine *machine, size_t size, struct machine_data *data,
                                 struct reason *why)
{
    *data = (struct machine_data){.size = size, .memfd = -1};
    if (machine->guest_memfd) {
        cloister_status status = add_guest_memfd(machine, size, data, why);
        if (status != CLOISTER_UNSUPPORTED)
            return status;
        machine->guest_memfd = false;
    }
    return add_anonymous(machine, size, data, why);
}

/* The slot remembers the address for ever. Whatever the world host mapped there later would be read
   in the module's name, so the range stays reserved. */
static cloister_status unmap_guest_memfd(struct machine_data *data, struct reason *why)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (mmap(data->address, data->size, PROT_NONE, flags, -1, 0) == MAP_FAILED ||
        mprotect(data->address + data->size, PAGE, PROT_NONE) != 0)
        return refuse_errno(why, "cannot take module data out of the world host");
    /* The inaccessible page keeps the file alive: no descriptor is left to steal. */
    (void)close(data->memfd);
    data->memfd = -1;
    data->mapping = NULL;
    return CLOISTER_OK;
}

cloister_status machine_data_close(struct machine_data *data, bool lock, struct reason *why)
{
    if (data->memfd >= 0)
        return unmap_guest_memfd(data, why);
    if (lock && mlock2(data->address, data->size, MLOCK_ONFAULT) != 0)
        return refuse_errno(
            why, "cannot lock %zu bytes of module data; raise the limit (ulimit -l)", data->size);
    return CLOISTER_OK;
}

void machine_seal(struct machine *machine)
{
    if (machine->vm_fd >= 0)
        (void)close(machine->vm_fd);
    if (machine->kvm_fd >= 0)
        (void)close(machine->kvm_fd);
    machine->vm_fd = machine->kvm_fd = -1;
    machine->sealed = true;
}

void machine_data_release(struct machine_data *data)
{
    if (data->memfd >= 0)
        (void)close(data->memfd);
    if (data->address)
        (void)munmap(data->address, data->size + data->tail);
    *data = (struct machine_data){.memfd = -1};
}

void machine_destroy(struct machine *machine)
{
    machine_seal(machine);
    if (machine->monitor) {
        explicit_bzero(machine->monitor, machine->monitor_used);
        (void)munmap(machine->monitor, machine->monitor_size + machine->window_size);
    }
    if (machine->code)
        (void)munmap(machine->code, machine->code_size);
    free(machine->cpuid);
    *machine = (struct machine){.kvm_fd = -1, .vm_fd = -1};
}
