/*
 * `cloister nested` as far as it goes without a machine: what it takes, what it refuses, what it
 * hands to the script that runs the machine, and what that makes of a kernel's packages. Uses the
 * command in $CLOISTER_BUILD.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char output[8192]; /* of the last command, both streams */

/* Runs a shell line in the folder; `cloister` is a copy of the command beside a script that prints
   what it is given instead of running a machine. */
static int run(const char *line)
{
    char command[4096];
    (void)snprintf(command, sizeof command, "cd %s && PATH=\"%s:$PATH\" && (%s) 2>&1 </dev/null",
                   folder, folder, line);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(output, 1, sizeof output - 1, pipe);
    output[size] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int make_folder(void **state)
{
    (void)state;
    char line[2 * PATH_MAX + 256];
    char build[PATH_MAX];
    const char *given = getenv("CLOISTER_BUILD");
    if (!realpath(given ? given : "build", build))
        return -1;
    (void)snprintf(folder, sizeof folder, "/tmp/test_cmd_nested.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(line, sizeof line,
                   "cp %s/cloister %s/libexec/nested/fetch . && mkdir -p libexec/nested && cd "
                   "libexec/nested && "
                   "printf '#!/bin/sh\\nprintf \"<%%%%s>\" \"$@\"\\n' >machine && chmod +x machine",
                   build, build);
    return run(line);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void assert_run(int expected, const char *line, const char *text)
{
    int status = run(line);
    if (status != expected || strcmp(output, text) != 0)
        fail_msg("%s: exit status %d, not %d, or not \"%s\": %s", line, status, expected, text,
                 output);
}

static void assert_refused(const char *line, const char *word)
{
    int status = run(line);
    const char *newline = strchr(output, '\n');
    if (status != 125 || !strstr(output, word) || !newline || newline[1] != '\0')
        fail_msg("%s: exit status %d, or no \"%s\" in one line: %s", line, status, word, output);
}

static void command_and_defaults_reach_the_machine(void **state)
{
    (void)state;
    assert_run(0, "cloister nested -- ls -l", "<-t><600><-m><2048><--><ls><-l>");
    assert_run(0, "cloister nested ls -l", "<-t><600><-m><2048><--><ls><-l>");
    assert_run(0, "cloister nested -- ' a b' '' '*'",
               "<-t><600><-m><2048><--><"
               " a b><><*>");
}

static void options_reach_the_machine(void **state)
{
    (void)state;
    assert_run(0, "cloister nested -t 7 -m 1G -f cloister -o out -f libexec -- x",
               "<-t><7><-m><1024><-f><cloister><-o><out><-f><libexec><--><x>");
    assert_run(0, "cloister nested -s -i -- x", "<-t><600><-m><2048><-s><-i><--><x>");
    assert_run(0, "cloister nested -f cloister -k cloister -- x",
               "<-t><600><-m><2048><-f><cloister><-k><cloister><--><x>");
    assert_run(0, "cloister nested -k cloister --kernel libexec/nested/machine -- x",
               "<-t><600><-m><2048><-k><cloister><-k><libexec/nested/machine><--><x>");
    assert_run(0, "cloister nested --time 7 --memory 512M --file cloister --output out -- x -t",
               "<-t><7><-m><512><-f><cloister><-o><out><--><x><-t>");
}

static void wrong_usage_is_told_in_one_line(void **state)
{
    (void)state;
    assert_refused("cloister nested", "a command is missing");
    assert_refused("cloister nested --", "a command is missing");
    assert_refused("cloister nested -x -- y", "unknown option -x");
    assert_refused("cloister nested --nonsense -- y", "unknown or ambiguous option --nonsense;");
    assert_refused("cloister nested --nonsense=x -- y",
                   "unknown or ambiguous option --nonsense=x;");
    assert_refused("cloister nested --shadow=x -- y", "option --shadow takes no value;");
    assert_refused("cloister nested --instructions= -- y", "option --instructions takes no value;");
    assert_refused("cloister nested -t", "option -t needs a value");
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_refused("cloister nested -t 0 -- x", "-t is '0'");
    assert_refused("cloister nested -t 864001 -- x", "from 1 to 864000");
    assert_refused("cloister nested -t 1s -- x", "-t is '1s'");
    assert_refused("cloister nested -m 511M -- x", "-m is '511M'");
    assert_refused("cloister nested -m 65G -- x", "-m is '65G'");
    assert_refused("cloister nested -m '' -- x", "-m is ''");
}

static void file_that_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_refused("cloister nested -f none -- x", "cannot read none");
    assert_refused("cloister nested -f '' -- x", "cannot read");
    assert_refused("cloister nested -f /dev/null -- x", "/dev/null is neither");
    assert_refused("cloister nested -k none -- x", "cannot open none");
}

/* Packages as Debian makes them from Linux 7 on, but for what is in the files; of another kernel
   one, and one of a kernel in one package. */
static const char make_packages[] =
    "package() { mkdir -p $1/DEBIAN && printf 'Package: %s\\nVersion: 1\\nArchitecture: amd64\\n"
    "Maintainer: x\\nDescription: x\\n' $1 >$1/DEBIAN/control && dpkg-deb --root-owner-group -b "
    "$1; };"
    "release=usr/lib/modules/7.1; mkdir -p base/$release binary/$release modules/$release/kernel "
    "other/usr/lib/modules/7.2 one/boot one/lib/modules/6.1;"
    "echo kernel/drivers/virtio/virtio.ko >base/$release/modules.builtin;"
    "echo the kernel >binary/$release/vmlinuz; echo older >one/boot/vmlinuz-6.1;"
    "for name in irqbypass kvm kvm-amd virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev "
    "virtio_pci virtio_console virtio_blk uio uio_pci_generic; do"
    "  echo $name | xz >modules/$release/kernel/$name.ko.xz;"
    "  echo older $name >one/lib/modules/6.1/$name.ko; done;"
    "echo older virtio >one/lib/modules/6.1/virtio.ko; echo newer "
    ">other/usr/lib/modules/7.2/vmlinuz;"
    "for name in base binary modules other one; do package $name >/dev/null || exit; done";

/* In the nested machine there are neither. */
static void packages_can_be_made_or_skip(void)
{
    if (system("dpkg-deb --version >/dev/null 2>&1 && xz --version >/dev/null 2>&1") == 0)
        return;
    print_message("skipped: there is no dpkg-deb, or no xz\n");
    skip();
}

static void kernel_of_several_packages_is_put_together(void **state)
{
    (void)state;
    packages_can_be_made_or_skip();
    assert_run(0, make_packages, "");
    assert_run(0,
               "fetch out base.deb binary.deb modules.deb && cat out/linux/vmlinuz && ls out && "
               "cat out/linux/kvm.ko out/linux/uio.ko && tr '\\n' ' ' <out/linux/modules",
               "the kernel\nlinux\nlock\nkvm\nuio\nirqbypass kvm kvm-amd virtio_ring "
               "virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console ");
    assert_run(0, "fetch out one.deb && cat out/linux/vmlinuz out/linux/virtio.ko",
               "older\nolder virtio\n");
}

/* What was there stays. */
static void packages_that_make_no_kernel_are_refused(void **state)
{
    (void)state;
    packages_can_be_made_or_skip();
#define ALL " of a kernel that comes in several packages all are needed\n"
    assert_run(1, "fetch out base.deb binary.deb",
               "cloister nested: base.deb, binary.deb has no irqbypass.ko that can be read;" ALL);
    assert_run(1, "fetch out modules.deb binary.deb",
               "cloister nested: modules.deb, binary.deb has no virtio.ko that can be read;" ALL);
    assert_run(1, "fetch out modules.deb base.deb",
               "cloister nested: modules.deb, base.deb has no kernel for a PC;" ALL);
    assert_run(
        1, "fetch out base.deb modules.deb other.deb",
        "cloister nested: base.deb, modules.deb, other.deb are of several kernels: 7.1 7.2\n");
    assert_run(1, "fetch out base.deb cloister",
               "cloister nested: cloister is no Debian package\n");
    assert_run(0, "cat out/linux/vmlinuz && ls out", "older\nlinux\nlock\n");
}

static void result_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    assert_refused("cloister nested -o none/out -- x", "cannot write none/out: No such file");
    assert_refused("cloister nested -o libexec -- x", "it must name a file");
    assert_refused("cloister nested -o libexec/ -- x", "it must name a file");
    assert_refused("cloister nested -o '' -- x", "it must name a file");
    assert_refused("cloister nested $(for i in $(seq 65); do echo -o $i; done) -- x",
                   "more than 64");
}

static void machine_that_is_not_installed_is_named(void **state)
{
    (void)state;
    assert_run(0, "mv libexec/nested/machine kept", "");
    assert_refused("cloister nested -- x", "nested/machine is neither in");
    assert_run(0, "mv kept libexec/nested/machine", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_and_defaults_reach_the_machine),
        cmocka_unit_test(options_reach_the_machine),
        cmocka_unit_test(wrong_usage_is_told_in_one_line),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(file_that_is_not_there_is_refused),
        cmocka_unit_test(kernel_of_several_packages_is_put_together),
        cmocka_unit_test(packages_that_make_no_kernel_are_refused),
        cmocka_unit_test(result_that_cannot_be_written_is_refused),
        cmocka_unit_test(machine_that_is_not_installed_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
