/*
 * `cloister guest run` on the real /dev/kvm with Debian's kernel. Where a guest's own ring 0 is
 * slow (KVM without VMX and SVM) these would take minutes: they run where CLOISTER_GUEST_FILES
 * names a folder with a kernel (vmlinuz) and its modules, as the nested suite does.
 */
#include "tests/e2e/command.h"
#include "tests/e2e/initrd.h"
#include "tests/e2e/started_world.h"
#include "tests/unit/mailbox_peer.h"
#include "tools/tool.h"

#include "base/file.h"
#include "base/scope.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LEAN                                                                                       \
    "quiet nokaslr mitigations=off audit=0 cryptomgr.notests numa=off nowatchdog noxsave "         \
    "rcupdate.rcu_expedited=1 init_on_alloc=0 "                                                    \
    "initcall_blacklist=i8042_init,init_kprobe_trace,ahci_pci_driver_init"
#define DISK_SECTORS 2048
#define SECTOR 512
#define PATTERN_SIZE (256 * SECTOR)

static char folder[64];
static char kernel[512];
static char initrd[128];
static struct command ran;

static const char *in_folder(const char *name)
{
    static char paths[4][200];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void make_initrd(const char *files)
{
    static const char *const modules[] = {
        "virtio",     "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
        "virtio_blk", "uio",         "uio_pci_generic"};
    static char paths[8][512];
    const char *words[9] = {NULL};
    char init[512];
    started_path("tests/guest/first_program", init, sizeof init);
    for (unsigned i = 0; i < 8; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/%s.ko", files, modules[i]);
        words[i] = paths[i];
    }
    initrd_write(initrd, init, words);
}

static int set_up_all(void **state)
{
    const char *files = getenv("CLOISTER_GUEST_FILES");
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/test_guest.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(initrd, sizeof initrd, "%s/initrd", folder);
    if (files) {
        (void)snprintf(kernel, sizeof kernel, "%s/vmlinuz", files);
        make_initrd(files);
    }
    return 0;
}

static int tear_down_all(void **state)
{
    static const char *const files[] = {"initrd", "disk", "second", "kernel", "world"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)unlink(in_folder(files[i]));
    return rmdir(folder);
}

static void need_guest(void)
{
    const char *why = started_world_impossible();
    if (!why && !getenv("CLOISTER_GUEST_FILES"))
        why = "CLOISTER_GUEST_FILES names no kernel to boot";
    if (why) {
        print_message("skipped: %s\n", why);
        skip();
    }
}

static void expect(int status, const char *said)
{
    if (ran.status != status || (said && !strstr(ran.out, said)))
        print_error("%s\n%s\n", ran.out, ran.err);
    assert_int_equal(ran.status, status);
    if (said)
        assert_non_null(strstr(ran.out, said));
}

/* One line that says this, and nothing on standard output. */
static void expect_refusal(int status, const char *said)
{
    expect(status, NULL);
    assert_int_equal(ran.out_size, 0);
    if (!strstr(ran.err, said))
        print_error("%s\n", ran.err);
    assert_non_null(strstr(ran.err, said));
    const char *newline = strchr(ran.err, '\n');
    assert_non_null(newline);
    assert_int_equal(newline[1], '\0');
}

#define BOOT(job, ...)                                                                             \
    RUN(&ran, "guest", "run", "--kernel", kernel, "--initrd", initrd, "--mem", "256M",             \
        "--cmdline", LEAN " -- " job, ##__VA_ARGS__)

/* Booting and ending */

static void guest_boots_to_init_and_ends_with_its_reboot(void **state)
{
    (void)state;
    need_guest();
    BOOT("none");
    expect(TOOL_OK, "GUEST init");
    assert_non_null(strstr(ran.err, "the guest has rebooted"));
}

static void guest_that_powers_off_ends(void **state)
{
    (void)state;
    need_guest();
    BOOT("power-off");
    expect(TOOL_OK, "GUEST init");
    assert_non_null(strstr(ran.err, "the guest has switched itself off"));
}

static void guest_that_halts_ends(void **state)
{
    (void)state;
    need_guest();
    BOOT("halt");
    expect(TOOL_OK, "GUEST init");
    assert_non_null(strstr(ran.err, "the guest has halted"));
}

static void standard_input_reaches_the_guest(void **state)
{
    (void)state;
    need_guest();
    command_run_with_input(&ran, "a line for the guest\n",
                           (const char *const[]){"guest", "run", "--kernel", kernel, "--initrd",
                                                 initrd, "--mem", "256M", "--cmdline",
                                                 LEAN " -- echo", NULL});
    expect(TOOL_OK, "GUEST heard a line for the guest");
}

/* Types this on a terminal once the guest has said that; what else it said is left. */
static void type_after(int terminal, const char *said, const char *keys)
{
    static char heard[1 << 16];
    size_t size = 0;
    do {
        ssize_t n = read(terminal, heard + size, sizeof heard - 1 - size);
        if (n <= 0)
            fail_msg("the guest ended before it said '%s'; it said: %s", said, heard);
        size += (size_t)n;
        heard[size] = '\0';
    } while (!strstr(heard, said));
    assert_int_equal(write(terminal, keys, strlen(keys)), strlen(keys));
}

static void ctrl_c_at_a_terminal_is_the_guests_and_ctrl_a_x_ends_it(void **state)
{
    struct termios before, after;
    int terminal, guests_end;
    (void)state;
    need_guest();
    assert_int_equal(openpty(&terminal, &guests_end, NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(terminal, &before), 0);
    pid_t child = command_start_at_terminal(
        guests_end, (const char *const[]){"guest", "run", "--kernel", kernel, "--initrd", initrd,
                                          "--mem", "256M", "--cmdline", LEAN " -- keys", NULL});
    type_after(terminal, "GUEST waits for a key", "\003");
    type_after(terminal, "GUEST key 3", "\001x");
    assert_int_equal(command_wait(child), TOOL_OK);
    assert_int_equal(tcgetattr(terminal, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
    (void)close(guests_end);
    (void)close(terminal);
}

static void guest_with_memory_above_4_gib_boots(void **state)
{
    (void)state;
    need_guest();
    RUN(&ran, "guest", "run", "--kernel", kernel, "--initrd", initrd, "--mem", "4G", "--cmdline",
        LEAN " -- none");
    expect(TOOL_OK, "GUEST init");
}

static void guest_that_is_told_to_end_ends(void **state)
{
    struct timespec moment = {.tv_sec = 3};
    (void)state;
    need_guest();
    pid_t child =
        command_start(in_folder("kernel"),
                      (const char *const[]){"guest", "run", "--kernel", kernel, "--initrd", initrd,
                                            "--mem", "256M", "--cmdline", LEAN " -- wait", NULL});
    (void)nanosleep(&moment, NULL);
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(command_wait(child), TOOL_OK);
}

/* Devices */

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / SECTOR);
}

static void make_disk(const char *path, bool patterned)
{
    static uint8_t bytes[DISK_SECTORS * SECTOR];
    struct reason why = {0};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = patterned ? pattern(i) : 0;
    assert_int_equal(file_write(path, bytes, sizeof bytes, 0600, &why), CLOISTER_OK);
}

static void guest_reads_and_writes_its_disks(void **state)
{
    struct reason why = {0};
    uint8_t *bytes;
    size_t size;
    char second[220];
    (void)state;
    need_guest();
    make_disk(in_folder("disk"), true);
    make_disk(in_folder("second"), false);
    (void)snprintf(second, sizeof second, "%s,ro", in_folder("second"));
    BOOT("disks", "--disk", in_folder("disk"), "--disk", second);
    expect(TOOL_OK, "GUEST pattern good");
    expect(TOOL_OK, "GUEST read-back good");
    expect(TOOL_OK, "GUEST size 1048576");
    expect(TOOL_OK, "GUEST read-only Operation not permitted");
    expect(TOOL_OK, "GUEST serial cloister");
    assert_int_equal(file_read(in_folder("disk"), 1 << 21, &bytes, &size, &why), CLOISTER_OK);
    assert_int_equal(size, DISK_SECTORS * SECTOR);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], i < PATTERN_SIZE ? 0xffu - pattern(i) : pattern(i));
    free(bytes);
}

static unsigned tasks_of(pid_t child)
{
    char path[64];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)child);
    DIR *tasks = opendir(path);
    for (const struct dirent *task = tasks ? readdir(tasks) : NULL; task; task = readdir(tasks))
        count += task->d_name[0] != '.';
    if (tasks)
        (void)closedir(tasks);
    return count;
}

