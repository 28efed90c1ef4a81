/*
 * Locals that release themselves when their scope ends.
 *
 *   AUTO_FD int fd = open(…);           closed unless it is negative
 *   AUTO_FREE char *text = strdup(…);   freed
 *   return take_fd(&fd);                hands the descriptor on
 */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void scope_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
    }
}

static inline void scope_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void scope_fclose(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

#define AUTO_FD __attribute__((cleanup(scope_close)))
#define AUTO_FREE __attribute__((cleanup(scope_free)))
#define AUTO_FILE __attribute__((cleanup(scope_fclose)))

static inline int take_fd(int *fd)
{
    int value = *fd;
    *fd = -1;
    return value;
}

static inline void *take_pointer(void *pointer)
{
    void *value = *(void **)pointer;
    *(void **)pointer = NULL;
    return value;
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
