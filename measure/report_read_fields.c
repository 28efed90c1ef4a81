/*
 * Reads the claims that are maps with text keys. A table says which keys there are, of which kind.
 */
#include "measure/report_read_parts.h"

#include "base/scope.h"

struct rule {
    const char *name;
    enum report_field_kind kind;
};

static const struct rule seal_state_rules[] = {
    {"svn", REPORT_FIELD_NUMBER},
    {"anchor", REPORT_FIELD_TEXT},
    {"strength", REPORT_FIELD_NUMBER},
};

static const struct rule caller_rules[] = {
    {"id", REPORT_FIELD_NUMBER},     {"gid", REPORT_FIELD_NUMBER},
    {"pid", REPORT_FIELD_NUMBER},    {"uid", REPORT_FIELD_NUMBER},
    {"kind", REPORT_FIELD_TEXT},     {"start", REPORT_FIELD_NUMBER},
    {"initrd", REPORT_FIELD_DIGEST}, {"kernel", REPORT_FIELD_DIGEST},
    {"module", REPORT_FIELD_TEXT},   {"command_line", REPORT_FIELD_DIGEST},
};

static const struct rule posture_rules[] = {
    {"kvm", REPORT_FIELD_TEXT},           {"smt", REPORT_FIELD_TEXT},
    {"swap", REPORT_FIELD_FLAG},          {"umip", REPORT_FIELD_FLAG},
    {"yama", REPORT_FIELD_NUMBER},        {"vcpus", REPORT_FIELD_NUMBER},
    {"kernel", REPORT_FIELD_TEXT},        {"window", REPORT_FIELD_NUMBER},
    {"spin_us", REPORT_FIELD_NUMBER},     {"lockdown", REPORT_FIELD_TEXT},
    {"isolation", REPORT_FIELD_TEXT},     {"vulnerable", REPORT_FIELD_NUMBER},
    {"ptrace_locked", REPORT_FIELD_FLAG},
};

static bool read_field(struct cbor_reader *reader, const struct rule *rule,
                       struct report_field *field)
{
    *field = (struct report_field){.name = rule->name, .kind = rule->kind};
    bool flag = false;
    switch (rule->kind) {
    case REPORT_FIELD_NUMBER:
        return report_read_number(reader, &field->number);
    case REPORT_FIELD_TEXT:
        return cbor_read_text(reader, &field->text);
    case REPORT_FIELD_DIGEST:
        return report_read_sized(reader, CLO_DIGEST_SIZE, CLO_DIGEST_SIZE, &field->text);
    default:
        if (!cbor_read_bool(reader, &flag))
            return false;
        field->number = flag;
        return true;
    }
}

static const struct rule *find_rule(const struct rule *rules, size_t count,
                                    const struct cbor_view *name)
{
    for (size_t i = 0; i < count; i++)
        if (cbor_view_is(name, rules[i].name))
            return &rules[i];
    return NULL;
}

/* Every key must have a rule; the reader has made sure that none comes twice. */
static bool read_fields(struct cbor_reader *reader, const struct rule *rules, size_t rule_count,
                        struct report_fields *fields)
{
    uint64_t count;
    if (!cbor_read_map(reader, &count) || count > rule_count || count > REPORT_FIELDS_MAX)
        return false;
    for (fields->count = 0; fields->count < count; fields->count++) {
        struct cbor_view name;
        if (!cbor_read_text(reader, &name))
            return false;
        const struct rule *rule = find_rule(rules, rule_count, &name);
        if (!rule || !read_field(reader, rule, &fields->field[fields->count]))
            return false;
    }
    return true;
}

const struct report_field *report_field_find(const struct report_fields *fields, const char *name)
{
    for (unsigned i = 0; i < fields->count; i++)
        if (strcmp(fields->field[i].name, name) == 0)
            return &fields->field[i];
    return NULL;
}

bool report_read_seal_state(struct cbor_reader *reader, struct report_fields *fields)
{
    return read_fields(reader, seal_state_rules, ARRAY_SIZE(seal_state_rules), fields) &&
           fields->count == ARRAY_SIZE(seal_state_rules);
}

/* Are these the fields that this kind of caller has, and no more? */
static bool caller_has(const struct report_fields *fields, const char *const *names, unsigned count)
{
    if (fields->count != count)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (!report_field_find(fields, names[i]))
            return false;
    return true;
}

static unsigned count_digests(const struct report_fields *fields)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fields->count; i++)
        count += fields->field[i].kind == REPORT_FIELD_DIGEST;
    return count;
}

/* Of a guest, digests may be there or not. */
static bool guest_has(const struct report_fields *fields)
{
    return report_field_find(fields, "id") && fields->count == 2 + count_digests(fields);
}

bool report_read_caller(struct cbor_reader *reader, struct report_fields *fields)
{
    static const char *const process[] = {"gid", "pid", "uid", "kind", "start"};
    static const char *const module[] = {"kind", "module"};
    static const char *const self[] = {"kind"};
    if (!read_fields(reader, caller_rules, ARRAY_SIZE(caller_rules), fields))
        return false;
    const struct report_field *kind = report_field_find(fields, "kind");
    if (!kind)
        return false;
    if (cbor_view_is(&kind->text, "process"))
        return caller_has(fields, process, ARRAY_SIZE(process));
    if (cbor_view_is(&kind->text, "guest"))
        return guest_has(fields);
    if (cbor_view_is(&kind->text, "module"))
        return caller_has(fields, module, ARRAY_SIZE(module));
    return cbor_view_is(&kind->text, "self") && caller_has(fields, self, ARRAY_SIZE(self));
}

bool report_read_posture(struct cbor_reader *reader, struct report_fields *fields)
{
    if (!read_fields(reader, posture_rules, ARRAY_SIZE(posture_rules), fields))
        return false;
    /* Only a host without Yama leaves its scope out. */
    bool yama = report_field_find(fields, "yama") != NULL;
    return fields->count == ARRAY_SIZE(posture_rules) - !yama;
}