/* Where descriptor `fd` leads must start with this; "": it is not open. */
static void expect_descriptor(pid_t child, unsigned fd, const char *start)
{
    char path[64], target[300];
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%u", (int)child, fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = '\0';
    if (*start ? strncmp(target, start, strlen(start)) != 0 : *target != '\0')
        fail_msg("descriptor %u is '%s', not '%s'", fd, target, start);
}

static void running_guest_has_the_descriptors_that_it_needs_and_no_other(void **state)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    (void)state;
    need_guest();
    make_disk(in_folder("disk"), true);
    pid_t child = command_start(in_folder("kernel"),
                                (const char *const[]){"guest", "run", "--kernel", kernel, "--disk",
                                                      in_folder("disk"), NULL});
    for (unsigned i = 0; tasks_of(child) < 2 && i < 6000; i++) /* the vCPU's thread comes last */
        (void)nanosleep(&moment, NULL);
    const char *const expected[] = {"/dev/null",
                                    "/dev/null",
                                    in_folder("kernel"),
                                    "/memfd:guest",
                                    "/dev/kvm",
                                    "anon_inode:kvm-vm",
                                    "anon_inode:kvm-vcpu:0",
                                    in_folder("disk"),
                                    "anon_inode:[eventfd]",
                                    "anon_inode:[signalfd]"};
    for (unsigned fd = 0; fd < 256; fd++)
        expect_descriptor(child, fd, fd < ARRAY_SIZE(expected) ? expected[fd] : "");
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(command_wait(child), TOOL_OK);
}

