/*
 * Reads single values of a claims-set: numbers, names, versions, keys, measured components.
 */
#include "measure/report_read_parts.h"

#include "base/bytes.h"
#include "measure/confirmation_key.h"

#define COORDINATE_SIZE 32u

bool report_read_number(struct cbor_reader *reader, uint64_t *value)
{
    int64_t number;
    if (!cbor_read_int(reader, &number) || number < 0)
        return false;
    *value = (uint64_t)number;
    return true;
}

bool report_read_sized(struct cbor_reader *reader, size_t least, size_t most,
                       struct cbor_view *view)
{
    return cbor_read_bytes(reader, view) && view->size >= least && view->size <= most;
}

bool report_views_equal(const struct cbor_view *a, const struct cbor_view *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

bool report_read_name(struct cbor_reader *reader, struct cbor_view *name)
{
    uint8_t field[CLO_NAME_SIZE] = {0};
    if (!cbor_read_text(reader, name) || name->size >= sizeof field)
        return false;
    memcpy(field, name->bytes, name->size);
    return name_is_valid(field, sizeof field);
}

static bool read_constant(struct cbor_reader *reader, int64_t expected)
{
    int64_t number;
    return cbor_read_int(reader, &number) && number == expected;
}

static bool read_array_of(struct cbor_reader *reader, uint64_t expected)
{
    uint64_t count;
    return cbor_read_array(reader, &count) && count == expected;
}

static bool read_map_of(struct cbor_reader *reader, uint64_t expected)
{
    uint64_t count;
    return cbor_read_map(reader, &count) && count == expected;
}

bool report_read_version(struct cbor_reader *reader, struct cbor_view *version)
{
    return read_array_of(reader, 2) && cbor_read_text(reader, version) && version->size > 0 &&
           version->size < CLO_VERSION_SIZE && read_constant(reader, CLO_REPORT_VERSIONS);
}

bool report_read_debug(struct cbor_reader *reader, bool *debug)
{
    int64_t state;
    if (!cbor_read_int(reader, &state))
        return false;
    *debug = state == CLO_DEBUG_ENABLED;
    return state == CLO_DEBUG_ENABLED || state == CLO_DEBUG_DISABLED;
}

static bool read_coordinate(struct cbor_reader *reader, int64_t label, uint8_t *out)
{
    struct cbor_view view;
    if (!read_constant(reader, label) ||
        !report_read_sized(reader, COORDINATE_SIZE, COORDINATE_SIZE, &view))
        return false;
    memcpy(out, view.bytes, view.size);
    return true;
}

/* {1: {1: kty, -1: crv, -2: x}} with y for kty EC2. */
bool report_read_cnf(struct cbor_reader *reader, struct report_claims *claims)
{
    uint64_t count;
    if (!read_map_of(reader, 1) || !read_constant(reader, 1) || !cbor_read_map(reader, &count) ||
        (count != 3 && count != 4))
        return false;
    bool pair = count == 4;
    if (!read_constant(reader, 1) || !read_constant(reader, pair ? 2 : 1) ||
        !read_constant(reader, -1) || !read_constant(reader, pair ? 1 : 4) ||
        !read_coordinate(reader, -2, claims->cnf) ||
        (pair && !read_coordinate(reader, -3, claims->cnf + COORDINATE_SIZE)))
        return false;
    claims->cnf_kind = pair ? CLO_CNF_P256 : CLO_CNF_X25519;
    claims->cnf_size = pair ? 2 * COORDINATE_SIZE : COORDINATE_SIZE;
    return confirmation_key_is_valid(claims->cnf_kind, claims->cnf, claims->cnf_size);
}

static bool read_component_map(struct cbor_reader *reader, struct report_component *component)
{
    uint64_t count;
    if (!cbor_read_map(reader, &count) || (count != 2 && count != 3) || !read_constant(reader, 1) ||
        !read_array_of(reader, 2) || !report_read_name(reader, &component->name) ||
        !report_read_version(reader, &component->version))
        return false;
    if (!read_constant(reader, 2) || !read_array_of(reader, 2) ||
        !read_constant(reader, CLO_REPORT_DIGEST_SHA384) ||
        !report_read_sized(reader, CLO_DIGEST_SIZE, CLO_DIGEST_SIZE, &component->digest))
        return false;
    component->signer = (struct cbor_view){0};
    return count == 2 ||
           (read_constant(reader, 3) && read_array_of(reader, 1) &&
            report_read_sized(reader, CLO_DIGEST_SIZE, CLO_DIGEST_SIZE, &component->signer));
}

bool report_read_components(struct cbor_reader *reader, struct report_component *component,
                            unsigned count)
{
    if (!read_array_of(reader, count))
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct cbor_view bytes;
        struct cbor_reader inner;
        if (!read_array_of(reader, 2) || !read_constant(reader, CLO_REPORT_COMPONENT) ||
            !cbor_read_bytes(reader, &bytes) ||
            cbor_read_start(&inner, bytes.bytes, bytes.size, "component", NULL) != CLOISTER_OK ||
            !read_component_map(&inner, &component[i]))
            return false;
    }
    return true;
}
