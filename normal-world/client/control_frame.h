/*
 * Frames of the control messages (abi/control.h), however they travel. The bodies are checked by
 * who asked.
 */
#ifndef CLIENT_CONTROL_FRAME_H
#define CLIENT_CONTROL_FRAME_H

#include "abi/control.h"
#include "cloister/status.h"

/* The header of a request with `size` bytes of body. */
struct clo_control_header control_request(uint16_t type, size_t size);

/* Is this the header of a reply to such a request, of `received` bytes in all? The world's refusal
   comes back as its status; PROTOCOL, UNSUPPORTED. */
CLOISTER_MUST_USE cloister_status control_reply_check(const struct clo_control_header *header,
                                                      uint16_t type, size_t received);

#endif
