/*
 * Fuzzes the module's side of a channel. The input is a program of a client that writes anything
 * anywhere in its two channels, also while a handler, a hook or a hypercall runs. The handler
 * checks that what it is given is what the manifest declares, lies in private memory and stays as
 * it is.
 */
#include "secure-world/sdk/arguments.c"
#include "secure-world/sdk/call.c"
#include "secure-world/sdk/cancelled.c"
#include "secure-world/sdk/channel.c"
#include "secure-world/sdk/pair.c"
#include "secure-world/sdk/serve.c"
#include "secure-world/sdk/service_time.c"
#include "secure-world/sdk/submission.c"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>

#define ARENA 4096u
#define MOST 512u
#define CHANNELS 2u
#define CHANNEL_SIZE ((uint32_t)CLO_ARENA_OFFSET + ARENA)
#define STRIDE (CHANNEL_SIZE + CLO_PAGE_SIZE) /* nobody may touch the page between */
#define WINDOW_SIZE (CHANNELS * STRIDE)
#define BUFFERS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4)
#define WRITES_AT_ONCE 4u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static cloister_status handle(cloister_call *call);

static const cloister_handler handlers[] = {handle, handle, handle, handle};

static const struct clo_manifest manifest = {
    .method_count = 4,
    .method = {
        {.name = "echo", .kinds = BUFFERS, .size_max = {MOST, MOST}, .size_min = {1}},
        {.name = "values", .kinds = CLO_PARAM_IN | CLO_PARAM_OUT << 4 | CLO_PARAM_INOUT << 8},
        {.name = "inout",
         .kinds = CLO_PARAM_BUFFER_INOUT | CLO_PARAM_BUFFER_IN << 4,
         .size_max = {MOST, 64}},
        {.name = "zero",
         .kinds = BUFFERS,
         .flags = CLO_METHOD_ZERO_COPY(0) | CLO_METHOD_ZERO_COPY(1),
         .size_max = {ARENA, ARENA}},
    }};

static struct {
    const uint8_t *at;
    const uint8_t *end;
} input;
static struct server *server;
static struct clo_control control;
static struct clo_mailbox mailbox;
static uint8_t *window;
static int64_t open_sessions;

static uint32_t take(unsigned width)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < width && input.at < input.end; i++)
        value = value << 8 | *input.at++;
    return value;
}

/* The client */

static uint8_t *channel_memory(unsigned number)
{
    return window + number * STRIDE;
}

static void write_bytes(void)
{
    uint8_t *memory = channel_memory(take(1) % CHANNELS);
    uint32_t offset = take(2) % CHANNEL_SIZE;
    for (uint32_t left = take(1) % 64; left > 0 && offset < CHANNEL_SIZE; left--)
        memory[offset++] = (uint8_t)take(1);
}

/* A size or an offset worth trying. */
static uint64_t interesting(void)
{
    static const uint64_t values[] = {0,     1,         48,         64,         MOST,   ARENA - 64,
                                      ARENA, ARENA + 1, UINT32_MAX, 1ull << 32, -64ull, UINT64_MAX};
    uint32_t choice = take(1);
    return choice < 12 ? values[choice] : (uint64_t)choice * 8;
}

static void write_submission(unsigned number)
{
    const struct channel *channel = &server->channel[number];
    if (!channel->header)
        return;
    struct clo_submission *entry = channel_entry(channel);
    uint32_t how = take(1);
    uint16_t kinds = manifest.method[how % 4].kinds;
    entry->method = how & 64 ? CLO_METHOD_OPEN : how & 32 ? CLO_METHOD_CLOSE : how % 4;
    entry->kinds = entry->method < 4 ? kinds : 0;
    entry->kinds ^= (uint16_t)(how & 8 ? 0x88 : how & 16 ? take(2) : 0);
    entry->session = (uint16_t)(take(1) % 3);
    entry->inline_in = (uint8_t)(how & 8 ? take(1) % 64 : 0);
    entry->inline_out = (uint8_t)(how & 8 ? take(1) % 64 : 0);
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        bool used = entry->kinds >> 4 * i & 15;
        entry->parameter[i].a = used ? interesting() : 0;
        entry->parameter[i].b = used ? interesting() : 0;
    }
    __atomic_store_n(&entry->turn, channel->turn + (how == 255 ? take(1) : 0), __ATOMIC_RELEASE);
}

/* The world host: a channel comes or goes. */
static void change_slot(unsigned number)
{
    struct clo_channel_slot *slot = &control.slot[number];
    if (slot->state == CLO_SLOT_LIVE) {
        slot->state = CLO_SLOT_FREE;
    } else {
        slot->generation++;
        slot->offset = number * STRIDE;
        slot->size = CHANNEL_SIZE;
        memset(channel_memory(number), 0, CHANNEL_SIZE);
        slot->state = CLO_SLOT_LIVE;
        control.slots = CHANNELS;
    }
    control.epoch++;
}

