/*
 * Reads the submodules of a report, and the results about them.
 */
#include "measure/report_read_parts.h"

/* The claims of a submodule in their order; all are mandatory. */
static bool read_claim(struct cbor_reader *reader, enum clo_claim claim,
                       struct report_submodule *module)
{
    uint64_t count;
    switch (claim) {
    case CLO_CLAIM_OEMBOOT:
        return cbor_read_bool(reader, &module->oemboot);
    case CLO_CLAIM_DBGSTAT:
        return report_read_debug(reader, &module->debug);
    case CLO_CLAIM_SWNAME:
        return report_read_name(reader, &module->swname);
    case CLO_CLAIM_SWVERSION:
        return report_read_version(reader, &module->version);
    case CLO_CLAIM_MEASUREMENTS:
        return report_read_components(reader, &module->component, 1);
    case CLO_CLAIM_REGISTERS:
        if (!cbor_read_array(reader, &count) || count != CLO_REGISTERS)
            return false;
        for (unsigned i = 0; i < CLO_REGISTERS; i++)
            if (!report_read_sized(reader, CLO_DIGEST_SIZE, CLO_DIGEST_SIZE, &module->registers[i]))
                return false;
        return true;
    case CLO_CLAIM_SVN:
        return report_read_number(reader, &module->svn);
    default:
        return report_read_number(reader, &module->generation);
    }
}

static bool read_module(struct cbor_reader *reader, struct report_submodule *module)
{
    static const enum clo_claim claims[] = {
        CLO_CLAIM_OEMBOOT,      CLO_CLAIM_DBGSTAT,   CLO_CLAIM_SWNAME, CLO_CLAIM_SWVERSION,
        CLO_CLAIM_MEASUREMENTS, CLO_CLAIM_REGISTERS, CLO_CLAIM_SVN,    CLO_CLAIM_GENERATION};
    const uint64_t expected = sizeof claims / sizeof claims[0];
    uint64_t count;
    if (!cbor_read_map(reader, &count) || count != expected)
        return false;
    for (uint64_t i = 0; i < expected; i++) {
        int64_t label;
        if (!cbor_read_int(reader, &label) || label != claims[i] ||
            !read_claim(reader, claims[i], module))
            return false;
    }
    return report_views_equal(&module->swname, &module->component.name) &&
           report_views_equal(&module->version, &module->component.version);
}

bool report_read_submodules(struct cbor_reader *reader, struct report_claims *claims)
{
    uint64_t count;
    if (!cbor_read_map(reader, &count) || count == 0 || count > CLO_MODULES_MAX)
        return false;
    claims->module_count = (unsigned)count;
    for (unsigned i = 0; i < claims->module_count; i++) {
        struct report_submodule *module = &claims->module[i];
        if (!report_read_name(reader, &module->name) || !read_module(reader, module))
            return false;
    }
    return true;
}

struct report_submodule *report_submodule_find(struct report_claims *claims,
                                               const struct cbor_view *name)
{
    for (unsigned i = 0; i < claims->module_count; i++)
        if (report_views_equal(&claims->module[i].name, name))
            return &claims->module[i];
    return NULL;
}

static bool read_result(struct cbor_reader *reader, struct report_claims *claims)
{
    uint64_t count;
    int64_t result;
    struct cbor_view name;
    if (!cbor_read_array(reader, &count) || count != 2 || !cbor_read_text(reader, &name) ||
        !cbor_read_int(reader, &result))
        return false;
    struct report_submodule *module = report_submodule_find(claims, &name);
    if (!module || module->judged)
        return false;
    module->judged = true;
    return result == (module->component.signer.size ? CLO_RESULT_SUCCESS : CLO_RESULT_ABSENT);
}

/* One result for each module, which says the same as its component: signed or not. */
bool report_read_results(struct cbor_reader *reader, struct report_claims *claims)
{
    uint64_t count;
    struct cbor_view system;
    if (!cbor_read_array(reader, &count) || count != 1 || !cbor_read_array(reader, &count) ||
        count != 2 || !cbor_read_text(reader, &system) ||
        !cbor_view_is(&system, CLO_REPORT_SIGNATURES) || !cbor_read_array(reader, &count) ||
        count != claims->module_count)
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!read_result(reader, claims))
            return false;
    return true;
}
