/*
 * `cloister report show`: what a report says. It judges nothing, and says so.
 */
#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "cloister/verify.h"
#include "measure/report.h"
#include "measure/report_read.h"
#include "tools/crypto/commands.h"
#include "tools/tool.h"

#include <getopt.h>
#include <time.h>

#define COMMAND "report show"

static const char show_help[] =
    "Usage: cloister report show FILE [--json]\n"
    "Prints what a report says. Whether it is true is for `cloister report verify` to say.\n"
    "\n"
    "  -j, --json  the claims as JSON (names of docs/report.md, base64url for bytes)\n"
    "\n"
    "Exit status: 0 done, 4 no such file, 7 it is no report, others as in 'cloister --help'.\n";

static void print_hex(const char *name, const struct cbor_view *view)
{
    char hex[2 * CLO_USER_DATA_MAX + 1];
    hex_encode(view->bytes, view->size, hex);
    (void)printf("%-14s %s\n", name, hex);
}

static void print_text(const char *name, const struct cbor_view *view)
{
    (void)printf("%-14s %.*s\n", name, (int)view->size, (const char *)view->bytes);
}

static void print_author(const struct report_submodule *module)
{
    char hex[2 * CLO_DIGEST_SIZE + 1];
    hex_encode(module->component.signer.bytes, module->component.signer.size, hex);
    if (module->component.signer.size)
        (void)printf("%-14s %02x%s\n", "author", CLO_AUTHOR_KEY, hex);
    else
        (void)printf("%-14s none: the module is not signed\n", "author");
}

static void print_field(const struct report_field *field)
{
    char hex[2 * CLO_DIGEST_SIZE + 1];
    switch (field->kind) {
    case REPORT_FIELD_TEXT:
        (void)printf(" %s=%.*s", field->name, (int)field->text.size,
                     (const char *)field->text.bytes);
        break;
    case REPORT_FIELD_FLAG:
        (void)printf(" %s=%s", field->name, field->number ? "yes" : "no");
        break;
    case REPORT_FIELD_DIGEST:
        hex_encode(field->text.bytes, field->text.size, hex);
        (void)printf(" %s=%s", field->name, hex);
        break;
    default:
        (void)printf(" %s=%llu", field->name, (unsigned long long)field->number);
    }
}

static void print_fields(const char *name, const struct report_fields *fields)
{
    (void)printf("%-14s", name);
    for (unsigned i = 0; i < fields->count; i++)
        print_field(&fields->field[i]);
    (void)printf("\n");
}

static void print_subject(const struct report_submodule *module)
{
    print_text("module", &module->name);
    print_hex("measurement", &module->component.digest);
    print_author(module);
    (void)printf("%-14s %.*s %.*s, svn %llu, generation %llu\n", "software",
                 (int)module->swname.size, (const char *)module->swname.bytes,
                 (int)module->version.size, (const char *)module->version.bytes,
                 (unsigned long long)module->svn, (unsigned long long)module->generation);
}

/* The platform's clock is not trusted: the line says whose time it is. */
static void print_time(uint64_t iat)
{
    char text[32];
    struct tm parts;
    time_t seconds = (time_t)iat;
    if (gmtime_r(&seconds, &parts) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts))
        (void)printf("%-14s %s UTC, by the host's clock\n", "made", text);
}

static void print_others(const struct report_claims *claims)
{
    (void)printf("%-14s", "modules");
    for (unsigned i = 0; i < claims->module_count; i++)
        (void)printf(" %.*s", (int)claims->module[i].name.size,
                     (const char *)claims->module[i].name.bytes);
    (void)printf("\n");
}

static void print_claims(const struct report_claims *claims)
{
    print_subject(claims->subject);
    print_hex("nonce", &claims->nonce);
    print_time(claims->iat);
    if (claims->user_data.size)
        print_hex("user data", &claims->user_data);
    if (claims->cnf_kind != CLO_CNF_NONE)
        print_hex(claims->cnf_kind == CLO_CNF_P256 ? "P-256 key" : "X25519 key",
                  &(struct cbor_view){claims->cnf, claims->cnf_size});
    print_fields("asked by", &claims->caller);
    (void)printf("%-14s %s\n", "world",
                 claims->debug ? "DEBUG: its walls may be open" : "production");
    print_others(claims);
    for (unsigned i = 0; i < REPORT_COMPONENTS; i++) {
        char name[CLO_NAME_SIZE];
        (void)snprintf(name, sizeof name, "%.*s", (int)claims->component[i].name.size,
                       (const char *)claims->component[i].name.bytes);
        print_hex(name, &claims->component[i].digest);
    }
    print_text("hardware", &claims->hwmodel);
    print_hex("platform", &claims->ueid);
    print_fields("sealing", &claims->seal_state);
    print_fields("posture", &claims->posture);
}

static int show_text(const char *file, const uint8_t *report, size_t size)
{
    struct cose_message message;
    struct reason why = {""};
    AUTO_FREE struct report_claims *claims = malloc(sizeof *claims);
    cloister_status status =
        claims ? report_read_message(report, size, &message, &why) : CLOISTER_NO_MEMORY;
    if (status == CLOISTER_OK)
        status = report_read_claims(&message.payload, claims, &why);
    if (status != CLOISTER_OK) {
        struct reason line;
        return tool_fail(COMMAND, refuse(&line, CLOISTER_BAD_FORMAT, "%s: %s", file, why.text),
                         &line);
    }
    print_claims(claims);
    return TOOL_OK;
}

static int show_json(const char *file, const uint8_t *report, size_t size)
{
    char text[CLOISTER_REASON_SIZE] = "";
    AUTO_FREE char *json = NULL;
    cloister_status status = cloister_report_json(report, size, &json, text);
    if (status != CLOISTER_OK) {
        struct reason line;
        return tool_fail(COMMAND, refuse(&line, status, "%s: %s", file, text), &line);
    }
    (void)puts(json);
    return TOOL_OK;
}

int cmd_report_show(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct reason why = {""};
    bool json = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":jh", options, NULL)) != -1) {
        if (option == 'h')
            return tool_help(show_help);
        if (option != 'j')
            return tool_bad_option(COMMAND, option, argv);
        json = true;
    }
    if (argc - optind != 1)
        return tool_usage(COMMAND, "one report is needed");
    AUTO_FREE uint8_t *report = NULL;
    size_t size = 0;
    cloister_status status = file_read(argv[optind], REPORT_SIZE_MAX, &report, &size, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    return json ? show_json(argv[optind], report, size) : show_text(argv[optind], report, size);
}
