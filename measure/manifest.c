/*
 * Checks a manifest that someone else wrote: every field, every reserved byte.
 */
#include "measure/manifest.h"

#include "abi/channel.h"
#include "base/bytes.h"

#include <string.h>

/* What no module may ask for: numbers that do not exist, and those of `cloister exec`. */
#define HYPERCALLS_ALLOWED ((2ull << CLO_HC_EXIT) - 2)

/* Below the top of a stack's stride lies one unmapped page, and one above it. */
#define STACK_SIZE_MAX (CLO_STACK_STRIDE - 2 * CLO_PAGE_SIZE)

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Reads a number without leading zeros; false if there is none. */
static bool skip_number(const uint8_t **at)
{
    const uint8_t *start = *at;
    while (is_digit(**at))
        ++*at;
    return *at != start && (*start != '0' || *at == start + 1);
}

static bool is_suffix_character(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '+';
}

/* MAJOR.MINOR.PATCH, and perhaps a pre-release or build suffix; NUL-terminated, zero-filled. */
static bool version_is_valid(const uint8_t version[CLO_VERSION_SIZE])
{
    size_t length = strnlen((const char *)version, CLO_VERSION_SIZE);
    if (length == CLO_VERSION_SIZE || !bytes_are_zero(version + length, CLO_VERSION_SIZE - length))
        return false;
    const uint8_t *at = version;
    if (!skip_number(&at) || *at++ != '.' || !skip_number(&at) || *at++ != '.' || !skip_number(&at))
        return false;
    if (*at == '\0')
        return true;
    if ((*at != '-' && *at != '+') || at[1] == '\0')
        return false;
    while (is_suffix_character(*at))
        at++;
    return *at == '\0';
}

static cloister_status check_identity(const struct clo_manifest *m, struct reason *why)
{
    if (m->magic != CLO_MANIFEST_MAGIC)
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: magic is %#x; it must be %#x", m->magic,
                      CLO_MANIFEST_MAGIC);
    if (m->abi_major != CLO_ABI_MAJOR || m->abi_minor > CLO_ABI_MINOR)
        return refuse(why, CLOISTER_UNSUPPORTED,
                      "manifest: needs ABI %u.%u; this is %u.%u: rebuild the module, or update "
                      "Cloister",
                      m->abi_major, m->abi_minor, CLO_ABI_MAJOR, CLO_ABI_MINOR);
    if (!name_is_valid(m->name, sizeof m->name))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: name \"%.*s\"; 1 to %u letters, digits, '-', '_', '.' are allowed",
                      (int)sizeof m->name, (const char *)m->name, CLO_NAME_SIZE - 1);
    if (!version_is_valid(m->version))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: version \"%.*s\"; a semantic version like 1.0.0 of at most %u "
                      "characters is needed",
                      (int)sizeof m->version, (const char *)m->version, CLO_VERSION_SIZE - 1);
    if (m->svn_floor > m->svn)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: svn_floor is %u; at most the module's own svn, %u, is allowed",
                      m->svn_floor, m->svn);
    return CLOISTER_OK;
}

static cloister_status check_memory(const struct clo_manifest *m, struct reason *why)
{
    if (m->heap_size % CLO_PAGE_SIZE != 0 || m->heap_size > CLO_HEAP_SIZE_MAX)
        return refuse(why, CLOISTER_TOO_BIG,
                      "manifest: heap_size is %lu; a multiple of %u up to %llu is allowed",
                      m->heap_size, CLO_PAGE_SIZE, CLO_HEAP_SIZE_MAX);
    if (m->stack_size % CLO_PAGE_SIZE != 0 || m->stack_size < CLO_PAGE_SIZE ||
        m->stack_size > STACK_SIZE_MAX)
        return refuse(why, CLOISTER_TOO_BIG,
                      "manifest: stack_size is %u; a multiple of %u from there to %llu is allowed",
                      m->stack_size, CLO_PAGE_SIZE, STACK_SIZE_MAX);
    if (m->threads < 1 || m->threads > CLO_THREADS_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: threads is %u; 1 to %u are allowed",
                      m->threads, CLO_THREADS_MAX);
    return CLOISTER_OK;
}

