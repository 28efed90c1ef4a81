/*
 * Reads a report: the COSE message, then the claims-set, claim by claim.
 */
#include "measure/report_read.h"

#include "base/scope.h"
#include "measure/report_read_parts.h"

#define BOOTSEED_SIZE 32u
#define UEID_SIZE 33u
#define UEID_RANDOM 0x01

struct claim_rule {
    enum clo_claim claim;
    const char *name;
};

#define CLAIM_RULE_(claim, label, json) {CLO_CLAIM_##claim, json},
static const struct claim_rule claim_rules[] = {CLO_CLAIM_LIST(CLAIM_RULE_)};

cloister_status report_read_message(const void *report, size_t size, struct cose_message *message,
                                    struct reason *why)
{
    cloister_status status =
        cose_parse(report, size, COSE_ALLOW_ES256 | COSE_ALLOW_ES384, message, why);
    if (status != CLOISTER_OK)
        return status;
    if (message->header.type != CLO_REPORT_TYPE)
        return refuse(why, CLOISTER_BAD_FORMAT, "typ is %llu; a report has %d",
                      (unsigned long long)message->header.type, CLO_REPORT_TYPE);
    if (message->header.certificates == 0 || message->header.spki.size)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the protected header is not alg, typ and x5chain alone");
    return CLOISTER_OK;
}

static bool read_text_that_is(struct cbor_reader *reader, const char *text, struct cbor_view *view)
{
    return cbor_read_text(reader, view) && cbor_view_is(view, text);
}

static bool read_oemid(struct cbor_reader *reader, struct cbor_view *view)
{
    return report_read_sized(reader, CLO_REPORT_OEMID_SIZE, CLO_REPORT_OEMID_SIZE, view) &&
           memcmp(view->bytes, CLO_REPORT_OEMID, view->size) == 0;
}

/* It must say that this is software. */
static bool read_hwmodel(struct cbor_reader *reader, struct cbor_view *view)
{
    const size_t start = sizeof CLO_REPORT_HARDWARE - 1;
    return report_read_sized(reader, start + 1, 32, view) &&
           memcmp(view->bytes, CLO_REPORT_HARDWARE, start) == 0;
}

static bool read_world_components(struct cbor_reader *reader, struct report_claims *claims)
{
    static const char *const names[REPORT_COMPONENTS] = {"runtime", "monitor",       "personality",
                                                         "layout",  "configuration", "world-host"};
    if (!report_read_components(reader, claims->component, REPORT_COMPONENTS))
        return false;
    for (unsigned i = 0; i < REPORT_COMPONENTS; i++)
        if (!cbor_view_is(&claims->component[i].name, names[i]) || claims->component[i].signer.size)
            return false;
    return true;
}

static bool read_abi(struct cbor_reader *reader, struct report_claims *claims)
{
    uint64_t count;
    return cbor_read_array(reader, &count) && count == 2 &&
           report_read_number(reader, &claims->abi_major) &&
           report_read_number(reader, &claims->abi_minor);
}

static bool read_subject(struct cbor_reader *reader, struct report_claims *claims)
{
    struct cbor_view name;
    if (!cbor_read_text(reader, &name))
        return false;
    claims->subject = report_submodule_find(claims, &name);
    return claims->subject != NULL;
}

/* The value of one claim at the top; false also for claims that only submodules have. */
static bool read_claim(struct cbor_reader *reader, enum clo_claim claim,
                       struct report_claims *claims)
{
    switch (claim) {
    case CLO_CLAIM_IAT:
        return report_read_number(reader, &claims->iat);
    case CLO_CLAIM_CNF:
        return report_read_cnf(reader, claims);
    case CLO_CLAIM_NONCE:
        return report_read_sized(reader, CLO_NONCE_MIN, CLO_NONCE_MAX, &claims->nonce);
    case CLO_CLAIM_UEID:
        return report_read_sized(reader, UEID_SIZE, UEID_SIZE, &claims->ueid) &&
               claims->ueid.bytes[0] == UEID_RANDOM;
    case CLO_CLAIM_OEMID:
        return read_oemid(reader, &claims->oemid);
    case CLO_CLAIM_HWMODEL:
        return read_hwmodel(reader, &claims->hwmodel);
    case CLO_CLAIM_OEMBOOT:
        return cbor_read_bool(reader, &claims->oemboot);
    case CLO_CLAIM_DBGSTAT:
        return report_read_debug(reader, &claims->debug);
    case CLO_CLAIM_PROFILE:
        return read_text_that_is(reader, CLO_REPORT_PROFILE, &claims->profile);
    case CLO_CLAIM_SUBMODS:
        return report_read_submodules(reader, claims);
    case CLO_CLAIM_BOOTSEED:
        return report_read_sized(reader, BOOTSEED_SIZE, BOOTSEED_SIZE, &claims->bootseed);
    case CLO_CLAIM_SWNAME:
        return read_text_that_is(reader, CLO_REPORT_SOFTWARE, &claims->swname);
    case CLO_CLAIM_SWVERSION:
        return report_read_version(reader, &claims->version);
    case CLO_CLAIM_MEASUREMENTS:
        return read_world_components(reader, claims);
    case CLO_CLAIM_MEASRES:
        return report_read_results(reader, claims);
    case CLO_CLAIM_SEAL_STATE:
        return report_read_seal_state(reader, &claims->seal_state);
    case CLO_CLAIM_CALLER:
        return report_read_caller(reader, &claims->caller);
    case CLO_CLAIM_USER_DATA:
        return report_read_sized(reader, 1, CLO_USER_DATA_MAX, &claims->user_data);
    case CLO_CLAIM_POSTURE:
        return report_read_posture(reader, &claims->posture);
    case CLO_CLAIM_ABI:
        return read_abi(reader, claims);
    case CLO_CLAIM_AUDIT_HEAD:
        return report_read_sized(reader, CLO_DIGEST_SIZE, CLO_DIGEST_SIZE, &claims->audit_head);
    case CLO_CLAIM_MODULE:
        return read_subject(reader, claims);
    default:
        return false;
    }
}

