/*
 * Rows as text and as JSON.
 */
#include "tools/show/top_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE 24
#define NAME_WIDTH 20

/* What matters most comes first: a narrow terminal cuts the rest. */
void top_head(char line[TOP_LINE_SIZE], size_t width)
{
    (void)snprintf(line, TOP_LINE_SIZE, "%-*s %7s %6s %6s %7s %-9s %5s %6s %6s %6s  %s", NAME_WIDTH,
                   "WORLD / MODULE", "CALLS/S", "P50", "P99", "EXITS/S", "WAITING", "CHANS", "HOST",
                   "KEEPER", "GUESTS", "STATE");
    if (width < TOP_LINE_SIZE)
        line[width] = '\0';
}

/* A name may be a path: its end says more than its start. Control characters do not reach the
   terminal. */
static void show_name(const struct top_row *row, char text[NAME_WIDTH + 1])
{
    size_t room = NAME_WIDTH - (row->is_module ? 2 : 0);
    size_t length = strlen(row->name);
    const char *from = length > room ? row->name + length - room : row->name;
    (void)snprintf(text, NAME_WIDTH + 1, "%s%s", row->is_module ? "  " : "", from);
    for (char *c = text; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

static void show_rate(const struct top_row *row, double value, char *text)
{
    if (row->rates_are_known)
        top_count(value, text, TEXT_SIZE);
    else
        (void)snprintf(text, TEXT_SIZE, "-");
}

static void show_guests(const struct top_row *row, char *text)
{
    if (row->guests_are_known)
        (void)snprintf(text, TEXT_SIZE, "%" PRIu32, row->guests);
    else
        (void)snprintf(text, TEXT_SIZE, "-");
}

void top_line(const struct top_row *row, char line[TOP_LINE_SIZE], size_t width)
{
    char name[NAME_WIDTH + 1];
    char calls[TEXT_SIZE], exits[TEXT_SIZE], p50[TEXT_SIZE], p99[TEXT_SIZE];
    char waiting[TEXT_SIZE], host[TEXT_SIZE] = "", keeper[TEXT_SIZE] = "", guests[TEXT_SIZE] = "";
    show_name(row, name);
    show_rate(row, row->calls_per_s, calls);
    show_rate(row, row->exits_per_s, exits);
    top_time(row->p50_ns, p50, sizeof p50);
    top_time(row->p99_ns, p99, sizeof p99);
    top_waiting(row, waiting, sizeof waiting);
    if (!row->is_module) {
        top_bytes(top_memory(&row->host), host, sizeof host);
        top_bytes(top_memory(&row->keeper), keeper, sizeof keeper);
        show_guests(row, guests);
    }
    (void)snprintf(line, TOP_LINE_SIZE, "%-*s %7s %6s %6s %7s %-9s %5" PRIu32 " %6s %6s %6s  %s",
                   NAME_WIDTH, name, calls, p50, p99, exits, waiting, row->channels, host, keeper,
                   guests, row->state);
    if (width < TOP_LINE_SIZE)
        line[width] = '\0';
}

void top_print(const struct top_view *view)
{
    char line[TOP_LINE_SIZE];
    if (view->count == 0) {
        (void)printf("no worlds are running\n");
        return;
    }
    top_head(line, TOP_LINE_SIZE);
    (void)printf("%s\n", line);
    for (size_t i = 0; i < view->count; i++) {
        top_line(&view->row[i], line, TOP_LINE_SIZE);
        (void)printf("%s\n", line);
    }
}

static json_t *known(bool is_known, json_t *value)
{
    if (is_known)
        return value;
    json_decref(value);
    return json_null();
}

static json_t *number(bool is_known, uint64_t value)
{
    return known(is_known, json_integer((json_int_t)(value > INT64_MAX ? INT64_MAX : value)));
}

static json_t *memory_json(const struct process_memory *memory)
{
    return json_pack("{s:o, s:o}", "rss", number(memory->rss != 0, memory->rss), "pss",
                     number(memory->pss_is_known, memory->pss));
}

static json_t *row_json(const struct top_row *row)
{
    /* A path may be no UTF-8; the end that everybody sees is. */
    json_t *name = json_string(row->name);
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "name",
                     name ? name : json_string("?"), "state", row->state, "calls",
                     number(true, row->calls), "calls_per_s",
                     known(row->rates_are_known, json_real(row->calls_per_s)), "exits",
                     number(true, row->exits), "exits_per_s",
                     known(row->rates_are_known, json_real(row->exits_per_s)), "service_p50_ns",
                     number(row->p50_ns != 0, row->p50_ns), "service_p99_ns",
                     number(row->p99_ns != 0, row->p99_ns), "threads", (json_int_t)row->threads,
                     "polling", (json_int_t)row->polling, "channels", (json_int_t)row->channels);
}

static json_t *world_json(const struct top_row *row)
{
    json_t *world = row_json(row);
    json_t *modules = json_array();
    for (uint32_t i = 0; i < row->modules; i++)
        if (json_array_append_new(modules, row_json(&row[1 + i])) != 0)
            break;
    json_t *memory = json_pack("{s:o, s:o}", "host", memory_json(&row->host), "keeper",
                               memory_json(&row->keeper));
    if (json_object_set_new(world, "memory_bytes", memory) == 0 &&
        json_object_set_new(world, "guests", number(row->guests_are_known, row->guests)) == 0 &&
        json_object_set_new(world, "modules", modules) == 0)
        return world;
    json_decref(world);
    return NULL;
}

json_t *top_json(const struct top_view *view)
{
    json_t *worlds = json_array();
    for (size_t i = 0; i < view->count; i += 1 + view->row[i].modules)
        if (json_array_append_new(worlds, world_json(&view->row[i])) != 0)
            break;
    return json_pack("{s:o, s:f, s:f, s:o}", "worlds", worlds, "calls_per_s", view->calls_per_s,
                     "exits_per_s", view->exits_per_s, "memory_bytes", number(true, view->memory));
}
