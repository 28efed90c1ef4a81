/*
 * `cloister interface`: from one interface file to client stubs, module skeleton and manifest
 * table. protoc reads the file, our plugin and nanopb write C (tools/interface/); this command runs
 * them aside and moves what they made into place, all of it or nothing.
 */
#include "tools/tool.h"

#include "abi/manifest.h"
#include "base/file.h"
#include "base/scope.h"
#include "tools/interface_files.h"
#include "tools/interrupt.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define COMMAND "interface"
#define NANOPB_FOLDER "/usr/lib/python3/dist-packages/proto"
#define PROTOC "/usr/bin/protoc"
#define OUTPUT_SIZE 4096

static const char help[] =
    "Usage: cloister interface NAME.proto -o FOLDER\n"
    "Makes C of an interface: messages, client functions, and a module's skeleton and methods.\n"
    "\n"
    "  -o, --output FOLDER   gets NAME.pb.h, NAME.pb.c, NAME_client.h, NAME_client.c,\n"
    "                        NAME_module.h and NAME_module.c; all of them or none. Older ones are\n"
    "                        replaced, files of other origin are not\n"
    "\n"
    "The interface is protobuf 3 with one service; every string, bytes and repeated field needs a\n"
    "maximum, in the file or in NAME.options beside it. docs/interfaces.md has the rules.\n"
    "\n"
    "Exit status: 0 done, 4 no such file, 6 a package is missing, 7 the interface breaks a rule, "
    "or a\n"
    "file of other origin is in the way, others as in 'cloister --help'.\n";

struct interface {
    char *folder; /* of the interface file */
    char *source; /* its name there */
    char *name;   /* without .proto */
    const char *output;
};

static const struct {
    const char *path, *package;
} needed[] = {
    {PROTOC, "protobuf-compiler"},
    {"/usr/bin/python3", "python3"},
    {"/usr/lib/python3/dist-packages/google/protobuf/descriptor.py", "python3-protobuf"},
    {NANOPB_FOLDER "/nanopb.proto", "nanopb"},
    {"/usr/include/pb.h", "libnanopb-dev"},
};

static cloister_status check_packages(struct reason *why)
{
    char missing[128] = "";
    size_t length = 0;
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        if (access(needed[i].path, R_OK) != 0)
            length += (size_t)snprintf(missing + length, sizeof missing - length, " %s",
                                       needed[i].package);
    if (length == 0)
        return CLOISTER_OK;
    return refuse(why, CLOISTER_UNSUPPORTED,
                  "Debian packages are missing; install them with: sudo apt-get install%s",
                  missing);
}

/* In the child: protoc reads .options files beside the interface, so it runs there. */
static void become_protoc(const struct interface *interface, const char *made, int complaints)
{
    char plugin[PATH_MAX + 64];
    char option[PATH_MAX + 64];
    char source[PATH_MAX];
    char path[PATH_MAX];
    struct reason why;
    if (tool_program_path("interface/protoc-gen-cloister", path, sizeof path, &why) !=
        CLOISTER_OK) {
        (void)dprintf(complaints, "%s\n", why.text);
        return;
    }
    (void)snprintf(plugin, sizeof plugin, "--plugin=protoc-gen-cloister=%s", path);
    (void)snprintf(option, sizeof option, "--cloister_out=methods=%u,name=%u:%s", CLO_METHODS_MAX,
                   CLO_NAME_SIZE - 1, made);
    (void)snprintf(source, sizeof source, "./%s", interface->source);
    if (chdir(interface->folder) != 0 || dup2(complaints, STDERR_FILENO) < 0 ||
        dup2(complaints, STDOUT_FILENO) < 0)
        return;
    (void)execl(PROTOC, "protoc", "-I.", "-I" NANOPB_FOLDER, plugin, option, source, (char *)NULL);
    (void)dprintf(complaints, "cannot run " PROTOC "\n");
}

/* All of it, cut to fit: what does not fit is read too, so that the child never waits for us. */
static void read_output(int fd, char output[OUTPUT_SIZE])
{
    char rest[OUTPUT_SIZE];
    size_t length = 0;
    for (ssize_t n = 1; n > 0 || (n < 0 && errno == EINTR);) {
        size_t room = OUTPUT_SIZE - 1 - length;
        n = read(fd, room ? output + length : rest, room ? room : sizeof rest);
        if (n > 0 && room)
            length += (size_t)n;
    }
    output[length] = '\0';
}

