/*
 * Makes and opens sealed headers for modules of the launch record. The wrapping key comes from the
 * opener's identity, never from what the header claims: a module that is not the right one derives
 * another key, even if a check here were missing. The checks come first all the same, because only
 * they can tell the operator what is wrong. Must never give a module more than "refused".
 */
#include "measure/seal.h"

#include "base/bytes.h"
#include "measure/crypto.h"
#include "measure/seal_wrap.h"

#include <string.h>

#define HEADER_VERSION 1u

static const char *policy_name(uint32_t policy)
{
    switch (policy) {
    case CLO_POLICY_EXACT_CODE:
        return "exact code";
    case CLO_POLICY_SAME_IMAGE:
        return "same image";
    case CLO_POLICY_SAME_FAMILY:
        return "same family";
    case CLO_POLICY_SAME_AUTHOR:
        return "same author";
    case CLO_POLICY_EXACT_SET:
        return "exact set";
    default:
        return NULL;
    }
}

static bool policy_is_exact(uint32_t policy)
{
    return policy == CLO_POLICY_EXACT_CODE || policy == CLO_POLICY_EXACT_SET;
}

static cloister_status identify(const struct launch *launch, uint32_t index, uint32_t policy,
                                struct seal_identity *identity)
{
    const struct launch_module *module = &launch->module[index];
    *identity = (struct seal_identity){.policy = policy, .debug = launch->debug};
    memcpy(identity->author, module->author, sizeof identity->author);
    memcpy(identity->measurement, module->measurement, sizeof identity->measurement);
    memcpy(identity->family_id, module->manifest.family_id, sizeof identity->family_id);
    memcpy(identity->image_id, module->manifest.image_id, sizeof identity->image_id);
    if (policy != CLO_POLICY_EXACT_SET)
        return CLOISTER_OK;
    return launch_set_digest(launch, identity->set_digest);
}

static cloister_status check_request(const struct launch_module *module,
                                     const struct clo_seal_request *request, struct reason *why)
{
    if (!policy_name(request->policy))
        return refuse(why, CLOISTER_BAD_ARGUMENT, "policy is %u; it must be %u to %u",
                      request->policy, CLO_POLICY_EXACT_CODE, CLO_POLICY_EXACT_SET);
    if (request->flags & ~CLO_SEAL_ROLLBACK)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "flags are 0x%x; only 0x%x may be set",
                      request->flags, CLO_SEAL_ROLLBACK);
    if (request->flags & CLO_SEAL_ROLLBACK)
        return refuse(why, CLOISTER_UNSUPPORTED, "rollback-protected labels are not there yet");
    if (module->author[0] != CLO_AUTHOR_KEY && !policy_is_exact(request->policy))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "policy %s needs an author, and module %s is not signed",
                      policy_name(request->policy), (const char *)module->name);
    /* The SVN is part of the measurement: nobody could ever open it. */
    if (policy_is_exact(request->policy) && request->svn_floor > module->manifest.svn)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "SVN floor is %u; policy %s allows at most the module's own SVN, %u",
                      request->svn_floor, policy_name(request->policy), module->manifest.svn);
    return CLOISTER_OK;
}

static void fill_header(const struct launch *launch, const struct launch_module *module,
                        const struct clo_seal_request *request,
                        const struct seal_identity *identity, uint64_t now,
                        struct clo_seal_header *header)
{
    uint32_t svn = module->manifest.svn;
    memset(header, 0, sizeof *header);
    header->magic = CLO_SEAL_MAGIC;
    header->version = HEADER_VERSION;
    header->policy = request->policy;
    header->flags = launch->debug ? CLO_SEAL_DEBUG : 0;
    header->root_version = SEAL_ROOT_VERSION;
    header->svn_floor = request->svn_floor > svn ? request->svn_floor : svn;
    header->runtime_svn_floor = launch->runtime_svn;
    header->sealer_svn = svn;
    header->sealed_at = now;
    memcpy(header->sealer, module->measurement, sizeof header->sealer);
    memcpy(header->author, module->author, sizeof header->author);
    memcpy(header->family_id, module->manifest.family_id, sizeof header->family_id);
    memcpy(header->image_id, module->manifest.image_id, sizeof header->image_id);
    memcpy(header->set_digest, identity->set_digest, sizeof header->set_digest);
    memcpy(header->label, request->label, sizeof header->label);
}

