/*
 * main() of a module with a libc. The libc owns the heap (brk and mmap), so memory comes from it,
 * and makes the threads: what it keeps for each (errno, __thread) lies on top of the thread's
 * stack.
 */
#include "server.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

#pragma weak mallopt /* glibc only */

int main(void);

void *sdk_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void *run_thread(void *thread)
{
    server_run((uint32_t)(uintptr_t)thread);
}

/* On the stack of its own vCPU (abi/thread.h): only there can it be made. */
static void start_thread(uint32_t thread)
{
    uint64_t size = sdk_boot()->stack_size;
    void *lowest = (void *)(uintptr_t)(CLO_VA_STACK_TOP(thread) - size);
    pthread_attr_t attributes;
    pthread_t made;
    (void)pthread_attr_init(&attributes);
    if (pthread_attr_setstack(&attributes, lowest, size - CLO_PAGE_SIZE) != 0)
        cloister_panic("stack_size is too small for threads of a libc: 20 KiB is the least");
    if (pthread_create(&made, &attributes, run_thread, (void *)(uintptr_t)thread) != 0)
        cloister_panic("heap_size or stack_size is too small for another thread");
}

int main(void)
{
    uint32_t threads = sdk_boot()->threads;
    /* glibc would reserve 128 MiB a thread for an arena of its own, and a reservation is memory
       here. One for all; what each thread frees it keeps for itself first. */
    if (mallopt && threads > 1)
        (void)mallopt(M_ARENA_MAX, 1);
    server_prepare();
    for (uint32_t thread = 1; thread < threads; thread++)
        start_thread(thread);
    server_run(0);
}
