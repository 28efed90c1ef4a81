/*
 * Prints rows.
 */
#include "bench/table.h"

#include "bench/host.h"

#include <jansson.h>
#include <stdio.h>

void table_print_head(void)
{
    char machine[HOST_TEXT_SIZE];
    host_describe(machine, sizeof machine);
    (void)printf("%s\n\n", machine);
    (void)printf("%-22s %12s %12s %-5s %7s %9s %7s  %s\n", "row", "ours", "reference", "", "ratio",
                 "target", "spread", "holds");
}

void table_print_row(const struct row *row)
{
    const struct row_head *head = row->head;
    char target[16] = "-";
    if (head->target > 0)
        (void)snprintf(target, sizeof target, "%s %.2f",
                       head->aim == ROW_AT_MOST ? "<=" : ">=", head->target);
    (void)printf("%-22s %12.2f %12.2f %-5s %7.3f %9s %6.1f%%  %s\n", head->name, row->ours,
                 row->reference, head->unit, row->ratio, target, row->spread * 100,
                 head->target <= 0 ? "-" : (row->holds ? "yes" : "NO"));
    (void)printf("  %s\n  against %s; %u rounds\n", head->ours, head->reference, row->rounds);
    for (unsigned i = 0; i < ROW_PARTS && head->part[i]; i++)
        (void)printf("%48.2f %-5s %s\n", row->part[i], head->unit, head->part[i]);
    (void)fflush(stdout);
}

void table_print_skipped(const char *name)
{
    (void)printf("%-22s not measured\n", name);
    (void)fflush(stdout);
}

/* What the reference is the sum of: by name, in the row's unit. */
static json_t *parts_json(const struct row *row)
{
    json_t *parts = json_object();
    for (unsigned i = 0; i < ROW_PARTS && row->head->part[i]; i++)
        (void)json_object_set_new(parts, row->head->part[i], json_real(row->part[i]));
    return parts;
}

static json_t *row_json(const struct row *row, const char *machine)
{
    const struct row_head *head = row->head;
    return json_pack("{s:s s:s s:s s:s s:f s:f s:o s:f s:s s:f s:o s:f s:i s:s}", "name",
                     head->name, "measures", head->ours, "against", head->reference, "unit",
                     head->unit, "ours", row->ours, "reference", row->reference, "parts",
                     parts_json(row), "ratio", row->ratio, "aim",
                     head->aim == ROW_AT_MOST ? "at most" : "at least", "target", head->target,
                     "holds", head->target > 0 ? json_boolean(row->holds) : json_null(), "spread",
                     row->spread, "rounds", (int)row->rounds, "machine", machine);
}

cloister_status table_print_json(const struct row *rows, unsigned count)
{
    char machine[HOST_TEXT_SIZE];
    json_t *array = json_array();
    host_describe(machine, sizeof machine);
    bool good = array != NULL;
    for (unsigned i = 0; good && i < count; i++)
        good = json_array_append_new(array, row_json(&rows[i], machine)) == 0;
    good = good && json_dumpf(array, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0;
    json_decref(array);
    (void)putchar('\n');
    return good ? CLOISTER_OK : CLOISTER_NO_MEMORY;
}
