/*
 * Streams from a file to a file: see call_stream.h.
 */
#include "tools/call_stream.h"

#include "base/scope.h"
#include "base/signals.h"
#include "tools/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static cloister_status open_input(const char *path, int *fd, struct reason *why)
{
    *fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                 : open(path, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 ? CLOISTER_OK : refuse_errno(why, "cannot read %s", path);
}

/* A file that takes the place of `path` later, or, where that is no regular file, itself: then
 *temporary is empty. */
static cloister_status open_output(const char *path, char *temporary, size_t size, int *fd,
                                   struct reason *why)
{
    struct stat st;
    temporary[0] = '\0';
    if (strcmp(path, "-") == 0) {
        *fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    } else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        *fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        int length = snprintf(temporary, size, "%s.XXXXXX", path);
        if (length < 0 || (size_t)length >= size)
            return refuse(why, CLOISTER_TOO_BIG, "path %.80s… is too long", path);
        AUTO_SIGNALS sigset_t before = signals_hold();
        *fd = mkostemp(temporary, O_CLOEXEC);
        if (*fd >= 0)
            interrupt_remove(temporary);
    }
    return *fd >= 0 ? CLOISTER_OK : refuse_errno(why, "cannot write %s", path);
}

static cloister_status finish(const char *path, const char *temporary, int fd, bool good,
                              struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    if (temporary[0] == '\0')
        return CLOISTER_OK;
    if (good && (fsync(fd) != 0 || rename(temporary, path) != 0))
        status = refuse_errno(why, "cannot write %s", path);
    if (!good || status != CLOISTER_OK)
        (void)unlink(temporary);
    interrupt_release();
    return status; /* where it is not good the result says why */
}

cloister_status call_stream(cloister_session *session, const char *method, const char *in,
                            const char *out, uint64_t deadline_us, uint64_t value[2],
                            cloister_result *result, struct reason *why)
{
    char temporary[PATH_MAX];
    AUTO_FD int from = -1;
    AUTO_FD int to = -1;
    cloister_status status = open_input(in, &from, why);
    if (status == CLOISTER_OK)
        status = open_output(out, temporary, sizeof temporary, &to, why);
    if (status != CLOISTER_OK)
        return status;
    *result = cloister_stream_file(session, method, from, to, deadline_us, value);
    return finish(out, temporary, to, result->status == CLOISTER_OK, why);
}
