/*
 * Draws in three layers: grid with ticks, lines, names of the lines.
 */
#include "bench/plot.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define WIDTH 760.0
#define HEIGHT 440.0
#define LEFT 84.0
#define RIGHT 44.0
#define TOP 84.0
#define BOTTOM 64.0

/* What the transformation to the page needs. */
struct frame {
    double x_low, x_high;
    double y_low, y_high; /* powers of ten */
};

static const char style[] =
    "<style>\n"
    "svg{background:#ffffff;color:#1f2328;font:13px system-ui,sans-serif}\n"
    "text{fill:currentColor}.title{font-size:16px;font-weight:600}.note{opacity:.7}\n"
    ".grid{stroke:currentColor;stroke-opacity:.15}.axis{stroke:currentColor;stroke-opacity:.6}\n"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}\n"
    ".s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#1a7f37}\n"
    ".d0{fill:#0969da}.d1{fill:#bc4c00}.d2{fill:#1a7f37}\n"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}\n"
    ".s0{stroke:#58a6ff}.s1{stroke:#f0883e}.s2{stroke:#3fb950}\n"
    ".d0{fill:#58a6ff}.d1{fill:#f0883e}.d2{fill:#3fb950}}\n"
    "</style>\n";

static double page_x(const struct frame *frame, double x)
{
    return LEFT + (x - frame->x_low) / (frame->x_high - frame->x_low) * (WIDTH - LEFT - RIGHT);
}

static double page_y(const struct frame *frame, double y)
{
    double part = (log10(y) - frame->y_low) / (frame->y_high - frame->y_low);
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
}

/* The largest of 1, 2, 5 times a power of ten that is not above y, or the smallest not below. */
static double round_down(double y)
{
    double power = pow(10, floor(log10(y)));
    return y >= 5 * power ? 5 * power : (y >= 2 * power ? 2 * power : power);
}

static double next_tick(double tick)
{
    double power = pow(10, floor(log10(tick) + 1e-9));
    double first = tick / power;
    return first < 1.5 ? 2 * power : (first < 3 ? 5 * power : 10 * power);
}

static void find_frame(const struct plot *plot, struct frame *frame)
{
    double low = plot->series[0].y[0];
    double high = low;
    for (size_t s = 0; s < plot->series_count; s++)
        for (size_t i = 0; i < plot->series[s].count; i++) {
            low = fmin(low, plot->series[s].y[i]);
            high = fmax(high, plot->series[s].y[i]);
        }
    *frame = (struct frame){.x_low = plot->ticks[0].at,
                            .x_high = plot->ticks[plot->tick_count - 1].at,
                            .y_low = log10(round_down(low)),
                            .y_high = log10(next_tick(round_down(high)))};
}

static void draw_head(FILE *file, const struct plot *plot)
{
    (void)fprintf(file,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
                  "width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-label=\"%s\">\n%s",
                  WIDTH, HEIGHT, WIDTH, HEIGHT, plot->title, style);
    (void)fprintf(file, "<text class=\"title\" x=\"%.0f\" y=\"28\">%s</text>\n", LEFT, plot->title);
    (void)fprintf(file, "<text class=\"note\" x=\"%.0f\" y=\"47\">%s</text>\n", LEFT, plot->note);
}

static void draw_y_tick(FILE *file, const struct frame *frame, double tick)
{
    double y = page_y(frame, tick);
    (void)fprintf(file, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                  LEFT, y, WIDTH - RIGHT, y);
    (void)fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 8,
                  y + 4, tick);
}

static void draw_x_tick(FILE *file, const struct frame *frame, const struct plot_tick *tick)
{
    double x = page_x(frame, tick->at);
    (void)fprintf(file, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                  x, TOP, x, HEIGHT - BOTTOM);
    (void)fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", x,
                  HEIGHT - BOTTOM + 20, tick->text);
}

static void draw_axes(FILE *file, const struct plot *plot, const struct frame *frame)
{
    double last = pow(10, frame->y_high) * (1 + 1e-9);
    for (double tick = pow(10, frame->y_low); tick <= last; tick = next_tick(tick))
        draw_y_tick(file, frame, tick);
    for (size_t i = 0; i < plot->tick_count; i++)
        draw_x_tick(file, frame, &plot->ticks[i]);
    (void)fprintf(file, "<path class=\"axis\" fill=\"none\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", LEFT,
                  TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
    (void)fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                  (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, plot->x_label);
    (void)fprintf(file,
                  "<text transform=\"translate(22 %.1f)rotate(-90)\" text-anchor=\"middle\">%s"
                  "</text>\n",
                  (TOP + HEIGHT - BOTTOM) / 2, plot->y_label);
}

static void draw_series(FILE *file, const struct frame *frame, const struct plot_series *series,
                        size_t number)
{
    (void)fprintf(file, "<path class=\"line s%zu\" d=\"", number);
    for (size_t i = 0; i < series->count; i++)
        (void)fprintf(file, "%c%.1f %.1f", i ? 'L' : 'M', page_x(frame, series->x[i]),
                      page_y(frame, series->y[i]));
    (void)fprintf(file, "\"/>\n");
    for (size_t i = 0; series->points && i < series->count; i++)
        (void)fprintf(file, "<circle class=\"d%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", number,
                      page_x(frame, series->x[i]), page_y(frame, series->y[i]));
}

static void draw_names(FILE *file, const struct plot *plot)
{
    double x = LEFT;
    for (size_t s = 0; s < plot->series_count; s++) {
        (void)fprintf(file, "<path class=\"line s%zu\" d=\"M%.0f 66h22\"/>\n", s, x);
        (void)fprintf(file, "<text x=\"%.0f\" y=\"70\">%s</text>\n", x + 28, plot->series[s].name);
        x += 310;
    }
}

static void draw(FILE *file, const struct plot *plot)
{
    struct frame frame;
    find_frame(plot, &frame);
    draw_head(file, plot);
    draw_axes(file, plot, &frame);
    for (size_t s = 0; s < plot->series_count; s++)
        draw_series(file, &frame, &plot->series[s], s);
    draw_names(file, plot);
    (void)fprintf(file, "</svg>\n");
}

cloister_status plot_write(const struct plot *plot, const char *path, struct reason *why)
{
    char part[PATH_MAX];
    if (plot->tick_count < 2 || plot->series_count == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%s: nothing to draw", path);
    for (size_t s = 0; s < plot->series_count; s++)
        if (plot->series[s].count == 0)
            return refuse(why, CLOISTER_BAD_ARGUMENT, "%s: nothing to draw", path);
    (void)snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "we");
    if (!file)
        return refuse_errno(why, "cannot write %.200s", part);
    draw(file, plot);
    int failed = ferror(file);
    failed = fclose(file) != 0 || failed;
    if (failed || rename(part, path) != 0) {
        (void)unlink(part);
        return refuse_errno(why, "cannot write %.200s", path);
    }
    return CLOISTER_OK;
}
