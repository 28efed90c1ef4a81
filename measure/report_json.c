/*
 * The claims of a report as JSON: names of docs/report.md, base64url for bytes, text for
 * enumerations.
 */
#include "base/scope.h"
#include "base/utf8.h"
#include "cloister/verify.h"
#include "measure/report_read.h"

#include <jansson.h>

#include <stdio.h>

#define DIGEST_NAME "sha-384"
#define VERSIONS_NAME "semver"
#define CONTENT_NAME "application/measured-component+json"

static json_t *text_of(const struct cbor_view *view)
{
    return json_stringn((const char *)view->bytes, view->size);
}

/* base64url without padding (RFC 4648, 5). */
static json_t *bytes_of(const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const uint8_t *in = bytes;
    AUTO_FREE char *text = malloc(size / 3 * 4 + 5);
    if (!text)
        return NULL;
    size_t length = 0;
    for (size_t i = 0; i < size; i += 3) {
        size_t group = size - i < 3 ? size - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16;
        bits |= group > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        bits |= group > 2 ? in[i + 2] : 0;
        for (size_t k = 0; k <= group; k++)
            text[length++] = digits[bits >> (18 - 6 * k) & 63];
    }
    return json_stringn(text, length);
}

static json_t *view_of(const struct cbor_view *view)
{
    return bytes_of(view->bytes, view->size);
}

static json_t *version_of(const struct cbor_view *version)
{
    return json_pack("[o, s]", text_of(version), VERSIONS_NAME);
}

static json_t *debug_of(bool debug)
{
    return json_string(debug ? "enabled" : "disabled-since-boot");
}

static json_t *cnf_of(const struct report_claims *claims)
{
    if (claims->cnf_kind == CLO_CNF_X25519)
        return json_pack("{s:{s:s, s:s, s:o}}", "jwk", "kty", "OKP", "crv", "X25519", "x",
                         bytes_of(claims->cnf, 32));
    return json_pack("{s:{s:s, s:s, s:o, s:o}}", "jwk", "kty", "EC", "crv", "P-256", "x",
                     bytes_of(claims->cnf, 32), "y", bytes_of(claims->cnf + 32, 32));
}

static json_t *components_of(const struct report_component *components, unsigned count)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < count; i++) {
        const struct report_component *each = &components[i];
        json_t *component = json_pack("{s:[o, o], s:[s, o]}", "id", text_of(&each->name),
                                      version_of(&each->version), "measurement", DIGEST_NAME,
                                      view_of(&each->digest));
        if (each->signer.size)
            (void)json_object_set_new(component, "authorities",
                                      json_pack("[o]", view_of(&each->signer)));
        (void)json_array_append_new(list, json_pack("[s, o]", CONTENT_NAME, component));
    }
    return list;
}

static json_t *field_of(const struct report_field *field)
{
    switch (field->kind) {
    case REPORT_FIELD_TEXT:
        return text_of(&field->text);
    case REPORT_FIELD_FLAG:
        return json_boolean(field->number);
    case REPORT_FIELD_DIGEST:
        return view_of(&field->text);
    default:
        return json_integer((json_int_t)field->number);
    }
}

static json_t *fields_of(const struct report_fields *fields)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < fields->count; i++)
        (void)json_object_set_new(object, fields->field[i].name, field_of(&fields->field[i]));
    return object;
}

static json_t *submodule_of(const struct report_submodule *module)
{
    json_t *registers = json_array();
    for (unsigned i = 0; i < CLO_REGISTERS; i++)
        (void)json_array_append_new(registers, view_of(&module->registers[i]));
    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "oemboot", module->oemboot,
                     "dbgstat", debug_of(module->debug), "swname", text_of(&module->swname),
                     "swversion", version_of(&module->version), "measurements",
                     components_of(&module->component, 1), "registers", registers, "svn",
                     (json_int_t)module->svn, "generation", (json_int_t)module->generation);
}

static json_t *submodules_of(const struct report_claims *claims)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < claims->module_count; i++) {
        const struct report_submodule *module = &claims->module[i];
        char name[CLO_NAME_SIZE];
        (void)snprintf(name, sizeof name, "%.*s", (int)module->name.size,
                       (const char *)module->name.bytes);
        (void)json_object_set_new(object, name, submodule_of(module));
    }
    return object;
}

static json_t *results_of(const struct report_claims *claims)
{
    json_t *results = json_array();
    for (unsigned i = 0; i < claims->module_count; i++) {
        const struct report_submodule *module = &claims->module[i];
        (void)json_array_append_new(
            results, json_pack("[o, s]", text_of(&module->name),
                               module->component.signer.size ? "success" : "absent"));
    }
    return json_pack("[[s, o]]", CLO_REPORT_SIGNATURES, results);
}

/* Claims that are always there, in the order of their labels. */
static json_t *claims_of(const struct report_claims *claims)
{
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:[I, I], s:o}",
        "iat", (json_int_t)claims->iat, "eat_nonce", view_of(&claims->nonce), "ueid",
        view_of(&claims->ueid), "oemid", view_of(&claims->oemid), "hwmodel",
        view_of(&claims->hwmodel), "oemboot", claims->oemboot, "dbgstat", debug_of(claims->debug),
        "eat_profile", text_of(&claims->profile), "submods", submodules_of(claims), "bootseed",
        view_of(&claims->bootseed), "swname", text_of(&claims->swname), "swversion",
        version_of(&claims->version), "measurements",
        components_of(claims->component, REPORT_COMPONENTS), "measres", results_of(claims),
        "seal_state", fields_of(&claims->seal_state), "caller", fields_of(&claims->caller),
        "posture", fields_of(&claims->posture), "abi", (json_int_t)claims->abi_major,
        (json_int_t)claims->abi_minor, "module", text_of(&claims->subject->name));
}

static void add_optional(json_t *object, const struct report_claims *claims)
{
    if (claims->cnf_kind != CLO_CNF_NONE)
        (void)json_object_set_new(object, "cnf", cnf_of(claims));
    if (claims->user_data.size)
        (void)json_object_set_new(object, "user_data", view_of(&claims->user_data));
    if (claims->audit_head.size)
        (void)json_object_set_new(object, "audit_head", view_of(&claims->audit_head));
}

static cloister_status read_report(const void *report, size_t size, struct report_claims *claims,
                                   struct reason *why)
{
    struct cose_message message;
    cloister_status status = report_read_message(report, size, &message, why);
    return status == CLOISTER_OK ? report_read_claims(&message.payload, claims, why) : status;
}

cloister_status cloister_report_json(const void *report, size_t size, char **json, char *why)
{
    struct reason reason = {""};
    AUTO_FREE struct report_claims *claims = malloc(sizeof *claims);
    if (!claims)
        return CLOISTER_NO_MEMORY;
    if (read_report(report, size, claims, &reason) != CLOISTER_OK) {
        if (why) {
            (void)snprintf(why, CLOISTER_REASON_SIZE, "%.*s", CLOISTER_REASON_SIZE - 1,
                           reason.text);
            utf8_make_plain(why); /* it may be cut inside a character */
        }
        return CLOISTER_BAD_FORMAT;
    }
    json_t *object = claims_of(claims);
    add_optional(object, claims);
    char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    json_decref(object);
    if (!text)
        return CLOISTER_NO_MEMORY;
    *json = text;
    return CLOISTER_OK;
}
