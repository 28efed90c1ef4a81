/*
 * The commands that need libcrypto: becomes cloister-crypto (tools/crypto/), so that no other
 * command pays for starting with it.
 */
#include "tools/cmd_crypto.h"

#include "base/scope.h"
#include "tools/tool.h"

#include <string.h>

static int become(char *group, int argc, char **argv)
{
    static char program[] = "cloister-crypto";
    AUTO_FREE char **words = calloc((size_t)argc + 3, sizeof *words);
    if (!words)
        return tool_fail(group, CLOISTER_NO_MEMORY, NULL);
    words[0] = program;
    words[1] = group;
    memcpy(words + 2, argv, (size_t)argc * sizeof *words);
    return tool_program_become(group, words);
}

int cmd_crypto_key(int argc, char **argv)
{
    static char group[] = "key";
    return become(group, argc - 1, argv + 1);
}

int cmd_crypto_module(int argc, char **argv)
{
    static char group[] = "module";
    return become(group, argc, argv);
}

int cmd_crypto_report(int argc, char **argv)
{
    static char group[] = "report";
    return become(group, argc, argv);
}
