/*
 * A typed interface against a real world: the functions that were made, and a client that sends
 * bytes of its own. Malformed requests are refused by the module before the handler runs.
 */
#include "tests/e2e/started_world.h"

#include "cloister/client.h"

#include "notes_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct started_world world;
static cloister_world *connection;
static cloister_session *session;

static int start(void **state)
{
    (void)state;
    if (started_world_impossible())
        return 0;
    started_world_start(&world,
                        (const char *const[]){"--debug", "--module", "@modules/notes.mod", NULL});
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "notes", 0, &session), CLOISTER_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    cloister_session_close(session);
    cloister_world_close(connection);
    if (world.folder[0])
        started_world_stop(&world);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    return session && notes_clear(session, 0).status != CLOISTER_OK;
}

static void assert_result(cloister_result result, cloister_status status, int origin)
{
    if (result.status != status || result.origin != origin)
        fail_msg("%s by %s; expected %s by %s", cloister_status_name(result.status),
                 cloister_origin_name(result.origin), cloister_status_name(status),
                 cloister_origin_name(origin));
}

static notes_AddRequest some_note(const char *title)
{
    notes_AddRequest request = notes_AddRequest_init_zero;
    request.has_note = true;
    (void)snprintf(request.note.title, sizeof request.note.title, "%s", title);
    request.note.text.size = 1000;
    memset(request.note.text.bytes, 0xa5, 1000);
    request.note.tag_count = 4;
    for (unsigned i = 0; i < 4; i++)
        (void)snprintf(request.note.tag[i], sizeof request.note.tag[i], "tag %u", i);
    request.note.colour = notes_Colour_COLOUR_BLUE;
    return request;
}

