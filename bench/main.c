/*
 * cloister-bench: measures the rows that are asked for and says which targets hold. Started by
 * `cloister bench`.
 */
#include "bench/clock.h"
#include "bench/pin.h"
#include "bench/row.h"
#include "bench/table.h"
#include "bench/workplace.h"

#include "base/scope.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_HOLDS = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_MISSED = 3 };

#define WORLDS_DEFAULT 8u
#define WORLDS_MIN 2u
#define WORLDS_MAX 1000u

static const char help[] =
    "Usage: cloister bench [--json] [--quick] [--worlds N] [--list] [ROW...]\n"
    "Measures Cloister against what this machine can do, both in one run.\n"
    "\n"
    "  --json       an array of rows\n"
    "  --quick      few rounds: only to see that it works\n"
    "  --worlds N   how many worlds the rows of `scale` keep alive, 2 to 1000 (8)\n"
    "  --list       the rows\n"
    "\n"
    "Plots of latency go to the build's folder bench, docs/performance.md explains the rows.\n"
    "Exit status: 0 all targets hold, 3 a target is missed, 1 something could not be measured.\n";

/* A family by the name of its rows. A row that is asked for brings its family. */
static const struct family {
    const char *name;
    const char *rows;
    row_family *measure;
} families[] = {
    {"switchless", "switchless", bench_switchless},
    {"payload", "payload_64, payload_256, payload_1k, payload_4k, payload_16k", bench_payload},
    {"ends", "ends_48, ends_64, ends_256, ends_1k, ends_4k, ends_16k, ends_batched", bench_ends},
    {"guest", "guest", bench_guest},
    {"ends_guest", "ends_guest", bench_ends_guest},
    {"parked", "parked, parked_caller_sleeps", bench_parked},
    {"entered", "entered", bench_entered},
    {"socket", "socket", bench_socket},
    {"batched", "batched, batched_sleeping", bench_batched},
    {"start", "start, cold_start, cold_start_signed", bench_start},
    {"process", "process", bench_process},
    {"kill", "kill", bench_kill},
    {"compute", "sha256_16k, aes256gcm_16k", bench_compute},
    {"memory", "memory", bench_memory},
    {"scale", "scale_start, scale_call, scale_memory", bench_scale},
};

struct request {
    bool json, quick, list;
    unsigned worlds;
    bool wanted[ARRAY_SIZE(families)];
};

struct results {
    struct row rows[ARRAY_SIZE(families) * ROW_FAMILY_MAX];
    unsigned count;
    bool failed, missed;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

bool row_interrupted(void)
{
    return interrupted != 0;
}

/* Is `name` the family, or one of its rows? */
static bool names_family(const struct family *family, const char *name)
{
    size_t length = strlen(name);
    if (strcmp(family->name, name) == 0)
        return true;
    for (const char *at = family->rows; (at = strstr(at, name)) != NULL; at++)
        if ((at == family->rows || at[-1] == ' ') && (at[length] == '\0' || at[length] == ','))
            return length > 0;
    return false;
}

static int usage(const char *message, const char *word)
{
    (void)fprintf(stderr, "cloister bench: %s%s; see 'cloister bench --help'\n", message, word);
    return STATUS_USAGE;
}

static int take_rows(int argc, char **argv, struct request *request)
{
    for (size_t k = 0; k < ARRAY_SIZE(families); k++)
        request->wanted[k] = argc == 0;
    for (int i = 0; i < argc; i++) {
        bool known = false;
        for (size_t k = 0; k < ARRAY_SIZE(families); k++)
            if (names_family(&families[k], argv[i]))
                request->wanted[k] = known = true;
        if (!known)
            return usage("there is no row ", argv[i]);
    }
    return STATUS_HOLDS;
}

static bool take_worlds(const char *text, struct request *request)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    request->worlds = (unsigned)number;
    return end != text && *end == '\0' && number >= WORLDS_MIN && number <= WORLDS_MAX;
}

static int bad_option(int returned, const char *word)
{
    if (returned == ':')
        return usage("a value is missing after ", word);
    bool known = optopt && strncmp(word, "--", 2) == 0;
    return usage(known ? "an option that takes no value: " : "unknown option ", word);
}

static int parse(int argc, char **argv, struct request *request)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'},         {"quick", no_argument, NULL, 'q'},
        {"worlds", required_argument, NULL, 'w'}, {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", names, NULL)) != -1) {
        switch (option) {
        case 'j':
            request->json = true;
            break;
        case 'q':
            request->quick = true;
            break;
        case 'w':
            if (!take_worlds(optarg, request))
                return usage("--worlds takes a number of 2 to 1000, not ", optarg);
            break;
        case 'l':
            request->list = true;
            break;
        case 'h':
            (void)fputs(help, stdout);
            exit(STATUS_HOLDS);
        default:
            return bad_option(option, argv[optind - 1]);
        }
    }
    return take_rows(argc - optind, argv + optind, request);
}

static void list_rows(void)
{
    for (size_t k = 0; k < ARRAY_SIZE(families); k++)
        (void)printf("%-12s %s\n", families[k].name, families[k].rows);
}

static void measure_family(const struct family *family, const struct row_plan *plan,
                           const struct request *request, struct results *results)
{
    struct reason why = {0};
    unsigned count = 0;
    struct row *rows = &results->rows[results->count];
    pin_nowhere();
    cloister_status status = family->measure(plan, rows, &count, &why);
    if (interrupted)
        return;
    if (status != CLOISTER_OK) {
        const char *text = why.text[0] ? why.text : cloister_status_text(status);
        if (!request->json)
            table_print_skipped(family->name);
        (void)fprintf(stderr, "cloister bench: %s: %s\n", family->name, text);
        results->failed = true;
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        results->missed = results->missed || !rows[i].holds;
        if (!request->json)
            table_print_row(&rows[i]);
    }
    results->count += count;
}

static int measure(const struct request *request)
{
    static struct results results;
    struct reason why = {0};
    struct row_plan plan = {
        .ns_per_tick = clock_ns_per_tick(), .quick = request->quick, .worlds = request->worlds};
    if (pin_choose(&plan.caller_cpu, &plan.server_cpu, &why) != CLOISTER_OK) {
        (void)fprintf(stderr, "cloister bench: %s\n", why.text);
        return STATUS_FAILED;
    }
    if (!request->json)
        table_print_head();
    for (size_t k = 0; k < ARRAY_SIZE(families) && !interrupted; k++)
        if (request->wanted[k])
            measure_family(&families[k], &plan, request, &results);
    if (request->json && table_print_json(results.rows, results.count) != CLOISTER_OK)
        results.failed = true;
    if (results.failed || interrupted)
        return STATUS_FAILED;
    return results.missed ? STATUS_MISSED : STATUS_HOLDS;
}

int main(int argc, char **argv)
{
    struct request request = {.worlds = WORLDS_DEFAULT};
    struct sigaction action = {.sa_handler = interrupt};
    int status = parse(argc, argv, &request);
    if (status != STATUS_HOLDS)
        return status;
    if (request.list) {
        list_rows();
        return STATUS_HOLDS;
    }
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    status = measure(&request);
    workplace_close();
    return status;
}