/* The first line that is no warning, without protoc's name for our plugin. */
static const char *find_complaint(char *output)
{
    static const char prefix[] = "--cloister_out: ";
    char *rest = NULL;
    char *line = strtok_r(output, "\n", &rest);
    while (line && (strstr(line, ": warning: ") || strstr(line, "[libprotobuf WARNING ")))
        line = strtok_r(NULL, "\n", &rest);
    if (!line)
        return "protoc ended without a word";
    return strncmp(line, prefix, sizeof prefix - 1) == 0 ? line + sizeof prefix - 1 : line;
}

static cloister_status run_protoc(const struct interface *interface, const char *made,
                                  struct reason *why)
{
    char output[OUTPUT_SIZE];
    int ends[2];
    int state = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse_errno(why, "cannot make a pipe");
    AUTO_FD int from = ends[0];
    AUTO_FD int to = ends[1];
    pid_t child = fork();
    if (child < 0)
        return refuse_errno(why, "cannot start a process");
    (void)setpgid(child, child); /* here and there: whoever is first */
    if (child == 0) {
        interrupt_release();
        become_protoc(interface, made, to);
        _exit(127);
    }
    (void)close(take_fd(&to));
    interrupt_pass_on(-child);
    read_output(from, output);
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return refuse_errno(why, "cannot wait for protoc");
    interrupt_pass_on(0);
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return CLOISTER_OK;
    const char *complaint = find_complaint(output);
    if (strncmp(complaint, interface->source, strlen(interface->source)) == 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "%s", complaint);
    return refuse(why, CLOISTER_BAD_FORMAT, "%s: %s", interface->source, complaint);
}

static cloister_status make_aside(const struct interface *interface, char *aside,
                                  struct reason *why)
{
    char made[PATH_MAX];
    if (!mkdtemp(aside))
        return refuse_errno(why, "cannot write to folder %s", interface->output);
    cloister_status status = CLOISTER_OK;
    if (!realpath(aside, made))
        status = refuse_errno(why, "cannot find folder %s", aside);
    if (status == CLOISTER_OK)
        status = run_protoc(interface, made, why);
    if (status == CLOISTER_OK)
        status = interface_files_move(interface->name, aside, interface->output, why);
    interface_files_remove(interface->name, aside);
    return status;
}

static cloister_status make_in_folder(const struct interface *interface, char *aside,
                                      struct reason *why)
{
    bool fresh = mkdir(interface->output, 0777) == 0;
    if (!fresh && errno != EEXIST)
        return refuse_errno(why, "cannot make folder %s", interface->output);
    cloister_status status = make_aside(interface, aside, why);
    if (status != CLOISTER_OK && fresh)
        (void)rmdir(interface->output);
    return status;
}

static cloister_status split_path(const char *path, struct interface *interface, struct reason *why)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    cloister_status status = file_check_input(path, why);
    if (status != CLOISTER_OK)
        return status;
    if (length <= 6 || length > NAME_MAX - 32 || strcmp(base + length - 6, ".proto") != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%s is no interface; its name ends in .proto",
                      path);
    interface->folder =
        slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    interface->source = strdup(base);
    interface->name = strndup(base, length - 6);
    if (interface->folder && interface->source && interface->name)
        return CLOISTER_OK;
    return refuse(why, CLOISTER_NO_MEMORY, "out of memory");
}

static int make(const char *path, const char *output)
{
    AUTO_FREE char *aside = NULL;
    struct interface interface = {.output = output};
    struct reason why = {""};
    cloister_status status = check_packages(&why);
    if (status == CLOISTER_OK && !*output)
        status = refuse(&why, CLOISTER_BAD_ARGUMENT, "output is ''; it must name a folder");
    if (status == CLOISTER_OK)
        status = split_path(path, &interface, &why);
    if (status == CLOISTER_OK && asprintf(&aside, "%s/.interface.XXXXXX", output) < 0) {
        aside = NULL;
        status = CLOISTER_NO_MEMORY;
    }
    interrupt_hold();
    if (status == CLOISTER_OK)
        status = make_in_folder(&interface, aside, &why);
    interrupt_release();
    free(interface.folder);
    free(interface.source);
    free(interface.name);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}

int cmd_interface(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *output = NULL;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
        if (option == 'h')
            return tool_help(help);
        if (option != 'o')
            return tool_bad_option(COMMAND, option, argv);
        output = optarg;
    }
    if (argc - optind != 1)
        return tool_usage(COMMAND, "one interface file is needed");
    if (!output)
        return tool_usage(COMMAND, "-o FOLDER is missing");
    return make(argv[optind], output);
}
