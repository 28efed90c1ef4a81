/*
 * `cloister module sign`: puts the author's signature into a module's file. What runs does not
 * change: the signed copy is parsed and measured again before it replaces the file.
 */
#include "tools/crypto/commands.h"

#include "abi/keeper.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "measure/module_signature.h"
#include "measure/openssl_scope.h"
#include "tools/crypto/author_key.h"
#include "tools/crypto/module_bytes.h"
#include "tools/crypto/module_section.h"
#include "tools/tool.h"

#include <getopt.h>
#include <sys/stat.h>

#define COMMAND "module sign"

static const char help[] =
    "Usage: cloister module sign X.mod --key author.pem [-o SIGNED.mod]\n"
    "Signs the module with the author's key (P-256, PEM; `cloister module keygen` makes one). A\n"
    "signature that it has is replaced. The file is replaced as a whole; the measurement stays.\n"
    "\n"
    "  -k, --key FILE      the author's private key\n"
    "  -o, --output FILE   write here instead of replacing the module\n"
    "\n"
    "Exit status: 0 done, 4 no such file, 7 no module or no such key, others as in\n"
    "'cloister --help'.\n";

struct sign_options {
    const char *module;
    const char *key;
    const char *output; /* NULL: the module itself */
};

/* An exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct sign_options *options)
{
    static const struct option list[] = {{"help", no_argument, NULL, 'h'},
                                         {"key", required_argument, NULL, 'k'},
                                         {"output", required_argument, NULL, 'o'},
                                         {0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":hk:o:", list, NULL)) != -1) {
        if (option == 'h')
            return tool_help(help);
        if (option == 'k')
            options->key = optarg;
        else if (option == 'o')
            options->output = optarg;
        else
            return tool_bad_option(COMMAND, option, argv);
    }
    if (argc - optind != 1 || !options->key)
        return tool_usage(COMMAND, "one module and --key FILE are needed");
    options->module = argv[optind];
    struct reason why;
    cloister_status status =
        options->output ? file_check_output(options->output, &why) : CLOISTER_OK;
    return status == CLOISTER_OK ? -1 : tool_fail(COMMAND, status, &why);
}

/* Is the signed copy the same module, and its signature valid? */
static cloister_status check_signed(const struct module_bytes *module,
                                    const struct module_bytes *copy, struct reason *why)
{
    uint8_t author[CLO_AUTHOR_SIZE];
    if (!bytes_equal(module->measurement, copy->measurement, CLO_DIGEST_SIZE) ||
        copy->image.signature.size == 0)
        return refuse(why, CLOISTER_INTERNAL, "the signed copy would be another module");
    return module_bytes_author(copy, author, why);
}

/* Signs into a fresh file image. */
static cloister_status sign(const struct module_bytes *module, EVP_PKEY *key,
                            struct module_bytes *copy, struct reason *why)
{
    uint8_t signature[CLO_KEEPER_SIGNATURE_MAX];
    size_t signature_size;
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;
    cloister_status status =
        module_signature_make(key, module->measurement, &module->record.manifest, signature,
                              sizeof signature, &signature_size, why);
    if (status == CLOISTER_OK)
        status = module_section_write(module->bytes, module->size, signature, signature_size,
                                      &bytes, &size, why);
    if (status == CLOISTER_OK)
        status = module_bytes_parse(bytes, size, copy, why);
    if (status != CLOISTER_OK)
        return status;
    (void)take_pointer(&bytes);
    return check_signed(module, copy, why);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_mode & 0777 : 0644;
}

static cloister_status sign_file(const struct sign_options *options, struct reason *why)
{
    AUTO_EVP_PKEY EVP_PKEY *key = NULL;
    AUTO_MODULE_BYTES struct module_bytes module = {0};
    AUTO_MODULE_BYTES struct module_bytes copy = {0};
    cloister_status status = author_key_read(options->key, &key, why);
    if (status == CLOISTER_OK)
        status = module_bytes_read(options->module, &module, why);
    if (status == CLOISTER_OK)
        status = sign(&module, key, &copy, why);
    if (status != CLOISTER_OK)
        return status;
    return file_write(options->output ? options->output : options->module, copy.bytes, copy.size,
                      mode_of(options->module), why);
}

int cmd_module_sign(int argc, char **argv)
{
    struct sign_options options = {0};
    int exit_status = read_options(argc, argv, &options);
    if (exit_status >= 0)
        return exit_status;
    struct reason why = {0};
    cloister_status status = sign_file(&options, &why);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}
