/*
 * Indices that others chose: what the clamp computes, and that it is in the machine code of all who
 * choose a function or a record by such a number. Run ahead nothing can be seen from here; the code
 * can.
 */
#include "base/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void index_below_the_count_stays(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        assert_true(index_clamp(i, 5) == i);
    assert_true(index_clamp(UINT64_MAX - 1, UINT64_MAX) == UINT64_MAX - 1);
}

static void every_other_index_is_zero(void **state)
{
    static const uint64_t others[] = {5, 6, 1ull << 31, 1ull << 32, 1ull << 63, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(index_clamp(others[i], 5) == 0);
    assert_true(index_clamp(0, 0) == 0);
    assert_true(index_clamp(1, 0) == 0);
    assert_true(index_clamp(UINT64_MAX, UINT64_MAX) == 0);
}

/* "… sbb    %eax,%eax": the carry of the comparison before it as a mask. */
static bool makes_a_mask(const char *line)
{
    const char *at = strstr(line, "\tsbb");
    char one[8];
    char other[8];
    return at && sscanf(at, " sbb%*[lq ] %%%7[a-z0-9],%%%7[a-z0-9]", one, other) == 2 &&
           strcmp(one, other) == 0;
}

static unsigned count_masks(const char *build, const char *object)
{
    char command[512];
    char line[512];
    unsigned masks = 0;
    (void)snprintf(command, sizeof command, "objdump -d '%s/obj/%s' 2>/dev/null", build, object);
    FILE *code = popen(command, "re");
    assert_non_null(code);
    while (fgets(line, sizeof line, code))
        masks += makes_a_mask(line);
    int status = pclose(code);
    if (status != 0) {
        print_message("objdump cannot read %s/obj/%s\n", build, object);
        skip();
    }
    return masks;
}

/* As many as there are places where a number of a module or client leads somewhere, where the
   compiler has put what is common into each. */
static void machine_code_clamps(void **state)
{
    static const struct {
        const char *object;
        unsigned least;
    } objects[] = {
        {"secure-world/sdk/call.o", 2}, /* the method, on both ways */
        {"vmm/hypercall.o", 3},         /* the number; the level of a log line */
        {"vmm/channel_wake.o", 1},      /* the slot of NOTIFY */
        {"vmm/channel_peer.o", 1},      /* … of CLOSE */
        {"vmm/hypercall_peer.o", 1},    /* the module of IDENTITY */
        {"vmm/control.o", 3},           /* the request; the module it asks about */
    };
    const char *build = getenv("CLOISTER_BUILD");
    (void)state;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        unsigned masks = count_masks(build ? build : "build", objects[i].object);
        if (masks < objects[i].least)
            fail_msg("%s has %u masks; %u are needed", objects[i].object, masks, objects[i].least);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_below_the_count_stays),
        cmocka_unit_test(every_other_index_is_zero),
        cmocka_unit_test(machine_code_clamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
