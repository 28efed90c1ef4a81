/*
 * `cloister module inspect`: what a module declares, how it is laid out, and who signed it.
 */
#include "tools/crypto/commands.h"

#include "abi/channel.h"
#include "base/bytes.h"
#include "base/scope.h"
#include "tools/crypto/module_bytes.h"
#include "tools/crypto/module_text.h"
#include "tools/tool.h"

#include <getopt.h>
#include <jansson.h>
#include <string.h>

#define COMMAND "module inspect"

static const char help[] =
    "Usage: cloister module inspect X.mod [--json]\n"
    "Shows the manifest, the segments, the measurement and the author of a module.\n"
    "\n"
    "Exit status: 0 done, 3 it has a signature that is not valid, 4 no such file, 7 no module, "
    "others\n"
    "as in 'cloister --help'.\n";

/* Everything that is shown, apart from the record. */
struct facts {
    const struct module_bytes *module;
    char measurement[2 * CLO_DIGEST_SIZE + 1];
    char author[2 * CLO_AUTHOR_SIZE + 1]; /* all zero unless the signature is valid */
    const char *signature;                /* "valid", "none", "invalid" */
};

static const char *text_of(const uint8_t *field)
{
    return (const char *)field;
}

static unsigned kind_of(const struct clo_method *method, unsigned parameter)
{
    return method->kinds >> (4 * parameter) & 15u;
}

static void print_parameter(const struct clo_method *method, unsigned p)
{
    unsigned kind = kind_of(method, p);
    (void)printf("%s%s", p ? ", " : "", module_text_kind(kind));
    if (kind >= CLO_PARAM_BUFFER_IN)
        (void)printf(" %u..%u%s", method->size_min[p], method->size_max[p],
                     method->flags & CLO_METHOD_ZERO_COPY(p) ? " zero-copy" : "");
}

static void print_methods(const struct clo_manifest *manifest)
{
    for (unsigned i = 0; i < manifest->method_count; i++) {
        const struct clo_method *method = &manifest->method[i];
        (void)printf("method       %s(", text_of(method->name));
        for (unsigned p = 0; p < CLO_PARAMETERS_MAX && kind_of(method, p); p++)
            print_parameter(method, p);
        (void)puts(method->flags & CLO_METHOD_STREAM ? ") stream" : ")");
    }
}

static void print_hypercalls(const struct clo_manifest *manifest)
{
    (void)fputs("hypercalls  ", stdout);
    for (unsigned n = 0; n < 64; n++)
        if (manifest->hypercalls >> n & 1)
            (void)printf(" %s", module_text_hypercall(n) ? module_text_hypercall(n) : "?");
    (void)puts(manifest->hypercalls ? "" : " none");
}

/* The author that a peer must have: its identity, "own" or "any". `hex` is room for it. */
static const char *author_of(const struct clo_peer *peer, char hex[2 * CLO_AUTHOR_SIZE + 1])
{
    if (peer->flags & CLO_PEER_SAME_AUTHOR)
        return "own";
    if (peer->author[0] == CLO_AUTHOR_NONE)
        return "any";
    hex_encode(peer->author, CLO_AUTHOR_SIZE, hex);
    return hex;
}

static const char *peer_name(const struct clo_peer *peer)
{
    return peer->name[0] ? text_of(peer->name) : "any module";
}

static void print_peers(const struct clo_manifest *manifest)
{
    char hex[2 * CLO_AUTHOR_SIZE + 1];
    for (unsigned i = 0; i < manifest->peer_count; i++) {
        const struct clo_peer *peer = &manifest->peer[i];
        (void)printf("peer         %s %s, author %s\n", module_text_peer(peer->flags),
                     peer_name(peer), author_of(peer, hex));
    }
}

static void print_segments(const struct clo_module_record *record)
{
    for (unsigned i = 0; i < record->segment_count; i++) {
        const struct clo_segment *segment = &record->segment[i];
        (void)printf("segment      %#10lx, %lu bytes, %lu in the file, %s\n", segment->vaddr,
                     segment->memsz, segment->filesz, module_text_rights(segment->rights));
    }
}

static void print_manifest(const struct clo_manifest *manifest)
{
    char family[2 * CLO_ID_SIZE + 1];
    char image[2 * CLO_ID_SIZE + 1];
    hex_encode(manifest->family_id, CLO_ID_SIZE, family);
    hex_encode(manifest->image_id, CLO_ID_SIZE, image);
    (void)printf("family       %s\nimage        %s\n", family, image);
    (void)printf("svn          %u, opens data from %u on\n", manifest->svn, manifest->svn_floor);
    (void)printf("memory       heap %lu, stack %u, threads %u\n", manifest->heap_size,
                 manifest->stack_size, manifest->threads);
    (void)printf("limits       channels %u, call %u us, seals %u/s, log %u/s (0: the default)\n",
                 manifest->channels_max, manifest->max_call_us, manifest->seals_per_s,
                 manifest->log_per_s);
    (void)printf("log          %s\n", module_text_log_class(manifest->log_class));
    (void)printf("debuggable   %s\n", manifest->flags & CLO_MODULE_DEBUGGABLE ? "yes" : "no");
    print_hypercalls(manifest);
    print_methods(manifest);
    print_peers(manifest);
}

static void print_text(const struct facts *facts)
{
    const struct clo_module_record *record = &facts->module->record;
    (void)printf("module       %s %s\n", text_of(record->manifest.name),
                 text_of(record->manifest.version));
    (void)printf("measurement  %s\n", facts->measurement);
    bool valid = strcmp(facts->signature, "valid") == 0;
    (void)printf("author       %s\n", valid ? facts->author : "none");
    (void)printf("signature    %s\n", facts->signature);
    print_manifest(&record->manifest);
    (void)printf("entry        %#10lx\n", record->entry);
    print_segments(record);
}

