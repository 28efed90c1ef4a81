/*
 * Writes the claims-set of a report. Order is that of the encoded keys: numbers upwards, then the
 * project's own negative labels away from zero; the writer breaks if it is not.
 */
#include "measure/report_claims.h"

#include "abi/channel.h"
#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#define COSE_KEY_TYPE 1
#define COSE_KEY_CURVE (-1)
#define COSE_KEY_X (-2)
#define COSE_KEY_Y (-3)
#define COSE_TYPE_OKP 1
#define COSE_TYPE_EC2 2
#define COSE_CURVE_P256 1
#define COSE_CURVE_X25519 4
#define CNF_COSE_KEY 1
#define COORDINATE_SIZE 32u

/* {1: COSE_Key} (RFC 8747, 3.2). */
static void write_cnf(struct cbor_writer *writer, const struct clo_report_request *request)
{
    bool pair = request->cnf_kind == CLO_CNF_P256;
    cbor_write_int(writer, CLO_CLAIM_CNF);
    cbor_write_map(writer, 1);
    cbor_write_int(writer, CNF_COSE_KEY);
    cbor_write_map(writer, pair ? 4 : 3);
    cbor_write_int(writer, COSE_KEY_TYPE);
    cbor_write_int(writer, pair ? COSE_TYPE_EC2 : COSE_TYPE_OKP);
    cbor_write_int(writer, COSE_KEY_CURVE);
    cbor_write_int(writer, pair ? COSE_CURVE_P256 : COSE_CURVE_X25519);
    cbor_write_int(writer, COSE_KEY_X);
    cbor_write_bytes(writer, request->cnf, COORDINATE_SIZE);
    if (pair) {
        cbor_write_int(writer, COSE_KEY_Y);
        cbor_write_bytes(writer, request->cnf + COORDINATE_SIZE, COORDINATE_SIZE);
    }
}

static void write_hardware(struct cbor_writer *writer, const struct launch *launch)
{
    char model[sizeof CLO_REPORT_HARDWARE + sizeof launch->start.kvm];
    int size = snprintf(model, sizeof model, CLO_REPORT_HARDWARE "%.*s",
                        (int)sizeof launch->start.kvm, (const char *)launch->start.kvm);
    cbor_write_int(writer, CLO_CLAIM_HWMODEL);
    cbor_write_bytes(writer, model, (size_t)size);
}

void report_version_write(struct cbor_writer *writer, const uint8_t version[CLO_VERSION_SIZE])
{
    cbor_write_array(writer, 2);
    cbor_write_text(writer, (const char *)version);
    cbor_write_int(writer, CLO_REPORT_VERSIONS);
}

/* [[system, [[module, result], …]]]: was each module signed? */
static void write_results(struct cbor_writer *writer, const struct launch *launch)
{
    cbor_write_int(writer, CLO_CLAIM_MEASRES);
    cbor_write_array(writer, 1);
    cbor_write_array(writer, 2);
    cbor_write_text(writer, CLO_REPORT_SIGNATURES);
    cbor_write_array(writer, launch->module_count);
    for (uint32_t i = 0; i < launch->module_count; i++) {
        const struct launch_module *module = &launch->module[i];
        bool is_signed = module->author[0] != CLO_AUTHOR_NONE;
        cbor_write_array(writer, 2);
        cbor_write_text(writer, (const char *)module->name);
        cbor_write_int(writer, is_signed ? CLO_RESULT_SUCCESS : CLO_RESULT_ABSENT);
    }
}

/* The runtime's SVN, and what keeps epochs: nothing does, so blobs are not rollback-protected. */
static void write_seal_state(struct cbor_writer *writer, const struct launch *launch)
{
    cbor_write_int(writer, CLO_CLAIM_SEAL_STATE);
    cbor_write_map(writer, 3);
    cbor_write_text(writer, "svn");
    cbor_write_uint(writer, launch->runtime_svn);
    cbor_write_text(writer, "anchor");
    cbor_write_text(writer, "none");
    cbor_write_text(writer, "strength");
    cbor_write_uint(writer, 0);
}

static void write_number(struct cbor_writer *writer, const char *name, uint64_t value)
{
    cbor_write_text(writer, name);
    cbor_write_uint(writer, value);
}

static void write_digest(struct cbor_writer *writer, const char *name,
                         const uint8_t digest[CLO_DIGEST_SIZE])
{
    if (bytes_are_zero(digest, CLO_DIGEST_SIZE))
        return;
    cbor_write_text(writer, name);
    cbor_write_bytes(writer, digest, CLO_DIGEST_SIZE);
}

