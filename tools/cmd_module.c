/*
 * `cloister module`: picks the command; `module measure`.
 */
#include "tools/cmd_module.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "tools/module_bytes.h"
#include "tools/tool.h"

#include <getopt.h>

static const char help[] =
    "Usage: cloister module COMMAND [ARGUMENTS...]\n"
    "Makes, signs and looks at trusted modules.\n"
    "\n"
    "  new NAME                        a folder with a module that builds as it is\n"
    "  build SRC... -o X.mod [-- ...]  compile and link a module\n"
    "  keygen -o author.pem            make an author's key (P-256)\n"
    "  key FILE                        the author identity of a key\n"
    "  sign X.mod --key author.pem     sign a module\n"
    "  inspect X.mod [--json]          what a module declares, and who signed it\n"
    "  measure X.mod                   its measurement, as reports have it\n"
    "  diff A.mod B.mod                why two modules measure differently\n";

static const char measure_help[] =
    "Usage: cloister module measure X.mod\n"
    "Prints the module's measurement: SHA-384 in hexadecimal. Signing and stripping do not change\n"
    "it; reports of a world that runs the module have the same.\n";

int cmd_module_measure(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    opterr = 0;
    int option = getopt_long(argc, argv, ":h", options, NULL);
    if (option == 'h')
        return tool_help(measure_help);
    if (option != -1)
        return tool_bad_option("module measure", option, argv);
    if (argc - optind != 1)
        return tool_usage("module measure", "one module is needed");
    AUTO_MODULE_BYTES struct module_bytes module = {0};
    struct reason why = {0};
    cloister_status status = module_bytes_read(argv[optind], &module, &why);
    if (status != CLOISTER_OK)
        return tool_fail("module measure", status, &why);
    char hex[2 * CLO_DIGEST_SIZE + 1];
    hex_encode(module.measurement, CLO_DIGEST_SIZE, hex);
    (void)puts(hex);
    return TOOL_OK;
}

int cmd_module(int argc, char **argv)
{
    static const struct tool_command commands[] = {
        {"new", cmd_module_new},         {"build", cmd_module_build},
        {"keygen", cmd_module_keygen},   {"key", cmd_module_key},
        {"sign", cmd_module_sign},       {"inspect", cmd_module_inspect},
        {"measure", cmd_module_measure}, {"diff", cmd_module_diff},
    };
    return tool_dispatch("module", help, commands, ARRAY_SIZE(commands), argc, argv);
}
