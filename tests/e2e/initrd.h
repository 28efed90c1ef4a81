/*
 * Makes an initial file system for a guest: a cpio archive of files in its root.
 */
#ifndef TESTS_E2E_INITRD_H
#define TESTS_E2E_INITRD_H

/* Writes the archive to `path`: `init` as /init, the NULL-terminated `files` by their own names,
   and /dev/console. Fails the test if it cannot. */
void initrd_write(const char *path, const char *init, const char *const *files);

#endif
