/*
 * `cloister module build`: runs the ordinary compiler with the flags a module needs, checks what
 * comes out the way the loader will, and only then puts it where it was asked for.
 */
#include "tools/tool.h"

#include "base/file.h"
#include "base/scope.h"
#include "measure/module_image.h"
#include "tools/compiler.h"
#include "tools/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define COMMAND "module build"
#define MODULE_SIZE_MAX ((size_t)256 << 20)
#define OWN_ARGUMENTS 40

extern char **environ;

static const char help[] =
    "Usage: cloister module build SOURCE... -o FILE.mod [--no-libc] [-- ARGUMENT...]\n"
    "Makes a module of C sources with gcc (or $CC) and the module SDK.\n"
    "\n"
    "  -o, --output FILE   the module; an old one is replaced only by one that is sound\n"
    "      --no-libc       without a libc: smaller, quicker to start, no malloc\n"
    "      -- ARGUMENT...  more for the compiler and linker, such as -lcloister-seal -lcrypto\n"
    "\n"
    "musl, whose -static-pie makes a dynamic program on Debian: CC=musl-gcc, and behind the --\n"
    "  -static -nostartfiles -Wl,-pie,--no-dynamic-linker DIR/rcrt1.o DIR/crti.o DIR/crtn.o\n"
    "  where DIR is /usr/lib/x86_64-linux-musl\n"
    "\n"
    "Exit status: 0 done, 4 no such source or compiler, 7 the compiler failed, or made no module "
    "that\n"
    "a world would take, others as in 'cloister --help'.\n";

struct build {
    const char *output;
    bool no_libc;
    char **sources;
    int source_count;
    char **extra;
    int extra_count;
};

struct sdk {
    char include[PATH_MAX + 16];
    char lib[PATH_MAX + 16];
};

static bool sdk_at(struct sdk *sdk, const char *folder, const char *include, const char *lib)
{
    char header[PATH_MAX + 64];
    (void)snprintf(sdk->include, sizeof sdk->include, "-I%s/%s", folder, include);
    (void)snprintf(sdk->lib, sizeof sdk->lib, "-L%s/%s", folder, lib);
    (void)snprintf(header, sizeof header, "%s/cloister/module.h", sdk->include + 2);
    return access(header, R_OK) == 0;
}

/* Beside the command (a build tree), else where an installed one has it. */
static cloister_status find_sdk(struct sdk *sdk, struct reason *why)
{
    char folder[PATH_MAX];
    cloister_status status = tool_program_folder(folder, sizeof folder, why);
    if (status != CLOISTER_OK)
        return status;
    if (sdk_at(sdk, folder, "sdk/include", "sdk/lib") ||
        sdk_at(sdk, folder, "../include", "../lib/cloister"))
        return CLOISTER_OK;
    return refuse(why, CLOISTER_NOT_FOUND,
                  "the module SDK is neither in %.100s/sdk nor in %.100s/../include", folder,
                  folder);
}

static const char *const common_flags[] = {"-std=gnu17",
                                           "-O2",
                                           "-g",
                                           "-fPIE",
                                           "-static-pie",
                                           "-fno-strict-aliasing",
                                           "-ffunction-sections",
                                           "-fdata-sections",
                                           "-Wl,--gc-sections",
                                           "-Wl,-z,relro,-z,now",
                                           "-Wl,-z,noexecstack,-z,separate-code",
                                           "-Wl,--build-id=none"};
static const char *const no_libc_flags[] = {"-nostdlib", "-ffreestanding", "-fno-stack-protector",
                                            "-fno-asynchronous-unwind-tables"};
static const char *const no_libc_libraries[] = {"-Wl,--undefined=_start", "-Wl,--start-group",
                                                "-lcloister-start",       "-lcloister-module",
                                                "-Wl,--end-group",        "-lgcc"};

static const char *const libc_libraries[] = {"-Wl,--entry=cloister_entry", "-lcloister-module"};

static void append(const char **arguments, size_t *count, const char *const *more, size_t size)
{
    for (size_t i = 0; i < size; i++)
        arguments[(*count)++] = more[i];
}

/* The library last: it answers what sources and other libraries ask for. Fresh memory. */
static const char **compiler_arguments(const struct build *build, const struct sdk *sdk,
                                       const char *output)
{
    size_t room = OWN_ARGUMENTS + (size_t)build->source_count + (size_t)build->extra_count;
    const char **arguments = calloc(room, sizeof *arguments);
    const char *compiler = getenv("CC");
    size_t count = 0;
    if (!arguments)
        return NULL;
    arguments[count++] = compiler && *compiler ? compiler : "gcc";
    append(arguments, &count, common_flags, ARRAY_SIZE(common_flags));
    if (build->no_libc)
        append(arguments, &count, no_libc_flags, ARRAY_SIZE(no_libc_flags));
    append(arguments, &count, (const char *[]){sdk->include, "-o", output}, 3);
    append(arguments, &count, (const char *const *)build->sources, (size_t)build->source_count);
    arguments[count++] = sdk->lib;
    append(arguments, &count, (const char *const *)build->extra, (size_t)build->extra_count);
    if (build->no_libc)
        append(arguments, &count, no_libc_libraries, ARRAY_SIZE(no_libc_libraries));
    else
        append(arguments, &count, libc_libraries, ARRAY_SIZE(libc_libraries));
    return arguments;
}

