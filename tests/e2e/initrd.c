/*
 * The "newc" form of cpio, as Linux' Documentation/driver-api/early-userspace/buffer-format.rst has
 * it.
 */
#include "tests/e2e/initrd.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX (64u << 20)
#define MODE_PROGRAM 0100755u
#define MODE_FOLDER 0040755u
#define MODE_DEVICE 0020600u
#define CONSOLE_MAJOR 5u
#define CONSOLE_MINOR 1u

static void pad(FILE *archive)
{
    while (ftell(archive) % 4 != 0)
        assert_int_equal(fputc(0, archive), 0);
}

static void add(FILE *archive, const char *name, unsigned mode, const uint8_t *bytes, size_t size)
{
    static unsigned inode;
    unsigned major = mode == MODE_DEVICE ? CONSOLE_MAJOR : 0;
    unsigned minor = mode == MODE_DEVICE ? CONSOLE_MINOR : 0;
    assert_true(fprintf(archive, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
                        ++inode, mode, 0u, 0u, 1u, 0u, size, 0u, 0u, major, minor, strlen(name) + 1,
                        0u) > 0);
    assert_int_equal(fwrite(name, strlen(name) + 1, 1, archive), 1);
    pad(archive);
    if (size > 0)
        assert_int_equal(fwrite(bytes, size, 1, archive), 1);
    pad(archive);
}

static void add_file(FILE *archive, const char *name, const char *path)
{
    struct reason why = {0};
    uint8_t *bytes;
    size_t size;
    if (file_read(path, FILE_MAX, &bytes, &size, &why) != CLOISTER_OK)
        fail_msg("%s", why.text);
    add(archive, name, MODE_PROGRAM, bytes, size);
    free(bytes);
}

void initrd_write(const char *path, const char *init, const char *const *files)
{
    FILE *archive = fopen(path, "w");
    assert_non_null(archive);
    add(archive, "dev", MODE_FOLDER, NULL, 0);
    add(archive, "dev/console", MODE_DEVICE, NULL, 0);
    add_file(archive, "init", init);
    for (; *files; files++)
        add_file(archive, strrchr(*files, '/') + 1, *files);
    add(archive, "TRAILER!!!", 0, NULL, 0);
    assert_int_equal(fclose(archive), 0);
}
