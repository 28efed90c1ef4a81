/*
 * `cloister module diff`: names what makes two modules measure differently.
 */
#include "tools/crypto/commands.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "tools/crypto/module_bytes.h"
#include "tools/crypto/module_text.h"
#include "tools/tool.h"

#include <getopt.h>
#include <string.h>

#define COMMAND "module diff"
#define PAGES_SHOWN_MAX 16u

static const char help[] =
    "Usage: cloister module diff A.mod B.mod\n"
    "Names the manifest fields, segments, pages and functions in which two modules differ.\n"
    "Signatures are not compared.\n"
    "\n"
    "Exit status: 0 they measure alike, 1 they differ, 4 no such file, 7 no module, others as in\n"
    "'cloister --help'.\n";

enum field_kind { FIELD_NUMBER, FIELD_TEXT, FIELD_BYTES };

struct field {
    const char *name;
    size_t offset;
    size_t size;
    enum field_kind kind;
};

#define FIELD(structure, member, how)                                                              \
    {                                                                                              \
#member, offsetof(struct structure, member), sizeof((struct structure *)0)->member, how    \
    }

static const struct field manifest_fields[] = {
    FIELD(clo_manifest, abi_major, FIELD_NUMBER),    FIELD(clo_manifest, abi_minor, FIELD_NUMBER),
    FIELD(clo_manifest, name, FIELD_TEXT),           FIELD(clo_manifest, version, FIELD_TEXT),
    FIELD(clo_manifest, family_id, FIELD_BYTES),     FIELD(clo_manifest, image_id, FIELD_BYTES),
    FIELD(clo_manifest, svn, FIELD_NUMBER),          FIELD(clo_manifest, svn_floor, FIELD_NUMBER),
    FIELD(clo_manifest, heap_size, FIELD_NUMBER),    FIELD(clo_manifest, stack_size, FIELD_NUMBER),
    FIELD(clo_manifest, threads, FIELD_NUMBER),      FIELD(clo_manifest, hypercalls, FIELD_NUMBER),
    FIELD(clo_manifest, channels_max, FIELD_NUMBER), FIELD(clo_manifest, max_call_us, FIELD_NUMBER),
    FIELD(clo_manifest, seals_per_s, FIELD_NUMBER),  FIELD(clo_manifest, log_per_s, FIELD_NUMBER),
    FIELD(clo_manifest, log_class, FIELD_NUMBER),    FIELD(clo_manifest, flags, FIELD_NUMBER),
    FIELD(clo_manifest, method_count, FIELD_NUMBER), FIELD(clo_manifest, peer_count, FIELD_NUMBER),
};

static const struct field record_fields[] = {
    FIELD(clo_module_record, entry, FIELD_NUMBER),
    FIELD(clo_module_record, span, FIELD_NUMBER),
    FIELD(clo_module_record, relro_vaddr, FIELD_NUMBER),
    FIELD(clo_module_record, relro_size, FIELD_NUMBER),
    FIELD(clo_module_record, tls_vaddr, FIELD_NUMBER),
    FIELD(clo_module_record, tls_filesz, FIELD_NUMBER),
    FIELD(clo_module_record, tls_memsz, FIELD_NUMBER),
    FIELD(clo_module_record, tls_align, FIELD_NUMBER),
    FIELD(clo_module_record, phdr_vaddr, FIELD_NUMBER),
    FIELD(clo_module_record, phdr_count, FIELD_NUMBER),
    FIELD(clo_module_record, segment_count, FIELD_NUMBER),
};

static const struct field segment_fields[] = {
    FIELD(clo_segment, vaddr, FIELD_NUMBER),
    FIELD(clo_segment, memsz, FIELD_NUMBER),
    FIELD(clo_segment, filesz, FIELD_NUMBER),
    FIELD(clo_segment, rights, FIELD_NUMBER),
};

static const struct field method_fields[] = {
    FIELD(clo_method, name, FIELD_TEXT),      FIELD(clo_method, kinds, FIELD_NUMBER),
    FIELD(clo_method, flags, FIELD_NUMBER),   FIELD(clo_method, size_max, FIELD_BYTES),
    FIELD(clo_method, size_min, FIELD_BYTES),
};

static const struct field peer_fields[] = {
    FIELD(clo_peer, name, FIELD_TEXT),
    FIELD(clo_peer, author, FIELD_BYTES),
    FIELD(clo_peer, flags, FIELD_NUMBER),
};

/* Little-endian, as all fields are. */
static uint64_t number_of(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    memcpy(&number, bytes, size < sizeof number ? size : sizeof number);
    return number;
}

static void print_value(const struct field *field, const uint8_t *base)
{
    const uint8_t *bytes = base + field->offset;
    char hex[2 * CLO_AUTHOR_SIZE + 1];
    if (field->kind == FIELD_NUMBER)
        (void)printf("%#lx", number_of(bytes, field->size));
    else if (field->kind == FIELD_TEXT)
        (void)printf("%.*s", (int)field->size, (const char *)bytes);
    else {
        hex_encode(bytes, field->size, hex);
        (void)fputs(hex, stdout);
    }
}

