/*
 * Writes a program's first stack. Strings lie at the top, the vectors below them.
 */
#include "vmm/process_stack.h"

#include "abi/layout.h"
#include "base/scope.h"

#include <cpuid.h>
#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_SIZE 16u
#define AUXILIARY_MAX 20u
#define CLOCK_TICKS 100u

/* Grows downwards from the end of the memory. */
struct builder {
    const struct process_stack *stack;
    size_t left;
};

static bool push_bytes(struct builder *builder, const void *bytes, size_t size, uint64_t *address)
{
    if (size > builder->left)
        return false;
    builder->left -= size;
    memcpy(builder->stack->memory + builder->left, bytes, size);
    *address = builder->stack->top - builder->stack->size + builder->left;
    return true;
}

static size_t count(char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* Strings of a list, last first; their addresses go to `addresses`, with a zero at the end. */
static bool push_strings(struct builder *builder, char *const *list, uint64_t *addresses)
{
    size_t n = count(list);
    for (size_t i = n; i > 0; i--)
        if (!push_bytes(builder, list[i - 1], strlen(list[i - 1]) + 1, &addresses[i - 1]))
            return false;
    addresses[n] = 0;
    return true;
}

static uint32_t processor_features(void)
{
    uint32_t a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) ? d : 0;
}

static size_t auxiliary_vector(const struct process_stack *stack, uint64_t random, uint64_t name,
                               uint64_t out[2 * AUXILIARY_MAX])
{
    const uint64_t vector[][2] = {
        {AT_PHDR, stack->phdr},
        {AT_PHENT, sizeof(Elf64_Phdr)},
        {AT_PHNUM, stack->phdr ? stack->phdr_count : 0},
        {AT_PAGESZ, CLO_PAGE_SIZE},
        {AT_BASE, 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, stack->entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_SECURE, 0},
        {AT_RANDOM, random},
        {AT_HWCAP, processor_features()},
        {AT_CLKTCK, CLOCK_TICKS},
        {AT_EXECFN, name},
        {AT_NULL, 0},
    };
    static_assert(ARRAY_SIZE(vector) <= AUXILIARY_MAX, "auxiliary vector");
    memcpy(out, vector, sizeof vector);
    return 2 * ARRAY_SIZE(vector);
}

/* argc, argv, NULL, envp, NULL, auxiliary vector: from low to high addresses. */
static bool push_vectors(struct builder *builder, uint64_t *words, size_t strings, uint64_t random,
                         uint64_t *rsp)
{
    size_t n = strings;
    n += auxiliary_vector(builder->stack, random, words[1], words + n);
    builder->left &= ~(size_t)7;
    /* RSP must be a multiple of 16 where argc lies. */
    if ((builder->left - n * sizeof *words) % 16 != 0 && builder->left >= 8)
        builder->left -= 8;
    return push_bytes(builder, words, n * sizeof *words, rsp);
}

cloister_status process_stack_write(const struct process_stack *stack, uint64_t *rsp, size_t *used,
                                    struct reason *why)
{
    uint8_t random_bytes[RANDOM_SIZE];
    size_t arguments = count(stack->arguments);
    size_t environment = count(stack->environment);
    size_t strings = arguments + environment + 3;
    uint64_t random;
    AUTO_FREE uint64_t *words = calloc(strings + 2 * AUXILIARY_MAX, sizeof *words);
    if (!words)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for %zu arguments", arguments);
    if (getrandom(random_bytes, sizeof random_bytes, 0) != (ssize_t)sizeof random_bytes)
        return refuse_errno(why, "no random bytes");
    struct builder builder = {.stack = stack, .left = stack->size};
    words[0] = arguments;
    if (!push_bytes(&builder, random_bytes, sizeof random_bytes, &random) ||
        !push_strings(&builder, stack->environment, words + arguments + 2) ||
        !push_strings(&builder, stack->arguments, words + 1) ||
        !push_vectors(&builder, words, strings, random, rsp))
        return refuse(why, CLOISTER_TOO_BIG,
                      "arguments and environment do not fit the %zu bytes for them", stack->size);
    *used = stack->size - builder.left;
    return CLOISTER_OK;
}
