/*
 * Composes the one line that says why something was refused.
 */
#include "base/reason.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cloister_status refuse(struct reason *why, cloister_status status, const char *format, ...)
{
    if (!why)
        return status;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    utf8_make_plain(why->text);
    return status;
}

static cloister_status status_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return CLOISTER_DENIED;
    case ENOENT:
        return CLOISTER_NOT_FOUND;
    case ENOTDIR: /* the path is wrong, whatever is done with it */
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
        return CLOISTER_BAD_ARGUMENT;
    case ENOMEM:
        return CLOISTER_NO_MEMORY;
    default:
        return CLOISTER_IO;
    }
}

cloister_status refuse_errno(struct reason *why, const char *format, ...)
{
    int error = errno;
    if (why) {
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(why->text, sizeof why->text, format, arguments);
        va_end(arguments);
        if (length >= 0 && (size_t)length < sizeof why->text)
            (void)snprintf(why->text + length, sizeof why->text - (size_t)length, ": %s",
                           strerror(error));
        utf8_make_plain(why->text);
    }
    return status_of(error);
}
