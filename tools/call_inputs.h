/*
 * From the words of `cloister call` to the parameters of one method.
 */
#ifndef TOOLS_CALL_INPUTS_H
#define TOOLS_CALL_INPUTS_H

#include "base/reason.h"
#include "cloister/client.h"

#include <stdbool.h>
#include <stddef.h>

#define CALL_WORDS_MAX CLO_PARAMETERS_MAX

enum call_word_kind { CALL_FILE, CALL_TEXT, CALL_HEX, CALL_VALUE };

/* --in, --text, --hex or --value as given. */
struct call_word {
    enum call_word_kind kind;
    const char *text;
};

struct call_inputs {
    struct call_word word[CALL_WORDS_MAX];
    unsigned count;
    bool room_given;
    unsigned long long room; /* most bytes of each output */
};

/* Parameters with memory behind them. */
struct call_parameters {
    cloister_parameter parameter[CLO_PARAMETERS_MAX];
    size_t in_size[CLO_PARAMETERS_MAX]; /* the bytes given, which a call with in-out replaces */
    uint8_t *memory[CLO_PARAMETERS_MAX];
    size_t arena_size; /* what a session for this call needs */
};

/* Is it of its form, whatever method takes it? BAD_ARGUMENT; for a file as file_check_input. */
CLOISTER_MUST_USE cloister_status call_word_check(const struct call_word *word, struct reason *why);

/* Reads the inputs that the method declares, in order, and makes room for its outputs.
   BAD_ARGUMENT: too few, too many, of another kind, or of a size that the method does not take. On
   success and on failure the caller releases. */
CLOISTER_MUST_USE cloister_status call_parameters_make(const struct clo_method *method,
                                                       const struct call_inputs *inputs,
                                                       struct call_parameters *parameters,
                                                       struct reason *why);

/* Wipes and frees. */
void call_parameters_release(struct call_parameters *parameters);

#endif
