/*
 * One snapshot of `cloister top` without a terminal: lines of text, or JSON.
 */
#ifndef TOOLS_SHOW_TOP_PRINT_H
#define TOOLS_SHOW_TOP_PRINT_H

#include "tools/show/top_view.h"

#include <jansson.h>

/* Room for a line, and what fits into it. */
#define TOP_LINE_SIZE 512

/* The head of the table and one row of it, without a newline, at most `width` characters. */
void top_head(char line[TOP_LINE_SIZE], size_t width);
void top_line(const struct top_row *row, char line[TOP_LINE_SIZE], size_t width);

/* The whole view on standard output. */
void top_print(const struct top_view *view);

/* Fresh object, NULL: no memory. What is not known is null. */
json_t *top_json(const struct top_view *view);

#endif
