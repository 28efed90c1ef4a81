/*
 * The table of hypercalls, and the ones that need nobody else. Those that the keeper serves are in
 * hypercall_keeper.c, those of programs in hypercall_console.c.
 */
#include "vmm/hypercall.h"

#include "vmm/escape.h"
#include "vmm/fault.h"
#include "vmm/hypercall_parts.h"
#include "vmm/module_thread.h"
#include "vmm/world.h"

#include "base/bytes.h"
#include "base/index.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#define EVERYONE                                                                                   \
    (1ull << CLO_HC_WAIT | 1ull << CLO_HC_NOTIFY | 1ull << CLO_HC_PANIC | 1ull << CLO_HC_EXIT |    \
     1ull << CLO_HC_PROTECT)
#define MODULE (EVERYONE | 1ull << CLO_HC_CLOSE | 1ull << CLO_HC_IDENTITY | 1ull << CLO_HC_WAKE)
#define PROGRAM                                                                                    \
    (EVERYONE | 1ull << CLO_HC_RANDOM | 1ull << CLO_HC_TIME | 1ull << CLO_HC_CONSOLE_WRITE |       \
     1ull << CLO_HC_CONSOLE_READ)
#define CONSOLE (1ull << CLO_HC_CONSOLE_WRITE | 1ull << CLO_HC_CONSOLE_READ)

#define LOG_LINE_MAX 1024u
#define PANIC_TEXT_MAX 256u

static cloister_status serve_wait(struct hypercall *call)
{
    call->result[0] = module_thread_wait(call->thread, call->argument[0]);
    return CLOISTER_OK;
}

static cloister_status serve_notify(struct hypercall *call)
{
    return channel_notify(call->thread, call->argument[0]);
}

static cloister_status serve_wake(struct hypercall *call)
{
    struct module *module = call->module;
    uint64_t threads = call->argument[0];
    if (threads >> module->thread_count)
        return CLOISTER_BAD_ARGUMENT;
    for (unsigned i = 0; i < module->thread_count; i++)
        if (threads >> i & 1)
            module_thread_wake(&module->thread[i]);
    return CLOISTER_OK;
}

/* Copies text of the module out of its mailbox, and makes it safe to print. */
static bool take_text(const struct hypercall *call, uint64_t size, size_t most, char *text,
                      size_t room)
{
    uint8_t copy[LOG_LINE_MAX];
    if (size > most || most > sizeof copy)
        return false;
    memcpy(copy, call->mailbox->payload, size);
    escape_text(copy, size, text, room);
    return true;
}

static cloister_status serve_panic(struct hypercall *call)
{
    struct module *module = call->module;
    char text[PANIC_TEXT_MAX];
    char place[128] = "";
    uint64_t kind = call->argument[0];
    const char *who = kind == CLO_PANIC_MODULE ? "panic" : "panic of the runtime";
    if (call->argument[1] != 0)
        fault_place(call->argument[1], &module->file, module->placement.base, place, sizeof place);
    if (!take_text(call, call->argument[2], PANIC_TEXT_MAX, text, sizeof text))
        text[0] = '\0';
    if (kind == CLO_PANIC_ILLEGAL)
        module_end(module, CLO_MODULE_DEAD, 128 + SIGILL, "undefined instruction at %s", place);
    else
        module_end(module, CLO_MODULE_DEAD, 128 + SIGABRT, "%s%s%s%s%s", who,
                   place[0] ? " at " : "", place, text[0] ? ": " : "", text);
    return CLOISTER_OK;
}

static cloister_status serve_exit(struct hypercall *call)
{
    uint64_t code = call->argument[0];
    if (code > 255)
        return CLOISTER_BAD_ARGUMENT;
    module_end(call->module, CLO_MODULE_ENDED, (int)code, "it called exit(%d)", (int)code);
    return CLOISTER_OK;
}

/* How many lines were dropped before this one; UINT64_MAX: this one is dropped too. */
static uint64_t admit_line(struct module *module)
{
    uint64_t dropped = UINT64_MAX;
    (void)pthread_mutex_lock(&module->lock);
    if (rate_take(&module->logs, world_now())) {
        dropped = module->logs_dropped;
        module->logs_dropped = 0;
    } else {
        module->logs_dropped++;
    }
    (void)pthread_mutex_unlock(&module->lock);
    return dropped;
}

static cloister_status serve_log(struct hypercall *call)
{
    static const enum log_level levels[] = {[CLO_LOG_ERROR] = LOG_LEVEL_ERROR,
                                            [CLO_LOG_WARNING] = LOG_LEVEL_WARNING,
                                            [CLO_LOG_INFO] = LOG_LEVEL_INFO,
                                            [CLO_LOG_DEBUG] = LOG_LEVEL_DEBUG};
    const struct module *module = call->module;
    char text[LOG_LINE_MAX];
    uint64_t level = call->argument[0];
    if (level > CLO_LOG_DEBUG ||
        !take_text(call, call->argument[1], LOG_LINE_MAX, text, sizeof text))
        return CLOISTER_BAD_ARGUMENT;
    if (module->file.record.manifest.log_class != CLO_LOG_CLASS_PUBLIC)
        return CLOISTER_OK;
    uint64_t dropped = admit_line(call->module);
    if (dropped == UINT64_MAX)
        return CLOISTER_LIMIT;
    if (dropped > 0)
        log_warning("module %s: %llu lines of its log were dropped", module->file.name,
                    (unsigned long long)dropped);
    log_line(levels[index_clamp(level, CLO_LOG_DEBUG + 1)], "module %s: %s", module->file.name,
             text);
    return CLOISTER_OK;
}

