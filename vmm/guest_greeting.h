/*
 * What a VMM that connects is told: the protocol of QEMU's ivshmem-server.
 */
#ifndef VMM_GUEST_GREETING_H
#define VMM_GUEST_GREETING_H

#include "vmm/guest_memory.h"

#include <stdbool.h>

#define GUEST_PROTOCOL_ID_MAX 65535u

/* Sends everything at once; the socket is non-blocking. `id`: of this guest, 1 to
   GUEST_PROTOCOL_ID_MAX. false: it does not fit into the socket's buffer, or nobody is there. */
__attribute__((warn_unused_result)) bool guest_greet(int socket, uint16_t id,
                                                     const struct guest_memory *memory);

#endif
