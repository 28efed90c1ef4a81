/*
 * Results: files that come out of the nested machine, in the order in which they were asked for.
 * Only the host says where they are written; the machine sends bytes.
 */
#ifndef TOOLS_NESTED_RESULT_H
#define TOOLS_NESTED_RESULT_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

#define RESULTS_MAX 64
#define RESULT_SIZE_MAX (64u << 20)

/* One more file is asked for. `path` must live on. False: there are too many. */
CLOISTER_MUST_USE bool result_expect(const char *path);

/* One more piece of the next file. BAD_FORMAT: none is expected; TOO_BIG, NO_MEMORY. */
CLOISTER_MUST_USE cloister_status result_add(const void *bytes, size_t size, struct reason *why);

/* The next file is complete: writes it, all or nothing. As file_write. */
CLOISTER_MUST_USE cloister_status result_write(struct reason *why);

/* There is no next file; prints one line with the machine's text. BAD_FORMAT: none is expected. */
CLOISTER_MUST_USE cloister_status result_skip(const void *text, size_t size, struct reason *why);

/* All that were expected have been written. */
bool result_all_written(void);

#endif
