/*
 * Reading a module's file: once, whole, whatever the file is or becomes; and what the compilers of
 * this machine make.
 */
#include "vmm/module_file.h"

#include "base/bytes.h"
#include "measure/module_image.h"
#include "tests/unit/elf_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct elf_sample sample;
static struct module_file file;
static char folder[64];
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/cloister-module.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void name_path(const char *name)
{
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
}

static void write_sample(const char *name)
{
    sample_make(&sample);
    name_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, &sample, sizeof sample), sizeof sample);
    assert_int_equal(close(fd), 0);
}

static void assert_refused(enum elf_kind kind, cloister_status status, const char *word)
{
    struct reason why = {0};
    assert_int_equal(module_file_open(path, kind, &file, &why), status);
    if (!strstr(why.text, word))
        fail_msg("reason \"%s\" does not name \"%s\"", why.text, word);
}

static void assert_opens(enum elf_kind kind)
{
    struct reason why = {0};
    if (module_file_open(path, kind, &file, &why) != CLOISTER_OK)
        fail_msg("refused: %s", why.text);
}

static void file_becomes_record_and_sealed_image(void **state)
{
    (void)state;
    write_sample("vault.mod");
    assert_opens(ELF_MODULE);
    assert_string_equal((const char *)file.name, "vault");
    assert_int_equal(file.image_pages, 3);
    assert_int_equal(file.signature_size, 64);
    assert_int_equal(file.signature[0], 0x5a);
    assert_int_equal(file.record.segment_count, 3);
    struct stat st;
    assert_int_equal(fstat(file.image, &st), 0);
    assert_int_equal(st.st_size, 3 * CLO_PAGE_SIZE);
    module_file_close(&file);
}

/* The image is written segment by segment; the canonical form of the same file is made in memory.
 */
static void image_is_the_canonical_form(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 16];
    static uint8_t pages[3 * CLO_PAGE_SIZE];
    static uint8_t copied[sizeof pages];
    write_sample("x.mod");
    assert_opens(ELF_MODULE);
    ssize_t size = pread(file.source, bytes, sizeof bytes, 0);
    assert_true(size > 0 && (size_t)size < sizeof bytes);
    struct elf_image image;
    struct reason why = {0};
    assert_int_equal(elf_image_parse(bytes, (size_t)size, ELF_MODULE, &image, &why), CLOISTER_OK);
    assert_int_equal(module_image_pages(&file.record), 3);
    module_image_write(&image, &file.record, pages);
    assert_int_not_equal(((const Elf64_Ehdr *)bytes)->e_shoff, 0);
    assert_int_equal(((const Elf64_Ehdr *)pages)->e_shoff, 0);
    assert_int_equal(pread(file.image, copied, sizeof copied, 0), sizeof copied);
    assert_memory_equal(copied, pages, sizeof pages);
    module_file_close(&file);
}

static void both_memfds_are_sealed_against_any_change(void **state)
{
    (void)state;
    const int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    write_sample("x.mod");
    assert_opens(ELF_MODULE);
    const int fds[] = {file.image, file.source};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fcntl(fds[i], F_GET_SEALS) & all, all);
        assert_int_equal(pwrite(fds[i], "x", 1, 0), -1);
        assert_int_equal(ftruncate(fds[i], 0), -1);
        assert_ptr_equal(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fds[i], 0), MAP_FAILED);
    }
    module_file_close(&file);
}

static void later_change_of_the_file_changes_nothing(void **state)
{
    (void)state;
    write_sample("x.mod");
    assert_opens(ELF_MODULE);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "gone", 4), 4);
    (void)close(fd);
    uint8_t text[256];
    assert_int_equal(pread(file.image, text, sizeof text, CLO_PAGE_SIZE), sizeof text);
    assert_memory_equal(text, sample.text, sizeof text);
    char symbol[64];
    module_file_symbol(&file, 0x1012, symbol, sizeof symbol);
    assert_string_equal(symbol, "resolver+0x2");
    module_file_close(&file);
}

/* Whoever swaps the file while it is opened gets one of the two, whole: what is measured is what
   would run. */
static void file_swapped_all_the_time_is_read_as_one_of_the_two(void **state)
{
    (void)state;
    char other[128];
    char link[128];
    write_sample("b.mod");
    memset(sample.text, 0xcc, sizeof sample.text);
    (void)snprintf(other, sizeof other, "%s/a.mod", folder);
    (void)snprintf(link, sizeof link, "%s/next", folder);
    int fd = open(other, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, &sample, sizeof sample), sizeof sample);
    (void)close(fd);
    name_path("swap.mod");
    assert_int_equal(symlink("a.mod", path), 0);
    pid_t swapper = fork();
    assert_true(swapper >= 0);
    for (unsigned i = 0; swapper == 0; i++) {
        if (symlink(i % 2 ? "a.mod" : "b.mod", link) != 0 || rename(link, path) != 0)
            _exit(0);
    }
    for (int i = 0; i < 300; i++) {
        uint8_t text[256];
        assert_opens(ELF_MODULE);
        assert_int_equal(pread(file.image, text, sizeof text, CLO_PAGE_SIZE), sizeof text);
        for (size_t k = 1; k < sizeof text; k++)
            assert_int_equal(text[k], text[0]);
        module_file_close(&file);
    }
    (void)kill(swapper, SIGKILL);
    assert_int_equal(waitpid(swapper, NULL, 0), swapper);
}