/* A guest's user space that writes to every port and all configuration space ends as any other,
   with a reset or a halt, and so does the VMM. */
static void guest_that_pokes_every_port_stops_only_itself(void **state)
{
    (void)state;
    need_guest();
    make_disk(in_folder("disk"), true);
    BOOT("poke", "--disk", in_folder("disk"));
    expect(TOOL_OK, "GUEST poked");
}

/* The mailbox, with a peer of the test's in the world's place. */

struct served {
    int listen;
    struct mailbox_peer peer;
    struct clo_guest_measured measured;
    unsigned rung[CLO_GUEST_VECTORS];
    bool hung_up;
};

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void answer(struct served *served, unsigned vector)
{
    const uint64_t one = 1;
    uint64_t count;
    if (read(served->peer.doorbell[vector], &count, sizeof count) != sizeof count)
        return;
    served->rung[vector] += (unsigned)count;
    (void)__atomic_add_fetch(&served->peer.header->interrupts, 1, __ATOMIC_SEQ_CST);
    (void)!write(served->peer.completion[vector], &one, sizeof one);
}

static void *serve(void *of)
{
    struct served *served = of;
    struct pollfd watched[CLO_GUEST_VECTORS + 1];
    served->peer.socket = accept(served->listen, NULL, NULL);
    mailbox_peer_greet(&served->peer);
    (void)!recv(served->peer.socket, &served->measured, sizeof served->measured, MSG_WAITALL);
    for (;;) {
        for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
            watched[i] = (struct pollfd){.fd = served->peer.doorbell[i], .events = POLLIN};
        watched[CLO_GUEST_VECTORS] = (struct pollfd){.fd = served->peer.socket, .events = POLLIN};
        (void)poll(watched, CLO_GUEST_VECTORS + 1, -1);
        for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
            if (watched[i].revents)
                answer(served, i);
        if (watched[CLO_GUEST_VECTORS].revents) {
            served->hung_up = true;
            return NULL;
        }
    }
}

static void expect_digest_of_file(const uint8_t *digest, const char *path)
{
    struct reason why = {0};
    uint8_t wanted[CLO_DIGEST_SIZE];
    uint8_t *bytes;
    size_t size;
    assert_int_equal(file_read(path, 1u << 28, &bytes, &size, &why), CLOISTER_OK);
    assert_int_equal(EVP_Digest(bytes, size, wanted, NULL, EVP_sha384(), NULL), 1);
    assert_memory_equal(digest, wanted, sizeof wanted);
    free(bytes);
}

static void guest_rings_the_world_and_is_interrupted_by_it(void **state)
{
    static struct served served;
    char line[160];
    pthread_t thread;
    (void)state;
    need_guest();
    served.listen = listen_at(in_folder("world"));
    mailbox_peer_create(&served.peer, -1, CLO_GUEST_SIZE_MIN,
                        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    assert_int_equal(pthread_create(&thread, NULL, serve, &served), 0);
    BOOT("mailbox", "--world", in_folder("world"));
    expect(TOOL_OK, "GUEST mailbox done");
    (void)pthread_join(thread, NULL);
    expect(TOOL_OK, "GUEST magic 1 id 3");
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        (void)snprintf(line, sizeof line, "GUEST vector %u woken 1 status 1 again 0", i);
        expect(TOOL_OK, line);
        assert_int_equal(served.rung[i], 1);
    }
    expect(TOOL_OK, "GUEST spurious 0");
    assert_true(served.hung_up);
    assert_int_equal(((uint8_t *)served.peer.header)[CLO_GUEST_CHANNELS_OFFSET], 0x5a);
    assert_int_equal(served.measured.magic, CLO_GUEST_MEASURED_MAGIC);
    expect_digest_of_file(served.measured.kernel, kernel);
    expect_digest_of_file(served.measured.initrd, initrd);
    mailbox_peer_destroy(&served.peer);
    (void)close(served.listen);
}

/* What is refused, one line each. No KVM is needed for files that are bad. */

static void write_kernel(const void *bytes, size_t size)
{
    struct reason why = {0};
    assert_int_equal(file_write(in_folder("kernel"), bytes, size, 0600, &why), CLOISTER_OK);
}

