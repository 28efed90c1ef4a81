/*
 * `cloister module keygen` and `module key`: an author's key and identity.
 */
#include "tools/crypto/commands.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "measure/module_signature.h"
#include "measure/openssl_scope.h"
#include "tools/crypto/author_key.h"
#include "tools/tool.h"

#include <getopt.h>
#include <string.h>

static const char keygen_help[] =
    "Usage: cloister module keygen -o author.pem\n"
    "Makes an author's key (P-256) in a new file that only you can read, and prints the author\n"
    "identity. Whoever has the key can sign modules that open the author's sealed data.\n"
    "\n"
    "Exit status: 0 done, 7 the file exists: a key is never overwritten, others as in\n"
    "'cloister --help'.\n";

static const char key_help[] =
    "Usage: cloister module key FILE\n"
    "Prints the author identity of a private or public P-256 key (PEM): what reports and\n"
    "`cloister report verify --author` have.\n"
    "\n"
    "Exit status: 0 done, 4 no such file, 7 it is no such key, others as in 'cloister --help'.\n";

static int print_author(const char *command, EVP_PKEY *key)
{
    uint8_t author[CLO_AUTHOR_SIZE];
    char hex[2 * CLO_AUTHOR_SIZE + 1];
    struct reason why = {0};
    cloister_status status = author_of_key(key, author, &why);
    if (status != CLOISTER_OK)
        return tool_fail(command, status, &why);
    hex_encode(author, sizeof author, hex);
    (void)puts(hex);
    return TOOL_OK;
}

int cmd_module_keygen(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"output", required_argument, NULL, 'o'}, {0}};
    const char *path = NULL;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
        if (option == 'h')
            return tool_help(keygen_help);
        if (option != 'o')
            return tool_bad_option("module keygen", option, argv);
        path = optarg;
    }
    if (!path || optind != argc)
        return tool_usage("module keygen", "-o FILE is needed, and nothing else");
    if (strcmp(path, "-") == 0)
        return tool_usage("module keygen", "a key goes to a file, not to standard output");
    AUTO_EVP_PKEY EVP_PKEY *key = NULL;
    struct reason why = {0};
    cloister_status status = file_check_output(path, &why);
    if (status == CLOISTER_OK)
        status = author_key_make(path, &key, &why);
    if (status != CLOISTER_OK)
        return tool_fail("module keygen", status, &why);
    return print_author("module keygen", key);
}

int cmd_module_key(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    opterr = 0;
    int option = getopt_long(argc, argv, ":h", options, NULL);
    if (option == 'h')
        return tool_help(key_help);
    if (option != -1)
        return tool_bad_option("module key", option, argv);
    if (argc - optind != 1)
        return tool_usage("module key", "one key file is needed");
    AUTO_EVP_PKEY EVP_PKEY *key = NULL;
    struct reason why = {0};
    cloister_status status = author_key_read_public(argv[optind], &key, &why);
    if (status != CLOISTER_OK)
        return tool_fail("module key", status, &why);
    return print_author("module key", key);
}