/* Prints a line for each field that differs. */
static void compare(const char *what, const struct field *fields, size_t count, const void *a,
                    const void *b)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &fields[i];
        if (memcmp(x + field->offset, y + field->offset, field->size) == 0)
            continue;
        (void)printf("%s %s: ", what, field->name);
        print_value(field, x);
        (void)fputs(" / ", stdout);
        print_value(field, y);
        (void)putchar('\n');
    }
}

static void compare_records(const struct clo_module_record *a, const struct clo_module_record *b)
{
    char what[32];
    compare("manifest", manifest_fields, ARRAY_SIZE(manifest_fields), &a->manifest, &b->manifest);
    for (unsigned i = 0; i < CLO_METHODS_MAX; i++) {
        (void)snprintf(what, sizeof what, "manifest method %u", i);
        compare(what, method_fields, ARRAY_SIZE(method_fields), &a->manifest.method[i],
                &b->manifest.method[i]);
    }
    for (unsigned i = 0; i < CLO_PEERS_MAX; i++) {
        (void)snprintf(what, sizeof what, "manifest peer %u", i);
        compare(what, peer_fields, ARRAY_SIZE(peer_fields), &a->manifest.peer[i],
                &b->manifest.peer[i]);
    }
    compare("image", record_fields, ARRAY_SIZE(record_fields), a, b);
    for (unsigned i = 0; i < CLO_SEGMENTS_MAX; i++) {
        (void)snprintf(what, sizeof what, "segment %u", i);
        compare(what, segment_fields, ARRAY_SIZE(segment_fields), &a->segment[i], &b->segment[i]);
    }
}

static void print_symbol(const struct module_bytes *module, uint64_t vaddr)
{
    char name[64];
    uint64_t offset;
    if (elf_image_symbol(&module->image, vaddr, name, sizeof name, &offset))
        (void)printf(" %s+0x%lx", name, offset);
    else
        (void)fputs(" -", stdout);
}

/* Names the first byte that differs in a page that both have. */
static void print_page(const struct module_bytes *a, const struct module_bytes *b, unsigned segment,
                       uint64_t address, const uint8_t *x, const uint8_t *y)
{
    unsigned at = 0;
    while (x[at] == y[at])
        at++;
    (void)printf("segment %u (%s), page %#lx differs from %#lx on: %02x / %02x,", segment,
                 module_text_rights(a->record.segment[segment].rights), address, address + at,
                 x[at], y[at]);
    print_symbol(a, address + at);
    (void)fputs(" /", stdout);
    print_symbol(b, address + at);
    (void)putchar('\n');
}

/* Compares the pages of one segment that lie at the same addresses; counts those that differ. */
static unsigned compare_segment(const struct module_bytes *a, const struct module_bytes *b,
                                unsigned i, const uint8_t *x, const uint8_t *y, unsigned shown)
{
    const struct clo_segment *first = &a->record.segment[i];
    const struct clo_segment *second = &b->record.segment[i];
    uint64_t address = first->vaddr & ~(uint64_t)(CLO_PAGE_SIZE - 1);
    if (address != (second->vaddr & ~(uint64_t)(CLO_PAGE_SIZE - 1)))
        return shown;
    uint32_t pages = first->pages < second->pages ? first->pages : second->pages;
    for (uint32_t p = 0; p < pages; p++) {
        size_t offset = (size_t)p * CLO_PAGE_SIZE;
        if (memcmp(x + offset, y + offset, CLO_PAGE_SIZE) == 0)
            continue;
        if (shown++ < PAGES_SHOWN_MAX)
            print_page(a, b, i, address + offset, x + offset, y + offset);
    }
    return shown;
}

static void compare_pages(const struct module_bytes *a, const struct module_bytes *b)
{
    const uint8_t *x = a->pages;
    const uint8_t *y = b->pages;
    unsigned shown = 0;
    for (unsigned i = 0; i < CLO_SEGMENTS_MAX; i++) {
        shown = compare_segment(a, b, i, x, y, shown);
        x += (size_t)a->record.segment[i].pages * CLO_PAGE_SIZE;
        y += (size_t)b->record.segment[i].pages * CLO_PAGE_SIZE;
    }
    if (shown > PAGES_SHOWN_MAX)
        (void)printf("and %u more pages\n", shown - PAGES_SHOWN_MAX);
}

int cmd_module_diff(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    opterr = 0;
    int option = getopt_long(argc, argv, ":h", options, NULL);
    if (option == 'h')
        return tool_help(help);
    if (option != -1)
        return tool_bad_option(COMMAND, option, argv);
    if (argc - optind != 2)
        return tool_usage(COMMAND, "two modules are needed");
    AUTO_MODULE_BYTES struct module_bytes a = {0};
    AUTO_MODULE_BYTES struct module_bytes b = {0};
    struct reason why = {0};
    cloister_status status = module_bytes_read(argv[optind], &a, &why);
    if (status == CLOISTER_OK)
        status = module_bytes_read(argv[optind + 1], &b, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    if (bytes_equal(a.measurement, b.measurement, CLO_DIGEST_SIZE))
        return TOOL_OK;
    compare_records(&a.record, &b.record);
    compare_pages(&a, &b);
    return TOOL_FAILED;
}
