/*
 * cloister doctor: can worlds run here, how well isolated, and what would make it better.
 */
#include "tools/show/commands.h"

#include "base/scope.h"
#include "measure/platform_folder.h"
#include "tools/kvm_device.h"
#include "tools/show/capture.h"
#include "tools/show/doctor_host.h"
#include "tools/tool.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define COMMAND "doctor"
#define PROBE_SIZE 65536

static const char help[] =
    "Usage: cloister doctor [--json]\n"
    "Says whether secure worlds can run on this host, on which KVM, how far their memory is out\n"
    "of reach, and what would improve it. Tries each mechanism in a world of its own.\n"
    "\n"
    "Exit status: 0 worlds can run, 6 they cannot.\n";

struct diagnosis {
    bool worlds;       /* can run */
    json_t *probes;    /* what the world host found out; an empty object if it could not */
    json_t *advice;    /* lines */
    struct reason why; /* why worlds cannot run */
};

static void advise(struct diagnosis *diagnosis, const char *line)
{
    (void)json_array_append_new(diagnosis->advice, json_string(line));
}

/* Worlds can run if the device is there and the world host says that what it needs works. */
static cloister_status probe(struct diagnosis *diagnosis)
{
    static const char *const words[] = {"cloister-world", "--probe", "--json", NULL};
    char path[PATH_MAX];
    int exit_status;
    struct reason *why = &diagnosis->why;
    cloister_status status = kvm_device_check(why);
    if (status == CLOISTER_OK)
        status = tool_program_path("cloister-world", path, sizeof path, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FREE char *output = malloc(PROBE_SIZE);
    if (!output)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the probes' results");
    status = capture_run(path, words, output, PROBE_SIZE, &exit_status, why);
    if (status != CLOISTER_OK)
        return status;
    json_t *probes = json_loads(output, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(probes)) {
        json_decref(probes);
        return refuse(why, CLOISTER_INTERNAL, "the world host's probes ended with status %d",
                      exit_status);
    }
    (void)json_object_update(diagnosis->probes, probes);
    json_decref(probes);
    if (exit_status != 0)
        return refuse(why, CLOISTER_UNSUPPORTED,
                      "a mechanism that protects a world does not work on this kernel");
    return CLOISTER_OK;
}

static const char *probe_text(const struct diagnosis *diagnosis, const char *key)
{
    const char *text = json_string_value(json_object_get(diagnosis->probes, key));
    return text ? text : "unknown";
}

static bool keys_made(void)
{
    char folder[PATH_MAX];
    char path[PATH_MAX + 16];
    if (platform_folder(NULL, folder, sizeof folder, NULL) != CLOISTER_OK)
        return false;
    (void)snprintf(path, sizeof path, "%s/ca.pem", folder);
    return access(path, F_OK) == 0;
}

static void collect_advice(struct diagnosis *diagnosis, json_t *missing)
{
    if (!diagnosis->worlds) {
        advise(diagnosis, diagnosis->why.text);
        advise(diagnosis,
               "'cloister nested -- COMMAND' runs a command in an emulated machine where "
               "worlds can run");
    }
    if (diagnosis->worlds && strcmp(probe_text(diagnosis, "isolation"), "mapped") == 0)
        advise(diagnosis, "a kernel of 6.18 or newer keeps module data out of the world host's "
                          "memory (guest_memfd)");
    if (doctor_root_may_ptrace())
        advise(diagnosis, "root can look into processes with ptrace; kernel.yama.ptrace_scope=3 "
                          "or lockdown=confidentiality prevents it, and reports then say so");
    if (doctor_cpus() < 2)
        advise(diagnosis, "with one CPU calls are never switchless; a second one makes them many "
                          "times faster");
    if (json_array_size(missing) > 0)
        advise(diagnosis, "modules cannot be built before the missing packages are installed");
    if (!keys_made())
        advise(diagnosis, "there are no platform keys yet; 'cloister key init' makes them");
}

static int print_json(const struct diagnosis *diagnosis, json_t *missing)
{
    char kernel[128];
    doctor_kernel(kernel, sizeof kernel);
    json_t *all = json_pack("{s:b, s:s, s:s, s:s, s:i, s:b, s:O, s:O, s:O}", "worlds",
                            diagnosis->worlds, "kvm", probe_text(diagnosis, "kvm"), "isolation",
                            probe_text(diagnosis, "isolation"), "kernel", kernel, "cpus",
                            (int)doctor_cpus(), "keys", keys_made(), "missing_packages", missing,
                            "probes", diagnosis->probes, "advice", diagnosis->advice);
    AUTO_FREE char *text = all ? json_dumps(all, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    json_decref(all);
    if (!text)
        return tool_fail(COMMAND, CLOISTER_NO_MEMORY, NULL);
    (void)printf("%s\n", text);
    return TOOL_OK;
}

static void print_probes(const struct diagnosis *diagnosis)
{
    const char *key;
    json_t *value;
    json_object_foreach(diagnosis->probes, key, value)
    {
        AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        (void)printf("  %-18s %s\n", key,
                     json_is_string(value) ? json_string_value(value)
                     : text                ? text
                                           : "");
    }
}

static void print_list(const char *head, const json_t *lines)
{
    size_t i;
    json_t *line;
    json_array_foreach(lines, i, line)(void)
        printf("%-14s %s\n", i == 0 ? head : "", json_string_value(line));
}

static int print_text(const struct diagnosis *diagnosis, json_t *missing)
{
    char kernel[128];
    doctor_kernel(kernel, sizeof kernel);
    (void)printf("worlds         %s\n", diagnosis->worlds ? "can run here" : "cannot run here");
    (void)printf("kvm            %s\n", probe_text(diagnosis, "kvm"));
    (void)printf("isolation      %s\n", probe_text(diagnosis, "isolation"));
    (void)printf("host           %s, %u CPUs\n", kernel, doctor_cpus());
    if (json_object_size(diagnosis->probes) > 0)
        (void)printf("probes\n");
    print_probes(diagnosis);
    print_list("missing", missing);
    print_list("advice", diagnosis->advice);
    return TOOL_OK;
}

static int parse(int argc, char **argv, bool *json)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    *json = false;
    while ((option = getopt_long(argc, argv, ":h", names, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option != 'j')
            return tool_bad_option(COMMAND, option, argv);
        *json = true;
    }
    if (optind < argc)
        return tool_usage(COMMAND, "it takes no arguments; '%.40s' given", argv[optind]);
    return TOOL_OK;
}

int cmd_doctor(int argc, char **argv)
{
    bool json;
    int parsed = parse(argc, argv, &json);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(help) : parsed;
    struct diagnosis diagnosis = {.probes = json_object(), .advice = json_array()};
    json_t *missing = doctor_missing_packages();
    int printed = TOOL_FAILED;
    if (diagnosis.probes && diagnosis.advice && missing) {
        diagnosis.worlds = probe(&diagnosis) == CLOISTER_OK;
        collect_advice(&diagnosis, missing);
        printed = json ? print_json(&diagnosis, missing) : print_text(&diagnosis, missing);
    }
    json_decref(diagnosis.probes);
    json_decref(diagnosis.advice);
    json_decref(missing);
    if (printed != TOOL_OK)
        return printed;
    return diagnosis.worlds ? TOOL_OK : TOOL_UNAVAILABLE;
}
