/*
 * Start of a module without a libc: applies the relative relocations of its own image, gives up
 * the right to write what they changed (RELRO), serves. The heap is the SDK's and no one else's.
 */
#include "../server.h"

#include <elf.h>
#include <stdatomic.h>

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
extern const Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

#define MEMORY_ALIGN 64u

void sdk_start(uint64_t thread);

static _Atomic bool ready;

void *sdk_memory(size_t size)
{
    static _Atomic uint64_t used;
    const struct clo_boot *boot = sdk_boot();
    uint64_t start = atomic_load(&used);
    uint64_t end;
    do {
        end = start + ((size + MEMORY_ALIGN - 1) & ~(uint64_t)(MEMORY_ALIGN - 1));
        if (size > boot->heap_size || end > boot->heap_size)
            return NULL;
    } while (!atomic_compare_exchange_weak(&used, &start, end));
    return (void *)(uintptr_t)(boot->heap_base + start);
}

static uint64_t dynamic(int64_t tag)
{
    for (const Elf64_Dyn *entry = _DYNAMIC; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == tag)
            return entry->d_un.d_val;
    return 0;
}

static void relocate(uint64_t base)
{
    const Elf64_Rela *relocation = (const Elf64_Rela *)(uintptr_t)(base + dynamic(DT_RELA));
    uint64_t count = dynamic(DT_RELASZ) / sizeof *relocation;
    for (uint64_t i = 0; i < count; i++) {
        if (ELF64_R_TYPE(relocation[i].r_info) != R_X86_64_RELATIVE)
            cloister_panic("a relocation is not relative");
        uint64_t *word = (uint64_t *)(uintptr_t)(base + relocation[i].r_offset);
        *word = base + (uint64_t)relocation[i].r_addend;
    }
}

static void protect_relro(uint64_t base)
{
    const Elf64_Phdr *header = (const Elf64_Phdr *)(uintptr_t)(base + __ehdr_start.e_phoff);
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (header[i].p_type != PT_GNU_RELRO)
            continue;
        uint64_t page = ~(uint64_t)(CLO_PAGE_SIZE - 1);
        uint64_t start = (base + header[i].p_vaddr) & page;
        uint64_t end = (base + header[i].p_vaddr + header[i].p_memsz) & page;
        if (end > start &&
            sdk_hypercall(CLO_HC_PROTECT, start, end - start, CLO_RIGHT_READ) != CLOISTER_OK)
            cloister_panic("RELRO could not be protected");
    }
}

static void prepare(void)
{
    uint64_t base = sdk_boot()->module_base;
    uint64_t all = (1ull << sdk_boot()->threads) - 1;
    relocate(base);
    protect_relro(base);
    server_prepare();
    atomic_store(&ready, true);
    if (all != 1 && sdk_hypercall(CLO_HC_WAKE, all & ~1ull, 0, 0) != CLOISTER_OK)
        cloister_panic("WAKE failed");
}

void sdk_start(uint64_t thread)
{
    if (thread == 0)
        prepare();
    while (!atomic_load(&ready))
        if (sdk_hypercall(CLO_HC_WAIT, 0, 0, 0) != CLOISTER_OK)
            cloister_panic("WAIT failed");
    server_run((uint32_t)thread);
}