static cloister_status serve_random(struct hypercall *call)
{
    uint64_t wanted = call->argument[0];
    if (wanted == 0 || wanted > CLO_PAYLOAD_SIZE)
        return CLOISTER_BAD_ARGUMENT;
    for (size_t made = 0; made < wanted;) {
        ssize_t n = getrandom(call->mailbox->payload + made, wanted - made, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            /* Never half of it: a module must not take zeros for random bytes. */
            bytes_wipe(call->mailbox->payload, wanted);
            return CLOISTER_IO;
        }
        made += (size_t)n;
    }
    return CLOISTER_OK;
}

static cloister_status serve_time(struct hypercall *call)
{
    struct timespec real;
    if (clock_gettime(CLOCK_REALTIME, &real) != 0)
        return CLOISTER_IO;
    call->result[0] = (uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec;
    call->result[1] = world_now();
    return CLOISTER_OK;
}

static cloister_status serve_protect(struct hypercall *call)
{
    struct module *module = call->module;
    uint64_t rights = call->argument[2];
    if (rights & ~(uint64_t)(CLO_RIGHT_READ | CLO_RIGHT_WRITE))
        return CLOISTER_BAD_ARGUMENT;
    fair_lock_take(&module->world->memory);
    module_pause_others(module, call->thread);
    cloister_status status = placement_protect(&module->placement, call->argument[0],
                                               call->argument[1], (uint32_t)rights);
    module_resume(module);
    fair_lock_give(&module->world->memory);
    return status;
}

/* `arguments`: how many it uses; the others must be zero. No `serve`: reserved. */
static const struct entry {
    cloister_status (*serve)(struct hypercall *call);
    unsigned arguments;
} table[CLO_HC_COUNT] = {
    [CLO_HC_WAIT] = {serve_wait, 1},
    [CLO_HC_NOTIFY] = {serve_notify, 1},
    [CLO_HC_PANIC] = {serve_panic, 3},
    [CLO_HC_LOG] = {serve_log, 2},
    [CLO_HC_RANDOM] = {serve_random, 1},
    [CLO_HC_TIME] = {serve_time, 0},
    [CLO_HC_PROTECT] = {serve_protect, 3},
    [CLO_HC_SEAL] = {hypercall_seal, 0},
    [CLO_HC_UNSEAL] = {hypercall_unseal, 0},
    [CLO_HC_REPORT] = {hypercall_report, 0},
    [CLO_HC_EXTEND] = {hypercall_extend, 1},
    [CLO_HC_READ_REGISTER] = {hypercall_read_register, 1},
    [CLO_HC_OPEN] = {hypercall_open, 0},
    [CLO_HC_EXIT] = {serve_exit, 1},
    [CLO_HC_CONSOLE_WRITE] = {hypercall_console_write, 2},
    [CLO_HC_CONSOLE_READ] = {hypercall_console_read, 1},
    [CLO_HC_CLOSE] = {hypercall_close, 1},
    [CLO_HC_IDENTITY] = {hypercall_identity, 1},
    [CLO_HC_WAKE] = {serve_wake, 1},
};

/* NULL: there is no such hypercall. */
static const struct entry *find(uint32_t number)
{
    if (number >= CLO_HC_COUNT)
        return NULL;
    const struct entry *entry = &table[index_clamp(number, CLO_HC_COUNT)];
    return entry->serve ? entry : NULL;
}

uint64_t hypercall_allowed(uint64_t manifest_mask, bool exec)
{
    return exec ? PROGRAM : (manifest_mask | MODULE) & ~CONSOLE;
}

cloister_status hypercall_admit(uint64_t allowed, bool exec, uint32_t number,
                                const uint64_t argument[HYPERCALL_ARGUMENTS])
{
    const struct entry *entry = find(number);
    if (!entry)
        return CLOISTER_UNSUPPORTED;
    uint64_t bit = 1ull << number;
    if (exec ? !(PROGRAM & bit) : (CONSOLE & bit) != 0)
        return CLOISTER_UNSUPPORTED;
    if (!(allowed & bit))
        return CLOISTER_DENIED;
    for (unsigned i = entry->arguments; i < HYPERCALL_ARGUMENTS; i++)
        if (argument[i] != 0)
            return CLOISTER_BAD_ARGUMENT;
    return CLOISTER_OK;
}

void hypercall_serve(struct module_thread *thread, uint32_t number)
{
    struct module *module = thread->module;
    struct hypercall call = {
        .thread = thread, .module = module, .mailbox = module->placement.mailbox[thread->index]};
    /* Another thread of the module may write the mailbox meanwhile: one read of each word. */
    for (unsigned i = 0; i < HYPERCALL_ARGUMENTS; i++)
        call.argument[i] = __atomic_load_n(&call.mailbox->argument[i], __ATOMIC_RELAXED);
    cloister_status status =
        hypercall_admit(module->allowed, module->world->exec, number, call.argument);
    if (status == CLOISTER_OK)
        status = find(number)->serve(&call);
    if (status != CLOISTER_OK)
        memset(call.result, 0, sizeof call.result);
    call.mailbox->result[0] = call.result[0];
    call.mailbox->result[1] = call.result[1];
    call.mailbox->status = (uint32_t)status;
}
