/*
 * What is left to the guest VMM's two threads, in children of this test: what is on a list works,
 * what is not ends the process, no file opens any more, and nothing that the starter had open
 * stays.
 */
#include "vmm/guest/console.h"
#include "vmm/guest/guest_sandbox.h"

#include "base/exit_status.h"
#include "base/memory.h"
#include "base/scope.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/serial_reg.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { GOOD, BAD, NO_SANDBOX, NO_LANDLOCK };

#define KILLED (128 + SIGSYS)
#define LISTS 2u
#define VCPU (1u << GUEST_SANDBOX_VCPU)
#define ATTENDANT (1u << GUEST_SANDBOX_ATTENDANT)
#define BOTH (VCPU | ATTENDANT)

#ifdef CLOISTER_SANITIZED
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Exit status of a child, or 128 + the signal that ended it. */
static int outcome(pid_t child)
{
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Without the C library's and the sanitizers' own ends. */
static void leave(int status)
{
    (void)syscall(SYS_exit_group, status);
}

static int in_child(int (*act)(void))
{
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* CMocka would go on with its next test */
        (void)alarm(60);                /* ends it where nothing else does */
        leave(act());
    }
    return outcome(child);
}

/* Calls by their numbers */

struct call {
    const char *name;
    unsigned lists; /* that have it */
    bool sanitizers_need_it;
    long number;
    long argument[6];
};

#define NONE 0u
#define IOCTL(request, lists)                                                                      \
    {                                                                                              \
#request, lists, true, SYS_ioctl,                                                          \
        {                                                                                          \
            -1, (long)(request)                                                                    \
        }                                                                                          \
    }