/* A fresh key, salt and nonce, and the key and payload digest wrapped. */
static cloister_status make_key(const struct platform *platform,
                                const struct seal_identity *identity,
                                const struct clo_seal_request *request,
                                struct clo_seal_reply *reply, struct reason *why)
{
    uint8_t plain[SEAL_WRAPPED_SIZE];
    struct clo_seal_header *header = &reply->header;
    if (crypto_random(reply->key, sizeof reply->key) != CLOISTER_OK ||
        crypto_random(header->salt, sizeof header->salt) != CLOISTER_OK ||
        crypto_random(header->nonce, sizeof header->nonce) != CLOISTER_OK)
        return refuse(why, CLOISTER_IO, "the kernel gives no random bytes");
    memcpy(plain, reply->key, CLO_SEAL_KEY_SIZE);
    memcpy(plain + CLO_SEAL_KEY_SIZE, request->payload_digest, CLO_DIGEST_SIZE);
    cloister_status status = seal_wrap(platform, identity, plain, header);
    bytes_wipe(plain, sizeof plain);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot wrap a key: %s", crypto_error());
    return CLOISTER_OK;
}

cloister_status seal_make(const struct platform *platform, const struct launch *launch,
                          uint32_t index, const struct clo_seal_request *request, uint64_t now,
                          struct clo_seal_reply *reply, struct reason *why)
{
    if (!launch->started || index >= launch->module_count)
        return refuse(why, CLOISTER_BAD_STATE, "there is no module %u in a started world", index);
    const struct launch_module *module = &launch->module[index];
    cloister_status status = check_request(module, request, why);
    if (status != CLOISTER_OK)
        return status;
    struct seal_identity identity;
    status = identify(launch, index, request->policy, &identity);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot identify module %u: %s", index, crypto_error());
    struct clo_seal_reply made;
    fill_header(launch, module, request, &identity, now, &made.header);
    status = make_key(platform, &identity, request, &made, why);
    if (status == CLOISTER_OK)
        *reply = made;
    bytes_wipe(&made, sizeof made);
    return status;
}

static cloister_status check_form(const struct clo_seal_header *header, struct reason *why)
{
    if (header->magic != CLO_SEAL_MAGIC)
        return refuse(why, CLOISTER_REFUSED,
                      "header starts with 0x%08x; sealed data start with "
                      "0x%08x",
                      header->magic, CLO_SEAL_MAGIC);
    if (header->version != HEADER_VERSION)
        return refuse(why, CLOISTER_REFUSED, "header has version %u; this keeper opens %u",
                      header->version, HEADER_VERSION);
    if (!policy_name(header->policy))
        return refuse(why, CLOISTER_REFUSED, "header has policy %u; it must be %u to %u",
                      header->policy, CLO_POLICY_EXACT_CODE, CLO_POLICY_EXACT_SET);
    if (header->flags & ~CLO_SEAL_DEBUG)
        return refuse(why, CLOISTER_REFUSED, "header has flags 0x%x; this keeper opens 0x%x",
                      header->flags, CLO_SEAL_DEBUG);
    if (header->epoch != 0)
        return refuse(why, CLOISTER_REFUSED,
                      "header has epoch %llu; it must be 0 without rollback protection",
                      (unsigned long long)header->epoch);
    if (header->reserved != 0 || !bytes_are_zero(header->reserved1, sizeof header->reserved1) ||
        !bytes_are_zero(header->reserved2, sizeof header->reserved2))
        return refuse(why, CLOISTER_REFUSED, "a reserved field of the header is not zero");
    if (header->root_version != SEAL_ROOT_VERSION)
        return refuse(why, CLOISTER_REFUSED, "header is wrapped by root secret %u; this is %u",
                      header->root_version, SEAL_ROOT_VERSION);
    return CLOISTER_OK;
}

/* Names a digest or id that differs, by its first bytes. */
static cloister_status differs(const char *what, const uint8_t *sealed, const uint8_t *opener,
                               struct reason *why)
{
    char theirs[17];
    char ours[17];
    hex_encode(sealed, 8, theirs);
    hex_encode(opener, 8, ours);
    return refuse(why, CLOISTER_REFUSED, "sealed for %s %s…; the opener's is %s…", what, theirs,
                  ours);
}

