/*
 * Standard input and output of a program of `cloister exec`. Signals keep their default actions
 * there, so that a closed pipe or an interrupt ends the program as it would outside.
 */
#include "vmm/hypercall_parts.h"

#include "base/file.h"

#include <errno.h>
#include <unistd.h>

cloister_status hypercall_console_write(struct hypercall *call)
{
    uint64_t fd = call->argument[0];
    uint64_t size = call->argument[1];
    if ((fd != STDOUT_FILENO && fd != STDERR_FILENO) || size > CLO_PAYLOAD_SIZE)
        return CLOISTER_BAD_ARGUMENT;
    if (fd_write_all((int)fd, call->mailbox->payload, size) != CLOISTER_OK)
        return CLOISTER_IO;
    call->result[0] = size;
    return CLOISTER_OK;
}

cloister_status hypercall_console_read(struct hypercall *call)
{
    uint64_t most = call->argument[0];
    if (most == 0 || most > CLO_PAYLOAD_SIZE)
        return CLOISTER_BAD_ARGUMENT;
    ssize_t n;
    do
        n = read(STDIN_FILENO, call->mailbox->payload, most);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return CLOISTER_IO;
    call->result[0] = (uint64_t)n;
    return CLOISTER_OK;
}
