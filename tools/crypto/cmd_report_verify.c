/*
 * `cloister report verify`: judges a report with libcloister-verify.
 */
#include "base/file.h"
#include "base/scope.h"
#include "base/utf8.h"
#include "cloister/verify.h"
#include "measure/report.h"
#include "tools/crypto/commands.h"
#include "tools/tool.h"

#include <getopt.h>
#include <time.h>

#define COMMAND "report verify"
#define CA_SIZE_MAX 1048576u

static const char verify_help[] =
    "Usage: cloister report verify FILE --nonce HEX --ca ca.pem [OPTION...]\n"
    "Accepts a report or says why not, a line for each reason.\n"
    "Everything that is not asked to differ must be as it should: signature, certificate chain to "
    "a\n"
    "pinned CA, freshness, every claim in its form, no debug world.\n"
    "\n"
    "  -n, --nonce HEX        the bytes that were given to `report get`\n"
    "  -c, --ca FILE          one or more pinned CA certificates, PEM (`cloister key ca`)\n"
    "  -m, --measurement HEX  the module must measure so (`cloister module measure`)\n"
    "  -a, --author HEX       the module must be signed by this author (`cloister module "
    "inspect`)\n"
    "      --allow-debug      accept a debug world: its walls may be open\n"
    "\n"
    "Exit status: 0 accepted, 2 wrong usage or a malformed value, 3 refused, 4 no such file, 7 "
    "ca.pem\n"
    "has no certificate, others as in 'cloister --help'.\n";

struct verify_options {
    char *report;
    const char *ca;
    uint8_t nonce[CLO_NONCE_MAX];
    size_t nonce_size;
    uint8_t measurement[CLO_DIGEST_SIZE];
    size_t measurement_size; /* 0: not asked */
    uint8_t author[CLO_AUTHOR_SIZE];
    size_t author_size; /* 0: not asked */
    bool allow_debug;
};

static cloister_status take_option(int option, const char *value, struct verify_options *given,
                                   struct reason *why)
{
    switch (option) {
    case 'n':
        return tool_hex("--nonce", value, CLO_NONCE_MIN, CLO_NONCE_MAX, given->nonce,
                        &given->nonce_size, why);
    case 'm':
        return tool_hex("--measurement", value, CLO_DIGEST_SIZE, CLO_DIGEST_SIZE,
                        given->measurement, &given->measurement_size, why);
    case 'a':
        return tool_hex("--author", value, CLO_AUTHOR_SIZE, CLO_AUTHOR_SIZE, given->author,
                        &given->author_size, why);
    case 'c':
        given->ca = value;
        return CLOISTER_OK;
    default:
        given->allow_debug = true;
        return CLOISTER_OK;
    }
}

/* TOOL_OK, or the status to exit with; -1: help was asked for. */
static int parse_verify(int argc, char **argv, struct verify_options *given)
{
    static const struct option options[] = {{"nonce", required_argument, NULL, 'n'},
                                            {"ca", required_argument, NULL, 'c'},
                                            {"measurement", required_argument, NULL, 'm'},
                                            {"author", required_argument, NULL, 'a'},
                                            {"allow-debug", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct reason why = {""};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":n:c:m:a:h", options, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option == '?' || option == ':')
            return tool_bad_option(COMMAND, option, argv);
        if (take_option(option, optarg, given, &why) != CLOISTER_OK)
            return tool_usage(COMMAND, "%s", why.text);
    }
    if (argc - optind != 1)
        return tool_usage(COMMAND, "one report is needed");
    given->report = argv[optind];
    if (!given->nonce_size || !given->ca)
        return tool_usage(COMMAND, "%s is missing", given->ca ? "--nonce" : "--ca");
    return TOOL_OK;
}

static int print_verdict(char *file, const cloister_verdict *verdict)
{
    if (verdict->accepted) {
        utf8_make_plain(file); /* who wrote a report may have named it */
        (void)printf("%s: accepted\n", file);
        return TOOL_OK;
    }
    for (unsigned i = 0; i < verdict->reason_count; i++)
        (void)fprintf(stderr, "cloister " COMMAND ": refused: %s\n", verdict->reason[i]);
    return TOOL_REFUSED;
}

static int judge(const struct verify_options *given, const uint8_t *report, size_t size,
                 const uint8_t *ca, size_t ca_size)
{
    const cloister_expectation expectation = {
        .nonce = given->nonce,
        .nonce_size = given->nonce_size,
        .ca_pem = (const char *)ca,
        .ca_pem_size = ca_size,
        .measurement = given->measurement_size ? given->measurement : NULL,
        .author = given->author_size ? given->author : NULL,
        .allow_debug = given->allow_debug,
        .now = (uint64_t)time(NULL),
    };
    cloister_verdict verdict;
    struct reason why;
    cloister_status status = cloister_report_verify(report, size, &expectation, &verdict);
    if (status == CLOISTER_OK)
        return print_verdict(given->report, &verdict);
    status = refuse(&why, status, "%s: %s", given->ca, verdict.reason[0]);
    return tool_fail(COMMAND, status, &why);
}

int cmd_report_verify(int argc, char **argv)
{
    struct verify_options given = {0};
    struct reason why = {""};
    int parsed = parse_verify(argc, argv, &given);
    if (parsed)
        return parsed < 0 ? tool_help(verify_help) : parsed;
    AUTO_FREE uint8_t *report = NULL;
    AUTO_FREE uint8_t *ca = NULL;
    size_t size = 0;
    size_t ca_size = 0;
    cloister_status status = file_read(given.report, REPORT_SIZE_MAX, &report, &size, &why);
    if (status == CLOISTER_OK)
        status = file_read(given.ca, CA_SIZE_MAX, &ca, &ca_size, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    return judge(&given, report, size, ca, ca_size);
}