/* Of no effect where they are allowed: descriptors are wrong, pointers null. */
static const struct call calls[] = {
    {"write", BOTH, true, SYS_write, {-1}},
    {"poll", BOTH, true, SYS_poll, {0, 0, 0}},
    {"close", BOTH, true, SYS_close, {-1}},
    {"madvise", BOTH, true, SYS_madvise, {0, 0, 0}},
    {"preadv", VCPU, false, SYS_preadv, {-1}},
    {"pwritev", VCPU, false, SYS_pwritev, {-1}},
    {"fdatasync", VCPU, false, SYS_fdatasync, {-1}},
    {"read", ATTENDANT, true, SYS_read, {-1}},
    {"getpid", ATTENDANT, false, SYS_getpid, {0}},
    IOCTL(KVM_IRQ_LINE, BOTH),
    IOCTL(KVM_RUN, VCPU),
    IOCTL(KVM_GET_MP_STATE, VCPU),
    IOCTL(KVM_GET_REGS, VCPU),
    IOCTL(KVM_SET_USER_MEMORY_REGION, VCPU),
    IOCTL(KVM_IOEVENTFD, VCPU),
    IOCTL(KVM_IRQFD, VCPU),
    IOCTL(TCGETS, ATTENDANT),
    IOCTL(TCSETS, ATTENDANT),

    IOCTL(KVM_GET_API_VERSION, NONE),
    IOCTL(KVM_CREATE_VM, NONE),
    IOCTL(KVM_CREATE_VCPU, NONE),
    IOCTL(KVM_CREATE_DEVICE, NONE),
    IOCTL(KVM_SET_REGS, NONE),
    IOCTL(KVM_SET_SREGS, NONE),
    IOCTL(KVM_RUN | 1ll << 32, NONE),
    IOCTL(TCGETS | 1ll << 32, NONE),
    IOCTL(TIOCSTI, NONE),
    IOCTL(TIOCSCTTY, NONE),
    IOCTL(TIOCLINUX, NONE),
    IOCTL(FIONBIO, NONE),
    IOCTL(0, NONE),

    {"open", NONE, true, SYS_open, {(long)"/dev/null", O_RDONLY}},
    {"openat", NONE, true, SYS_openat, {AT_FDCWD, (long)"/dev/null", O_RDONLY}},
    {"openat elsewhere", NONE, false, SYS_openat, {-1, (long)"/dev/null", O_RDONLY}},
    {"openat2", NONE, false, SYS_openat2, {AT_FDCWD, 0, 0, 0}},
    {"creat", NONE, false, SYS_creat, {(long)"/dev/null", 0}},
    {"open_by_handle_at", NONE, false, SYS_open_by_handle_at, {-1}},
    {"unlink", NONE, false, SYS_unlink, {(long)""}},
    {"rename", NONE, false, SYS_rename, {(long)"", (long)""}},
    {"pread64", NONE, true, SYS_pread64, {-1}},
    {"pwrite64", NONE, false, SYS_pwrite64, {-1}},
    {"ftruncate", NONE, false, SYS_ftruncate, {-1}},
    {"fcntl", NONE, true, SYS_fcntl, {-1}},
    {"dup2", NONE, false, SYS_dup2, {-1, -1}},
    {"socket", NONE, false, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"socketpair", NONE, false, SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}},
    {"connect", NONE, false, SYS_connect, {-1}},
    {"sendmsg", NONE, false, SYS_sendmsg, {-1}},
    {"recvmsg", NONE, false, SYS_recvmsg, {-1}},
    {"memfd_create", NONE, false, SYS_memfd_create, {0}},
    {"execve", NONE, false, SYS_execve, {(long)"/bin/true", 0, 0}},
    {"execveat", NONE, false, SYS_execveat, {-1, (long)"", 0, 0, AT_EMPTY_PATH}},
    {"clone", NONE, true, SYS_clone, {SIGCHLD}},
    {"fork", NONE, false, SYS_fork, {0}},
    {"vfork", NONE, false, SYS_vfork, {0}},
    {"mmap", NONE, true, SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"mmap of code", NONE, true, SYS_mmap, {0, 4096, PROT_EXEC, 0x22, -1, 0}},
    {"mprotect", NONE, true, SYS_mprotect, {0, 0, PROT_EXEC}},
    {"ptrace", NONE, true, SYS_ptrace, {PTRACE_TRACEME}},
    {"process_vm_readv", NONE, false, SYS_process_vm_readv, {1}},
    {"process_vm_writev", NONE, false, SYS_process_vm_writev, {1}},
    {"pidfd_open", NONE, false, SYS_pidfd_open, {1}},
    {"pidfd_getfd", NONE, false, SYS_pidfd_getfd, {-1}},
    {"kill", NONE, true, SYS_kill, {1, 0}},
    {"tkill", NONE, false, SYS_tkill, {1, 0}},
    {"tgkill of another", NONE, false, SYS_tgkill, {1, 1, 0}},
    {"prctl", NONE, true, SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"seccomp", NONE, false, SYS_seccomp, {SECCOMP_GET_ACTION_AVAIL}},
    {"setuid", NONE, false, SYS_setuid, {0}},
    {"unshare", NONE, false, SYS_unshare, {0}},
    {"setns", NONE, false, SYS_setns, {-1}},
    {"mount", NONE, false, SYS_mount, {0}},
    {"bpf", NONE, false, SYS_bpf, {0}},
    {"io_uring_setup", NONE, false, SYS_io_uring_setup, {0}},
    {"perf_event_open", NONE, false, SYS_perf_event_open, {0}},
    {"userfaultfd", NONE, false, SYS_userfaultfd, {0}},
    {"keyctl", NONE, false, SYS_keyctl, {0}},
    {"no call at all", NONE, false, 9999, {0}},
};

static const struct call *called;
static enum guest_sandbox_kind called_in;

static int make_call(void)
{
    const long *a = called->argument;
    if (guest_sandbox_prepare(NULL) != CLOISTER_OK ||
        guest_sandbox_enter(called_in, NULL) != CLOISTER_OK)
        return NO_SANDBOX;
    (void)syscall(called->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return GOOD;
}

static void what_is_on_a_list_is_done_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        for (called_in = 0; called_in < LISTS; called_in++) {
            called = &calls[i];
            bool allowed = called->lists & 1u << called_in;
            if (!allowed && SANITIZED && called->sanitizers_need_it)
                continue;
            int ended = in_child(make_call);
            if (ended != (allowed ? GOOD : KILLED))
                fail_msg("%s in list %d ends with %d", called->name, (int)called_in, ended);
        }
}

/* The other architectures' ways into the kernel. */
static int call_as_32_bits(void)
{
    long result = 20; /* getpid there, writev here */
    if (guest_sandbox_enter(called_in, NULL) != CLOISTER_OK)
        return NO_SANDBOX;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
    return GOOD;
}

