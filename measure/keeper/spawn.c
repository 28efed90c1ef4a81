/*
 * Starts the world host. What runs is what will be measured: a sealed copy, not the file, which
 * others may replace. Must never hand the child a descriptor or a variable that it does not need.
 */
#include "measure/keeper/spawn.h"

#include "abi/keeper.h"
#include "base/file.h"
#include "base/scope.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define BINARY_MAX (256u << 20)
#define LOWEST (CLO_KEEPER_DESCRIPTOR + 1)
#define CANNOT_RUN 126 /* exit status of a shell for a program that cannot be run */

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u /* Linux 6.3; this C library does not know it */
#endif

static cloister_status open_binary(const char *path, int *out, size_t *size, struct reason *why)
{
    AUTO_FD int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return refuse_errno(why, "cannot open world host %s", path);
    struct stat st;
    if (fstat(file, &st) != 0)
        return refuse_errno(why, "cannot examine world host %s", path);
    if (!S_ISREG(st.st_mode))
        return refuse(why, CLOISTER_BAD_FORMAT, "world host %s is not a regular file", path);
    if (st.st_size > BINARY_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "world host %s has %lld bytes; at most %u are allowed",
                      path, (long long)st.st_size, BINARY_MAX);
    *size = (size_t)st.st_size;
    *out = take_fd(&file);
    return CLOISTER_OK;
}

/* Where the administrator has made memfds not executable by default, ours has to ask. */
static int make_memfd(void)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("cloister-world", flags | MFD_EXEC);
    return fd < 0 && errno == EINVAL ? memfd_create("cloister-world", flags) : fd;
}

/* A descriptor above the one that the child's socket gets. */
static int move_up(int *fd)
{
    AUTO_FD int low = take_fd(fd);
    return low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, LOWEST);
}

static cloister_status seal_binary(const char *path, int *out, size_t *size, struct reason *why)
{
    AUTO_FD int file = -1;
    size_t expected = 0;
    cloister_status status = open_binary(path, &file, &expected, why);
    if (status != CLOISTER_OK)
        return status;
    int low = make_memfd();
    AUTO_FD int memfd = move_up(&low);
    if (memfd < 0)
        return refuse_errno(why, "cannot make a memfd for the world host");
    if (fd_copy(file, memfd, expected, size) != CLOISTER_OK)
        return refuse_errno(why, "cannot copy world host %s", path);
    if (*size > expected)
        return refuse(why, CLOISTER_BAD_FORMAT, "world host %s grew while it was copied", path);
    if (fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return refuse_errno(why, "cannot seal the copy of world host %s", path);
    *out = take_fd(&memfd);
    return CLOISTER_OK;
}

static cloister_status make_sockets(int *ours, int *theirs, struct reason *why)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return refuse_errno(why, "cannot make the keeper's socket");
    *ours = pair[0];
    *theirs = move_up(&pair[1]);
    if (*theirs < 0)
        return refuse_errno(why, "cannot make the keeper's socket");
    return CLOISTER_OK;
}

/* What the world host may know of our environment: nothing that changes how programs are loaded or
   run, in the loader or in a library. */
static void choose_environment(char *environment[], size_t room)
{
    static const char *const wanted[] = {
        "CLOISTER_RUNTIME=", "XDG_RUNTIME_DIR=",
#ifdef CLOISTER_SANITIZED
        "ASAN_OPTIONS=",     "UBSAN_OPTIONS=",   "LSAN_OPTIONS=",
#endif
    };
    size_t count = 0;
    for (char **each = environ; *each; each++)
        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
            if (strncmp(*each, wanted[i], strlen(wanted[i])) == 0 && count + 1 < room)
                environment[count++] = *each;
    environment[count] = NULL;
}

/* Everything that the child inherits besides 0 to 2, its socket and `ready` closes when it execs.
 */
static bool keep_descriptors(int theirs, int ready)
{
    return dup2(theirs, CLO_KEEPER_DESCRIPTOR) >= 0 &&
           close_range(LOWEST, ~0u, CLOSE_RANGE_CLOEXEC) == 0 &&
           (ready < 0 || fcntl(ready, F_SETFD, 0) == 0);
}

/* The child, until it execs in the keeper's own memory: system calls only, and nothing is written
   that the keeper reads afterwards. No signal has a handler here. */
_Noreturn static void become_world_host(const struct spawned *spawned, int theirs, int ready,
                                        pid_t keeper, const sigset_t *mask, char *const arguments[],
                                        char *const environment[])
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == keeper &&
        keep_descriptors(theirs, ready) && sigprocmask(SIG_SETMASK, mask, NULL) == 0)
        (void)fexecve(spawned->binary, arguments, environment);
    static const char text[] = "cloister-keeper: error: cannot run the world host\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(CANNOT_RUN + 1);
    _exit(CANNOT_RUN);
}

static cloister_status start(struct spawned *spawned, int theirs, int ready, const sigset_t *mask,
                             char *const arguments[], struct reason *why)
{
    char *environment[8];
    choose_environment(environment, ARRAY_SIZE(environment));
    pid_t keeper = getpid();
    /* After a fork both would have to fault in every page again. */
    pid_t child = vfork();
    if (child < 0)
        return refuse_errno(why, "cannot start the world host");
    if (child == 0)
        become_world_host(spawned, theirs, ready, keeper, mask, arguments, environment);
    /* The child is ours and not waited for: its pid cannot have been reused. */
    spawned->process = (int)syscall(SYS_pidfd_open, child, 0);
    if (spawned->process < 0)
        return refuse_errno(why, "cannot watch the world host");
    return CLOISTER_OK;
}

cloister_status spawn_world_host(const char *path, char *const arguments[], int ready,
                                 const sigset_t *mask, struct spawned *spawned, struct reason *why)
{
    struct spawned made = {.process = -1, .socket = -1, .binary = -1};
    AUTO_FD int theirs = -1;
    cloister_status status = seal_binary(path, &made.binary, &made.size, why);
    if (status == CLOISTER_OK)
        status = make_sockets(&made.socket, &theirs, why);
    if (status == CLOISTER_OK)
        status = start(&made, theirs, ready, mask, arguments, why);
    if (status == CLOISTER_OK) {
        *spawned = made;
        return CLOISTER_OK;
    }
    scope_close(&made.binary);
    scope_close(&made.socket);
    return status;
}
