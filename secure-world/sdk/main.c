/*
 * main() of a module with a libc. The libc owns the heap (brk and mmap), so memory comes from it.
 */
#include "server.h"

#include <sys/mman.h>

int main(void);

void *sdk_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int main(void)
{
    /* The others would start the libc again on the same data. */
    if (sdk_boot()->threads != 1)
        cloister_panic("a module with a libc has one thread");
    server_prepare();
    server_run(0);
}
