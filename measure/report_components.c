/*
 * Writes measured components (RFC 10013): {1: [name, [version, scheme]], 2: [algorithm, digest],
 * 3: [digest of the signer's key]}, each as a byte string beside its content format.
 */
#include "measure/report_claims.h"

#include <openssl/sha.h>

#include <string.h>

#define COMPONENT_ID 1
#define COMPONENT_DIGEST 2
#define COMPONENT_SIGNERS 3
#define COMPONENT_SIZE_MAX 256u
#define LEDGER_SIZE_MAX 256u

struct component {
    const char *name;
    const uint8_t *version; /* CLO_VERSION_SIZE */
    const uint8_t *digest;
    const uint8_t *signer; /* CLO_DIGEST_SIZE, NULL: none */
};

static void write_component(struct cbor_writer *writer, const struct component *component)
{
    uint8_t bytes[COMPONENT_SIZE_MAX];
    size_t size = 0;
    struct cbor_writer inner;
    cbor_write_start(&inner, bytes, sizeof bytes);
    cbor_write_map(&inner, component->signer ? 3 : 2);
    cbor_write_int(&inner, COMPONENT_ID);
    cbor_write_array(&inner, 2);
    cbor_write_text(&inner, component->name);
    report_version_write(&inner, component->version);
    cbor_write_int(&inner, COMPONENT_DIGEST);
    cbor_write_array(&inner, 2);
    cbor_write_int(&inner, CLO_REPORT_DIGEST_SHA384);
    cbor_write_bytes(&inner, component->digest, CLO_DIGEST_SIZE);
    if (component->signer) {
        cbor_write_int(&inner, COMPONENT_SIGNERS);
        cbor_write_array(&inner, 1);
        cbor_write_bytes(&inner, component->signer, CLO_DIGEST_SIZE);
    }
    writer->broken |= !cbor_write_end(&inner, &size);
    cbor_write_array(writer, 2);
    cbor_write_int(writer, CLO_REPORT_COMPONENT);
    cbor_write_bytes(writer, bytes, size);
}

static bool digest_of(const struct cbor_writer *ledger, uint8_t digest[CLO_DIGEST_SIZE])
{
    size_t size;
    return cbor_write_end(ledger, &size) && SHA384(ledger->out, size, digest);
}

/* SHA-384(["cloister-layout", 1, …]): the address map that abi/layout.h fixes. */
static bool layout_digest(uint8_t digest[CLO_DIGEST_SIZE])
{
    static const uint64_t map[] = {
        CLO_PAGE_SIZE,  CLO_VA_MONITOR_STUB, CLO_VA_MONITOR_TABLES,   CLO_VA_MONITOR_VCPU,
        CLO_VA_RUNTIME, CLO_VA_PERSONALITY,  CLO_VA_PERSONALITY_DATA, CLO_VA_BOOT,
        CLO_VA_CONTROL, CLO_VA_MAILBOX,      CLO_MAILBOX_STRIDE,      CLO_VA_MODULE,
        CLO_VA_STACK,   CLO_STACK_STRIDE,    CLO_VA_WINDOW,           CLO_WINDOW_ALIGN,
        CLO_STACK_GAP,  CLO_HEAP_GAP};
    const size_t count = sizeof map / sizeof map[0];
    uint8_t bytes[LEDGER_SIZE_MAX];
    struct cbor_writer ledger;
    cbor_write_start(&ledger, bytes, sizeof bytes);
    cbor_write_array(&ledger, 4 + count);
    cbor_write_text(&ledger, "cloister-layout");
    cbor_write_uint(&ledger, 1);
    cbor_write_uint(&ledger, CLO_ABI_MAJOR);
    cbor_write_uint(&ledger, CLO_ABI_MINOR);
    for (size_t i = 0; i < count; i++)
        cbor_write_uint(&ledger, map[i]);
    return digest_of(&ledger, digest);
}

/* SHA-384(["cloister-configuration", 1, …]): all of it is in dbgstat and posture too, so that a
   verifier can compute it again. */
static bool configuration_digest(const struct launch *launch, uint8_t digest[CLO_DIGEST_SIZE])
{
    const struct clo_keeper_start *start = &launch->start;
    uint8_t bytes[LEDGER_SIZE_MAX];
    struct cbor_writer ledger;
    cbor_write_start(&ledger, bytes, sizeof bytes);
    cbor_write_array(&ledger, 9);
    cbor_write_text(&ledger, "cloister-configuration");
    cbor_write_uint(&ledger, 1);
    cbor_write_bool(&ledger, launch->debug);
    cbor_write_text(&ledger, (const char *)start->kvm);
    cbor_write_text(&ledger, report_isolation_name(start->isolation));
    cbor_write_uint(&ledger, start->vcpus);
    cbor_write_uint(&ledger, start->window_size);
    cbor_write_bool(&ledger, start->umip != 0);
    cbor_write_uint(&ledger, start->spin_us);
    return digest_of(&ledger, digest);
}

void report_components_write(struct cbor_writer *writer, const struct launch *launch)
{
    uint8_t layout[CLO_DIGEST_SIZE];
    uint8_t configuration[CLO_DIGEST_SIZE];
    writer->broken |= !layout_digest(layout) || !configuration_digest(launch, configuration);
    const struct component components[] = {
        {"runtime", launch->runtime_version, launch->runtime_measurement, NULL},
        {"monitor", launch->runtime_version, launch->monitor_measurement, NULL},
        {"personality", launch->runtime_version, launch->personality_measurement, NULL},
        {"layout", launch->runtime_version, layout, NULL},
        {"configuration", launch->runtime_version, configuration, NULL},
        {"world-host", launch->runtime_version, launch->world_host_measurement, NULL},
    };
    const size_t count = sizeof components / sizeof components[0];
    cbor_write_array(writer, count);
    for (size_t i = 0; i < count; i++)
        write_component(writer, &components[i]);
}

void report_module_component_write(struct cbor_writer *writer, const struct launch_module *module)
{
    const struct component component = {
        .name = (const char *)module->manifest.name,
        .version = module->manifest.version,
        .digest = module->measurement,
        .signer = module->author[0] == CLO_AUTHOR_NONE ? NULL : module->author + 1,
    };
    cbor_write_array(writer, 1);
    write_component(writer, &component);
}
