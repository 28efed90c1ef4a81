/*
 * Draws a view with curses. A terminal may be of any size and change it at any time; what does not
 * fit is not drawn.
 */
#include "tools/show/top_screen.h"

#include "base/scope.h"
#include "tools/show/top_print.h"

#include <curses.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define LINES_ABOVE 2 /* summary and head of the table */
#define LINES_BELOW 1 /* keys */

static const char *const order_names[TOP_ORDERS] = {"name", "calls", "p99", "exits", "memory"};

static SCREEN *screen;

cloister_status top_screen_open(struct reason *why)
{
    const char *term = getenv("TERM");
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return refuse(why, CLOISTER_UNSUPPORTED,
                      "standard input and output are no terminal; use --once");
    /* initscr would end the process. */
    screen = term && *term ? newterm(NULL, stdout, stdin) : NULL;
    if (!screen)
        return refuse(why, CLOISTER_UNSUPPORTED,
                      "TERM is '%.40s', which is no terminal that is known here; use --once",
                      term ? term : "");
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)keypad(stdscr, TRUE);
    (void)curs_set(0);
    return CLOISTER_OK;
}

void top_screen_close(void)
{
    if (!screen)
        return;
    (void)endwin();
    delscreen(screen);
    screen = NULL;
}

static void put(int y, attr_t attributes, const char *text)
{
    if (y >= LINES)
        return;
    (void)attron(attributes);
    /* The last cell of the last line would scroll the screen. */
    (void)mvaddnstr(y, 0, text, y == LINES - 1 ? COLS - 1 : COLS);
    (void)attroff(attributes);
}

static void draw_summary(const struct top_view *view)
{
    char line[TOP_LINE_SIZE], calls[24], exits[24], memory[24];
    char now[16] = "";
    time_t clock = time(NULL);
    struct tm parts;
    if (localtime_r(&clock, &parts))
        (void)strftime(now, sizeof now, "%H:%M:%S", &parts);
    top_count(view->calls_per_s, calls, sizeof calls);
    top_count(view->exits_per_s, exits, sizeof exits);
    top_bytes(view->memory, memory, sizeof memory);
    (void)snprintf(line, sizeof line, "cloister top %s  %zu world%s, %s calls/s, %s exits/s, %s",
                   now, view->worlds, view->worlds == 1 ? "" : "s", calls, exits, memory);
    put(0, A_BOLD, line);
}

static void draw_keys(const struct top_choice *choice)
{
    char line[TOP_LINE_SIZE];
    (void)snprintf(line, sizeof line,
                   "q quit  left/right sort: %s%s  r reverse  m modules  up/down scroll  +/- every "
                   "%.1f s",
                   order_names[choice->order], choice->reverse ? " (reversed)" : "",
                   choice->seconds);
    if (LINES > LINES_ABOVE)
        put(LINES - 1, A_DIM, line);
}

/* Never further than so that the last row is on the screen. */
static void limit_scroll(struct top_choice *choice, size_t rows)
{
    size_t room =
        LINES > LINES_ABOVE + LINES_BELOW ? (size_t)(LINES - LINES_ABOVE - LINES_BELOW) : 1;
    size_t most = rows > room ? rows - room : 0;
    if (choice->first > most)
        choice->first = most;
}

static size_t next(const struct top_view *view, const struct top_choice *choice, size_t i)
{
    return i + 1 + (choice->modules_hidden ? view->row[i].modules : 0);
}

static void draw_rows(const struct top_view *view, struct top_choice *choice)
{
    char line[TOP_LINE_SIZE];
    size_t shown = 0;
    limit_scroll(choice, choice->modules_hidden ? view->worlds : view->count);
    for (size_t i = 0; i < view->count; i = next(view, choice, i), shown++) {
        size_t y = LINES_ABOVE + shown - choice->first;
        if (shown < choice->first || y + LINES_BELOW >= (size_t)LINES)
            continue;
        top_line(&view->row[i], line, (size_t)COLS);
        put((int)y, view->row[i].is_module ? A_NORMAL : A_BOLD, line);
    }
}

void top_screen_draw(const struct top_view *view, struct top_choice *choice, const char *message)
{
    char head[TOP_LINE_SIZE];
    (void)erase();
    draw_summary(view);
    top_head(head, (size_t)COLS);
    put(1, A_REVERSE, head);
    if (message)
        put(LINES_ABOVE, A_NORMAL, message);
    else if (view->count == 0)
        put(LINES_ABOVE, A_NORMAL, "no worlds are running");
    draw_rows(view, choice);
    draw_keys(choice);
    (void)refresh();
}

static void change_order(struct top_choice *choice, unsigned step)
{
    choice->order = (enum top_order)((choice->order + step) % TOP_ORDERS);
}

static void scroll_up(struct top_choice *choice, size_t rows)
{
    choice->first -= choice->first < rows ? choice->first : rows;
}

static void change_interval(struct top_choice *choice, double factor)
{
    double seconds = choice->seconds * factor;
    if (seconds >= 0.1 && seconds <= 3600)
        choice->seconds = seconds;
}

/* Has the terminal gone? Then no key ever comes, and waiting for one would not wait. */
static bool terminal_is_gone(void)
{
    struct pollfd poller = {.fd = STDIN_FILENO};
    return poll(&poller, 1, 0) > 0;
}

enum top_key top_screen_wait(struct top_choice *choice, int timeout_ms)
{
    size_t page = LINES > LINES_ABOVE + LINES_BELOW + 1 ? (size_t)LINES - 4 : 1;
    timeout(timeout_ms);
    switch (getch()) {
    case 'q':
    case 'Q':
        return TOP_QUIT;
    case KEY_RIGHT:
        change_order(choice, 1);
        return TOP_CHANGED;
    case KEY_LEFT:
        change_order(choice, TOP_ORDERS - 1);
        return TOP_CHANGED;
    case 'r':
        choice->reverse = !choice->reverse;
        return TOP_CHANGED;
    case 'm':
        choice->modules_hidden = !choice->modules_hidden;
        return TOP_CHANGED;
    case KEY_DOWN:
        choice->first++;
        return TOP_CHANGED;
    case KEY_UP:
        scroll_up(choice, 1);
        return TOP_CHANGED;
    case KEY_NPAGE:
        choice->first += page;
        return TOP_CHANGED;
    case KEY_PPAGE:
        scroll_up(choice, page);
        return TOP_CHANGED;
    case KEY_HOME:
        choice->first = 0;
        return TOP_CHANGED;
    case '+':
        change_interval(choice, 2);
        return TOP_CHANGED;
    case '-':
        change_interval(choice, 0.5);
        return TOP_CHANGED;
    case KEY_RESIZE:
    case ' ':
        return TOP_CHANGED;
    case ERR:
        return terminal_is_gone() ? TOP_QUIT : TOP_NOTHING;
    default:
        return TOP_NOTHING;
    }
}