static int call_as_x32(void)
{
    if (guest_sandbox_enter(called_in, NULL) != CLOISTER_OK)
        return NO_SANDBOX;
    (void)syscall(0x40000000 | SYS_write, -1, 0, 0);
    return GOOD;
}

static void calls_of_other_architectures_are_on_no_list(void **state)
{
    (void)state;
    for (called_in = 0; called_in < LISTS; called_in++) {
        int ended = in_child(call_as_32_bits);
        assert_true(ended == KILLED || ended == 128 + SIGSEGV); /* a kernel without 32 bits */
        assert_int_equal(in_child(call_as_x32), KILLED);
    }
}

/* What the threads do with their lists */

static int read_and_write_a_disk(void)
{
    char path[] = "/tmp/cloister-sandbox.XXXXXX";
    char out[2] = "ab", in[2] = "";
    struct iovec parts[] = {{out, 1}, {out + 1, 1}};
    struct iovec back = {in, sizeof in};
    int disk = mkostemp(path, O_CLOEXEC);
    if (disk < 0 || unlink(path) != 0 ||
        guest_sandbox_enter(GUEST_SANDBOX_VCPU, NULL) != CLOISTER_OK)
        return NO_SANDBOX;
    bool good = pwritev(disk, parts, 2, 512) == 2 && fdatasync(disk) == 0 &&
                preadv(disk, &back, 1, 512) == 2 && memcmp(in, out, sizeof in) == 0;
    return good ? GOOD : BAD;
}

static void vcpu_thread_serves_disks(void **state)
{
    (void)state;
    assert_int_equal(in_child(read_and_write_a_disk), GOOD);
}

static void ignore_line(void *controller, unsigned line, unsigned source, bool level)
{
    (void)controller, (void)line, (void)source, (void)level;
}

static int use_a_terminal(void)
{
    struct console console;
    struct serial serial;
    struct termios before, raw, after;
    int master, slave;
    serial_create(&serial, (struct interrupt_line){.set = ignore_line}, console_out, NULL);
    serial_write(&serial, UART_IER, UART_IER_RDI);
    if (openpty(&master, &slave, NULL, NULL, NULL) != 0 || dup2(slave, STDIN_FILENO) < 0 ||
        dup2(slave, STDOUT_FILENO) < 0 || tcgetattr(slave, &before) != 0 ||
        guest_sandbox_enter(GUEST_SANDBOX_ATTENDANT, NULL) != CLOISTER_OK)
        return NO_SANDBOX;
    console_create(&console);
    bool good = console.is_terminal && tcgetattr(slave, &raw) == 0 && !(raw.c_lflag & ICANON);
    good = good && write(master, "\x01x", 2) == 2 && console_in(&console, &serial) == CONSOLE_QUIT;
    serial_write(&serial, UART_TX, 'o');
    console_destroy(&console);
    good = good && tcgetattr(slave, &after) == 0 && after.c_lflag == before.c_lflag;
    return good ? GOOD : BAD;
}

static void attendant_has_the_terminal(void **state)
{
    (void)state;
    assert_int_equal(in_child(use_a_terminal), GOOD);
}

static int ended;

static void on_kick(int unused)
{
    (void)unused;
}

/* Waits for a kick as a vCPU in KVM_RUN does, then ends. */
static void *vcpu_thread(void *unused)
{
    const uint64_t one = 1;
    (void)unused;
    if (guest_sandbox_enter(GUEST_SANDBOX_VCPU, NULL) != CLOISTER_OK)
        leave(NO_SANDBOX);
    if (poll(NULL, 0, -1) != -1 || write(ended, &one, sizeof one) != sizeof one)
        leave(BAD);
    return NULL;
}

static int kick_and_join(void)
{
    const struct sigaction kick = {.sa_handler = on_kick};
    pthread_t thread;
    uint64_t count = 0;
    ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ended < 0 || sigaction(SIGUSR1, &kick, NULL) != 0 ||
        pthread_create(&thread, NULL, vcpu_thread, NULL) != 0 ||
        guest_sandbox_enter(GUEST_SANDBOX_ATTENDANT, NULL) != CLOISTER_OK)
        return NO_SANDBOX;
    struct pollfd watched = {.fd = ended, .events = POLLIN};
    while (poll(&watched, 1, 1) == 0) /* it may not be waiting yet */
        (void)pthread_kill(thread, SIGUSR1);
    bool good = read(ended, &count, sizeof count) == sizeof count && count == 1 &&
                pthread_join(thread, NULL) == 0;
    return good ? GOOD : BAD;
}

