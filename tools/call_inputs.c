/*
 * Inputs of a call: files, text, hexadecimal digits and values, checked against the method before
 * anything is sent, so that the message can name what the person wrote.
 */
#include "tools/call_inputs.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/scope.h"
#include "tools/tool.h"

#include <inttypes.h>
#include <string.h>

struct input_bytes {
    uint8_t *bytes;
    size_t size;
};

static unsigned kind_of(const struct clo_method *method, unsigned i)
{
    return method->kinds >> (4 * i) & 15u;
}

static bool takes_buffer(unsigned kind)
{
    return kind == CLO_PARAM_BUFFER_IN || kind == CLO_PARAM_BUFFER_INOUT;
}

static bool takes_value(unsigned kind)
{
    return kind == CLO_PARAM_IN || kind == CLO_PARAM_INOUT;
}

static bool gives_buffer(unsigned kind)
{
    return kind == CLO_PARAM_BUFFER_OUT || kind == CLO_PARAM_BUFFER_INOUT;
}

static void free_bytes(struct input_bytes *input)
{
    if (input->bytes)
        bytes_wipe(input->bytes, input->size);
    free(input->bytes);
}

static cloister_status read_text(const char *text, struct input_bytes *input, struct reason *why)
{
    input->size = strlen(text);
    input->bytes = (uint8_t *)strdup(text);
    return input->bytes ? CLOISTER_OK : refuse(why, CLOISTER_NO_MEMORY, "no memory for --text");
}

static cloister_status read_hex(const char *text, struct input_bytes *input, struct reason *why)
{
    size_t capacity = strlen(text) / 2;
    AUTO_FREE uint8_t *bytes = malloc(capacity + 1);
    if (!bytes)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for --hex");
    if (!hex_decode(text, bytes, capacity, &input->size))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--hex is '%.40s'; it must be an even number of hexadecimal digits", text);
    input->bytes = take_pointer(&bytes);
    return CLOISTER_OK;
}

static cloister_status read_word(const struct call_word *word, size_t limit,
                                 struct input_bytes *input, struct reason *why)
{
    switch (word->kind) {
    case CALL_FILE:
        return file_read(word->text, limit, &input->bytes, &input->size, why);
    case CALL_TEXT:
        return read_text(word->text, input, why);
    case CALL_HEX:
        return read_hex(word->text, input, why);
    default:
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "'--value %.40s' stands where the method takes a buffer; --in, --text or "
                      "--hex gives one",
                      word->text);
    }
}

static bool is_pair(const char *text, cloister_parameter *parameter)
{
    char first[24];
    unsigned long long a;
    unsigned long long b;
    const char *comma = strchr(text, ',');
    if (!comma || (size_t)(comma - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(comma - text));
    first[comma - text] = '\0';
    if (tool_number("", first, 0, UINT64_MAX, &a, NULL) != CLOISTER_OK ||
        tool_number("", comma + 1, 0, UINT64_MAX, &b, NULL) != CLOISTER_OK)
        return false;
    parameter->a = a;
    parameter->b = b;
    return true;
}

static cloister_status read_value(const struct call_word *word, cloister_parameter *parameter,
                                  struct reason *why)
{
    if (word->kind != CALL_VALUE)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "'%.40s' stands where the method takes a value pair; --value A,B gives one",
                      word->text);
    if (!is_pair(word->text, parameter))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--value is '%.48s'; it must be two decimal numbers of up to 64 bits, as 1,2",
                      word->text);
    return CLOISTER_OK;
}

cloister_status call_word_check(const struct call_word *word, struct reason *why)
{
    struct input_bytes bytes = {0};
    cloister_parameter pair;
    if (word->kind == CALL_FILE)
        return file_check_input(word->text, why);
    if (word->kind == CALL_VALUE)
        return read_value(word, &pair, why);
    cloister_status status = read_word(word, 0, &bytes, why);
    free_bytes(&bytes);
    return status;
}

static cloister_status check_size(const struct clo_method *method, unsigned i, size_t size,
                                  struct reason *why)
{
    if (size >= method->size_min[i] && size <= method->size_max[i])
        return CLOISTER_OK;
    return refuse(why, CLOISTER_TOO_BIG,
                  "parameter %u of method %s has %zu bytes; it takes %" PRIu32 " to %" PRIu32,
                  i + 1, method->name, size, method->size_min[i], method->size_max[i]);
}

