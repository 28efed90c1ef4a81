/*
 * Streams: any number of bytes through a method that takes them in pieces. Each piece has a
 * reservation of its own, so that reading fills and writing empties the arena itself; while the
 * module works on some pieces the next one is read.
 */
#include "normal-world/client/session.h"

#include "base/file.h"

#include <errno.h>
#include <unistd.h>

#define PIECES 4u /* in flight */

struct piece {
    cloister_ticket ticket;
    cloister_parameter parameter[CLO_PARAMETERS_MAX];
    uint8_t *in;
    uint8_t *out;
};

struct stream {
    cloister_session *session;
    unsigned method;
    const cloister_stream_ends *ends;
    uint64_t deadline_us;
    size_t in_most;
    size_t out_most;
    uint64_t position;
    bool last; /* has been submitted */
    unsigned count;
    uint64_t value[2];
    struct piece piece[PIECES];
};

static const cloister_result fine = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};

static cloister_result from_client(cloister_status status)
{
    return (cloister_result){.status = status, .origin = CLOISTER_ORIGIN_CLIENT};
}

/* Reservations */

static void release(struct stream *stream)
{
    for (unsigned i = 0; i < PIECES; i++) {
        cloister_arena_release(stream->session, stream->piece[i].in);
        cloister_arena_release(stream->session, stream->piece[i].out);
    }
}

static bool reserve_piece(struct stream *stream, struct piece *piece)
{
    void *in = NULL;
    void *out = NULL;
    if (cloister_arena_reserve(stream->session, stream->in_most, &in) != CLOISTER_OK)
        return false;
    if (cloister_arena_reserve(stream->session, stream->out_most, &out) != CLOISTER_OK) {
        cloister_arena_release(stream->session, in);
        return false;
    }
    piece->in = in;
    piece->out = out;
    return true;
}

/* As many pieces as there is room for; smaller ones where one of full size would be all. */
static cloister_status reserve(struct stream *stream)
{
    size_t arena = cloister_arena_size(stream->session);
    if (stream->out_most + CLO_ARENA_ALIGN >= arena)
        return CLOISTER_TOO_BIG;
    size_t share = (arena - stream->out_most) / 2 / CLO_ARENA_ALIGN * CLO_ARENA_ALIGN;
    if (share > 0 && stream->in_most > share)
        stream->in_most = share;
    while (stream->count < PIECES && reserve_piece(stream, &stream->piece[stream->count]))
        stream->count++;
    return stream->count > 0 ? CLOISTER_OK : CLOISTER_BUSY;
}

/* Pieces */

/* Full, unless the stream ends. */
static cloister_status fill(const struct stream *stream, uint8_t *bytes, size_t *size)
{
    size_t got = 1;
    *size = 0;
    while (*size < stream->in_most && got > 0) {
        size_t room = stream->in_most - *size;
        cloister_status status =
            stream->ends->read(stream->ends->context, bytes + *size, room, &got);
        if (status != CLOISTER_OK)
            return status;
        if (got > room)
            return CLOISTER_BAD_ARGUMENT;
        *size += got;
    }
    return CLOISTER_OK;
}

static cloister_result send(struct stream *stream, struct piece *piece)
{
    size_t size;
    cloister_status status = fill(stream, piece->in, &size);
    if (status != CLOISTER_OK)
        return from_client(status);
    stream->last = size < stream->in_most;
    piece->parameter[0] = cloister_in(piece->in, size);
    piece->parameter[1] = cloister_out(piece->out, stream->out_most);
    piece->parameter[2] = cloister_value_inout(stream->position, stream->last);
    stream->position += size;
    cloister_result result = cloister_submit_number(
        stream->session, stream->method, piece->parameter, stream->deadline_us, &piece->ticket);
    cloister_flush(stream->session);
    return result;
}