/* What its VMM has not measured is absent. */
static void write_guest(struct cbor_writer *writer, const struct clo_keeper_report *request)
{
    unsigned digests = !bytes_are_zero(request->guest_kernel, CLO_DIGEST_SIZE);
    digests += !bytes_are_zero(request->guest_initrd, CLO_DIGEST_SIZE);
    digests += !bytes_are_zero(request->guest_command_line, CLO_DIGEST_SIZE);
    cbor_write_map(writer, 2 + digests);
    write_number(writer, "id", request->caller_id);
    cbor_write_text(writer, "kind");
    cbor_write_text(writer, "guest");
    write_digest(writer, "initrd", request->guest_initrd);
    write_digest(writer, "kernel", request->guest_kernel);
    write_digest(writer, "command_line", request->guest_command_line);
}

static void write_caller(struct cbor_writer *writer, const struct report_input *input)
{
    const struct clo_keeper_report *request = input->request;
    cbor_write_int(writer, CLO_CLAIM_CALLER);
    switch (request->by_module ? 0 : request->caller_kind) {
    case CLO_CALLER_PROCESS:
        cbor_write_map(writer, 5);
        write_number(writer, "gid", request->caller_gid);
        write_number(writer, "pid", request->caller_pid);
        write_number(writer, "uid", request->caller_uid);
        cbor_write_text(writer, "kind");
        cbor_write_text(writer, "process");
        write_number(writer, "start", request->caller_start_time);
        break;
    case CLO_CALLER_GUEST:
        write_guest(writer, request);
        break;
    case CLO_CALLER_MODULE:
        cbor_write_map(writer, 2);
        cbor_write_text(writer, "kind");
        cbor_write_text(writer, "module");
        cbor_write_text(writer, "module");
        cbor_write_text(writer, (const char *)input->launch->module[request->caller_id].name);
        break;
    default:
        cbor_write_map(writer, 1);
        cbor_write_text(writer, "kind");
        cbor_write_text(writer, "self");
    }
}

/* The claims that RFC 9711 and the CWT registry name, from `ueid` on. */
static void write_platform(struct cbor_writer *writer, const struct report_input *input)
{
    const struct launch *launch = input->launch;
    cbor_write_int(writer, CLO_CLAIM_UEID);
    cbor_write_bytes(writer, input->ueid, sizeof input->ueid);
    cbor_write_int(writer, CLO_CLAIM_OEMID);
    cbor_write_bytes(writer, CLO_REPORT_OEMID, CLO_REPORT_OEMID_SIZE);
    write_hardware(writer, launch);
    cbor_write_int(writer, CLO_CLAIM_OEMBOOT);
    cbor_write_bool(writer, false); /* no key is pinned that the world's own images verify with */
    cbor_write_int(writer, CLO_CLAIM_DBGSTAT);
    cbor_write_int(writer, launch->debug ? CLO_DEBUG_ENABLED : CLO_DEBUG_DISABLED);
    cbor_write_int(writer, CLO_CLAIM_PROFILE);
    cbor_write_text(writer, CLO_REPORT_PROFILE);
    cbor_write_int(writer, CLO_CLAIM_SUBMODS);
    report_submodules_write(writer, launch);
    cbor_write_int(writer, CLO_CLAIM_BOOTSEED);
    cbor_write_bytes(writer, launch->boot_seed, sizeof launch->boot_seed);
    cbor_write_int(writer, CLO_CLAIM_SWNAME);
    cbor_write_text(writer, CLO_REPORT_SOFTWARE);
    cbor_write_int(writer, CLO_CLAIM_SWVERSION);
    report_version_write(writer, launch->runtime_version);
    cbor_write_int(writer, CLO_CLAIM_MEASUREMENTS);
    report_components_write(writer, launch);
    write_results(writer, launch);
}

/* The project's own claims. */
static void write_own(struct cbor_writer *writer, const struct report_input *input)
{
    const struct clo_report_request *request = &input->request->request;
    write_seal_state(writer, input->launch);
    write_caller(writer, input);
    if (request->user_data_size) {
        cbor_write_int(writer, CLO_CLAIM_USER_DATA);
        cbor_write_bytes(writer, request->user_data, request->user_data_size);
    }
    cbor_write_int(writer, CLO_CLAIM_POSTURE);
    report_posture_write(writer, input->launch);
    cbor_write_int(writer, CLO_CLAIM_ABI);
    cbor_write_array(writer, 2);
    cbor_write_uint(writer, CLO_ABI_MAJOR);
    cbor_write_uint(writer, CLO_ABI_MINOR);
    cbor_write_int(writer, CLO_CLAIM_MODULE);
    cbor_write_text(writer, (const char *)input->module->name);
}

void report_claims_write(struct cbor_writer *writer, const struct report_input *input)
{
    const struct clo_report_request *request = &input->request->request;
    bool cnf = request->cnf_kind != CLO_CNF_NONE;
    cbor_write_map(writer, 19u + cnf + (request->user_data_size != 0));
    cbor_write_int(writer, CLO_CLAIM_IAT);
    cbor_write_uint(writer, input->now);
    if (cnf)
        write_cnf(writer, request);
    cbor_write_int(writer, CLO_CLAIM_NONCE);
    cbor_write_bytes(writer, request->nonce, request->nonce_size);
    write_platform(writer, input);
    write_own(writer, input);
}
