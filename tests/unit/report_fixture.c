/*
 * Makes good reports, and bad ones that differ in one thing.
 */
#include "report_fixture.h"

#include "abi/control.h"
#include "base/bytes.h"
#include "base/scope.h"
#include "measure/cbor_write.h"
#include "measure/openssl_scope.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string.h>

#define YEAR (365l * 24 * 3600)
#define CLAIMS_MAX 32u

const struct certificate_plan fixture_ca_plan = {
    .name = "Cloister platform CA",
    .basic = "critical,CA:TRUE,pathlen:0",
    .usage = "critical,keyCertSign",
    .from = -YEAR,
    .to = YEAR,
};

const struct certificate_plan fixture_leaf_plan = {
    .name = "Cloister attestation",
    .basic = "CA:FALSE",
    .usage = "critical,digitalSignature",
    .extended = "critical," CLO_REPORT_EKU_OID,
    .from = -YEAR,
    .to = YEAR,
};

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "report fixture: %s failed\n", what);
    exit(99);
}

EVP_PKEY *fixture_key(const char *kind)
{
    EVP_PKEY *key = strcmp(kind, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072)
                                             : EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    need(key != NULL, "a key");
    return key;
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    if (!value)
        return;
    X509V3_CTX names;
    X509V3_set_ctx_nodb(&names);
    X509V3_set_ctx(&names, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &names, nid, value);
    need(extension && X509_add_ext(certificate, extension, -1) == 1, "an extension");
    X509_EXTENSION_free(extension);
}

static void set_date(ASN1_TIME *time, long offset)
{
    need(ASN1_TIME_set(time, (time_t)FIXTURE_NOW + offset) != NULL, "a date");
}

X509 *fixture_certificate(const struct certificate_plan *plan, EVP_PKEY *key, X509 *issuer,
                          EVP_PKEY *issuer_key)
{
    static long serial;
    X509 *certificate = X509_new();
    need(certificate && X509_set_version(certificate, X509_VERSION_3) == 1, "a certificate");
    need(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial) == 1, "a serial number");
    X509 *from = issuer ? issuer : certificate;
    X509_NAME *name = X509_get_subject_name(certificate);
    need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)plan->name, -1, -1,
                                    0) == 1 &&
             X509_set_issuer_name(certificate, X509_get_subject_name(from)) == 1 &&
             X509_set_pubkey(certificate, key) == 1,
         "a name");
    set_date(X509_getm_notBefore(certificate), plan->from);
    set_date(X509_getm_notAfter(certificate), plan->to);
    add_extension(certificate, from, NID_basic_constraints, plan->basic);
    add_extension(certificate, from, NID_key_usage, plan->usage);
    add_extension(certificate, from, NID_ext_key_usage, plan->extended);
    add_extension(certificate, from, NID_subject_key_identifier, "hash");
    if (issuer)
        add_extension(certificate, from, NID_authority_key_identifier, "keyid:always");
    need(X509_sign(certificate, issuer_key, EVP_sha384()) > 0, "signing a certificate");
    return certificate;
}

char *fixture_pem(X509 *certificate)
{
    AUTO_BIO BIO *out = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    need(out && PEM_write_bio_X509(out, certificate) == 1, "PEM");
    long size = BIO_get_mem_data(out, &bytes);
    char *text = strndup(bytes, (size_t)size);
    need(text != NULL, "PEM");
    return text;
}

static void fill_module(struct launch_module *module, const char *name, uint8_t seed)
{
    need(name_set(module->name, sizeof module->name, name), "a name");
    need(name_set(module->manifest.name, sizeof module->manifest.name, name), "a name");
    need(name_set(module->manifest.version, sizeof module->manifest.version, "1.2.3"), "a version");
    module->manifest.svn = seed;
    memset(module->measurement, seed, sizeof module->measurement);
    module->generation = 1;
    memset(module->registers[3], seed + 1, CLO_DIGEST_SIZE);
}

