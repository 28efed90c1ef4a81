/*
 * Writes the submodules of a report: one claims-set for each module of the world, in the order of
 * their encoded names.
 */
#include "measure/report_claims.h"

static void write_module(struct cbor_writer *writer, const struct launch *launch,
                         const struct launch_module *module)
{
    cbor_write_map(writer, 8);
    cbor_write_int(writer, CLO_CLAIM_OEMBOOT);
    cbor_write_bool(writer, false); /* the author is named below, but no author is pinned */
    cbor_write_int(writer, CLO_CLAIM_DBGSTAT);
    cbor_write_int(writer, launch->debug ? CLO_DEBUG_ENABLED : CLO_DEBUG_DISABLED);
    cbor_write_int(writer, CLO_CLAIM_SWNAME);
    cbor_write_text(writer, (const char *)module->manifest.name);
    cbor_write_int(writer, CLO_CLAIM_SWVERSION);
    report_version_write(writer, module->manifest.version);
    cbor_write_int(writer, CLO_CLAIM_MEASUREMENTS);
    report_module_component_write(writer, module);
    cbor_write_int(writer, CLO_CLAIM_REGISTERS);
    cbor_write_array(writer, CLO_REGISTERS);
    for (unsigned i = 0; i < CLO_REGISTERS; i++)
        cbor_write_bytes(writer, module->registers[i], CLO_DIGEST_SIZE);
    cbor_write_int(writer, CLO_CLAIM_SVN);
    cbor_write_uint(writer, module->manifest.svn);
    cbor_write_int(writer, CLO_CLAIM_GENERATION);
    cbor_write_uint(writer, module->generation);
}

void report_submodules_write(struct cbor_writer *writer, const struct launch *launch)
{
    const struct launch_module *order[CLO_MODULES_MAX];
    for (uint32_t i = 0; i < launch->module_count; i++) {
        const struct launch_module *module = &launch->module[i];
        uint32_t at = i;
        for (; at > 0 && cbor_write_text_order((const char *)order[at - 1]->name,
                                               (const char *)module->name) > 0;
             at--)
            order[at] = order[at - 1];
        order[at] = module;
    }
    cbor_write_map(writer, launch->module_count);
    for (uint32_t i = 0; i < launch->module_count; i++) {
        cbor_write_text(writer, (const char *)order[i]->name);
        write_module(writer, launch, order[i]);
    }
}