static cloister_status next_word(const struct clo_method *method, const struct call_inputs *inputs,
                                 unsigned *used, const struct call_word **word, struct reason *why)
{
    if (*used == inputs->count)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "method %s takes more inputs than the %u given; --in, --text, --hex or "
                      "--value gives one",
                      method->name, inputs->count);
    *word = &inputs->word[(*used)++];
    return CLOISTER_OK;
}

/* Memory for what goes in and what comes out, of the larger of both sizes. */
static cloister_status make_buffer(const struct clo_method *method, unsigned i,
                                   const struct input_bytes *input, size_t room,
                                   struct call_parameters *made, struct reason *why)
{
    unsigned kind = kind_of(method, i);
    cloister_parameter *parameter = &made->parameter[i];
    size_t capacity = gives_buffer(kind) ? method->size_max[i] : 0;
    if (capacity > room)
        capacity = room;
    size_t size = input->size > capacity ? input->size : capacity;
    uint8_t *memory = malloc(size + 1);
    if (!memory)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for %zu bytes", size);
    if (input->size > 0)
        memcpy(memory, input->bytes, input->size);
    made->memory[i] = memory;
    made->in_size[i] = input->size;
    parameter->input = memory;
    parameter->output = memory;
    parameter->size = input->size;
    parameter->capacity = capacity;
    return CLOISTER_OK;
}

static cloister_status make_one(const struct clo_method *method, unsigned i,
                                const struct call_inputs *inputs, unsigned *used,
                                struct call_parameters *made, struct reason *why)
{
    unsigned kind = kind_of(method, i);
    const struct call_word *word = NULL;
    struct input_bytes input = {0};
    size_t room = inputs->room_given ? (size_t)inputs->room : CLO_ARENA_MAX;
    cloister_status status = CLOISTER_OK;
    made->parameter[i].kind = kind;
    if (takes_buffer(kind) || takes_value(kind))
        status = next_word(method, inputs, used, &word, why);
    if (status == CLOISTER_OK && takes_value(kind))
        return read_value(word, &made->parameter[i], why);
    if (status == CLOISTER_OK && takes_buffer(kind))
        status = read_word(word, method->size_max[i], &input, why);
    if (status == CLOISTER_OK && takes_buffer(kind))
        status = check_size(method, i, input.size, why);
    if (status == CLOISTER_OK && (takes_buffer(kind) || gives_buffer(kind)))
        status = make_buffer(method, i, &input, room, made, why);
    free_bytes(&input);
    return status;
}

/* Outputs get what the inputs leave of the largest arena. */
static void size_arena(struct call_parameters *made)
{
    size_t total = 0;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        total += (made->in_size[i] + CLO_ARENA_ALIGN - 1) / CLO_ARENA_ALIGN * CLO_ARENA_ALIGN;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        cloister_parameter *parameter = &made->parameter[i];
        size_t in = (made->in_size[i] + CLO_ARENA_ALIGN - 1) / CLO_ARENA_ALIGN * CLO_ARENA_ALIGN;
        size_t left = total < CLO_ARENA_MAX ? CLO_ARENA_MAX - total + in : in;
        if (parameter->capacity > left)
            parameter->capacity = left;
        size_t out =
            (parameter->capacity + CLO_ARENA_ALIGN - 1) / CLO_ARENA_ALIGN * CLO_ARENA_ALIGN;
        total += out > in ? out - in : 0;
    }
    made->arena_size = total > CLO_PAGE_SIZE ? total : CLO_PAGE_SIZE;
}

cloister_status call_parameters_make(const struct clo_method *method,
                                     const struct call_inputs *inputs,
                                     struct call_parameters *parameters, struct reason *why)
{
    unsigned used = 0;
    *parameters = (struct call_parameters){0};
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        cloister_status status = make_one(method, i, inputs, &used, parameters, why);
        if (status != CLOISTER_OK)
            return status;
    }
    if (used < inputs->count)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "method %s takes %u input%s; %u are given",
                      method->name, used, used == 1 ? "" : "s", inputs->count);
    size_arena(parameters);
    if (parameters->arena_size > CLO_ARENA_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "the inputs have %zu bytes in all; at most %u fit",
                      parameters->arena_size, CLO_ARENA_MAX);
    return CLOISTER_OK;
}

void call_parameters_release(struct call_parameters *parameters)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        const cloister_parameter *parameter = &parameters->parameter[i];
        size_t used =
            parameters->in_size[i] > parameter->size ? parameters->in_size[i] : parameter->size;
        if (parameters->memory[i])
            bytes_wipe(parameters->memory[i], used);
        free(parameters->memory[i]);
    }
}