void report_fixture_launch(struct launch *launch)
{
    launch->started = true;
    need(name_set(launch->world, sizeof launch->world, "main"), "a name");
    launch->runtime_svn = 1;
    need(name_set(launch->runtime_version, sizeof launch->runtime_version, "0.1.0"), "a version");
    memset(launch->runtime_measurement, 0x71, CLO_DIGEST_SIZE);
    memset(launch->monitor_measurement, 0x74, CLO_DIGEST_SIZE);
    memset(launch->personality_measurement, 0x75, CLO_DIGEST_SIZE);
    memset(launch->world_host_measurement, 0x72, CLO_DIGEST_SIZE);
    memset(launch->boot_seed, 0x73, sizeof launch->boot_seed);
    need(name_set(launch->start.kvm, sizeof launch->start.kvm, "pvm"), "a name");
    launch->start.isolation = CLO_ISOLATION_UNREACHABLE;
    launch->start.vcpus = 2;
    launch->start.window_size = 1u << 24;
    launch->start.spin_us = 50;
    launch->posture.yama_scope = 1;
    need(name_set(launch->posture.lockdown, 16, "none"), "a name");
    need(name_set(launch->posture.smt, 16, "off"), "a name");
    need(name_set(launch->posture.kernel, 64, "6.18.0"), "a name");
    launch->modules_expected = launch->module_count = 2;
    fill_module(&launch->module[0], "vault", 7);
    launch->module[0].author[0] = CLO_AUTHOR_KEY;
    memset(launch->module[0].author + 1, 0xa7, CLO_DIGEST_SIZE);
    fill_module(&launch->module[1], "echo", 3);
}

static void fill_request(struct report_fixture *fixture)
{
    struct clo_keeper_report *request = &fixture->request;
    request->caller_kind = CLO_CALLER_PROCESS;
    request->caller_uid = 1000;
    request->caller_gid = 1000;
    request->caller_pid = 4242;
    request->caller_start_time = 99;
    request->request.nonce_size = 32;
    memset(request->request.nonce, 0x5a, 32);
    fixture->expectation = (cloister_expectation){
        .nonce = request->request.nonce,
        .nonce_size = 32,
        .ca_pem = fixture->ca_pem,
        .ca_pem_size = strlen(fixture->ca_pem),
        .now = FIXTURE_NOW,
    };
}

struct report_fixture *report_fixture_new(const char *curve)
{
    struct report_fixture *fixture = calloc(1, sizeof *fixture);
    need(fixture != NULL, "memory");
    fixture->ca_key = fixture_key(curve);
    fixture->ca = fixture_certificate(&fixture_ca_plan, fixture->ca_key, NULL, fixture->ca_key);
    fixture->ca_pem = fixture_pem(fixture->ca);
    fixture->platform.attestation_key = fixture_key(curve);
    fixture->platform.attestation_certificate = fixture_certificate(
        &fixture_leaf_plan, fixture->platform.attestation_key, fixture->ca, fixture->ca_key);
    report_fixture_launch(&fixture->launch);
    fill_request(fixture);
    report_fixture_make(fixture);
    return fixture;
}

void report_fixture_free(struct report_fixture *fixture)
{
    EVP_PKEY_free(fixture->ca_key);
    X509_free(fixture->ca);
    EVP_PKEY_free(fixture->platform.attestation_key);
    X509_free(fixture->platform.attestation_certificate);
    free(fixture->ca_pem);
    free(fixture);
}

void report_fixture_make(struct report_fixture *fixture)
{
    struct reason why = {""};
    if (report_make(&fixture->platform, &fixture->launch, 0, &fixture->request, FIXTURE_NOW,
                    fixture->report, &fixture->size, &why) != CLOISTER_OK)
        need(false, why.text);
}

/* The report's parts in a copy of its own, which the caller frees. */
static uint8_t *take_apart(const struct report_fixture *fixture, struct cose_message *message)
{
    uint8_t *copy = malloc(fixture->size);
    need(copy != NULL, "memory");
    memcpy(copy, fixture->report, fixture->size);
    need(cose_parse(copy, fixture->size, COSE_ALLOW_ES256 | COSE_ALLOW_ES384, message, NULL) ==
             CLOISTER_OK,
         "taking the report apart");
    return copy;
}

static void sign_again(struct report_fixture *fixture, EVP_PKEY *key,
                       const struct cose_header *header, const uint8_t *payload, size_t size)
{
    need(cose_sign(key, header, payload, size, fixture->report, sizeof fixture->report,
                   &fixture->size, NULL) == CLOISTER_OK,
         "signing again");
}

void report_fixture_rechain(struct report_fixture *fixture, EVP_PKEY *key, X509 *const *chain,
                            unsigned count)
{
    struct cose_message message;
    AUTO_FREE uint8_t *copy = take_apart(fixture, &message);
    struct cose_header header = {.type = CLO_REPORT_TYPE, .certificates = count};
    unsigned char *der[CLO_REPORT_CHAIN_MAX] = {NULL};
    for (unsigned i = 0; i < count; i++) {
        int size = i2d_X509(chain[i], &der[i]);
        need(size > 0, "a certificate");
        header.certificate[i] = (struct cbor_view){der[i], (size_t)size};
    }
    sign_again(fixture, key, &header, message.payload.bytes, message.payload.size);
    for (unsigned i = 0; i < count; i++)
        OPENSSL_free(der[i]);
}

