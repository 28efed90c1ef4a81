/*
 * Writes the posture claim: what isolation holds on this host, as the host says itself. A verifier
 * can refuse on it; it never proves anything.
 */
#include "measure/report_claims.h"

#include "abi/control.h"
#include "base/utf8.h"

#include <string.h>

#define YAMA_ABSENT 0xffffffffu

const char *report_isolation_name(uint32_t isolation)
{
    switch (isolation) {
    case CLO_ISOLATION_MAPPED:
        return "mapped";
    case CLO_ISOLATION_GUEST_MEMFD:
        return "guest-memfd";
    case CLO_ISOLATION_UNREACHABLE:
        return "unreachable";
    default:
        return NULL;
    }
}

/* A text of the host in a fixed-size field; "unknown" if it is empty or not fit to be shown. */
static void write_field(struct cbor_writer *writer, const char *name, const uint8_t *text,
                        size_t size)
{
    size_t length = strnlen((const char *)text, size);
    bool good = length > 0 && length < size && utf8_is_plain(text, length);
    cbor_write_text(writer, name);
    cbor_write_text(writer, good ? (const char *)text : "unknown");
}

static void write_number(struct cbor_writer *writer, const char *name, uint64_t value)
{
    cbor_write_text(writer, name);
    cbor_write_uint(writer, value);
}

static void write_flag(struct cbor_writer *writer, const char *name, bool value)
{
    cbor_write_text(writer, name);
    cbor_write_bool(writer, value);
}

void report_posture_write(struct cbor_writer *writer, const struct launch *launch)
{
    const struct host_posture *posture = &launch->posture;
    const struct clo_keeper_start *start = &launch->start;
    bool yama = posture->yama_scope != YAMA_ABSENT;
    cbor_write_map(writer, 12u + yama);
    write_field(writer, "kvm", start->kvm, sizeof start->kvm);
    write_field(writer, "smt", posture->smt, sizeof posture->smt);
    write_flag(writer, "swap", posture->swap);
    write_flag(writer, "umip", start->umip != 0);
    if (yama)
        write_number(writer, "yama", posture->yama_scope);
    write_number(writer, "vcpus", start->vcpus);
    write_field(writer, "kernel", posture->kernel, sizeof posture->kernel);
    write_number(writer, "window", start->window_size);
    write_number(writer, "spin_us", start->spin_us);
    write_field(writer, "lockdown", posture->lockdown, sizeof posture->lockdown);
    cbor_write_text(writer, "isolation");
    cbor_write_text(writer, report_isolation_name(start->isolation));
    write_number(writer, "vulnerable", posture->vulnerable);
    write_flag(writer, "ptrace_locked", posture->ptrace_locked);
}
