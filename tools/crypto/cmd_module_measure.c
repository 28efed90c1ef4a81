/*
 * `cloister module measure`: a module's measurement.
 */
#include "tools/crypto/commands.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "tools/crypto/module_bytes.h"
#include "tools/tool.h"

#include <getopt.h>

static const char measure_help[] =
    "Usage: cloister module measure X.mod\n"
    "Prints the module's measurement: SHA-384 in hexadecimal. Signing and stripping do not change\n"
    "it; reports of a world that runs the module have the same.\n"
    "\n"
    "Exit status: 0 done, 4 no such file, 7 no module, others as in 'cloister --help'.\n";

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
