/*
 * The commands that need libcrypto: becomes cloister-crypto (tools/crypto/), so that no other
 * command pays for starting with it.
 */
#include "tools/cmd_crypto.h"

#include "tools/tool.h"

static char program[] = "cloister-crypto";

int cmd_crypto_key(int argc, char **argv)
{
    static char group[] = "key";
    return tool_program_pass(program, group, argc - 1, argv + 1);
}

int cmd_crypto_module(int argc, char **argv)
{
    static char group[] = "module";
    return tool_program_pass(program, group, argc, argv);
}

int cmd_crypto_report(int argc, char **argv)
{
    static char group[] = "report";
    return tool_program_pass(program, group, argc, argv);
}
