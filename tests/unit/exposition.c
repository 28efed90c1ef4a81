/*
 * Reads line by line and keeps what has been seen; see exposition.h.
 */
#include "tests/unit/exposition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FAMILIES_MAX 64
#define SAMPLES_MAX 20000
#define NAME_MAX_SIZE 100

struct family {
    char name[NAME_MAX_SIZE];
    char type[16];
    bool closed; /* another family came after it */
};

static struct family families[FAMILIES_MAX];
static size_t family_count;
static char *samples[SAMPLES_MAX];
static size_t sample_count;
/* Of the histogram series that is being read: all but "le". */
static char series[600];
static double bucket_bound;
static double bucket_count;
static bool infinite_seen;

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_length(const char *text, bool colon)
{
    size_t n = 0;
    while (is_name_start(text[n]) || (colon && text[n] == ':') ||
           (n > 0 && text[n] >= '0' && text[n] <= '9'))
        n++;
    return n;
}

static struct family *find_family(const char *name)
{
    for (size_t i = 0; i < family_count; i++)
        if (strcmp(families[i].name, name) == 0)
            return &families[i];
    return NULL;
}

/* "# HELP name text" opens a family. */
static void read_help(const char *line)
{
    const char *name = line + strlen("# HELP ");
    size_t length = name_length(name, true);
    if (length == 0 || length >= NAME_MAX_SIZE || name[length] != ' ')
        fail_msg("HELP without a name: %s", line);
    for (const char *c = name; *c; c++)
        if (*c == '\\' && c[1] != '\\' && c[1] != 'n')
            fail_msg("unknown escape: %s", line);
    if (family_count > 0)
        families[family_count - 1].closed = true;
    assert_true(family_count < FAMILIES_MAX);
    struct family *family = &families[family_count];
    (void)snprintf(family->name, sizeof family->name, "%.*s", (int)length, name);
    *family->type = '\0';
    family->closed = false;
    if (find_family(family->name))
        fail_msg("family twice: %s", line);
    family_count++;
}

static void read_type(const char *line)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "summary", "untyped"};
    char name[NAME_MAX_SIZE];
    char type[16];
    int end = 0;
    if (sscanf(line, "# TYPE %99s %15s%n", name, type, &end) != 2 || line[end] != '\0')
        fail_msg("TYPE: %s", line);
    bool known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known = known || strcmp(type, types[i]) == 0;
    if (!known || family_count == 0 || strcmp(families[family_count - 1].name, name) != 0 ||
        *families[family_count - 1].type)
        fail_msg("TYPE: %s", line);
    (void)snprintf(families[family_count - 1].type, sizeof type, "%s", type);
}

/* A label's value between quotes: only the three escapes, no bare quote. */
static const char *skip_value(const char *at, const char *line)
{
    if (*at++ != '"')
        fail_msg("label without a value: %s", line);
    for (; *at != '"'; at++) {
        if (*at == '\0')
            fail_msg("label without an end: %s", line);
        if (*at == '\\' && (at++, *at != '\\' && *at != '"' && *at != 'n'))
            fail_msg("unknown escape: %s", line);
    }
    return at + 1;
}

/* After "{": up to behind "}". Copies all but "le" to `rest`, and le's value to *bound. */
static const char *read_labels(const char *at, const char *line, char *rest, size_t size,
                               double *bound)
{
    size_t used = strlen(rest);
    for (;;) {
        size_t length = name_length(at, false);
        if (length == 0 || at[length] != '=')
            fail_msg("label: %s", line);
        const char *end = skip_value(at + length + 1, line);
        if (length == 2 && memcmp(at, "le", 2) == 0)
            *bound = strtod(at + 4, NULL);
        else
            used += (size_t)snprintf(rest + used, size - used, ",%.*s", (int)(end - at), at);
        assert_true(used < size);
        at = end;
        if (*at == '}')
            return at + 1;
        if (*at++ != ',')
            fail_msg("labels: %s", line);
    }
}

