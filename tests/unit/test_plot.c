/*
 * Charts as SVG.
 */
#include "bench/plot.h"

#include "base/scope.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/cloister-plot.XXXXXX";
static char path[64];

static const double x[] = {0, 1, 2};
static const double y[] = {130, 900, 48000};
static const struct plot_tick ticks[] = {{0, "none"}, {2, "all"}};

static struct plot plot_of(size_t points)
{
    return (struct plot){.title = "t",
                         .note = "n",
                         .x_label = "across",
                         .y_label = "up",
                         .ticks = ticks,
                         .tick_count = 2,
                         .series = {{.name = "s", .x = x, .y = y, .count = points}},
                         .series_count = 1};
}

static void read_back(char *text, size_t size)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, size - 1);
    assert_true(n > 0);
    text[n] = '\0';
}

static void chart_has_its_labels_and_whole_decades(void **state)
{
    (void)state;
    static char text[16384];
    struct reason why;
    struct plot plot = plot_of(3);
    assert_int_equal(plot_write(&plot, path, &why), CLOISTER_OK);
    read_back(text, sizeof text);
    assert_non_null(strstr(text, ">across</text>"));
    assert_non_null(strstr(text, ">up</text>"));
    assert_non_null(strstr(text, ">100</text>"));
    assert_non_null(strstr(text, ">50000</text>"));
    assert_null(strstr(text, "nan"));
    assert_string_equal(text + strlen(text) - 7, "</svg>\n");
}

static void equal_samples_are_drawn(void **state)
{
    (void)state;
    static char text[16384];
    static const double same[] = {100, 100, 100};
    struct reason why;
    struct plot plot = plot_of(3);
    plot.series[0].y = same;
    assert_int_equal(plot_write(&plot, path, &why), CLOISTER_OK);
    read_back(text, sizeof text);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
}

static void chart_of_nothing_is_refused(void **state)
{
    (void)state;
    struct reason why;
    struct plot plot = plot_of(0);
    assert_int_equal(plot_write(&plot, path, &why), CLOISTER_BAD_ARGUMENT);
    plot = plot_of(3);
    plot.series_count = 0;
    assert_int_equal(plot_write(&plot, path, &why), CLOISTER_BAD_ARGUMENT);
}

static void file_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    struct reason why;
    struct plot plot = plot_of(3);
    assert_int_equal(plot_write(&plot, "/nowhere/plot.svg", &why), CLOISTER_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nowhere/plot.svg"));
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "%s/p.svg", mkdtemp(folder) ? folder : "/nowhere");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chart_has_its_labels_and_whole_decades),
        cmocka_unit_test(equal_samples_are_drawn),
        cmocka_unit_test(chart_of_nothing_is_refused),
        cmocka_unit_test(file_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