static cloister_status check_identity(const struct clo_seal_header *header,
                                      const struct seal_identity *opener, struct reason *why)
{
    uint32_t policy = header->policy;
    bool image = policy == CLO_POLICY_SAME_IMAGE;
    if (!bytes_equal(header->author, opener->author, CLO_AUTHOR_SIZE))
        return differs("author", header->author + 1, opener->author + 1, why);
    if (opener->author[0] != CLO_AUTHOR_KEY && !policy_is_exact(policy))
        return refuse(why, CLOISTER_REFUSED,
                      "policy %s needs an author, and the opener is not "
                      "signed",
                      policy_name(policy));
    if (policy_is_exact(policy) &&
        !bytes_equal(header->sealer, opener->measurement, CLO_DIGEST_SIZE))
        return differs("measurement", header->sealer, opener->measurement, why);
    if ((image || policy == CLO_POLICY_SAME_FAMILY) &&
        !bytes_equal(header->family_id, opener->family_id, CLO_ID_SIZE))
        return differs("family", header->family_id, opener->family_id, why);
    if (image && !bytes_equal(header->image_id, opener->image_id, CLO_ID_SIZE))
        return differs("image", header->image_id, opener->image_id, why);
    if (!bytes_equal(header->set_digest, opener->set_digest, CLO_DIGEST_SIZE))
        return differs("set of modules", header->set_digest, opener->set_digest, why);
    return CLOISTER_OK;
}

static cloister_status check_versions(const struct clo_seal_header *header,
                                      const struct launch *launch,
                                      const struct clo_manifest *opener, struct reason *why)
{
    if (opener->svn < header->svn_floor)
        return refuse(why, CLOISTER_REFUSED, "sealed for SVN %u or newer; the opener has SVN %u",
                      header->svn_floor, opener->svn);
    if (header->sealer_svn < opener->svn_floor)
        return refuse(why, CLOISTER_REFUSED,
                      "sealed by SVN %u; the opener takes data of SVN %u or newer",
                      header->sealer_svn, opener->svn_floor);
    if (launch->runtime_svn < header->runtime_svn_floor)
        return refuse(why, CLOISTER_REFUSED,
                      "sealed for runtime SVN %u or newer; this runtime has SVN %u",
                      header->runtime_svn_floor, launch->runtime_svn);
    return CLOISTER_OK;
}

static cloister_status check_debug(const struct clo_seal_header *header,
                                   const struct launch *launch, struct reason *why)
{
    static const char *const kinds[] = {"production", "debug"};
    bool sealed = header->flags & CLO_SEAL_DEBUG;
    if (sealed != launch->debug)
        return refuse(why, CLOISTER_REFUSED, "sealed in a %s world; this is a %s world",
                      kinds[sealed], kinds[launch->debug]);
    return CLOISTER_OK;
}

/* Every check of the header against the opener; `identity` is the opener's on success. */
static cloister_status check_opener(const struct launch *launch, uint32_t index,
                                    const struct clo_seal_header *header,
                                    struct seal_identity *identity, struct reason *why)
{
    cloister_status status = check_form(header, why);
    if (status == CLOISTER_OK)
        status = check_debug(header, launch, why);
    if (status != CLOISTER_OK)
        return status;
    if (identify(launch, index, header->policy, identity) != CLOISTER_OK)
        return refuse(why, CLOISTER_REFUSED, "cannot identify the opener: %s", crypto_error());
    status = check_identity(header, identity, why);
    if (status == CLOISTER_OK)
        status = check_versions(header, launch, &launch->module[index].manifest, why);
    return status;
}

cloister_status seal_open(const struct platform *platform, const struct launch *launch,
                          uint32_t index, const struct clo_seal_header *header,
                          struct clo_unseal_reply *reply, struct reason *why)
{
    if (!launch->started || index >= launch->module_count)
        return refuse(why, CLOISTER_REFUSED, "there is no module %u in a started world", index);
    struct seal_identity identity;
    cloister_status status = check_opener(launch, index, header, &identity, why);
    if (status != CLOISTER_OK)
        return status;
    uint8_t plain[SEAL_WRAPPED_SIZE];
    if (seal_unwrap(platform, &identity, header, plain) != CLOISTER_OK)
        return refuse(why, CLOISTER_REFUSED,
                      "the header has been changed, or was sealed under another root secret");
    memset(reply, 0, sizeof *reply);
    memcpy(reply->key, plain, CLO_SEAL_KEY_SIZE);
    memcpy(reply->payload_digest, plain + CLO_SEAL_KEY_SIZE, CLO_DIGEST_SIZE);
    memcpy(reply->sealer, header->sealer, sizeof reply->sealer);
    reply->sealer_svn = header->sealer_svn;
    bytes_wipe(plain, sizeof plain);
    return CLOISTER_OK;
}
