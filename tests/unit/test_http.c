/*
 * Requests to the metrics server: the one that is answered, and all that are not.
 */
#include "tools/metrics/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LINE "GET /metrics HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define GOOD LINE HOST "\r\n"

static unsigned judge(const char *text, bool local)
{
    bool head;
    return http_judge(text, strlen(text), local, &head);
}

static void get_and_head_of_metrics_are_answered(void **state)
{
    (void)state;
    bool head = true;
    assert_int_equal(http_judge(GOOD, strlen(GOOD), true, &head), HTTP_OK);
    assert_false(head);
    static const char request[] = "HEAD /metrics?a=b HTTP/1.1\r\nhost:\t127.0.0.1:80 \r\n"
                                  "Accept: */*\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(http_judge(request, strlen(request), true, &head), HTTP_OK);
    assert_true(head);
}

static void every_part_of_a_request_is_not_yet_one(void **state)
{
    (void)state;
    bool head;
    for (size_t size = 0; size < strlen(GOOD); size++)
        assert_int_equal(http_judge(GOOD, size, true, &head), HTTP_MORE);
}

static void endless_request_is_too_large(void **state)
{
    (void)state;
    static char text[HTTP_REQUEST_MAX];
    bool head;
    memset(text, 'a', sizeof text);
    assert_int_equal(http_judge(text, sizeof text, false, &head), HTTP_TOO_LARGE);
}

static void host_must_be_loopback_over_tcp(void **state)
{
    (void)state;
    static const char *const good[] = {"localhost", "LOCALHOST:9", "127.0.0.1", "127.0.0.1:9100"};
    static const char *const bad[] = {"example.org", "localhost.example.org", "127.0.0.1.nip.io",
                                      "127.0.0.10",  "localhost:8a",          "",
                                      "[::1]"};
    char text[200];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        (void)snprintf(text, sizeof text, LINE "Host: %s\r\n\r\n", good[i]);
        assert_int_equal(judge(text, true), HTTP_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(text, sizeof text, LINE "Host: %s\r\n\r\n", bad[i]);
        assert_int_equal(judge(text, true), HTTP_MISDIRECTED);
        assert_int_equal(judge(text, false), HTTP_OK);
    }
}

static void other_methods_paths_and_versions_are_refused(void **state)
{
    (void)state;
    assert_int_equal(judge("POST /metrics HTTP/1.1\r\n" HOST "\r\n", true), HTTP_NOT_ALLOWED);
    assert_int_equal(judge("get /metrics HTTP/1.1\r\n" HOST "\r\n", true), HTTP_NOT_ALLOWED);
    assert_int_equal(judge("GET / HTTP/1.1\r\n" HOST "\r\n", true), HTTP_NOT_FOUND);
    assert_int_equal(judge("GET /metrics/ HTTP/1.1\r\n" HOST "\r\n", true), HTTP_NOT_FOUND);
    assert_int_equal(judge("GET /../metrics HTTP/1.1\r\n" HOST "\r\n", true), HTTP_NOT_FOUND);
    assert_int_equal(judge("GET /metrics HTTP/1.0\r\n" HOST "\r\n", true), HTTP_VERSION);
    assert_int_equal(judge("GET /metrics HTTP/2.0\r\n" HOST "\r\n", true), HTTP_VERSION);
}

static void malformed_requests_are_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n" GOOD,
        "GET /metrics\r\n" HOST "\r\n",
        "GET  /metrics HTTP/1.1\r\n" HOST "\r\n",
        "GET /metrics HTTP/1.1 \r\n" HOST "\r\n",
        " GET /metrics HTTP/1.1\r\n" HOST "\r\n",
        "G\tET /metrics HTTP/1.1\r\n" HOST "\r\n",
        "GET /metrics XTTP/1.1\r\n" HOST "\r\n",
        LINE "\r\n",
        LINE HOST HOST "\r\n",
        LINE "Host : localhost\r\n\r\n",
        LINE HOST " folded: line\r\n\r\n",
        LINE HOST "no colon\r\n\r\n",
        LINE HOST ": no name\r\n\r\n",
        LINE HOST "Content-Length: 1\r\n\r\nx",
        LINE HOST "Content-Length: 00\r\n\r\n",
        LINE HOST "Transfer-Encoding: chunked\r\n\r\n",
        LINE HOST "X: \x01\r\n\r\n",
        LINE HOST "X: \xff\r\n\r\n",
        LINE "Host: localhost\n\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned status = judge(bad[i], true);
        if (status != HTTP_BAD_REQUEST)
            fail_msg("%s gives %u", bad[i], status);
    }
}

static void nul_bytes_do_not_end_the_reading(void **state)
{
    (void)state;
    static const char text[] = LINE HOST "X: a\0b\r\n\r\n";
    bool head;
    assert_int_equal(http_judge(text, sizeof text - 1, true, &head), HTTP_BAD_REQUEST);
}

static void heads_are_complete(void **state)
{
    (void)state;
    char text[300];
    size_t size = http_head(HTTP_NOT_ALLOWED, "text/plain", 5, text, sizeof text);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(text, "HTTP/1.1 405 Method Not Allowed\r\n", 33);
    assert_non_null(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Length: 5\r\n"));
    assert_string_equal(text + size - 4, "\r\n\r\n");
    assert_int_equal(http_head(HTTP_OK, "text/plain", 5, text, 20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_and_head_of_metrics_are_answered),
        cmocka_unit_test(every_part_of_a_request_is_not_yet_one),
        cmocka_unit_test(endless_request_is_too_large),
        cmocka_unit_test(host_must_be_loopback_over_tcp),
        cmocka_unit_test(other_methods_paths_and_versions_are_refused),
        cmocka_unit_test(malformed_requests_are_bad),
        cmocka_unit_test(nul_bytes_do_not_end_the_reading),
        cmocka_unit_test(heads_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
