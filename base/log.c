/*
 * Log lines on standard error: composed in one buffer, written with one write.
 */
#include "base/log.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 1536

static const char *program_name = "cloister";
static enum log_level most_level = LOG_LEVEL_INFO;

void log_start(const char *program, enum log_level most)
{
    program_name = program;
    most_level = most;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    if (level > most_level)
        return;
    char line[LINE_SIZE];
    int head = snprintf(line, sizeof line, "%s: %s: ", program_name, words[level]);
    if (head < 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, arguments);
    va_end(arguments);
    if (body < 0)
        return;
    utf8_make_plain(line); /* modules and clients choose parts of it */
    size_t length = strlen(line);
    line[length++] = '\n';
    if (write(STDERR_FILENO, line, length) < 0)
        return; /* nowhere left to say it */
}
