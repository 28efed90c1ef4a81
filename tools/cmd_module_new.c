/*
 * `cloister module new`: writes a small module to start from. It builds as it is.
 */
#include "tools/tool.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "base/signals.h"

#include "abi/layout.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#define COMMAND "module new"

static const char help[] = "Usage: cloister module new NAME\n"
                           "Writes NAME.c here, a small module to start from. An existing file "
                           "is left alone.\n"
                           "\n"
                           "Exit status: 0 done, 7 no name for a module, or NAME.c exists, others "
                           "as in\n"
                           "'cloister --help'.\n";

/* %1$s is the module's name. */
static const char template[] =
    "/*\n"
    " * %1$s: a trusted module. Build, run and call it:\n"
    " *\n"
    " *   cloister module build %1$s.c -o %1$s.mod\n"
    " *   cloister world run try --debug --module %1$s.mod --detach\n"
    " *   cloister call try/%1$s reverse --text hello\n"
    " *   cloister world stop try\n"
    " */\n"
    "#include <cloister/module.h>\n"
    "\n"
    "#define MOST 4096 /* bytes of text in one call */\n"
    "\n"
    "/* Sees private copies: the caller cannot change the input while this runs, and both are "
    "wiped\n"
    "   afterwards. */\n"
    "static cloister_status reverse(cloister_call *call)\n"
    "{\n"
    "    const cloister_argument *in = &call->argument[0];\n"
    "    cloister_argument *out = &call->argument[1];\n"
    "\n"
    "    if (out->capacity < in->size)\n"
    "        return CLOISTER_TOO_BIG;\n"
    "    for (size_t i = 0; i < in->size; i++)\n"
    "        out->out[i] = in->in[in->size - 1 - i];\n"
    "    out->size = in->size;\n"
    "    return CLOISTER_OK;\n"
    "}\n"
    "\n"
    "/* What is not declared here is refused. All of it is measured. */\n"
    "CLOISTER_MODULE(.name = \"%1$s\", .version = \"0.1.0\", .svn = 1, .method_count = 1,\n"
    "                .method = {CLOISTER_METHOD(\"reverse\", CLOISTER_IN(0, MOST),\n"
    "                                           CLOISTER_OUT(MOST))});\n"
    "CLOISTER_HANDLERS(reverse);\n";

static cloister_status write_new(const char *path, const char *text, struct reason *why)
{
    AUTO_SIGNALS sigset_t before = signals_hold();
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "%s exists already; choose another name or remove it", path);
    if (fd < 0)
        return refuse_errno(why, "cannot write %s", path);
    if (fd_write_all(fd, text, strlen(text)) == CLOISTER_OK)
        return CLOISTER_OK;
    cloister_status status = refuse_errno(why, "cannot write %s", path);
    (void)unlink(path);
    return status;
}

int cmd_module_new(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    uint8_t name[CLO_NAME_SIZE];
    char path[CLO_NAME_SIZE + 2];
    struct reason why;
    optind = 1;
    int option = getopt_long(argc, argv, ":h", options, NULL);
    if (option == 'h')
        return tool_help(help);
    if (option != -1)
        return tool_bad_option(COMMAND, option, argv);
    if (argc - optind != 1)
        return tool_usage(COMMAND, argc == optind ? "a name is missing" : "one name is enough");
    if (!name_set(name, sizeof name, argv[optind]) || !name_is_valid(name, sizeof name))
        return tool_fail(COMMAND,
                         refuse(&why, CLOISTER_BAD_ARGUMENT,
                                "'%.40s' is no module name; it must be 1 to %u letters, digits, "
                                "'-', '_' and '.', not starting with '.' or '-'",
                                argv[optind], CLO_NAME_SIZE - 1),
                         &why);
    AUTO_FREE char *text = NULL;
    if (asprintf(&text, template, (const char *)name) < 0) {
        text = NULL;
        return tool_fail(COMMAND, CLOISTER_NO_MEMORY, NULL);
    }
    (void)snprintf(path, sizeof path, "%s.c", (const char *)name);
    cloister_status status = write_new(path, text, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    (void)printf("%s written; build it with 'cloister module build %s -o %s.mod'\n", path, path,
                 (const char *)name);
    return TOOL_OK;
}
