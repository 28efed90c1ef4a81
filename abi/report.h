/*
 * Report: labels and constants of the evidence that the keeper signs, an EAT (RFC 9711) in
 * COSE_Sign1 (RFC 9052). docs/report.md is the specification. Numbers are never reused.
 *
 * Platform certificates. The CA: P-384, basicConstraints critical CA:TRUE pathlen:0, keyUsage
 * critical keyCertSign, subjectKeyIdentifier. The attestation certificate that it issues: P-384,
 * basicConstraints CA:FALSE, keyUsage critical digitalSignature, extendedKeyUsage critical with
 * CLO_REPORT_EKU_OID and nothing else, authorityKeyIdentifier.
 */
#ifndef CLO_ABI_REPORT_H
#define CLO_ABI_REPORT_H

#define CLO_REPORT_PROFILE "tag:cloister.example,2026:report/1"
#define CLO_REPORT_EKU_OID "1.3.6.1.4.1.58270.1.1"
#define CLO_REPORT_TYPE 263       /* typ in the protected header: application/eat+cwt */
#define CLO_REPORT_VERSIONS 16384 /* version scheme: semantic versions */
#define CLO_REPORT_SOFTWARE "cloister-world"
#define CLO_REPORT_HARDWARE "kvm-sw-" /* start of hwmodel; the KVM flavour follows */
#define CLO_REPORT_SIGNATURES "cloister-module-signature"
/* 16 random bytes, drawn once for the project. */
#define CLO_REPORT_OEMID "\xd3\x4e\x03\x85\x1a\xce\xcc\xed\x48\x91\xb9\x82\x90\x85\x2c\x5a"
#define CLO_REPORT_OEMID_SIZE 16u
#define CLO_REPORT_COMPONENT 295   /* content format: application/measured-component+cbor */
#define CLO_REPORT_DIGEST_SHA384 7 /* Named Information number of the digests */
#define CLO_REPORT_CHAIN_MAX 4u    /* certificates in x5chain */

/* X(NAME, label, JSON name): claims of the report and of its submodules, in encoded order. */
#define CLO_CLAIM_LIST(X)                                                                          \
    X(IAT, 6, "iat")                                                                               \
    X(CNF, 8, "cnf")                                                                               \
    X(NONCE, 10, "eat_nonce")                                                                      \
    X(UEID, 256, "ueid")                                                                           \
    X(OEMID, 258, "oemid")                                                                         \
    X(HWMODEL, 259, "hwmodel")                                                                     \
    X(OEMBOOT, 262, "oemboot")                                                                     \
    X(DBGSTAT, 263, "dbgstat")                                                                     \
    X(PROFILE, 265, "eat_profile")                                                                 \
    X(SUBMODS, 266, "submods")                                                                     \
    X(BOOTSEED, 268, "bootseed")                                                                   \
    X(SWNAME, 270, "swname")                                                                       \
    X(SWVERSION, 271, "swversion")                                                                 \
    X(MEASUREMENTS, 273, "measurements")                                                           \
    X(MEASRES, 274, "measres")                                                                     \
    X(REGISTERS, -70001, "registers")                                                              \
    X(SEAL_STATE, -70002, "seal_state")                                                            \
    X(CALLER, -70003, "caller")                                                                    \
    X(USER_DATA, -70004, "user_data")                                                              \
    X(POSTURE, -70005, "posture")                                                                  \
    X(ABI, -70006, "abi")                                                                          \
    X(AUDIT_HEAD, -70007, "audit_head")                                                            \
    X(MODULE, -70008, "module")                                                                    \
    X(SVN, -70009, "svn")                                                                          \
    X(GENERATION, -70010, "generation")

#define CLO_CLAIM_NUMBER_(name, label, json) CLO_CLAIM_##name = label,
enum clo_claim { CLO_CLAIM_LIST(CLO_CLAIM_NUMBER_) };

/* dbgstat */
#define CLO_DEBUG_ENABLED 0
#define CLO_DEBUG_DISABLED 2 /* disabled since the world was launched */

/* measres: of a module's signature */
#define CLO_RESULT_SUCCESS 1
#define CLO_RESULT_ABSENT 4

/* COSE header label of an author's SubjectPublicKeyInfo (module signatures). */
#define CLO_COSE_SPKI (-70020)

#endif