static void vcpu_thread_is_kicked_and_joined(void **state)
{
    (void)state;
    assert_int_equal(in_child(kick_and_join), GOOD);
}

/* No list has brk. With these settings malloc calls it when a whole page at the end of its heap
   gets free: which byte is the one too many depends on what the heap had before. */
static size_t heap_before;
static void *kept;

static int shut_in_with_a_tight_heap(void)
{
    memory_be_small();
    if (mallopt(M_TOP_PAD, 0) != 1 || mallopt(M_TRIM_THRESHOLD, 0) != 1)
        return NO_SANDBOX;
    kept = malloc(heap_before);
    return kept ? kick_and_join() : NO_SANDBOX;
}

static void shutting_in_frees_nothing_afterwards(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("skipped: sanitizers have a heap of their own\n");
        skip();
    }
    for (heap_before = 16; heap_before < 8192; heap_before += 128)
        assert_int_equal(in_child(shut_in_with_a_tight_heap), GOOD);
}

static void *thread_that_strays(void *unused)
{
    (void)unused;
    if (guest_sandbox_enter(GUEST_SANDBOX_VCPU, NULL) == CLOISTER_OK)
        (void)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    return NULL;
}

static int let_a_thread_stray(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_that_strays, NULL) != 0)
        return NO_SANDBOX;
    (void)pthread_join(thread, NULL);
    return GOOD;
}

static void thread_that_strays_ends_the_whole_process(void **state)
{
    (void)state;
    assert_int_equal(in_child(let_a_thread_stray), KILLED);
}

/* The process */

static int look_at_process(void)
{
    struct rlimit core = {1, 1};
    struct reason why = {""};
    if (guest_sandbox_prepare(&why) != CLOISTER_OK || why.text[0] != '\0')
        return NO_SANDBOX;
    bool good = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0 &&
                prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                (SANITIZED || prctl(PR_GET_DUMPABLE) == 0);
    return good ? GOOD : BAD;
}

static void process_leaves_no_core_and_gets_no_privileges(void **state)
{
    (void)state;
    assert_int_equal(in_child(look_at_process), GOOD);
}

/* Files, before and apart from the lists */

static bool is_forbidden(const char *path, int flags)
{
    AUTO_FD int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 && errno == EACCES;
}

static bool all_is_forbidden(void)
{
    return is_forbidden("/etc/passwd", O_RDONLY) && is_forbidden("/dev/null", O_WRONLY) &&
           is_forbidden("/dev/null", O_RDWR) && is_forbidden("/", O_RDONLY | O_DIRECTORY) &&
           is_forbidden("/proc/self/mem", O_RDWR);
}

static void *look_in_thread(void *unused)
{
    (void)unused;
    return all_is_forbidden() ? &ended : NULL;
}

#define DESCRIPTORS 256

static unsigned descriptors(bool open_ones[DESCRIPTORS])
{
    unsigned count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        count += open_ones[fd] = fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int look_for_files(void)
{
    bool before[DESCRIPTORS], after[DESCRIPTORS];
    pthread_t thread;
    void *forbidden = NULL;
    char byte;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
        return NO_LANDLOCK;
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (file < 0 || guest_sandbox_prepare(NULL) != CLOISTER_OK)
        return NO_SANDBOX;
    unsigned count = descriptors(before);
    guest_sandbox_forbid_files();
    bool good = descriptors(after) == count && memcmp(before, after, sizeof before) == 0;
    good = good && all_is_forbidden() && read(file, &byte, 1) == 1;
    good = good && execl("/proc/self/exe", "again", NULL) != 0 && errno == EACCES;
    good = good && ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) != 0 && errno == EPERM;
    good = good && pthread_create(&thread, NULL, look_in_thread, NULL) == 0 &&
           pthread_join(thread, &forbidden) == 0 && forbidden;
    return good ? GOOD : BAD;
}

static void no_file_opens_and_what_is_open_stays(void **state)
{
    (void)state;
    if (SANITIZED) {
        print_message("skipped: sanitizers read files of their own\n");
        skip();
    }
    int result = in_child(look_for_files);
    if (result == NO_LANDLOCK) {
        print_message("skipped: this kernel has no Landlock\n");
        skip();
    }
    assert_int_equal(result, GOOD);
}