static double read_number(const char *at, const char *line)
{
    char *end = NULL;
    if (*at != ' ' || at[1] == ' ' || at[1] == '\0')
        fail_msg("value: %s", line);
    double value = strtod(at + 1, &end);
    if (*end != '\0')
        fail_msg("value: %s", line);
    return value;
}

static void remember(const char *line, size_t length)
{
    assert_true(sample_count < SAMPLES_MAX);
    for (size_t i = 0; i < sample_count; i++)
        if (strlen(samples[i]) == length && memcmp(samples[i], line, length) == 0)
            fail_msg("sample twice: %s", line);
    samples[sample_count++] = strndup(line, length);
}

/* Buckets of one series come in order, grow, and end with +Inf. */
static void read_bucket(const char *labels, double bound, double count, const char *line)
{
    if (isnan(bound))
        fail_msg("bucket without le: %s", line);
    if (strcmp(series, labels) != 0) {
        (void)snprintf(series, sizeof series, "%s", labels);
        bucket_bound = -INFINITY;
        bucket_count = 0;
        infinite_seen = false;
    }
    if (bound <= bucket_bound || count < bucket_count)
        fail_msg("buckets are not in order: %s", line);
    bucket_bound = bound;
    bucket_count = count;
    infinite_seen = isinf(bound);
}

static void read_histogram(const char *suffix, const char *labels, double bound, double value,
                           const char *line)
{
    if (strcmp(suffix, "_bucket") == 0) {
        read_bucket(labels, bound, value, line);
    } else if (strcmp(suffix, "_sum") == 0 || strcmp(suffix, "_count") == 0) {
        if (strcmp(series, labels) != 0 || !infinite_seen)
            fail_msg("no +Inf bucket before it: %s", line);
        if (strcmp(suffix, "_count") == 0 && value != bucket_count)
            fail_msg("count is not the +Inf bucket: %s", line);
    } else {
        fail_msg("no part of a histogram: %s", line);
    }
}

static void read_sample(const char *line)
{
    char name[NAME_MAX_SIZE];
    char labels[600] = "";
    double bound = NAN;
    size_t length = name_length(line, true);
    if (length == 0 || length >= sizeof name || family_count == 0)
        fail_msg("sample: %s", line);
    (void)snprintf(name, sizeof name, "%.*s", (int)length, line);
    const char *at = line + length;
    if (*at == '{')
        at = read_labels(at + 1, line, labels, sizeof labels, &bound);
    double value = read_number(at, line);
    remember(line, (size_t)(at - line));
    const struct family *family = &families[family_count - 1];
    size_t base = strlen(family->name);
    if (!*family->type || strncmp(name, family->name, base) != 0)
        fail_msg("sample of another family: %s", line);
    if (strcmp(family->type, "histogram") == 0)
        read_histogram(name + base, labels, bound, value, line);
    else if (name[base] != '\0')
        fail_msg("sample of another family: %s", line);
    if (strcmp(family->type, "counter") == 0 && !(value >= 0))
        fail_msg("counter below zero: %s", line);
}

static void read_line(const char *line)
{
    for (const char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            fail_msg("control character: %s", line);
    if (strncmp(line, "# HELP ", 7) == 0)
        read_help(line);
    else if (strncmp(line, "# TYPE ", 7) == 0)
        read_type(line);
    else
        read_sample(line);
}

static void forget(void)
{
    for (size_t i = 0; i < sample_count; i++)
        free(samples[i]);
    sample_count = 0;
    family_count = 0;
    series[0] = '\0';
}

void exposition_check(const char *text, size_t size)
{
    forget();
    assert_int_equal(strlen(text), size);
    assert_true(size > 0 && text[size - 1] == '\n');
    for (const char *at = text; *at;) {
        const char *end = strchr(at, '\n');
        char *line = strndup(at, (size_t)(end - at));
        read_line(line);
        free(line);
        at = end + 1;
    }
    forget();
}

double exposition_value(const char *text, const char *sample)
{
    size_t length = strlen(sample);
    for (const char *at = text; (at = strstr(at, sample)) != NULL; at += length)
        if ((at == text || at[-1] == '\n') && at[length] == ' ')
            return strtod(at + length, NULL);
    fail_msg("no sample %s", sample);
    return 0;
}