static json_t *json_parameters(const struct clo_method *method)
{
    json_t *list = json_array();
    for (unsigned p = 0; p < CLO_PARAMETERS_MAX && kind_of(method, p); p++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:b}", "kind", module_text_kind(kind_of(method, p)),
                            "size_min", (json_int_t)method->size_min[p], "size_max",
                            (json_int_t)method->size_max[p], "zero_copy",
                            (method->flags & CLO_METHOD_ZERO_COPY(p)) != 0));
    return list;
}

static json_t *json_methods(const struct clo_manifest *manifest)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < manifest->method_count; i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:o, s:b}", "name", text_of(manifest->method[i].name),
                            "parameters", json_parameters(&manifest->method[i]), "stream",
                            (manifest->method[i].flags & CLO_METHOD_STREAM) != 0));
    return list;
}

static json_t *json_hypercalls(const struct clo_manifest *manifest)
{
    json_t *list = json_array();
    for (unsigned n = 0; n < 64; n++)
        if (manifest->hypercalls >> n & 1)
            (void)json_array_append_new(list, json_string(module_text_hypercall(n)));
    return list;
}

static json_t *json_peers(const struct clo_manifest *manifest)
{
    char hex[2 * CLO_AUTHOR_SIZE + 1];
    json_t *list = json_array();
    for (unsigned i = 0; i < manifest->peer_count; i++) {
        const struct clo_peer *peer = &manifest->peer[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:b, s:b}", "name", text_of(peer->name), "author",
                            author_of(peer, hex), "calls", (peer->flags & CLO_PEER_CALLS) != 0,
                            "accepts", (peer->flags & CLO_PEER_ACCEPTS) != 0));
    }
    return list;
}

static json_t *json_segments(const struct clo_module_record *record)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < record->segment_count; i++) {
        const struct clo_segment *segment = &record->segment[i];
        (void)json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:s}", "address", (json_int_t)segment->vaddr, "memory",
                            (json_int_t)segment->memsz, "file", (json_int_t)segment->filesz,
                            "rights", module_text_rights(segment->rights)));
    }
    return list;
}

static json_t *json_manifest(const struct clo_manifest *m)
{
    char family[2 * CLO_ID_SIZE + 1];
    char image[2 * CLO_ID_SIZE + 1];
    hex_encode(m->family_id, CLO_ID_SIZE, family);
    hex_encode(m->image_id, CLO_ID_SIZE, image);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b, "
                     "s:o, s:o, s:o}",
                     "name", text_of(m->name), "version", text_of(m->version), "family_id", family,
                     "image_id", image, "svn", (json_int_t)m->svn, "svn_floor",
                     (json_int_t)m->svn_floor, "heap_size", (json_int_t)m->heap_size, "stack_size",
                     (json_int_t)m->stack_size, "threads", (json_int_t)m->threads, "channels_max",
                     (json_int_t)m->channels_max, "max_call_us", (json_int_t)m->max_call_us,
                     "seals_per_s", (json_int_t)m->seals_per_s, "log_per_s",
                     (json_int_t)m->log_per_s, "log_class", module_text_log_class(m->log_class),
                     "debuggable", (m->flags & CLO_MODULE_DEBUGGABLE) != 0, "hypercalls",
                     json_hypercalls(m), "methods", json_methods(m), "peers", json_peers(m));
}

static int print_json(const struct facts *facts)
{
    const struct clo_module_record *record = &facts->module->record;
    json_t *all = json_pack("{s:s, s:s, s:s, s:o, s:I, s:o}", "measurement", facts->measurement,
                            "author", facts->author, "signature", facts->signature, "manifest",
                            json_manifest(&record->manifest), "entry", (json_int_t)record->entry,
                            "segments", json_segments(record));
    if (!all)
        return tool_fail(COMMAND, CLOISTER_NO_MEMORY, NULL);
    int failed = json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(all);
    (void)putchar('\n');
    return failed ? tool_fail(COMMAND, CLOISTER_IO, NULL) : TOOL_OK;
}

/* Fills measurement, author and signature; the status is that of the signature. */
static cloister_status find_facts(const struct module_bytes *module, struct facts *facts,
                                  struct reason *why)
{
    uint8_t author[CLO_AUTHOR_SIZE];
    cloister_status status = module_bytes_author(module, author, why);
    *facts = (struct facts){.module = module, .signature = "valid"};
    if (status != CLOISTER_OK)
        facts->signature = "invalid";
    else if (author[0] == CLO_AUTHOR_NONE)
        facts->signature = "none";
    hex_encode(module->measurement, CLO_DIGEST_SIZE, facts->measurement);
    hex_encode(author, CLO_AUTHOR_SIZE, facts->author);
    return status;
}

static int inspect(const char *path, bool json)
{
    AUTO_MODULE_BYTES struct module_bytes module = {0};
    struct reason why = {0};
    cloister_status status = module_bytes_read(path, &module, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    struct facts facts;
    cloister_status signature = find_facts(&module, &facts, &why);
    int exit_status = TOOL_OK;
    if (json)
        exit_status = print_json(&facts);
    else
        print_text(&facts);
    if (exit_status != TOOL_OK || signature == CLOISTER_OK)
        return exit_status;
    struct reason line;
    return tool_fail(COMMAND, refuse(&line, CLOISTER_REFUSED, "signature: %s", why.text), &line);
}

int cmd_module_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'}, {0}};
    bool json = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h')
            return tool_help(help);
        if (option != 'j')
            return tool_bad_option(COMMAND, option, argv);
        json = true;
    }
    if (argc - optind != 1)
        return tool_usage(COMMAND, "one module is needed");
    return inspect(argv[optind], json);
}
