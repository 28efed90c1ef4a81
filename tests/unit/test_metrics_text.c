/*
 * Metrics as text, read back by a strict reader.
 */
#include "tools/metrics/metrics_text.h"

#include "tests/unit/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct clo_module_metrics modules[2];
static struct world_sample worlds[3];
static struct snapshot snapshot = {worlds, 3};
static char first_name[] = "mail";
static char second_name[] = "/tmp/we\"ird\\na\nme.sock";
static char third_name[] = "silent";

static int set_up(void **state)
{
    (void)state;
    modules[0] = (struct clo_module_metrics){.name = "vault",
                                             .state = CLO_MODULE_SERVING,
                                             .threads = 2,
                                             .polling = 1,
                                             .channels = 3,
                                             .channels_max = 64,
                                             .generation = 1,
                                             .calls = 1000,
                                             .exits = 17,
                                             .service_ns = 1500000000};
    modules[0].service[5] = 7;                       /* below 64 ns */
    modules[0].service[30] = 2;                      /* 384 to 448 ns */
    modules[0].service[CLO_SERVICE_BUCKETS - 1] = 1; /* longer than the last bound */
    modules[1] = (struct clo_module_metrics){.name = "echo", .state = CLO_MODULE_DEAD};
    worlds[0] = (struct world_sample){
        .name = first_name,
        .info = {.kvm = "pvm", .module_count = 2, .exits = 20, .started_at = 1700000000},
        .host = {.rss = 1 << 20},
        .guests_are_known = true,
        .guests = 3,
        .module = modules};
    worlds[1] = (struct world_sample){
        .name = second_name, .info = {.kvm = "p\"m", .module_count = 1}, .module = modules};
    worlds[2] = (struct world_sample){.name = third_name, .status = CLOISTER_TIMEOUT};
    return 0;
}

static char *text_of(const struct snapshot *of)
{
    char *text;
    size_t size;
    assert_int_equal(metrics_text(of, &text, &size), CLOISTER_OK);
    exposition_check(text, size);
    return text;
}

static void text_is_well_formed_and_says_what_the_snapshot_does(void **state)
{
    (void)state;
    char *text = text_of(&snapshot);
#define VAULT "{world=\"mail\",module=\"vault\"}"
    assert_true(exposition_value(text, "cloister_world_up{world=\"mail\"}") == 1);
    assert_true(exposition_value(text, "cloister_world_up{world=\"silent\"}") == 0);
    assert_true(exposition_value(text, "cloister_world_exits_total{world=\"mail\"}") == 20);
    assert_true(exposition_value(text, "cloister_module_calls_total" VAULT) == 1000);
    assert_true(exposition_value(text, "cloister_module_threads_polling" VAULT) == 1);
    assert_true(exposition_value(text, "cloister_module_serving" VAULT) == 1);
    assert_true(exposition_value(text, "cloister_module_serving{world=\"mail\",module=\"echo\"}") ==
                0);
    assert_null(strstr(text, "exits_total{world=\"silent\""));
    assert_true(exposition_value(text, "cloister_world_guests{world=\"mail\"}") == 3);
    assert_null(strstr(text, "world_guests{world=\"/tmp")); /* nobody told of them */
    assert_null(strstr(text, "world_guests{world=\"silent\""));
    free(text);
}

static void histogram_is_cumulative_in_seconds(void **state)
{
    (void)state;
    char *text = text_of(&snapshot);
#define BUCKET "cloister_module_service_seconds_bucket{world=\"mail\",module=\"vault\",le="
    assert_true(exposition_value(text, BUCKET "\"6.4e-08\"}") == 7);
    assert_true(exposition_value(text, BUCKET "\"2.56e-07\"}") == 7);
    assert_true(exposition_value(text, BUCKET "\"1.024e-06\"}") == 9);
    assert_true(exposition_value(text, BUCKET "\"4.2949673\"}") == 9);
    assert_true(exposition_value(text, BUCKET "\"+Inf\"}") == 10);
    assert_true(exposition_value(text, "cloister_module_service_seconds_count" VAULT) == 10);
    assert_true(exposition_value(text, "cloister_module_service_seconds_sum" VAULT) == 1.5);
    free(text);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    char *text = text_of(&snapshot);
    assert_non_null(strstr(text, "{world=\"/tmp/we\\\"ird\\\\na\\nme.sock\"} 1\n"));
    assert_non_null(strstr(text, "kvm=\"p\\\"m\"} 1\n"));
    free(text);
}

static void bytes_that_are_no_text_do_not_get_through(void **state)
{
    (void)state;
    static char name[] = "/tmp/\xff\x01\x1b[2J";
    worlds[1].name = name;
    char *text = text_of(&snapshot);
    assert_non_null(strstr(text, "{world=\"/tmp/???[2J\"} 1\n"));
    free(text);
}

static void largest_numbers_keep_the_form(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++)
        modules[0].service[i] = CLO_SERVICE_COUNT_MAX;
    modules[0].service_ns = CLO_SERVICE_COUNT_MAX;
    modules[0].calls = modules[0].exits = UINT64_MAX;
    free(text_of(&snapshot));
}

static void no_worlds_is_an_exposition_without_samples(void **state)
{
    (void)state;
    const struct snapshot none = {NULL, 0};
    char *text = text_of(&none);
    assert_null(strchr(text, '{'));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(text_is_well_formed_and_says_what_the_snapshot_does, set_up),
        cmocka_unit_test_setup(histogram_is_cumulative_in_seconds, set_up),
        cmocka_unit_test_setup(labels_are_escaped, set_up),
        cmocka_unit_test_setup(bytes_that_are_no_text_do_not_get_through, set_up),
        cmocka_unit_test_setup(largest_numbers_keep_the_form, set_up),
        cmocka_unit_test(no_worlds_is_an_exposition_without_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