/* The program: it waits for its kernel on standard input, when it has prepared itself. */

static int input[2];

static pid_t start_program(void (*before)(void))
{
    static char path[4200];
    const char *build = getenv("CLOISTER_BUILD");
    (void)snprintf(path, sizeof path, "%.4000s/libexec/cloister-guest", build ? build : "build");
    if (access(path, X_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_true(fcntl(input[1], F_SETPIPE_SZ, 4096) >= 0);
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(input[0], STDIN_FILENO);
        before();
        (void)execl(path, "cloister-guest", "--kernel", "-", NULL);
        _exit(127);
    }
    (void)close(input[0]);
    return child;
}

/* Two pipes full: when they are written one has been read. */
static void await_reading(void)
{
    static const char zeros[8192];
    assert_int_equal(write(input[1], zeros, sizeof zeros), sizeof zeros);
}

static void expect_end_of_program(pid_t child)
{
    assert_int_equal(close(input[1]), 0);
    assert_int_equal(outcome(child), exit_status_of(CLOISTER_BAD_FORMAT)); /* that was no kernel */
}

static void leave_all_open(void)
{
}

static void program_closes_what_its_starter_left_open(void **state)
{
    int left_open[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(left_open), 0);
    assert_int_equal(fcntl(left_open[0], F_SETFD, FD_CLOEXEC), 0);
    pid_t child = start_program(leave_all_open);
    await_reading();
    (void)close(left_open[1]);
    struct pollfd watched = {.fd = left_open[0], .events = POLLIN};
    assert_int_equal(poll(&watched, 1, 0), 1); /* ours was the last */
    assert_int_equal(read(left_open[0], &byte, 1), 0);
    (void)close(left_open[0]);
    expect_end_of_program(child);
}

/* As a container's filter does that knows no close_range. */
static void lose_close_range(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(close_range), 0) != 0 ||
        seccomp_load(filter) != 0)
        _exit(BAD);
}

static void program_that_cannot_close_them_does_not_go_on(void **state)
{
    (void)state;
    pid_t child = start_program(lose_close_range);
    assert_int_equal(close(input[1]), 0);
    assert_int_equal(outcome(child), exit_status_of(CLOISTER_IO));
}

static void close_output(void)
{
    (void)close(STDOUT_FILENO);
    (void)close(STDERR_FILENO);
}

/* Where the descriptor leads; "": it is not open. */
static const char *descriptor_of(pid_t child, unsigned fd)
{
    static char target[128];
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%u", (int)child, fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = '\0';
    return target;
}

static void program_never_takes_a_file_for_its_output(void **state)
{
    (void)state;
    pid_t child = start_program(close_output);
    await_reading();
    const bool readable = *descriptor_of(child, 0) != '\0';
    if (readable) {
        assert_string_equal(descriptor_of(child, 1), "/dev/null");
        assert_string_equal(descriptor_of(child, 2), "/dev/null");
        assert_non_null(strstr(descriptor_of(child, 3), "memfd:guest"));
        for (unsigned fd = 4; fd < DESCRIPTORS; fd++)
            assert_string_equal(descriptor_of(child, fd), "");
    }
    expect_end_of_program(child);
    if (!readable) {
        print_message("skipped: only root sees another process's descriptors\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_on_a_list_is_done_and_nothing_else),
        cmocka_unit_test(calls_of_other_architectures_are_on_no_list),
        cmocka_unit_test(vcpu_thread_serves_disks),
        cmocka_unit_test(attendant_has_the_terminal),
        cmocka_unit_test(vcpu_thread_is_kicked_and_joined),
        cmocka_unit_test(shutting_in_frees_nothing_afterwards),
        cmocka_unit_test(thread_that_strays_ends_the_whole_process),
        cmocka_unit_test(process_leaves_no_core_and_gets_no_privileges),
        cmocka_unit_test(no_file_opens_and_what_is_open_stays),
        cmocka_unit_test(program_closes_what_its_starter_left_open),
        cmocka_unit_test(program_that_cannot_close_them_does_not_go_on),
        cmocka_unit_test(program_never_takes_a_file_for_its_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