/* What is moved into place would take the place of a device, too. */
static cloister_status check_output(const struct build *build, struct reason *why)
{
    struct stat st;
    if (strcmp(build->output, "-") == 0 ||
        (stat(build->output, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "output is '%.120s'; a module goes to a regular file", build->output);
    return file_check_output(build->output, why);
}

/* The compiler would say so in three lines; and a source must not become its own module. */
static cloister_status check_sources(const struct build *build, struct reason *why)
{
    struct stat output;
    struct stat source;
    bool there = stat(build->output, &output) == 0;
    for (int i = 0; i < build->source_count; i++) {
        cloister_status status = file_check_input(build->sources[i], why);
        if (status != CLOISTER_OK)
            return status;
        if (stat(build->sources[i], &source) != 0)
            return refuse_errno(why, "cannot open %.120s", build->sources[i]);
        if (there && source.st_dev == output.st_dev && source.st_ino == output.st_ino)
            return refuse(why, CLOISTER_BAD_ARGUMENT,
                          "%.120s is a source; -o must name another file", build->output);
    }
    return CLOISTER_OK;
}

/* Can it be written there at all? The compiler only fills it. */
static cloister_status create_empty(const char *path, const struct build *build, struct reason *why)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    if (fd < 0)
        return refuse_errno(why, "cannot write %.120s", build->output);
    return CLOISTER_OK;
}

/* As the loader reads it. */
static cloister_status check(const char *path, struct clo_module_record *record, size_t *size,
                             struct reason *why)
{
    AUTO_FREE uint8_t *bytes = NULL;
    struct elf_image image;
    cloister_status status = file_read(path, MODULE_SIZE_MAX, &bytes, size, why);
    if (status == CLOISTER_OK)
        status = elf_image_parse(bytes, *size, ELF_MODULE, &image, why);
    if (status == CLOISTER_OK)
        status = module_record_fill(&image, record, why);
    return status;
}

static void print_module(const struct build *build, const struct clo_module_record *record,
                         size_t size)
{
    const struct clo_manifest *manifest = &record->manifest;
    (void)printf("%s: %s %s, svn %u, %u method%s, %zu bytes, unsigned\n", build->output,
                 (const char *)manifest->name, (const char *)manifest->version, manifest->svn,
                 manifest->method_count, manifest->method_count == 1 ? "" : "s", size);
}

/* Compiles to `temporary`, checks it, and moves it into place. */
static cloister_status make(const struct build *build, const char *temporary, struct reason *why)
{
    struct sdk sdk;
    struct clo_module_record record;
    size_t size;
    cloister_status status = find_sdk(&sdk, why);
    if (status == CLOISTER_OK)
        status = check_output(build, why);
    if (status == CLOISTER_OK)
        status = check_sources(build, why);
    if (status == CLOISTER_OK)
        status = create_empty(temporary, build, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FREE const char **arguments = compiler_arguments(build, &sdk, temporary);
    if (!arguments)
        return refuse(why, CLOISTER_NO_MEMORY, "out of memory");
    status = compiler_run(arguments, why);
    if (status == CLOISTER_OK)
        status = check(temporary, &record, &size, why);
    if (status != CLOISTER_OK)
        return status;
    if (rename(temporary, build->output) != 0)
        return refuse_errno(why, "cannot write %.120s", build->output);
    print_module(build, &record, size);
    return CLOISTER_OK;
}

static int build_module(const struct build *build)
{
    struct reason why = {""};
    AUTO_FREE char *temporary = NULL;
    if (asprintf(&temporary, "%s.%ld.tmp", build->output, (long)getpid()) < 0) {
        temporary = NULL;
        return tool_fail(COMMAND, CLOISTER_NO_MEMORY, NULL);
    }
    interrupt_hold();
    cloister_status status = make(build, temporary, &why);
    if (status != CLOISTER_OK)
        (void)unlink(temporary);
    interrupt_release();
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}

/* What stands behind `--` is not ours to read. */
static void split_extra(struct build *build, int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--") != 0)
            continue;
        build->extra = argv + i + 1;
        build->extra_count = *argc - i - 1;
        argv[i] = NULL;
        *argc = i;
        return;
    }
}

int cmd_module_build(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"no-libc", no_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct build build = {0};
    split_extra(&build, &argc, argv);
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
        switch (option) {
        case 'o':
            build.output = optarg;
            break;
        case 'n':
            build.no_libc = true;
            break;
        case 'h':
            return tool_help(help);
        default:
            return tool_bad_option(COMMAND, option, argv);
        }
    }
    build.sources = argv + optind;
    build.source_count = argc - optind;
    if (build.source_count == 0)
        return tool_usage(COMMAND, "a source file is missing");
    if (!build.output)
        return tool_usage(COMMAND, "-o FILE.mod is missing");
    return build_module(&build);
}
