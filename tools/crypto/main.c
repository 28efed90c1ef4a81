/*
 * cloister-crypto: the commands of `cloister` that make, use or judge keys, digests and signatures.
 * A program of its own, because libcrypto more than doubles the time that a program needs to start.
 *
 *   cloister-crypto key|module|report COMMAND [ARGUMENTS…]
 *
 * Started by `cloister key`, `cloister module` and `cloister report` (tools/cmd_crypto.c).
 */
#include "base/scope.h"
#include "tools/crypto/commands.h"
#include "tools/tool.h"

static const char help[] = "Usage: cloister-crypto GROUP COMMAND [ARGUMENTS...]\n"
                           "The part of the command 'cloister' that needs libcrypto; run that.\n";

static int module(int argc, char **argv)
{
    static const struct tool_command commands[] = {
        {"keygen", cmd_module_keygen},   {"key", cmd_module_key},         {"sign", cmd_module_sign},
        {"inspect", cmd_module_inspect}, {"measure", cmd_module_measure}, {"diff", cmd_module_diff},
    };
    return tool_dispatch("module", help, commands, ARRAY_SIZE(commands), argc, argv);
}

static int report(int argc, char **argv)
{
    static const struct tool_command commands[] = {
        {"show", cmd_report_show},
        {"verify", cmd_report_verify},
    };
    return tool_dispatch("report", help, commands, ARRAY_SIZE(commands), argc, argv);
}

int main(int argc, char **argv)
{
    static const struct tool_command groups[] = {
        {"key", cmd_key}, {"module", module}, {"report", report}};
    return tool_program_main(help, groups, ARRAY_SIZE(groups), argc, argv);
}
