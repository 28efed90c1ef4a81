/*
 * `cloister module`: picks the command.
 */
#include "base/scope.h"
#include "tools/cmd_crypto.h"
#include "tools/tool.h"

static const char help[] =
    "Usage: cloister module COMMAND [ARGUMENTS...]\n"
    "Makes, signs and looks at trusted modules.\n"
    "\n"
    "  new NAME                        NAME.c, a module that builds as it is\n"
    "  build SRC... -o X.mod [-- ...]  compile and link a module\n"
    "  keygen -o author.pem            make an author's key (P-256)\n"
    "  key FILE                        the author identity of a key\n"
    "  sign X.mod --key author.pem     sign a module\n"
    "  inspect X.mod [--json]          what a module declares, and who signed it\n"
    "  measure X.mod                   its measurement, as reports have it\n"
    "  diff A.mod B.mod                why two modules measure differently\n"
    "\n"
    "Exit status: 0 done, 1 the modules of diff differ, 3 the signature is not valid, 4 no such "
    "file,\n"
    "7 a file or value is not acceptable, others as in 'cloister --help'.\n";

int cmd_module(int argc, char **argv)
{
    static const struct tool_command commands[] = {
        {"new", cmd_module_new},        {"build", cmd_module_build}, {"keygen", cmd_crypto_module},
        {"key", cmd_crypto_module},     {"sign", cmd_crypto_module}, {"inspect", cmd_crypto_module},
        {"measure", cmd_crypto_module}, {"diff", cmd_crypto_module},
    };
    return tool_dispatch("module", help, commands, ARRAY_SIZE(commands), argc, argv);
}