static cloister_status check_rights(const struct clo_manifest *m, struct reason *why)
{
    if (m->hypercalls & ~HYPERCALLS_ALLOWED)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: hypercalls is %#lx; only bits of %#llx are allowed", m->hypercalls,
                      HYPERCALLS_ALLOWED);
    if (m->channels_max < 1 || m->channels_max > CLO_CHANNELS_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: channels_max is %u; 1 to %u are allowed",
                      m->channels_max, CLO_CHANNELS_MAX);
    if (m->log_class > CLO_LOG_CLASS_PUBLIC)
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: log_class is %u; 0 or 1 is allowed",
                      m->log_class);
    if (m->flags & ~CLO_MODULE_DEBUGGABLE)
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: unknown flags %#x", m->flags);
    if (!bytes_are_zero(m->reserved, sizeof m->reserved))
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: reserved bytes are not zero");
    return CLOISTER_OK;
}

static unsigned kind_of(const struct clo_method *method, unsigned parameter)
{
    return method->kinds >> (4 * parameter) & 15u;
}

static bool kind_is_buffer(unsigned kind)
{
    return kind >= CLO_PARAM_BUFFER_IN && kind <= CLO_PARAM_BUFFER_INOUT;
}

/* `name` is the method's, checked before. */
static cloister_status check_parameter(const struct clo_method *method, unsigned p,
                                       struct reason *why)
{
    const char *name = (const char *)method->name;
    unsigned kind = kind_of(method, p);
    uint32_t most = method->size_max[p], least = method->size_min[p];
    if (!kind_is_buffer(kind) && kind > CLO_PARAM_INOUT)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: method %s, parameter %u: unknown kind %u", name, p, kind);
    if (kind != CLO_PARAM_NONE && p > 0 && kind_of(method, p - 1) == CLO_PARAM_NONE)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: method %s: parameter %u comes after the list has ended", name, p);
    if (!kind_is_buffer(kind)) {
        if (most == 0 && least == 0 && !(method->flags & CLO_METHOD_ZERO_COPY(p)))
            return CLOISTER_OK;
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: method %s, parameter %u is no buffer, but has sizes or zero-copy",
                      name, p);
    }
    if (most == 0 || most > CLO_ARENA_MAX)
        return refuse(why, CLOISTER_TOO_BIG,
                      "manifest: method %s, parameter %u: size_max is %u; 1 to %u are allowed",
                      name, p, most, CLO_ARENA_MAX);
    if (least > (kind == CLO_PARAM_BUFFER_OUT ? 0 : most))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: method %s, parameter %u: size_min is %u; at most size_max, and 0 "
                      "for an output",
                      name, p, least);
    return CLOISTER_OK;
}

static cloister_status check_method(const struct clo_manifest *m, unsigned i, struct reason *why)
{
    const struct clo_method *method = &m->method[i];
    if (!name_is_valid(method->name, sizeof method->name))
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: method %u has no valid name", i);
    for (unsigned k = 0; k < i; k++)
        if (memcmp(m->method[k].name, method->name, sizeof method->name) == 0)
            return refuse(why, CLOISTER_BAD_FORMAT, "manifest: methods %u and %u are both named %s",
                          k, i, (const char *)method->name);
    if ((method->flags & ~(15u | CLO_METHOD_STREAM)) != 0 || method->reserved != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: method %s: unknown flags %#x, %#x",
                      (const char *)method->name, method->flags, method->reserved);
    if ((method->flags & CLO_METHOD_STREAM) && method->kinds != CLO_STREAM_KINDS)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: method %s is a stream of kinds %#x; a stream has a buffer in, a "
                      "buffer out and a value pair both ways (%#x)",
                      (const char *)method->name, method->kinds, CLO_STREAM_KINDS);
    for (unsigned p = 0; p < CLO_PARAMETERS_MAX; p++) {
        cloister_status status = check_parameter(method, p, why);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_OK;
}

