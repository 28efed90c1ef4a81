/*
 * Ends the second machine with an exit status: writes it to QEMU's isa-debug-exit device, upon
 * which QEMU exits with 2 * status + 1. Any other end of QEMU means that this was not reached.
 */
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

#define EXIT_DEVICE_PORT 0xf4

int main(int argc, char **argv)
{
    unsigned long status = argc > 1 ? strtoul(argv[1], NULL, 10) : 127;
    if (status > 126)
        status = 126;
    sync();
    if (ioperm(EXIT_DEVICE_PORT, 1, 1) != 0)
        return 1;
    outb((unsigned char)status, EXIT_DEVICE_PORT);
    return 1;
}