static void truncated_kernel_is_refused(void **state)
{
    struct reason why = {0};
    uint8_t *bytes;
    size_t size;
    (void)state;
    if (!getenv("CLOISTER_GUEST_FILES")) {
        print_message("skipped: CLOISTER_GUEST_FILES names no kernel\n");
        skip();
    }
    assert_int_equal(file_read(kernel, 1u << 28, &bytes, &size, &why), CLOISTER_OK);
    write_kernel(bytes, size / 2);
    free(bytes);
    RUN(&ran, "guest", "run", "--kernel", in_folder("kernel"));
    expect_refusal(TOOL_BAD_INPUT, "kernel is truncated");
}

static void file_that_is_no_kernel_is_refused(void **state)
{
    (void)state;
    write_kernel("not a kernel", 12);
    RUN(&ran, "guest", "run", "--kernel", in_folder("kernel"));
    expect_refusal(TOOL_BAD_INPUT, "is no kernel");
}

static void huge_kernel_is_refused(void **state)
{
    (void)state;
    write_kernel("", 0);
    assert_int_equal(truncate(in_folder("kernel"), 1ll << 40), 0);
    RUN(&ran, "guest", "run", "--kernel", in_folder("kernel"));
    expect_refusal(TOOL_BAD_INPUT, "at most 536870912 are allowed");
}

static void kernel_that_is_not_there_is_refused(void **state)
{
    (void)state;
    RUN(&ran, "guest", "run", "--kernel", in_folder("nothing"));
    expect_refusal(TOOL_NOT_FOUND, "nothing: No such file or directory");
}

static void guest_without_kvm_is_refused(void **state)
{
    (void)state;
    if (access("/dev/kvm", F_OK) == 0 || !getenv("CLOISTER_GUEST_FILES")) {
        print_message("skipped: there is a /dev/kvm, or no kernel to boot\n");
        skip();
    }
    RUN(&ran, "guest", "run", "--kernel", kernel);
    expect_refusal(TOOL_UNAVAILABLE, "cannot open /dev/kvm");
}

static void world_that_nobody_serves_is_refused(void **state)
{
    (void)state;
    need_guest();
    RUN(&ran, "guest", "run", "--kernel", kernel, "--world", in_folder("nothing"));
    expect_refusal(TOOL_NOT_FOUND, "--world");
}

static void disk_of_another_guest_is_refused(void **state)
{
    (void)state;
    need_guest();
    make_disk(in_folder("disk"), true);
    RUN(&ran, "guest", "run", "--kernel", kernel, "--disk", in_folder("disk"), "--disk",
        in_folder("disk"));
    expect_refusal(TOOL_FAILED, "another guest has it");
}

static void wrong_usage_is_refused(void **state)
{
    (void)state;
    RUN(&ran, "guest", "run");
    expect_refusal(TOOL_USAGE, "--kernel is missing");
    RUN(&ran, "guest", "run", "--kernel", "k", "--mem", "17");
    expect_refusal(TOOL_BAD_INPUT, "--mem is '17'");
    RUN(&ran, "guest", "run", "--kernel", "k", "--cpu", "2");
    expect_refusal(TOOL_USAGE, "--cpu");
    RUN(&ran, "guest", "walk");
    assert_int_equal(ran.status, TOOL_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_usage_is_refused),
        cmocka_unit_test(kernel_that_is_not_there_is_refused),
        cmocka_unit_test(file_that_is_no_kernel_is_refused),
        cmocka_unit_test(huge_kernel_is_refused),
        cmocka_unit_test(truncated_kernel_is_refused),
        cmocka_unit_test(guest_without_kvm_is_refused),
        cmocka_unit_test(world_that_nobody_serves_is_refused),
        cmocka_unit_test(disk_of_another_guest_is_refused),
        cmocka_unit_test(guest_boots_to_init_and_ends_with_its_reboot),
        cmocka_unit_test(guest_reads_and_writes_its_disks),
        cmocka_unit_test(guest_rings_the_world_and_is_interrupted_by_it),
        cmocka_unit_test(standard_input_reaches_the_guest),
        cmocka_unit_test(ctrl_c_at_a_terminal_is_the_guests_and_ctrl_a_x_ends_it),
        cmocka_unit_test(guest_that_powers_off_ends),
        cmocka_unit_test(guest_that_halts_ends),
        cmocka_unit_test(guest_that_is_told_to_end_ends),
        cmocka_unit_test(running_guest_has_the_descriptors_that_it_needs_and_no_other),
        cmocka_unit_test(guest_with_memory_above_4_gib_boots),
        cmocka_unit_test(guest_that_pokes_every_port_stops_only_itself),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