static cloister_status check_methods(const struct clo_manifest *m, struct reason *why)
{
    if (m->method_count > CLO_METHODS_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "manifest: %u methods; at most %u are allowed",
                      m->method_count, CLO_METHODS_MAX);
    for (unsigned i = 0; i < m->method_count; i++) {
        cloister_status status = check_method(m, i, why);
        if (status != CLOISTER_OK)
            return status;
    }
    const struct clo_method *unused = &m->method[m->method_count];
    if (!bytes_are_zero(unused, (CLO_METHODS_MAX - m->method_count) * sizeof *unused))
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: methods beyond method_count (%u) given",
                      m->method_count);
    return CLOISTER_OK;
}

static cloister_status check_peer_flags(const struct clo_manifest *m, unsigned i,
                                        struct reason *why)
{
    const struct clo_peer *peer = &m->peer[i];
    uint32_t known = CLO_PEER_CALLS | CLO_PEER_ACCEPTS | CLO_PEER_SAME_AUTHOR;
    if ((peer->flags & ~known) || !(peer->flags & (CLO_PEER_CALLS | CLO_PEER_ACCEPTS)))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: peer %u: flags %#x; calls (1) or accepts (2) is needed, same "
                      "author (4) may be added",
                      i, peer->flags);
    if ((peer->flags & CLO_PEER_CALLS) && !(m->hypercalls >> CLO_HC_OPEN & 1))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: peer %u is called, but hypercall OPEN is not declared", i);
    return CLOISTER_OK;
}

static cloister_status check_peer(const struct clo_manifest *m, unsigned i, struct reason *why)
{
    const struct clo_peer *peer = &m->peer[i];
    bool any_author = bytes_are_zero(peer->author, sizeof peer->author);
    if (!bytes_are_zero(peer->name, sizeof peer->name) &&
        !name_is_valid(peer->name, sizeof peer->name))
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: peer %u has no valid name", i);
    if (!any_author && (peer->author[0] != CLO_AUTHOR_KEY || (peer->flags & CLO_PEER_SAME_AUTHOR)))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "manifest: peer %u: author of type %u; type %u, or all zero, is needed, and "
                      "zero with the same-author flag",
                      i, peer->author[0], CLO_AUTHOR_KEY);
    if (!bytes_are_zero(peer->reserved, sizeof peer->reserved))
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: peer %u: reserved bytes are not zero",
                      i);
    return check_peer_flags(m, i, why);
}

static cloister_status check_peers(const struct clo_manifest *m, struct reason *why)
{
    if (m->peer_count > CLO_PEERS_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "manifest: %u peers; at most %u are allowed",
                      m->peer_count, CLO_PEERS_MAX);
    for (unsigned i = 0; i < m->peer_count; i++) {
        cloister_status status = check_peer(m, i, why);
        if (status != CLOISTER_OK)
            return status;
    }
    const struct clo_peer *unused = &m->peer[m->peer_count];
    if (!bytes_are_zero(unused, (CLO_PEERS_MAX - m->peer_count) * sizeof *unused))
        return refuse(why, CLOISTER_BAD_FORMAT, "manifest: peers beyond peer_count (%u) given",
                      m->peer_count);
    return CLOISTER_OK;
}

cloister_status manifest_check(const struct clo_manifest *manifest, struct reason *why)
{
    cloister_status status = check_identity(manifest, why);
    if (status == CLOISTER_OK)
        status = check_memory(manifest, why);
    if (status == CLOISTER_OK)
        status = check_rights(manifest, why);
    if (status == CLOISTER_OK)
        status = check_methods(manifest, why);
    if (status == CLOISTER_OK)
        status = check_peers(manifest, why);
    return status;
}
