/*
 * Standard input and output. Under `cloister exec` they are the program's own; in a module output
 * becomes lines of log, which the world host may limit or drop, and input is at its end.
 */
#include "personality.h"

#include <linux/errno.h>
#include <linux/uio.h>
#include <string.h>

#define LINE_MAX 1024u
#define VECTORS_MAX 1024u
#define SIZE_MAX_ONCE 0x7ffff000u /* as the kernel: no call moves more */

/* A line that collects in the mailbox's payload, where LOG wants it. */
struct line {
    uint8_t *text;
    uint32_t level;
    uint32_t length;
};

static void line_end(struct line *line)
{
    if (line->length > 0)
        (void)personality_hypercall(CLO_HC_LOG, line->level, line->length, 0);
    line->length = 0;
}

static void line_add(struct line *line, const char *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            line_end(line);
            continue;
        }
        line->text[line->length++] = (uint8_t)bytes[i];
        if (line->length == LINE_MAX)
            line_end(line);
    }
}

static int64_t exec_write(uint64_t stream, const uint8_t *bytes, uint64_t size)
{
    struct clo_mailbox *mailbox = personality_mailbox();
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = size - done < CLO_PAYLOAD_SIZE ? size - done : CLO_PAYLOAD_SIZE;
        memcpy(mailbox->payload, bytes + done, part);
        uint32_t status = personality_hypercall(CLO_HC_CONSOLE_WRITE, stream, part, 0);
        uint64_t written = status == 0 ? mailbox->result[0] : 0;
        if (written == 0 || written > part)
            return done > 0 ? (int64_t)done : -EIO;
        done += written;
    }
    return (int64_t)done;
}

static int64_t exec_read(uint8_t *bytes, uint64_t size)
{
    struct clo_mailbox *mailbox = personality_mailbox();
    uint64_t part = size < CLO_PAYLOAD_SIZE ? size : CLO_PAYLOAD_SIZE;
    if (part == 0)
        return 0;
    if (personality_hypercall(CLO_HC_CONSOLE_READ, part, 0, 0) != 0)
        return -EIO;
    uint64_t got = mailbox->result[0];
    if (got > part)
        return -EIO;
    memcpy(bytes, mailbox->payload, got);
    return (int64_t)got;
}

static uint64_t at_most(uint64_t size)
{
    return size < SIZE_MAX_ONCE ? size : SIZE_MAX_ONCE;
}

int64_t console_writev(const uint64_t argument[6])
{
    uint64_t stream = argument[0];
    const struct iovec *vector = personality_pointer(argument[1]);
    if (stream != 1 && stream != 2)
        return -EBADF;
    if (argument[2] > VECTORS_MAX)
        return -EINVAL;
    struct line line = {
        .text = personality_mailbox()->payload,
        .level = stream == 1 ? CLO_LOG_INFO : CLO_LOG_WARNING,
    };
    int64_t total = 0;
    for (uint64_t i = 0; i < argument[2]; i++) {
        uint64_t size = at_most(vector[i].iov_len);
        int64_t written = (int64_t)size;
        if (personality_is_exec())
            written = exec_write(stream, vector[i].iov_base, size);
        else
            line_add(&line, vector[i].iov_base, size);
        if (written < 0)
            return total > 0 ? total : written;
        total += written;
        if ((uint64_t)written < size)
            return total;
    }
    line_end(&line);
    return total;
}

int64_t console_write(const uint64_t argument[6])
{
    const struct iovec vector = {personality_pointer(argument[1]), argument[2]};
    const uint64_t as_vector[6] = {argument[0], (uint64_t)(uintptr_t)&vector, 1};
    return console_writev(as_vector);
}

int64_t console_readv(const uint64_t argument[6])
{
    const struct iovec *vector = personality_pointer(argument[1]);
    if (argument[0] != 0)
        return -EBADF;
    if (argument[2] > VECTORS_MAX)
        return -EINVAL;
    /* One part that is not empty: a short read is always allowed, a second one could block. */
    for (uint64_t i = 0; personality_is_exec() && i < argument[2]; i++)
        if (vector[i].iov_len > 0)
            return exec_read(vector[i].iov_base, at_most(vector[i].iov_len));
    return 0;
}

int64_t console_read(const uint64_t argument[6])
{
    const struct iovec vector = {personality_pointer(argument[1]), argument[2]};
    const uint64_t as_vector[6] = {argument[0], (uint64_t)(uintptr_t)&vector, 1};
    return console_readv(as_vector);
}
