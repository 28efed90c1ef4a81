/*
 * Whole frames over a descriptor.
 */
#include "tools/nested/frame.h"

#include "base/file.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#define HEADER_SIZE offsetof(struct frame, payload)

cloister_status frame_send(int fd, const struct frame *frame)
{
    return fd_write_all(fd, frame, HEADER_SIZE + frame->size);
}

static cloister_status read_all(int fd, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    while (size > 0) {
        ssize_t n = read(fd, to, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != ECONNRESET)
            return CLOISTER_IO;
        if (n <= 0)
            return CLOISTER_CLOSED;
        to += n;
        size -= (size_t)n;
    }
    return CLOISTER_OK;
}

cloister_status frame_receive(int fd, struct frame *frame)
{
    cloister_status status = read_all(fd, frame, HEADER_SIZE);
    if (status != CLOISTER_OK)
        return status;
    if (frame->kind < FRAME_INPUT || frame->kind > FRAME_STATUS || frame->size > FRAME_PAYLOAD_MAX)
        return CLOISTER_BAD_FORMAT;
    return read_all(fd, frame->payload, frame->size);
}
