/*
 * Which files the keeper takes for images: the same bytes in others than ordinary memfds that
 * nobody can change are refused for what they are, not for what they hold.
 */
#include "measure/keeper/image.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif

#define SIZE (2u << 20) /* whole pages, whole huge pages */
#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static void expect(int fd, cloister_status status, const char *said)
{
    struct reason why = {0};
    assert_int_equal(ftruncate(fd, SIZE), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
    cloister_status got = image_check(fd, "it", SIZE, &why);
    (void)close(fd);
    if (got != status || !strstr(why.text, said))
        fail_msg("status %d, '%s'", got, why.text);
}

static void sealed_memfd_is_taken(void **state)
{
    (void)state;
    expect(memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING), CLOISTER_OK, "");
}

static void huge_pages_are_refused(void **state)
{
    (void)state;
    int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB);
    if (fd < 0) {
        print_message("no huge pages: %s\n", strerror(errno));
        skip();
    }
    expect(fd, CLOISTER_BAD_FORMAT, "ordinary");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_memfd_is_taken),
        cmocka_unit_test(huge_pages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
