/*
 * Fills and locks the launch record. Every field comes from a world host that may have been built
 * by anyone: each is checked here before it is kept, and nothing is added after the lock.
 */
#include "measure/launch.h"

#include "abi/control.h"
#include "base/bytes.h"
#include "measure/crypto.h"

#include <stdlib.h>
#include <string.h>

#define SET_TAG "cloister set 1"
#define VCPUS_MAX (CLO_MODULES_MAX * CLO_THREADS_MAX)
#define MEMBER_SIZE (CLO_DIGEST_SIZE + CLO_AUTHOR_SIZE)

/* Printable text, at least one character, NUL-terminated and zero-filled. */
static bool text_is_valid(const uint8_t *text, size_t size)
{
    size_t length = strnlen((const char *)text, size);
    if (length == 0 || length == size)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] <= 0x20 || text[i] > 0x7e)
            return false;
    return bytes_are_zero(text + length, size - length);
}

static cloister_status check_launch(const struct clo_keeper_launch *message, struct reason *why)
{
    if (!name_is_valid(message->world, sizeof message->world))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the world's name is not 1 to %u letters, digits, '-', '_' or '.'",
                      CLO_NAME_SIZE - 1);
    if (message->debug > 1)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "debug is %u; it must be 0 or 1", message->debug);
    if (message->module_count < 1 || message->module_count > CLO_MODULES_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the world has %u modules; it must have 1 to %u",
                      message->module_count, CLO_MODULES_MAX);
    if (!text_is_valid(message->runtime_version, sizeof message->runtime_version))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the runtime's version is not 1 to %u printable characters",
                      CLO_VERSION_SIZE - 1);
    return CLOISTER_OK;
}

cloister_status launch_begin(struct launch *launch, const struct clo_keeper_launch *message,
                             const uint8_t runtime[CLO_DIGEST_SIZE], struct reason *why)
{
    if (launch->modules_expected)
        return refuse(why, CLOISTER_BAD_STATE, "the launch record has been begun already");
    cloister_status status = check_launch(message, why);
    if (status != CLOISTER_OK)
        return status;
    if (crypto_random(launch->boot_seed, sizeof launch->boot_seed) != CLOISTER_OK)
        return refuse(why, CLOISTER_IO, "the kernel gives no random bytes");
    memcpy(launch->world, message->world, sizeof launch->world);
    launch->debug = message->debug == 1;
    launch->runtime_svn = message->runtime_svn;
    memcpy(launch->runtime_version, message->runtime_version, sizeof launch->runtime_version);
    memcpy(launch->runtime_measurement, runtime, CLO_DIGEST_SIZE);
    launch->modules_expected = message->module_count;
    return CLOISTER_OK;
}

static bool name_is_taken(const struct launch *launch, const uint8_t name[CLO_NAME_SIZE])
{
    for (uint32_t i = 0; i < launch->module_count; i++)
        if (memcmp(launch->module[i].name, name, CLO_NAME_SIZE) == 0)
            return true;
    return false;
}

static cloister_status check_addition(const struct launch *launch,
                                      const struct clo_keeper_module *message,
                                      const uint8_t author[CLO_AUTHOR_SIZE], struct reason *why)
{
    if (launch->started || launch->module_count >= launch->modules_expected)
        return refuse(why, CLOISTER_BAD_STATE, "the world announced %u modules; this is one more",
                      launch->modules_expected);
    if (!name_is_valid(message->name, sizeof message->name))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the name of module %u is not 1 to %u letters, digits, '-', '_' or '.'",
                      launch->module_count, CLO_NAME_SIZE - 1);
    if (name_is_taken(launch, message->name))
        return refuse(why, CLOISTER_BAD_ARGUMENT, "two modules are named %s; rename one file",
                      (const char *)message->name);
    if (!launch->debug && author[0] != CLO_AUTHOR_KEY)
        return refuse(why, CLOISTER_REFUSED,
                      "module %s has no signature; sign it with 'cloister module sign', or use a "
                      "debug world",
                      (const char *)message->name);
    return CLOISTER_OK;
}

cloister_status launch_add(struct launch *launch, const struct clo_keeper_module *message,
                           const uint8_t measurement[CLO_DIGEST_SIZE],
                           const uint8_t author[CLO_AUTHOR_SIZE], struct reason *why)
{
    cloister_status status = check_addition(launch, message, author, why);
    if (status != CLOISTER_OK)
        return status;
    struct launch_module *module = &launch->module[launch->module_count];
    memset(module, 0, sizeof *module);
    memcpy(module->name, message->name, sizeof module->name);
    module->manifest = message->record.manifest;
    memcpy(module->measurement, measurement, CLO_DIGEST_SIZE);
    memcpy(module->author, author, CLO_AUTHOR_SIZE);
    module->generation = 1;
    launch->module_count++;
    return CLOISTER_OK;
}