static bool is_optional(enum clo_claim claim)
{
    return claim == CLO_CLAIM_CNF || claim == CLO_CLAIM_USER_DATA || claim == CLO_CLAIM_AUDIT_HEAD;
}

static bool is_of_submodules(enum clo_claim claim)
{
    return claim == CLO_CLAIM_REGISTERS || claim == CLO_CLAIM_SVN || claim == CLO_CLAIM_GENERATION;
}

/* Reads the claim that comes next and sets *which to its place in the list. Keys are sorted, so
   the submodules are there before anything names one of them. */
static cloister_status read_next(struct cbor_reader *reader, struct report_claims *claims,
                                 size_t *which, struct reason *why)
{
    int64_t label;
    if (!cbor_read_int(reader, &label))
        return refuse(why, CLOISTER_BAD_FORMAT, "a claim's key is no number");
    for (size_t i = 0; i < ARRAY_SIZE(claim_rules); i++) {
        if (claim_rules[i].claim != label)
            continue;
        if (!read_claim(reader, claim_rules[i].claim, claims))
            return refuse(why, CLOISTER_BAD_FORMAT,
                          "claim %s (%lld) has not the form or value that the profile says",
                          claim_rules[i].name, (long long)label);
        *which = i;
        return CLOISTER_OK;
    }
    return refuse(why, CLOISTER_BAD_FORMAT, "claim %lld is not of this profile", (long long)label);
}

static cloister_status check_missing(uint64_t seen, struct reason *why)
{
    for (size_t i = 0; i < ARRAY_SIZE(claim_rules); i++) {
        enum clo_claim claim = claim_rules[i].claim;
        if (!(seen >> i & 1) && !is_optional(claim) && !is_of_submodules(claim))
            return refuse(why, CLOISTER_BAD_FORMAT, "claim %s (%d) is missing", claim_rules[i].name,
                          (int)claim);
    }
    return CLOISTER_OK;
}

/* Claims that say the same thing twice must agree. */
static cloister_status check_agreement(const struct report_claims *claims, struct reason *why)
{
    const size_t start = sizeof CLO_REPORT_HARDWARE - 1;
    struct cbor_view flavour = {claims->hwmodel.bytes + start, claims->hwmodel.size - start};
    if (!report_views_equal(&flavour, &report_field_find(&claims->posture, "kvm")->text))
        return refuse(why, CLOISTER_BAD_FORMAT, "hwmodel and posture name different KVM flavours");
    for (unsigned i = 0; i < claims->module_count; i++)
        if (claims->module[i].debug != claims->debug)
            return refuse(why, CLOISTER_BAD_FORMAT,
                          "dbgstat of a submodule differs from the world's");
    return CLOISTER_OK;
}

cloister_status report_read_claims(const struct cbor_view *payload, struct report_claims *claims,
                                   struct reason *why)
{
    struct cbor_reader reader;
    uint64_t count;
    uint64_t seen = 0;
    memset(claims, 0, sizeof *claims);
    cloister_status status =
        cbor_read_start(&reader, payload->bytes, payload->size, "the claims-set", why);
    if (status != CLOISTER_OK)
        return status;
    if (!cbor_read_map(&reader, &count))
        return refuse(why, CLOISTER_BAD_FORMAT, "the payload is no claims-set (a map)");
    for (uint64_t i = 0; i < count; i++) {
        size_t which = 0;
        status = read_next(&reader, claims, &which, why);
        if (status != CLOISTER_OK)
            return status;
        seen |= (uint64_t)1 << which;
    }
    status = check_missing(seen, why);
    return status == CLOISTER_OK ? check_agreement(claims, why) : status;
}
