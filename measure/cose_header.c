/*
 * Reads and writes the protected header. Each label stands on its own; one that is not known is
 * refused rather than skipped, so nothing that was signed goes unread.
 */
#include "measure/cose_header.h"

#define LABEL_ALG 1
#define LABEL_CRIT 2
#define LABEL_TYP 16
#define LABEL_X5CHAIN 33

#define CRITICAL_MAX 4u

struct critical {
    uint64_t count;
    int64_t label[CRITICAL_MAX];
};

static cloister_status check_algorithm(int64_t algorithm, unsigned allowed, struct reason *why)
{
    if ((algorithm == ECDSA_ES256 && allowed & COSE_ALLOW_ES256) ||
        (algorithm == ECDSA_ES384 && allowed & COSE_ALLOW_ES384))
        return CLOISTER_OK;
    return refuse(why, CLOISTER_REFUSED, "algorithm %lld is not allowed here; %s%s%s is",
                  (long long)algorithm, allowed & COSE_ALLOW_ES384 ? "ES384 (-35)" : "",
                  allowed == (COSE_ALLOW_ES256 | COSE_ALLOW_ES384) ? " or " : "",
                  allowed & COSE_ALLOW_ES256 ? "ES256 (-7)" : "");
}

static bool read_chain(struct cbor_reader *reader, struct cose_header *header)
{
    if (cbor_read_bytes(reader, &header->certificate[0])) {
        header->certificates = 1;
        return true;
    }
    uint64_t count;
    if (!cbor_read_array(reader, &count) || count < 2 || count > CLO_REPORT_CHAIN_MAX)
        return false;
    header->certificates = (unsigned)count;
    for (unsigned i = 0; i < header->certificates; i++)
        if (!cbor_read_bytes(reader, &header->certificate[i]))
            return false;
    return true;
}

/* Labels of crit as integers; a text label is none that we understand. */
static bool read_critical(struct cbor_reader *reader, struct critical *critical)
{
    if (!cbor_read_array(reader, &critical->count) || critical->count == 0 ||
        critical->count > CRITICAL_MAX)
        return false;
    for (uint64_t i = 0; i < critical->count; i++)
        if (!cbor_read_int(reader, &critical->label[i]))
            return false;
    return true;
}

/* crit may name only what is understood and there (RFC 9052, 3.1). */
static cloister_status check_critical(const struct critical *critical,
                                      const struct cose_header *header, struct reason *why)
{
    for (uint64_t i = 0; i < critical->count; i++) {
        int64_t label = critical->label[i];
        if (!((label == LABEL_TYP && header->type) ||
              (label == LABEL_X5CHAIN && header->certificates) ||
              (label == CLO_COSE_SPKI && header->spki.size)))
            return refuse(why, CLOISTER_REFUSED,
                          "crit names header %lld, which is absent or not understood",
                          (long long)label);
    }
    return CLOISTER_OK;
}

static cloister_status read_entry(struct cbor_reader *reader, struct cose_header *header,
                                  struct critical *critical, struct reason *why)
{
    int64_t label;
    bool good = false;
    if (!cbor_read_int(reader, &label))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the protected header has a label that is no number");
    switch (label) {
    case LABEL_ALG:
        good = cbor_read_int(reader, &header->algorithm);
        break;
    case LABEL_CRIT:
        if (!read_critical(reader, critical))
            return refuse(why, CLOISTER_REFUSED,
                          "crit is not a list of 1 to %u numbers of known headers", CRITICAL_MAX);
        return CLOISTER_OK;
    case LABEL_TYP:
        good = cbor_read_uint(reader, &header->type) && header->type != 0;
        break;
    case LABEL_X5CHAIN:
        good = read_chain(reader, header);
        break;
    case CLO_COSE_SPKI:
        good = cbor_read_bytes(reader, &header->spki) && header->spki.size != 0;
        break;
    default:
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the protected header has label %lld, which the profile does not have",
                      (long long)label);
    }
    if (!good)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "header %lld of the protected header has not the form that the profile says",
                      (long long)label);
    return CLOISTER_OK;
}

cloister_status cose_header_read(const struct cbor_view *bytes, unsigned allowed,
                                 struct cose_header *header, struct reason *why)
{
    struct cbor_reader reader;
    struct critical critical = {0};
    uint64_t pairs;
    memset(header, 0, sizeof *header);
    cloister_status status =
        cbor_read_start(&reader, bytes->bytes, bytes->size, "the protected header", why);
    if (status != CLOISTER_OK)
        return status;
    if (!cbor_read_map(&reader, &pairs))
        return refuse(why, CLOISTER_BAD_FORMAT, "the protected header is no map");
    for (uint64_t i = 0; i < pairs; i++) {
        status = read_entry(&reader, header, &critical, why);
        if (status != CLOISTER_OK)
            return status;
    }
    if (header->algorithm == 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "the protected header names no algorithm");
    status = check_algorithm(header->algorithm, allowed, why);
    return status == CLOISTER_OK ? check_critical(&critical, header, why) : status;
}

static void write_chain(struct cbor_writer *writer, const struct cose_header *header)
{
    cbor_write_int(writer, LABEL_X5CHAIN);
    if (header->certificates > 1)
        cbor_write_array(writer, header->certificates);
    for (unsigned i = 0; i < header->certificates; i++)
        cbor_write_bytes(writer, header->certificate[i].bytes, header->certificate[i].size);
}

void cose_header_write(struct cbor_writer *writer, const struct cose_header *header)
{
    cbor_write_map(writer, 1u + (header->type != 0) + (header->certificates != 0) +
                               (header->spki.size != 0));
    cbor_write_int(writer, LABEL_ALG);
    cbor_write_int(writer, header->algorithm);
    if (header->type) {
        cbor_write_int(writer, LABEL_TYP);
        cbor_write_uint(writer, header->type);
    }
    if (header->certificates)
        write_chain(writer, header);
    if (header->spki.size) {
        cbor_write_int(writer, CLO_COSE_SPKI);
        cbor_write_bytes(writer, header->spki.bytes, header->spki.size);
    }
}