static cloister_status check_start(const struct clo_keeper_start *message, struct reason *why)
{
    if (!text_is_valid(message->kvm, sizeof message->kvm))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the KVM flavour is not 1 to %zu printable characters",
                      sizeof message->kvm - 1);
    if (message->isolation < CLO_ISOLATION_MAPPED || message->isolation > CLO_ISOLATION_UNREACHABLE)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "isolation is %u; it must be %u to %u",
                      message->isolation, CLO_ISOLATION_MAPPED, CLO_ISOLATION_UNREACHABLE);
    if (message->vcpus < 1 || message->vcpus > VCPUS_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the world has %u vCPUs; it must have 1 to %u",
                      message->vcpus, VCPUS_MAX);
    if (message->window_size > CLO_WINDOW_SIZE_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the channel window has %u bytes; at most %llu are allowed",
                      message->window_size, CLO_WINDOW_SIZE_MAX);
    if (message->umip > 1 || message->reserved != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "umip is %u, a reserved field %u; umip must be 0 or 1, the other 0",
                      message->umip, message->reserved);
    return CLOISTER_OK;
}

cloister_status launch_start(struct launch *launch, const struct clo_keeper_start *message,
                             struct reason *why)
{
    if (launch->started)
        return refuse(why, CLOISTER_BAD_STATE, "the world has been started already");
    if (!launch->modules_expected || launch->module_count != launch->modules_expected)
        return refuse(why, CLOISTER_BAD_STATE, "%u modules came; the world announced %u",
                      launch->module_count, launch->modules_expected);
    cloister_status status = check_start(message, why);
    if (status != CLOISTER_OK)
        return status;
    launch->start = *message;
    launch->started = true;
    return CLOISTER_OK;
}

static cloister_status check_register(const struct launch *launch, uint32_t index, uint32_t reg,
                                      struct reason *why)
{
    if (!launch->started || index >= launch->module_count)
        return refuse(why, CLOISTER_BAD_STATE, "there is no module %u in a started world", index);
    if (reg >= CLO_REGISTERS)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "register is %u; it must be 0 to %u", reg,
                      CLO_REGISTERS - 1);
    return CLOISTER_OK;
}

cloister_status launch_extend(struct launch *launch, uint32_t index, uint32_t reg,
                              const uint8_t bytes[CLO_DIGEST_SIZE], uint8_t value[CLO_DIGEST_SIZE],
                              struct reason *why)
{
    cloister_status status = check_register(launch, index, reg, why);
    if (status != CLOISTER_OK)
        return status;
    uint8_t *kept = launch->module[index].registers[reg];
    const struct crypto_bytes pieces[] = {{kept, CLO_DIGEST_SIZE}, {bytes, CLO_DIGEST_SIZE}};
    uint8_t next[CLO_DIGEST_SIZE];
    if (crypto_sha384(pieces, 2, next) != CLOISTER_OK)
        return refuse(why, CLOISTER_INTERNAL, "cannot compute the register: %s", crypto_error());
    memcpy(kept, next, CLO_DIGEST_SIZE);
    memcpy(value, next, CLO_DIGEST_SIZE);
    return CLOISTER_OK;
}

cloister_status launch_read(const struct launch *launch, uint32_t index, uint32_t reg,
                            uint8_t value[CLO_DIGEST_SIZE], struct reason *why)
{
    cloister_status status = check_register(launch, index, reg, why);
    if (status == CLOISTER_OK)
        memcpy(value, launch->module[index].registers[reg], CLO_DIGEST_SIZE);
    return status;
}

cloister_status launch_restart(struct launch *launch, uint32_t index, struct reason *why)
{
    if (!launch->started || index >= launch->module_count)
        return refuse(why, CLOISTER_BAD_STATE, "there is no module %u in a started world", index);
    if (launch->module[index].generation == UINT64_MAX)
        return refuse(why, CLOISTER_LIMIT, "module %u cannot start again", index);
    launch->module[index].generation++;
    return CLOISTER_OK;
}

static int compare_members(const void *a, const void *b)
{
    return memcmp(a, b, MEMBER_SIZE);
}

cloister_status launch_set_digest(const struct launch *launch, uint8_t digest[CLO_DIGEST_SIZE])
{
    uint8_t members[CLO_MODULES_MAX][MEMBER_SIZE];
    uint32_t count = launch->module_count;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(members[i], launch->module[i].measurement, CLO_DIGEST_SIZE);
        memcpy(members[i] + CLO_DIGEST_SIZE, launch->module[i].author, CLO_AUTHOR_SIZE);
    }
    qsort(members, count, MEMBER_SIZE, compare_members);
    const struct crypto_bytes pieces[] = {
        {SET_TAG, sizeof SET_TAG - 1}, {&count, sizeof count}, {members, count * MEMBER_SIZE}};
    return crypto_sha384(pieces, 3, digest);
}
