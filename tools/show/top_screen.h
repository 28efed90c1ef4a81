/*
 * The screen of `cloister top`. Only this file knows curses.
 */
#ifndef TOOLS_SHOW_TOP_SCREEN_H
#define TOOLS_SHOW_TOP_SCREEN_H

#include "base/reason.h"
#include "tools/show/top_view.h"

enum top_key { TOP_NOTHING, TOP_QUIT, TOP_CHANGED };

/* What the user has chosen. */
struct top_choice {
    enum top_order order;
    bool reverse;
    bool modules_hidden;
    size_t first; /* row at the top of the screen */
    double seconds;
};

/* Takes over the terminal; UNSUPPORTED: standard output is none, or TERM names none that can do
   it. */
CLOISTER_MUST_USE cloister_status top_screen_open(struct reason *why);
void top_screen_close(void);

/* `message`: shown in place of the table, may be NULL. */
void top_screen_draw(const struct top_view *view, struct top_choice *choice, const char *message);

/* Waits for a key, at most this long. TOP_CHANGED: draw again, or make the view anew. */
enum top_key top_screen_wait(struct top_choice *choice, int timeout_ms);

#endif
