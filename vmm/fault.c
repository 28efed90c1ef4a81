/*
 * Describes what ended a module, for the log and for whoever asks.
 */
#include "vmm/fault.h"

#include <signal.h>
#include <stdio.h>

static const struct {
    const char *name;
    int signal;
} vectors[32] = {
    [0] = {"division error", SIGFPE},
    [1] = {"debug exception", SIGTRAP},
    [3] = {"breakpoint", SIGTRAP},
    [4] = {"overflow", SIGSEGV},
    [5] = {"bound range exceeded", SIGSEGV},
    [6] = {"undefined instruction", SIGILL},
    [7] = {"device not available", SIGSEGV},
    [8] = {"double fault", SIGSEGV},
    [10] = {"invalid task state", SIGSEGV},
    [11] = {"segment not present", SIGBUS},
    [12] = {"stack segment fault", SIGBUS},
    [13] = {"general protection fault", SIGSEGV},
    [14] = {"page fault", SIGSEGV},
    [16] = {"x87 floating-point error", SIGFPE},
    [17] = {"alignment check", SIGBUS},
    [18] = {"machine check", SIGBUS},
    [19] = {"SIMD floating-point error", SIGFPE},
    [21] = {"control protection fault", SIGSEGV},
};

#define PAGE_FAULT 14u
#define PAGE_FAULT_PRESENT 1u
#define PAGE_FAULT_WRITE 2u
#define PAGE_FAULT_FETCH 16u

const char *fault_name(uint32_t vector)
{
    if (vector < 32 && vectors[vector].name)
        return vectors[vector].name;
    return "unknown exception";
}

int fault_signal(uint32_t vector)
{
    if (vector < 32 && vectors[vector].name)
        return vectors[vector].signal;
    return SIGSEGV;
}

void fault_place(uint64_t rip, const struct module_file *file, uint64_t base, char *text,
                 size_t size)
{
    char symbol[96] = "";
    if (rip >= base && rip - base < file->record.span)
        module_file_symbol(file, rip - base, symbol, sizeof symbol);
    else if (rip >= CLO_VA_RUNTIME && rip < CLO_VA_RUNTIME + CLO_RUNTIME_SIZE_MAX)
        (void)snprintf(symbol, sizeof symbol, "the runtime");
    (void)snprintf(text, size, symbol[0] ? "0x%llx (%s)" : "0x%llx%s", (unsigned long long)rip,
                   symbol);
}

static void describe_access(const struct vcpu_exit *exit, char *text, size_t size)
{
    const char *tried = "reading";
    if (exit->error & PAGE_FAULT_FETCH)
        tried = "executing";
    else if (exit->error & PAGE_FAULT_WRITE)
        tried = "writing";
    const char *kind = exit->error & PAGE_FAULT_PRESENT ? "not permitted" : "nothing mapped";
    (void)snprintf(text, size, ", %s 0x%llx: %s", tried, (unsigned long long)exit->address, kind);
}

void fault_describe(const struct vcpu_exit *exit, const struct module_file *file, uint64_t base,
                    char *text, size_t size)
{
    char place[128];
    char access[80] = "";
    fault_place(exit->rip, file, base, place, sizeof place);
    if (exit->vector == PAGE_FAULT)
        describe_access(exit, access, sizeof access);
    (void)snprintf(text, size, "%s (vector %u) at %s%s", fault_name(exit->vector), exit->vector,
                   place, access);
}