static unsigned notes_there(void)
{
    notes_ListReply reply;
    assert_result(notes_list(session, &reply, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    return reply.title_count;
}

static void note_comes_back_whole(void **state)
{
    (void)state;
    started_world_or_skip();
    notes_AddRequest note = some_note("caf\xc3\xa9");
    notes_AddReply added;
    notes_GetRequest wanted = notes_GetRequest_init_zero;
    notes_GetReply got;
    assert_result(notes_add(session, &note, &added, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    wanted.which_which = notes_GetRequest_title_tag;
    (void)snprintf(wanted.which.title, sizeof wanted.which.title, "caf\xc3\xa9");
    assert_result(notes_get(session, &wanted, &got, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    assert_true(got.has_note);
    assert_memory_equal(&got.note, &note.note, sizeof note.note);
}

static void refusal_of_the_handler_leaves_the_reply_zero(void **state)
{
    (void)state;
    started_world_or_skip();
    static const notes_GetReply zero;
    notes_GetRequest wanted = notes_GetRequest_init_zero;
    notes_GetReply got;
    memset(&got, 0xff, sizeof got);
    wanted.which_which = notes_GetRequest_number_tag;
    wanted.which.number = 99;
    assert_result(notes_get(session, &wanted, &got, 0), CLOISTER_NOT_FOUND, CLOISTER_ORIGIN_MODULE);
    assert_memory_equal(&got, &zero, sizeof got);
}

static void request_that_breaks_a_bound_is_not_sent(void **state)
{
    (void)state;
    started_world_or_skip();
    notes_AddReply added;
    notes_AddRequest note = some_note("too many tags");
    note.note.tag_count = 5;
    assert_result(notes_add(session, &note, &added, 0), CLOISTER_BAD_ARGUMENT,
                  CLOISTER_ORIGIN_CLIENT);
    note = some_note("text too long");
    note.note.text.size = 1001;
    assert_result(notes_add(session, &note, &added, 0), CLOISTER_BAD_ARGUMENT,
                  CLOISTER_ORIGIN_CLIENT);
    note = some_note("");
    memset(note.note.title, 'x', sizeof note.note.title);
    assert_result(notes_add(session, &note, &added, 0), CLOISTER_BAD_ARGUMENT,
                  CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(notes_there(), 0);
}

static cloister_result call_raw(const char *method, const void *bytes, size_t size)
{
    uint8_t out[2048];
    cloister_parameter p[4] = {cloister_in(bytes, size), cloister_out(out, sizeof out)};
    return cloister_call(session, method, p, 0);
}

static void malformed_bytes_never_reach_the_handler(void **state)
{
    (void)state;
    started_world_or_skip();
    static const struct {
        const char *bytes;
        size_t size;
    } malformed[] = {
        {"\x0a", 1},                                      /* a field without its length */
        {"\x0a\x05\x0a", 3},                              /* a length beyond the end */
        {"\x0a\x04\x0a\x03\x61\x62", 6},                  /* inner length beyond the outer one */
        {"\x0a\x03\x0a\x01\x61\x07", 6},                  /* wire type 7 behind a sound note */
        {"\x0a\x03\x0a\x01\x61\x00", 6},                  /* tag 0 */
        {"\x08\x01", 2},                                  /* a number where a message belongs */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10}, /* a length beyond 32 bits */
        {"\x0a\x04\x0a\x02\xc3\x28", 6},                  /* no UTF-8 */
        {"\x0a\x05\x0a\x03\x61\x00\x62", 7},              /* a byte hidden behind a NUL */
        {"\x0a\x12\x0a\x01\x61\x1a\x00\x1a\x00\x1a\x00\x1a\x00\x1a\x00\x1a\x00\x20\x00\x20", 20},
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        assert_result(call_raw("add", malformed[i].bytes, malformed[i].size), CLOISTER_BAD_FORMAT,
                      CLOISTER_ORIGIN_MODULE);
    assert_int_equal(notes_there(), 0);
}

static void every_shortened_request_is_refused_or_whole(void **state)
{
    (void)state;
    started_world_or_skip();
    static const char sound[] = "\x0a\x0a\x0a\x03"
                                "abc\x12\x03xyz";
    for (size_t size = 1; size < sizeof sound - 1; size++)
        assert_result(call_raw("add", sound, size), CLOISTER_BAD_FORMAT, CLOISTER_ORIGIN_MODULE);
    assert_result(call_raw("add", sound, sizeof sound - 1), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(notes_there(), 1);
}

static void request_beyond_the_declared_size_is_refused(void **state)
{
    (void)state;
    started_world_or_skip();
    static const uint8_t much[notes_AddRequest_size + 1];
    assert_result(call_raw("add", much, sizeof much), CLOISTER_TOO_BIG, CLOISTER_ORIGIN_CLIENT);
}

static void reply_that_does_not_fit_is_too_big(void **state)
{
    (void)state;
    started_world_or_skip();
    notes_AddRequest note = some_note("long");
    notes_AddReply added;
    uint8_t out[8];
    cloister_parameter p[4] = {cloister_out(out, sizeof out)};
    assert_result(notes_add(session, &note, &added, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    p[0].capacity = 5;
    assert_result(cloister_call(session, "list", p, 0), CLOISTER_TOO_BIG, CLOISTER_ORIGIN_MODULE);
}

static void manifest_has_the_exact_sizes(void **state)
{
    (void)state;
    started_world_or_skip();
    const struct clo_module_info *info = cloister_session_module(session);
    assert_int_equal(info->method_count, 4);
    assert_string_equal((const char *)info->method[0].name, "add");
    assert_int_equal(info->method[0].kinds, CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4);
    assert_int_equal(info->method[0].size_max[0], notes_AddRequest_size);
    assert_int_equal(info->method[0].size_max[1], notes_AddReply_size);
    assert_string_equal((const char *)info->method[2].name, "list");
    assert_int_equal(info->method[2].kinds, CLO_PARAM_BUFFER_OUT);
    assert_string_equal((const char *)info->method[3].name, "clear");
    assert_int_equal(info->method[3].kinds, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(note_comes_back_whole, empty),
        cmocka_unit_test_setup(refusal_of_the_handler_leaves_the_reply_zero, empty),
        cmocka_unit_test_setup(request_that_breaks_a_bound_is_not_sent, empty),
        cmocka_unit_test_setup(malformed_bytes_never_reach_the_handler, empty),
        cmocka_unit_test_setup(every_shortened_request_is_refused_or_whole, empty),
        cmocka_unit_test_setup(request_beyond_the_declared_size_is_refused, empty),
        cmocka_unit_test_setup(reply_that_does_not_fit_is_too_big, empty),
        cmocka_unit_test(manifest_has_the_exact_sizes),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
