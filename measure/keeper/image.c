/*
 * Checks images of the world host. What is measured is the very file that backs a code slot, and
 * its seals make sure that it stays what was measured.
 */
#include "measure/keeper/image.h"

#include "abi/layout.h"
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEALS_NEEDED (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The C library's fstat makes another system call, one that also takes paths: not in the sandbox.
 */
static int file_size(int descriptor, struct stat *st)
{
    return (int)syscall(SYS_fstat, descriptor, st);
}

static cloister_status check_file(int descriptor, const char *what, uint64_t size,
                                  struct reason *why)
{
    int seals = fcntl(descriptor, F_GET_SEALS);
    if (seals < 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "the image of %s is not a memfd", what);
    if ((seals & SEALS_NEEDED) != SEALS_NEEDED)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the image of %s has seals 0x%x; it must have all of 0x%x", what, seals,
                      SEALS_NEEDED);
    if (!fd_is_ordinary_memory(descriptor))
        return refuse(why, CLOISTER_BAD_FORMAT, "the image of %s is not an ordinary memfd", what);
    struct stat st;
    if (file_size(descriptor, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size != size)
        return refuse(why, CLOISTER_BAD_FORMAT, "the image of %s has %lld bytes; it must have %llu",
                      what, (long long)st.st_size, (unsigned long long)size);
    return CLOISTER_OK;
}

cloister_status image_check(int descriptor, const char *what, uint64_t size, struct reason *why)
{
    if (descriptor < 0)
        return refuse(why, CLOISTER_PROTOCOL, "no image came with %s", what);
    if (size == 0 || size % CLO_PAGE_SIZE != 0)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the image of %s has %llu bytes; it must be a multiple of %u", what,
                      (unsigned long long)size, CLO_PAGE_SIZE);
    return check_file(descriptor, what, size, why);
}