static void growing_file_is_refused_or_read_whole(void **state)
{
    (void)state;
    write_sample("grow.mod");
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        int fd = open(path, O_WRONLY | O_APPEND);
        for (int i = 0; i < 200000 && write(fd, "x", 1) == 1; i++)
            ;
        _exit(0);
    }
    for (int i = 0; i < 200; i++) {
        struct reason why;
        cloister_status status = module_file_open(path, ELF_MODULE, &file, &why);
        if (status == CLOISTER_OK)
            module_file_close(&file);
        else
            assert_non_null(strstr(why.text, "changed its size"));
    }
    (void)kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
}

static void missing_file_is_named(void **state)
{
    (void)state;
    name_path("none.mod");
    assert_refused(ELF_MODULE, CLOISTER_NOT_FOUND, "none.mod");
}

static void fifo_is_refused_without_waiting(void **state)
{
    (void)state;
    name_path("fifo.mod");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(ELF_MODULE, CLOISTER_BAD_FORMAT, "not a regular file");
}

static void folder_and_device_are_refused(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "%s", folder);
    assert_refused(ELF_PROGRAM, CLOISTER_BAD_FORMAT, "not a regular file");
    (void)snprintf(path, sizeof path, "/dev/zero");
    assert_refused(ELF_MODULE, CLOISTER_BAD_FORMAT, "not a regular file");
}

static void empty_file_is_refused(void **state)
{
    (void)state;
    name_path("empty.mod");
    (void)close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_refused(ELF_MODULE, CLOISTER_BAD_FORMAT, "is empty");
}

static void sparse_tebibyte_is_refused_unread(void **state)
{
    (void)state;
    name_path("sparse.mod");
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    int done = ftruncate(fd, (off_t)1 << 40);
    (void)close(fd);
    if (done != 0) {
        print_message("skipped: the file system has no such files\n");
        skip();
    }
    assert_refused(ELF_MODULE, CLOISTER_TOO_BIG, "1099511627776 bytes");
}

static void file_of_procfs_that_has_no_size_is_refused(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/proc/self/maps");
    assert_refused(ELF_MODULE, CLOISTER_BAD_FORMAT, "is empty");
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {".mod", "a b.mod", "-x.mod",
                                        "name-of-thirty-two-characters-xx.mod", "\033[2J.mod"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        write_sample(names[i]);
        assert_refused(ELF_MODULE, CLOISTER_BAD_ARGUMENT, "names the module");
        assert_int_equal(unlink(path), 0);
    }
}

static void name_of_31_characters_is_accepted(void **state)
{
    (void)state;
    write_sample("name-of-thirty-one-characters-x.mod");
    assert_opens(ELF_MODULE);
    assert_string_equal((const char *)file.name, "name-of-thirty-one-characters-x");
    module_file_close(&file);
}

static void program_may_have_any_name(void **state)
{
    (void)state;
    write_sample("a program");
    assert_opens(ELF_PROGRAM);
    assert_string_equal((const char *)file.name, "program");
    module_file_close(&file);
}

static void refused_file_leaves_no_descriptor_open(void **state)
{
    (void)state;
    write_sample("bad.mod");
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    (void)close(fd);
    int before = dup(0);
    (void)close(before);
    assert_refused(ELF_MODULE, CLOISTER_BAD_FORMAT, "not an ELF file");
    int after = dup(0);
    (void)close(after);
    assert_int_equal(before, after);
}

/* Builds a file with a compiler of this machine; skips if it is not there. */
static void build(const char *command)
{
    char line[512];
    (void)snprintf(line, sizeof line, "cd %s && %s 2>errors", folder, command);
    if (system(line) != 0) {
        print_message("skipped: cannot run: %s\n", command);
        skip();
    }
}

static void write_source(const char *text)
{
    name_path("x.c");
    FILE *source = fopen(path, "w");
    assert_non_null(source);
    (void)fputs(text, source);
    (void)fclose(source);
    name_path("x");
}

static const char hello[] = "#include <stdio.h>\n"
                            "static _Thread_local int n = 5;\n"
                            "int main(void) { return printf(\"%d\\n\", n); }\n";

static void static_pie_of_glibc_is_accepted(void **state)
{
    (void)state;
    write_source(hello);
    build("gcc -O2 -static-pie x.c -o x");
    assert_opens(ELF_PROGRAM);
    assert_true(file.record.tls_memsz > 0 && file.record.relro_size > 0);
    char symbol[64];
    module_file_symbol(&file, file.record.entry, symbol, sizeof symbol);
    assert_string_equal(symbol, "_start+0x0");
    module_file_close(&file);
}

