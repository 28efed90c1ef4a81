/*
 * Whole files: read once with a limit, written so that the old or the new content is there, never
 * a part.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a regular file of at most `limit` bytes into fresh memory that the caller frees. Opens it
   once; refuses FIFOs and devices without waiting for them. "-" is standard input (then any kind of
   file). Statuses: NOT_FOUND, DENIED, TOO_BIG, BAD_FORMAT (no regular file), NO_MEMORY, IO. */
CLOISTER_MUST_USE cloister_status file_read(const char *path, size_t limit, uint8_t **bytes,
                                            size_t *size, struct reason *why);

/* Writes the file through a temporary one in the same folder, fsync and rename, with `mode`. On
   failure (a full disk, say) nothing is left behind and an old file stays; a signal that ends the
   program ends it when that is done. "-" is standard output; a path that is no regular file (a
   device, a FIFO) is written in place. */
CLOISTER_MUST_USE cloister_status file_write(const char *path, const void *bytes, size_t size,
                                             mode_t mode, struct reason *why);

/* Could file_read, or file_write, take this path as things are? To be asked before long work, not
   instead of it. Reads no byte; a device or FIFO is taken. */
CLOISTER_MUST_USE cloister_status file_check_input(const char *path, struct reason *why);
CLOISTER_MUST_USE cloister_status file_check_output(const char *path, struct reason *why);

/* Writes all bytes to a descriptor, through short writes and EINTR. */
CLOISTER_MUST_USE cloister_status fd_write_all(int fd, const void *bytes, size_t size);

/* The same from `offset` on; the descriptor's position stays. */
CLOISTER_MUST_USE cloister_status fd_write_at(int fd, const void *bytes, size_t size, off_t offset);

/* Reads all `size` bytes from `offset` on, through short reads and EINTR; the descriptor's position
   stays. IO: errno says why, 0 that the file is shorter. */
CLOISTER_MUST_USE cloister_status fd_read_at(int fd, void *bytes, size_t size, off_t offset);

/* Copies to the end of a file, in the kernel, without mapping or reading it. Stops once more than
   `limit` bytes have come: then *copied is limit + 1. IO: errno says why. */
CLOISTER_MUST_USE cloister_status fd_copy(int from, int to, size_t limit, size_t *copied);

/* Is it an ordinary memfd, or another file of tmpfs? Pages of one of huge pages may be missing when
   they are touched, though it is sealed: whoever else has it can give them back, and the host may
   have no others. */
CLOISTER_MUST_USE bool fd_is_ordinary_memory(int fd);

#endif