/* Collects a piece that was sent, and passes on what came of it. */
static cloister_result receive(struct stream *stream, struct piece *piece)
{
    const cloister_parameter *out = &piece->parameter[1];
    cloister_result result = cloister_wait(stream->session, piece->ticket);
    piece->ticket = CLOISTER_NO_TICKET;
    if (result.status != CLOISTER_OK)
        return result;
    stream->value[0] = piece->parameter[2].a;
    stream->value[1] = piece->parameter[2].b;
    if (out->size == 0 || !stream->ends->write)
        return fine;
    cloister_status status = stream->ends->write(stream->ends->context, out->output, out->size);
    return status == CLOISTER_OK ? fine : from_client(status);
}

/* Nobody wants what is still in flight. */
static void drop_rest(struct stream *stream)
{
    for (unsigned i = 0; i < stream->count; i++) {
        if (stream->piece[i].ticket == CLOISTER_NO_TICKET)
            continue;
        (void)cloister_cancel(stream->session, stream->piece[i].ticket);
        (void)cloister_wait(stream->session, stream->piece[i].ticket);
    }
}

/* Pieces take turns: before one is sent again, what came of it last time is passed on. */
static cloister_result move(struct stream *stream)
{
    cloister_result result = fine;
    unsigned next = 0;
    for (; !stream->last && result.status == CLOISTER_OK; next = (next + 1) % stream->count) {
        struct piece *piece = &stream->piece[next];
        if (piece->ticket != CLOISTER_NO_TICKET)
            result = receive(stream, piece);
        if (result.status == CLOISTER_OK)
            result = send(stream, piece);
    }
    for (unsigned i = 0; i < stream->count && result.status == CLOISTER_OK; i++) {
        struct piece *piece = &stream->piece[(next + i) % stream->count];
        if (piece->ticket != CLOISTER_NO_TICKET)
            result = receive(stream, piece);
    }
    drop_rest(stream);
    return result;
}

cloister_result cloister_stream(cloister_session *session, const char *method,
                                const cloister_stream_ends *ends, uint64_t deadline_us,
                                uint64_t value[2])
{
    struct stream stream = {.session = session, .ends = ends, .deadline_us = deadline_us};
    cloister_status status = session_method(session, method, &stream.method);
    if (status != CLOISTER_OK)
        return from_client(status);
    const struct clo_method *declared = &session->module.method[stream.method];
    if (!(declared->flags & CLO_METHOD_STREAM) || declared->kinds != CLO_STREAM_KINDS)
        return from_client(CLOISTER_BAD_ARGUMENT);
    stream.in_most = declared->size_max[0];
    stream.out_most = declared->size_max[1];
    status = reserve(&stream);
    cloister_result result = status == CLOISTER_OK ? move(&stream) : from_client(status);
    release(&stream);
    if (result.status == CLOISTER_OK && value) {
        value[0] = stream.value[0];
        value[1] = stream.value[1];
    }
    return result;
}

/* Descriptors */

struct descriptors {
    int in;
    int out;
};

static cloister_status read_descriptor(void *context, void *bytes, size_t capacity, size_t *size)
{
    const struct descriptors *descriptors = context;
    ssize_t got;
    do
        got = read(descriptors->in, bytes, capacity);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return CLOISTER_IO;
    *size = (size_t)got;
    return CLOISTER_OK;
}

static cloister_status write_descriptor(void *context, const void *bytes, size_t size)
{
    const struct descriptors *descriptors = context;
    return fd_write_all(descriptors->out, bytes, size);
}

cloister_result cloister_stream_file(cloister_session *session, const char *method, int in, int out,
                                     uint64_t deadline_us, uint64_t value[2])
{
    struct descriptors descriptors = {.in = in, .out = out};
    const cloister_stream_ends ends = {
        .read = read_descriptor,
        .write = out >= 0 ? write_descriptor : NULL,
        .context = &descriptors,
    };
    return cloister_stream(session, method, &ends, deadline_us, value);
}