/* What may happen at any time. */
static void meanwhile(void)
{
    uint32_t what = take(1);
    if (what == 0xff)
        change_slot(take(1) % CHANNELS);
    else
        for (unsigned i = 0; i < what % WRITES_AT_ONCE; i++)
            write_bytes();
}

/* The module */

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_shared(const void *at)
{
    return (const uint8_t *)at >= window && (const uint8_t *)at < window + WINDOW_SIZE;
}

static uint64_t sum_of(const cloister_argument *argument)
{
    uint64_t sum = 0;
    for (size_t i = 0; argument->in && i < argument->size; i++)
        sum = sum * 31 + argument->in[i];
    return sum;
}

static void check_argument(const struct clo_method *method, const cloister_argument *argument,
                           unsigned i)
{
    bool zero_copy = method->flags & CLO_METHOD_ZERO_COPY(i);
    require(argument->kind == submission_kind(method->kinds, i));
    if (!submission_kind_is_buffer(argument->kind))
        return;
    require(argument->size <= method->size_max[i] && argument->capacity <= method->size_max[i]);
    require(zero_copy || (!is_shared(argument->in) && !is_shared(argument->out)));
    if (submission_kind_goes_in(argument->kind))
        require(argument->size >= method->size_min[i]);
}

/* Fills all that it has been given room for, and claims as many bytes as the input says. */
static void fill(cloister_argument *argument)
{
    if (argument->out && argument->capacity > 0)
        memset(argument->out, 0x5a, argument->capacity);
    if (argument->kind != CLO_PARAM_BUFFER_IN)
        argument->size = take(1) & 1 ? argument->capacity : take(2);
}

static cloister_status handle(cloister_call *call)
{
    const struct clo_method *method = &manifest.method[call->method];
    uint64_t before[CLO_PARAMETERS_MAX];
    require(call->method < manifest.method_count && call->session < CLO_SESSIONS_MAX);
    require(mailbox.progress & 1);
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        check_argument(method, &call->argument[i], i);
        before[i] = sum_of(&call->argument[i]);
    }
    meanwhile();
    (void)cloister_call_cancelled(call);
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        require(before[i] == sum_of(&call->argument[i]) || method->flags & CLO_METHOD_ZERO_COPY(i));
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        fill(&call->argument[i]);
    return take(1) & 7 ? CLOISTER_OK : (cloister_status)take(3) - 1;
}

cloister_status sdk_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    require(number == CLO_HC_WAIT || (number == CLO_HC_NOTIFY && a0 < CHANNELS));
    require(a1 == 0 && a2 == 0);
    meanwhile();
    return CLOISTER_OK;
}

void cloister_panic(const char *text)
{
    (void)text;
    abort();
}

cloister_status cloister_session_opened(cloister_call *call)
{
    (void)call;
    meanwhile();
    bool accepted = take(1) & 7;
    open_sessions += accepted;
    return accepted ? CLOISTER_OK : CLOISTER_REFUSED;
}

void cloister_session_closed(unsigned channel, unsigned session)
{
    require(channel < CHANNELS && session < CLO_SESSIONS_MAX);
    open_sessions--;
}

static void start(void)
{
    window = aligned_alloc(CLO_PAGE_SIZE, WINDOW_SIZE);
    server = calloc(1, sizeof *server);
    require(window && server);
    memset(window, 0, WINDOW_SIZE);
    for (unsigned i = 0; i < CHANNELS; i++)
        ASAN_POISON_MEMORY_REGION(channel_memory(i) + CHANNEL_SIZE, CLO_PAGE_SIZE);
    memset(&control, 0, sizeof control);
    memset(&mailbox, 0, sizeof mailbox);
    open_sessions = 0;
    server->manifest = &manifest;
    server->handlers = handlers;
    server->control = &control;
    server->mailbox = &mailbox;
    server->window = window;
    server->window_size = WINDOW_SIZE;
    server->scratch_size = arguments_scratch_size(&manifest);
    server->scratch = calloc(1, server->scratch_size);
    require(server->scratch);
    server_plan(server);
    change_slot(0);
    change_slot(1);
}

static void finish(void)
{
    for (size_t i = 0; i < server->scratch_size; i++)
        require(server->scratch[i] == 0);
    for (unsigned i = 0; i < CHANNELS; i++)
        control.slot[i].state = CLO_SLOT_FREE;
    control.epoch++;
    serve_refresh(server);
    require(open_sessions == 0); /* closed comes once for each that was opened */
    ASAN_UNPOISON_MEMORY_REGION(window, WINDOW_SIZE);
    free(server->scratch);
    free(server);
    free(window);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    input.at = bytes;
    input.end = bytes + size;
    start();
    while (input.at < input.end) {
        uint32_t step = take(1);
        if (step < 120)
            write_submission(step % CHANNELS);
        else if (step < 140)
            meanwhile();
        else if (step < 160)
            serve_park(server);
        (void)serve_sweep(server);
        require((mailbox.progress & 1) == 0);
    }
    finish();
    return 0;
}