/* strip moves section headers and drops symbols: what is measured must not notice. */
static void strip_leaves_record_and_image(void **state)
{
    (void)state;
    write_source(hello);
    build("gcc -O2 -g -static-pie x.c -o x && strip -o y x");
    assert_opens(ELF_PROGRAM);
    struct module_file whole = file;
    name_path("y");
    assert_opens(ELF_PROGRAM);
    assert_memory_equal(&file.record, &whole.record, sizeof file.record);
    for (uint32_t i = 0; i < file.image_pages; i++) {
        uint8_t a[CLO_PAGE_SIZE];
        uint8_t b[CLO_PAGE_SIZE];
        assert_int_equal(pread(file.image, a, sizeof a, (off_t)i * CLO_PAGE_SIZE), sizeof a);
        assert_int_equal(pread(whole.image, b, sizeof b, (off_t)i * CLO_PAGE_SIZE), sizeof b);
        assert_memory_equal(a, b, sizeof a);
    }
    char symbol[64];
    module_file_symbol(&file, file.record.entry, symbol, sizeof symbol);
    assert_string_equal(symbol, "");
    module_file_close(&whole);
    module_file_close(&file);
}

static void static_program_of_glibc_is_accepted(void **state)
{
    (void)state;
    write_source(hello);
    build("gcc -O2 -static x.c -o x");
    assert_opens(ELF_PROGRAM);
    module_file_close(&file);
    assert_refused(ELF_MODULE, CLOISTER_BAD_FORMAT, "-static-pie");
}

static void static_program_of_musl_is_accepted(void **state)
{
    (void)state;
    write_source(hello);
    build("musl-gcc -O2 -static x.c -o x");
    assert_opens(ELF_PROGRAM);
    module_file_close(&file);
}

static void static_pie_without_libc_is_accepted(void **state)
{
    (void)state;
    write_source("int x = 5; int *p = &x; void _start(void) { for (;;) *p = 1; }\n");
    build("gcc -O2 -nostdlib -static-pie -fPIE x.c -o x");
    assert_opens(ELF_PROGRAM);
    module_file_close(&file);
}

static void static_busybox_is_accepted(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/bin/busybox");
    if (access(path, R_OK) != 0) {
        print_message("skipped: no /bin/busybox\n");
        skip();
    }
    struct reason why = {0};
    cloister_status status = module_file_open(path, ELF_PROGRAM, &file, &why);
    if (status == CLOISTER_OK)
        module_file_close(&file);
    else
        assert_non_null(strstr(why.text, "PT_INTERP")); /* the package that is not static */
}

static void dynamic_program_is_refused(void **state)
{
    (void)state;
    write_source(hello);
    build("gcc -O2 x.c -o x");
    assert_refused(ELF_PROGRAM, CLOISTER_BAD_FORMAT, "PT_INTERP");
}

static void shared_library_is_refused(void **state)
{
    (void)state;
    write_source("int f(void) { return 1; }\n");
    build("gcc -O2 -shared -fPIC x.c -o x");
    assert_refused(ELF_PROGRAM, CLOISTER_BAD_FORMAT, "");
}

static void program_with_executable_stack_is_refused(void **state)
{
    (void)state;
    write_source(hello);
    build("gcc -O2 -static -z execstack x.c -o x");
    assert_refused(ELF_PROGRAM, CLOISTER_BAD_FORMAT, "executable stack");
}

static void program_with_writable_code_is_refused(void **state)
{
    (void)state;
    write_source("void _start(void) { for (;;); } int x = 1;\n");
    build("gcc -O2 -nostdlib -static -Wl,-N x.c -o x");
    assert_refused(ELF_PROGRAM, CLOISTER_BAD_FORMAT, "writable and executable");
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(file_becomes_record_and_sealed_image),
        TEST(image_is_the_canonical_form),
        TEST(both_memfds_are_sealed_against_any_change),
        TEST(later_change_of_the_file_changes_nothing),
        TEST(file_swapped_all_the_time_is_read_as_one_of_the_two),
        TEST(growing_file_is_refused_or_read_whole),
        TEST(missing_file_is_named),
        TEST(fifo_is_refused_without_waiting),
        TEST(folder_and_device_are_refused),
        TEST(empty_file_is_refused),
        TEST(sparse_tebibyte_is_refused_unread),
        TEST(file_of_procfs_that_has_no_size_is_refused),
        TEST(bad_names_are_refused),
        TEST(name_of_31_characters_is_accepted),
        TEST(program_may_have_any_name),
        TEST(refused_file_leaves_no_descriptor_open),
        TEST(static_pie_of_glibc_is_accepted),
        TEST(strip_leaves_record_and_image),
        TEST(static_program_of_glibc_is_accepted),
        TEST(static_program_of_musl_is_accepted),
        TEST(static_pie_without_libc_is_accepted),
        TEST(static_busybox_is_accepted),
        TEST(dynamic_program_is_refused),
        TEST(shared_library_is_refused),
        TEST(program_with_executable_stack_is_refused),
        TEST(program_with_writable_code_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