void report_fixture_resign(struct report_fixture *fixture, const uint8_t *payload, size_t size)
{
    struct cose_message message;
    AUTO_FREE uint8_t *copy = take_apart(fixture, &message);
    sign_again(fixture, fixture->platform.attestation_key, &message.header, payload, size);
}

/* Bytes of the item at `at`; the document is known to be good. */
static size_t item_size(const uint8_t *at)
{
    unsigned info = at[0] & 31u;
    uint64_t value = info;
    size_t size = 1;
    if (info >= 24) {
        size_t more = (size_t)1 << (info - 24);
        value = 0;
        while (more--)
            value = value << 8 | at[size++];
    }
    unsigned major = at[0] >> 5;
    if (major == 2 || major == 3)
        return size + (size_t)value;
    uint64_t items = major == 4 ? value : major == 5 ? 2 * value : major == 6 ? 1 : 0;
    while (items--)
        size += item_size(at + size);
    return size;
}

struct claim {
    int64_t label;
    const uint8_t *value;
    size_t size;
};

static unsigned list_claims(const struct cbor_view *payload, struct claim *claims)
{
    struct cbor_reader reader;
    uint64_t count;
    need(cbor_read_start(&reader, payload->bytes, payload->size, "claims", NULL) == CLOISTER_OK &&
             cbor_read_map(&reader, &count) && count < CLAIMS_MAX,
         "reading the claims");
    for (uint64_t i = 0; i < count; i++) {
        need(cbor_read_int(&reader, &claims[i].label), "a label");
        claims[i].value = reader.in.at;
        claims[i].size = item_size(reader.in.at);
        reader.in.at += claims[i].size;
    }
    return (unsigned)count;
}

/* Order of two labels as they are encoded: numbers upwards, then negative ones away from zero. */
static bool label_before(int64_t a, int64_t b)
{
    if ((a < 0) != (b < 0))
        return a >= 0;
    return a < 0 ? a > b : a < b;
}

static unsigned edit_claims(struct claim *claims, unsigned count, const struct claim *edit)
{
    unsigned at = 0;
    while (at < count && label_before(claims[at].label, edit->label))
        at++;
    bool present = at < count && claims[at].label == edit->label;
    if (present && edit->value) {
        claims[at] = *edit;
        return count;
    }
    need(present || edit->value, "finding the claim to remove");
    if (present) {
        memmove(&claims[at], &claims[at + 1], (count - at - 1) * sizeof *claims);
        return count - 1;
    }
    memmove(&claims[at + 1], &claims[at], (count - at) * sizeof *claims);
    claims[at] = *edit;
    return count + 1;
}

/* Labels and heads of their maps as they come, the values as they are. */
static size_t join_claims(const struct claim *claims, unsigned count, uint8_t *out)
{
    size_t size = 0;
    out[size++] = count < 24 ? (uint8_t)(0xa0 | count) : 0xb8;
    if (count >= 24)
        out[size++] = (uint8_t)count;
    for (unsigned i = 0; i < count; i++) {
        struct cbor_writer label;
        size_t label_size;
        cbor_write_start(&label, out + size, 16);
        cbor_write_int(&label, claims[i].label);
        need(cbor_write_end(&label, &label_size), "a label");
        size += label_size;
        memcpy(out + size, claims[i].value, claims[i].size);
        size += claims[i].size;
    }
    return size;
}

void report_fixture_edit(struct report_fixture *fixture, int64_t label, const char *value)
{
    struct cose_message message;
    struct claim claims[CLAIMS_MAX + 1];
    uint8_t bytes[2048];
    struct claim edit = {.label = label};
    AUTO_FREE uint8_t *copy = take_apart(fixture, &message);
    AUTO_FREE uint8_t *payload = malloc(REPORT_SIZE_MAX);
    need(payload != NULL, "memory");
    if (value) {
        need(hex_decode(value, bytes, sizeof bytes, &edit.size), "reading hexadecimal");
        edit.value = bytes;
    }
    unsigned count = edit_claims(claims, list_claims(&message.payload, claims), &edit);
    size_t size = join_claims(claims, count, payload);
    sign_again(fixture, fixture->platform.attestation_key, &message.header, payload, size);
}

void report_fixture_replace(struct report_fixture *fixture, const void *from, const void *to,
                            size_t size)
{
    struct cose_message message;
    AUTO_FREE uint8_t *copy = take_apart(fixture, &message);
    uint8_t *found = memmem(message.payload.bytes, message.payload.size, from, size);
    need(found != NULL, "finding the bytes to replace");
    memcpy(found, to, size);
    sign_again(fixture, fixture->platform.attestation_key, &message.header, message.payload.bytes,
               message.payload.size);
}
