/*
 * The claims of a report as a struct. The reader accepts exactly the claims-set of docs/report.md:
 * a claim that is unknown, missing, of another form, or at odds with another is refused. Whether
 * the claims are true is for the signature and its chain to say.
 */
#ifndef MEASURE_REPORT_READ_H
#define MEASURE_REPORT_READ_H

#include "abi/hypercall.h"
#include "measure/cbor_read.h"
#include "measure/cose.h"

#define REPORT_COMPONENTS 6u
#define REPORT_FIELDS_MAX 16u

/* A measured component. */
struct report_component {
    struct cbor_view name;
    struct cbor_view version;
    struct cbor_view digest; /* CLO_DIGEST_SIZE */
    struct cbor_view signer; /* CLO_DIGEST_SIZE, or size 0: none */
};

/* A map with text keys: seal_state, caller, posture. */
enum report_field_kind {
    REPORT_FIELD_NUMBER,
    REPORT_FIELD_TEXT,
    REPORT_FIELD_FLAG,
    REPORT_FIELD_DIGEST, /* CLO_DIGEST_SIZE bytes in `text` */
};
struct report_field {
    const char *name; /* static text */
    enum report_field_kind kind;
    uint64_t number; /* also FLAG: 0 or 1 */
    struct cbor_view text;
};
struct report_fields {
    unsigned count;
    struct report_field field[REPORT_FIELDS_MAX];
};

struct report_submodule {
    struct cbor_view name;
    bool oemboot;
    bool debug;
    struct cbor_view swname;
    struct cbor_view version;
    struct report_component component;
    struct cbor_view registers[CLO_REGISTERS];
    uint64_t svn;
    uint64_t generation;
    bool judged; /* measres has it; whether it is signed is in component.signer */
};

struct report_claims {
    uint64_t iat;
    uint32_t cnf_kind; /* CLO_CNF_… */
    uint8_t cnf[CLO_CNF_MAX];
    size_t cnf_size;
    struct cbor_view nonce;
    struct cbor_view ueid;
    struct cbor_view oemid;
    struct cbor_view hwmodel;
    bool oemboot;
    bool debug;
    struct cbor_view profile;
    struct cbor_view bootseed;
    struct cbor_view swname;
    struct cbor_view version;
    struct report_component component[REPORT_COMPONENTS];
    struct report_fields seal_state;
    struct report_fields caller;
    struct report_fields posture;
    struct cbor_view user_data; /* size 0: none */
    uint64_t abi_major;
    uint64_t abi_minor;
    struct cbor_view audit_head;            /* size 0: no audit log is kept */
    const struct report_submodule *subject; /* the module that the report is about */
    unsigned module_count;
    struct report_submodule module[CLO_MODULES_MAX];
};

/* Takes a report apart. Views point into `report`. BAD_FORMAT, TOO_BIG, REFUSED. */
CLOISTER_MUST_USE cloister_status report_read_message(const void *report, size_t size,
                                                      struct cose_message *message,
                                                      struct reason *why);

/* Reads the claims of its payload. BAD_FORMAT, TOO_BIG. */
CLOISTER_MUST_USE cloister_status report_read_claims(const struct cbor_view *payload,
                                                     struct report_claims *claims,
                                                     struct reason *why);

/* The field of that name; NULL: absent. */
const struct report_field *report_field_find(const struct report_fields *fields, const char *name);

#endif
