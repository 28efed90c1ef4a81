/*
 * Makes reports. Claims of the world come from the launch record alone; what the module says goes
 * into nonce, cnf and user_data and nowhere else. Runs in the keeper only.
 */
#include "measure/report.h"

#include "abi/channel.h"
#include "base/bytes.h"
#include "base/scope.h"
#include "base/utf8.h"
#include "measure/confirmation_key.h"
#include "measure/cose.h"
#include "measure/report_claims.h"

#include <openssl/sha.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

#define UEID_RANDOM 0x01 /* type byte: the identifier is as good as random */

static cloister_status check_request(const struct clo_report_request *request, struct reason *why)
{
    if (request->nonce_size < CLO_NONCE_MIN || request->nonce_size > CLO_NONCE_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the nonce has %u bytes; allowed are %u to %u",
                      request->nonce_size, CLO_NONCE_MIN, CLO_NONCE_MAX);
    if (request->user_data_size > CLO_USER_DATA_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the user data has %u bytes; the most is %u",
                      request->user_data_size, CLO_USER_DATA_MAX);
    if (request->cnf_size > CLO_CNF_MAX ||
        !confirmation_key_is_valid(request->cnf_kind, request->cnf, request->cnf_size))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the confirmation key (kind %u, %u bytes) is no X25519 or P-256 public key",
                      request->cnf_kind, request->cnf_size);
    if (!bytes_are_zero(request->nonce + request->nonce_size,
                        sizeof request->nonce - request->nonce_size) ||
        !bytes_are_zero(request->cnf + request->cnf_size,
                        sizeof request->cnf - request->cnf_size) ||
        !bytes_are_zero(request->user_data + request->user_data_size,
                        sizeof request->user_data - request->user_data_size))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "unused bytes of the report request are not zero");
    return CLOISTER_OK;
}

static bool names_guest_digests(const struct clo_keeper_report *request)
{
    return !bytes_are_zero(request->guest_kernel, sizeof request->guest_kernel) ||
           !bytes_are_zero(request->guest_initrd, sizeof request->guest_initrd) ||
           !bytes_are_zero(request->guest_command_line, sizeof request->guest_command_line);
}

/* A client of the world may choose the nonce only: user data and key speak for the module. */
static cloister_status check_caller(const struct launch *launch,
                                    const struct clo_keeper_report *request, struct reason *why)
{
    if (request->reserved)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "reserved is %u; must be 0", request->reserved);
    if (request->caller_kind != CLO_CALLER_GUEST && names_guest_digests(request))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "digests of a guest with caller kind %u; only a guest (%u) has them",
                      request->caller_kind, CLO_CALLER_GUEST);
    if (request->by_module == 1 && request->caller_kind == 0)
        return CLOISTER_OK;
    if (request->by_module != 0 || request->caller_kind < CLO_CALLER_PROCESS ||
        request->caller_kind > CLO_CALLER_MODULE)
        return refuse(
            why, CLOISTER_BAD_ARGUMENT,
            "by_module %u with caller kind %u; a report is asked for by the module (1, 0) "
            "or a caller (0, %u to %u)",
            request->by_module, request->caller_kind, CLO_CALLER_PROCESS, CLO_CALLER_MODULE);
    if (request->caller_kind == CLO_CALLER_MODULE && request->caller_id >= launch->module_count)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "calling module %llu; the world has %u",
                      (unsigned long long)request->caller_id, launch->module_count);
    if (request->request.user_data_size || request->request.cnf_kind != CLO_CNF_NONE)
        return refuse(
            why, CLOISTER_BAD_ARGUMENT,
            "user data or a confirmation key from a caller; only the module may give them");
    return CLOISTER_OK;
}

static bool version_is_valid(const uint8_t version[CLO_VERSION_SIZE])
{
    size_t size = strnlen((const char *)version, CLO_VERSION_SIZE);
    return size > 0 && size < CLO_VERSION_SIZE && utf8_is_plain(version, size);
}

/* Names in the record were checked when it was made; a report must not depend on that. */
static cloister_status check_launch(const struct launch *launch, uint32_t index, struct reason *why)
{
    if (!launch->started || launch->module_count > CLO_MODULES_MAX)
        return refuse(why, CLOISTER_BAD_STATE, "the launch record is not complete");
    if (index >= launch->module_count)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "module %u; the world has %u", index,
                      launch->module_count);
    if (!name_is_valid(launch->start.kvm, sizeof launch->start.kvm) ||
        !report_isolation_name(launch->start.isolation) ||
        !version_is_valid(launch->runtime_version))
        return refuse(why, CLOISTER_BAD_STATE,
                      "the launch record has no valid KVM flavour, isolation or runtime version");
    for (uint32_t i = 0; i < launch->module_count; i++) {
        const struct launch_module *module = &launch->module[i];
        if (!name_is_valid(module->name, sizeof module->name) ||
            !name_is_valid(module->manifest.name, sizeof module->manifest.name) ||
            !version_is_valid(module->manifest.version))
            return refuse(why, CLOISTER_BAD_STATE,
                          "module %u of the launch record has no valid name or version", i);
    }
    return CLOISTER_OK;
}

/* 0x01 and SHA-256 of the attestation key's SubjectPublicKeyInfo. */
static bool ueid_of(EVP_PKEY *key, uint8_t ueid[REPORT_UEID_SIZE])
{
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    if (size <= 0)
        return false;
    ueid[0] = UEID_RANDOM;
    (void)SHA256(der, (size_t)size, ueid + 1);
    OPENSSL_free(der);
    return true;
}

static cloister_status sign_claims(const struct platform *platform, const uint8_t *claims,
                                   size_t claims_size, uint8_t report[REPORT_SIZE_MAX],
                                   size_t *size, struct reason *why)
{
    unsigned char *der = NULL;
    int der_size = i2d_X509(platform->attestation_certificate, &der);
    if (der_size <= 0)
        return refuse(why, CLOISTER_INTERNAL, "the attestation certificate cannot be encoded");
    struct cose_header header = {
        .type = CLO_REPORT_TYPE,
        .certificates = 1,
        .certificate = {{der, (size_t)der_size}},
    };
    cloister_status status = cose_sign(platform->attestation_key, &header, claims, claims_size,
                                       report, REPORT_SIZE_MAX, size, why);
    OPENSSL_free(der);
    return status;
}

cloister_status report_make(const struct platform *platform, const struct launch *launch,
                            uint32_t index, const struct clo_keeper_report *request, uint64_t now,
                            uint8_t report[REPORT_SIZE_MAX], size_t *size, struct reason *why)
{
    cloister_status status = check_launch(launch, index, why);
    if (status == CLOISTER_OK)
        status = check_caller(launch, request, why);
    if (status == CLOISTER_OK)
        status = check_request(&request->request, why);
    if (status != CLOISTER_OK)
        return status;
    struct report_input input = {
        .launch = launch, .module = &launch->module[index], .request = request, .now = now};
    AUTO_FREE uint8_t *claims = malloc(REPORT_SIZE_MAX);
    if (!claims || !ueid_of(platform->attestation_key, input.ueid))
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a report");
    struct cbor_writer writer;
    size_t claims_size;
    cbor_write_start(&writer, claims, REPORT_SIZE_MAX);
    report_claims_write(&writer, &input);
    if (!cbor_write_end(&writer, &claims_size))
        return refuse(why, CLOISTER_INTERNAL,
                      "the claims do not fit %u bytes, or two modules have one name",
                      REPORT_SIZE_MAX);
    return sign_claims(platform, claims, claims_size, report, size, why);
}
