/*
 * The secure world below the level of worlds, on the real /dev/kvm: modules in ring 3, what keeps
 * them apart, how rights and memory are taken away, and how they are made to stop.
 */
#include "tests/e2e/placed_module.h"

#include "abi/hypercall.h"
#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAP_PAGE (PLACED_HEAP + 4 * CLO_PAGE_SIZE)

static struct placed_machine placed;

/* Every test runs on module data that is out of reach, where the kernel has it, and on the
   fallback: its state says which. */
static bool fallback(void **state)
{
    return *state != NULL;
}

static struct vcpu *thread_of(unsigned module, unsigned thread)
{
    return &placed.module[module].vcpu[thread];
}

static struct clo_mailbox *mailbox_of(unsigned module, unsigned thread)
{
    return placed.module[module].placement.mailbox[thread];
}

static void start(void **state, const char *what, uint64_t value)
{
    if (!placed_machine_possible())
        skip();
    placed_machine_start_one(&placed, fallback(state), what, value);
}

/* Runs to the next hypercall and returns its value. */
static uint64_t step(unsigned module)
{
    struct vcpu_exit exit;
    vcpu_run(thread_of(module, 0), &exit);
    if (exit.event != VCPU_HYPERCALL)
        fail_msg("event %d vector %u at %#lx: %s", exit.event, exit.vector, exit.rip, exit.text);
    assert_int_equal(exit.number, PAYLOAD_DONE);
    return mailbox_of(module, 0)->argument[0];
}

static void assert_page_fault(struct vcpu *vcpu, uint64_t address, uint64_t error)
{
    struct vcpu_exit exit;
    vcpu_run(vcpu, &exit);
    if (exit.event != VCPU_FAULT)
        fail_msg("event %d number %#x: %s", exit.event, exit.number, exit.text);
    assert_int_equal(exit.vector, 14);
    assert_int_equal(exit.error, error);
    assert_int_equal(exit.address, address);
}

static void hypercalls_go_and_return(void **state)
{
    start(state, "hello", 0);
    assert_int_equal(step(0), 0);
    for (uint64_t i = 1; i < 100; i++) {
        mailbox_of(0, 0)->result[0] = i << 32;
        assert_int_equal(step(0), (i << 32) + i);
    }
    placed_machine_end(&placed);
}

static void sealed_machine_holds_no_descriptor_but_its_vcpus(void **state)
{
    start(state, "hello", 0);
    assert_true(placed.machine.sealed);
    assert_int_equal(placed.machine.kvm_fd, -1);
    assert_int_equal(placed.machine.vm_fd, -1);
    assert_int_equal(placed.module[0].placement.data.memfd, -1);
    for (int fd = 3; fd < 256; fd++) {
        char path[64];
        char target[128];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        assert_null(strstr(target, "kvm-vm"));
        assert_null(strstr(target, "guest-memfd"));
        assert_null(strstr(target, "/dev/kvm"));
    }
    (void)step(0);
    placed_machine_end(&placed);
}

static void module_starts_with_cleared_registers(void **state)
{
    static const uint8_t zero[256];
    start(state, "hello", 0);
    (void)step(0);
    const uint8_t *payload = mailbox_of(0, 0)->payload;
    const uint8_t *fxsave = payload + PAYLOAD_FXSAVE;
    uint16_t control;
    uint32_t mxcsr;
    memcpy(&control, fxsave, sizeof control);
    memcpy(&mxcsr, fxsave + 24, sizeof mxcsr);
    assert_memory_equal(payload + 8, zero, PAYLOAD_REGISTERS * 8);
    assert_int_equal(control, 0x37f);
    assert_int_equal(mxcsr, 0x1f80);
    assert_memory_equal(fxsave + 160, zero, 256); /* XMM0 to XMM15 */
    placed_machine_end(&placed);
}

static void system_calls_reach_the_personality(void **state)
{
    start(state, "syscall", 0);
    assert_in_range(step(0), 1, 0x7fffffff); /* getpid */
    assert_int_equal((int64_t)step(0), -ENOSYS);
    assert_int_equal(step(0), 1); /* the other registers are as they were */
    placed_machine_end(&placed);
}

/* Isolation */

static void note_pages(void *context, struct gpa gpa)
{
    const struct machine_data *other = context;
    assert_false(gpa.value >= other->gpa.value && gpa.value < other->gpa.value + other->size);
}

static void modules_with_the_same_addresses_keep_apart(void **state)
{
    if (!placed_machine_possible())
        skip();
    char *const first[] = {"secret", NULL};
    char heap[32];
    (void)snprintf(heap, sizeof heap, "%llx", PLACED_HEAP);
    char *const second[] = {"read", heap, NULL};
    char *const *const command[] = {first, second};
    placed_machine_start(&placed, fallback(state), command, 2);
    assert_int_equal(step(0), 1);
    struct vcpu_exit exit;
    vcpu_run(thread_of(1, 0), &exit);
    assert_int_equal(exit.event, VCPU_HYPERCALL);
    assert_int_equal(exit.number, PAYLOAD_SURVIVED); /* its own page at that address */
    assert_int_equal(mailbox_of(1, 0)->argument[0], 0);
    assert_int_equal(step(0), 1);
    placement_each_written(&placed.module[0].placement, note_pages,
                           &placed.module[1].placement.data);
    placement_each_written(&placed.module[1].placement, note_pages,
                           &placed.module[0].placement.data);
    placed_machine_end(&placed);
}

/* Whatever ring 3 can reach is its own data, sealed code, its mailboxes, or read-only. */
static void module_reaches_no_page_of_another(void **state)
{
    if (!placed_machine_possible())
        skip();
    char *const command_a[] = {"hello", NULL};
    char *const *const command[] = {command_a, command_a};
    placed_machine_start(&placed, fallback(state), command, 2);
    const struct placement *mine = &placed.module[0].placement;
    const struct placement *other = &placed.module[1].placement;
    static const struct {
        uint64_t start, end;
    } ranges[] = {{0, 0x80000000},
                  {CLO_VA_STACK, CLO_VA_STACK + 2 * CLO_STACK_STRIDE},
                  {CLO_VA_WINDOW, PLACED_HEAP + 2 * PAYLOAD_HEAP}};
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        for (uint64_t va = ranges[i].start; va < ranges[i].end; va += CLO_PAGE_SIZE) {
            struct gpa a, b;
            uint32_t rights, others;
            if (!pagetable_lookup(&mine->table, va, &a, &rights) || !(rights & PAGE_USER))
                continue;
            assert_false((rights & PAGE_WRITE) && (rights & PAGE_EXECUTE));
            if (pagetable_lookup(&other->table, va, &b, &others) && a.value == b.value)
                assert_false((rights | others) & PAGE_WRITE);
            note_pages((void *)(uintptr_t)&other->data, a);
        }
    placed_machine_end(&placed);
}

/* Pages of tables from a table of that level on, 0 being the last. */
static unsigned tables_from(uint64_t address, unsigned level)
{
    const uint64_t *entries = (const uint64_t *)(void *)(placed.machine.monitor + address);
    unsigned count = 1;
    for (unsigned i = 0; level > 0 && i < 512; i++)
        if (entries[i] & 1)
            count += tables_from(entries[i] & 0x000ffffffffff000, level - 1);
    return count;
}

/* The payload has a heap too large for one table with its stack, and a second thread. */
static void module_takes_as_few_tables_as_its_layout_promises(void **state)
{
    start(state, "hello", 0);
    struct placement *placement = &placed.module[0].placement;
    unsigned without_channels = 8;
    unsigned larger_heap = 1;
    unsigned second_stack = 2;
    assert_int_equal(tables_from(placement->table.root.value, 3),
                     without_channels + larger_heap + second_stack);
    assert_int_equal(placement_map_window(placement, 0, CLO_PAGE_SIZE), CLOISTER_OK);
    assert_int_equal(tables_from(placement->table.root.value, 3),
                     without_channels + larger_heap + second_stack + 1);
    placed_machine_end(&placed);
}

static void fault_of_one_module_leaves_the_other_running(void **state)
{
    if (!placed_machine_possible())
        skip();
    char *const first[] = {"hello", NULL};
    char *const second[] = {"write", "0", NULL};
    char *const *const command[] = {first, second};
    placed_machine_start(&placed, fallback(state), command, 2);
    (void)step(0);
    assert_page_fault(thread_of(1, 0), 0, 6);
    (void)step(0);
    (void)step(0);
    struct vcpu_exit exit;
    vcpu_run(thread_of(1, 0), &exit); /* it is never entered again */
    assert_int_equal(exit.event, VCPU_BROKEN);
    placed_machine_end(&placed);
}

/* Taking rights away */

static void written_page_cannot_be_written_after_protect(void **state)
{
    start(state, "give-up-write", HEAP_PAGE);
    (void)step(0);
    struct placement *placement = &placed.module[0].placement;
    assert_int_equal(placement_protect(placement, HEAP_PAGE, CLO_PAGE_SIZE, CLO_RIGHT_READ),
                     CLOISTER_OK);
    assert_int_equal(step(0), 2); /* it still reads what it wrote: 1000 over 512 words */
    assert_page_fault(thread_of(0, 0), HEAP_PAGE, 7);
    placed_machine_end(&placed);
}

static void page_is_gone_after_protect_with_no_rights(void **state)
{
    start(state, "give-up-all", HEAP_PAGE);
    (void)step(0);
    assert_int_equal(placement_protect(&placed.module[0].placement, HEAP_PAGE, CLO_PAGE_SIZE, 0),
                     CLOISTER_OK);
    assert_page_fault(thread_of(0, 0), HEAP_PAGE, 4);
    placed_machine_end(&placed);
}

static void protect_only_takes_away_and_only_from_the_module(void **state)
{
    start(state, "hello", 0);
    struct placement *placement = &placed.module[0].placement;
    uint32_t both = CLO_RIGHT_READ | CLO_RIGHT_WRITE;
    assert_int_equal(placement_protect(placement, HEAP_PAGE, CLO_PAGE_SIZE, CLO_RIGHT_READ),
                     CLOISTER_OK);
    uint64_t root = placement->table.root.value;
    assert_int_equal(placement_protect(placement, HEAP_PAGE, CLO_PAGE_SIZE, both), CLOISTER_DENIED);
    assert_int_not_equal(placement_protect(placement, PLACED_HEAP + PAYLOAD_HEAP, CLO_PAGE_SIZE, 0),
                         CLOISTER_OK);
    assert_int_not_equal(
        placement_protect(placement, PLACED_HEAP, PAYLOAD_HEAP + CLO_PAGE_SIZE, CLO_RIGHT_READ),
        CLOISTER_OK);
    assert_int_not_equal(placement_protect(placement, HEAP_PAGE + 8, CLO_PAGE_SIZE, 0),
                         CLOISTER_OK);
    assert_int_not_equal(placement_protect(placement, HEAP_PAGE, CLO_PAGE_SIZE - 1, 0),
                         CLOISTER_OK);
    assert_int_not_equal(placement_protect(placement, PLACED_HEAP, UINT64_MAX & ~4095ull, 0),
                         CLOISTER_OK);
    assert_int_not_equal(placement_protect(placement, UINT64_MAX & ~4095ull, 8192, 0), CLOISTER_OK);
    static const uint64_t foreign[] = {CLO_VA_MONITOR_STUB,     CLO_VA_MONITOR_VCPU, CLO_VA_RUNTIME,
                                       CLO_VA_PERSONALITY_DATA, CLO_VA_BOOT,         CLO_VA_CONTROL,
                                       CLO_VA_MAILBOX};
    for (unsigned i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_int_not_equal(placement_protect(placement, foreign[i], CLO_PAGE_SIZE, 0),
                             CLOISTER_OK);
    assert_int_equal(placement->table.root.value, root);
    placed_machine_end(&placed);
}

static void protect_ends_at_its_limit_and_the_module_can_still_be_wiped(void **state)
{
    start(state, "secret", 0);
    (void)step(0);
    struct placement *placement = &placed.module[0].placement;
    cloister_status status = CLOISTER_OK;
    unsigned count = 0;
    for (; status == CLOISTER_OK && count < 100000; count++)
        status = placement_protect(placement, HEAP_PAGE, CLO_PAGE_SIZE, CLO_RIGHT_READ);
    assert_int_equal(status, CLOISTER_LIMIT);
    assert_in_range(count, 16, 99999);
    (void)step(0);
    struct reason why = {0};
    if (vcpu_wipe(thread_of(0, 0), &why) != CLOISTER_OK)
        fail_msg("%s", why.text);
    placed_machine_end(&placed);
}

/* Kicks */

static struct vcpu *running;

static void kick(int signal)
{
    (void)signal;
    vcpu_kick(running);
}

static void kick_after(struct vcpu *vcpu, long us)
{
    struct sigaction action = {.sa_handler = kick};
    const struct itimerval limit = {.it_value = {.tv_usec = us}};
    running = vcpu;
    assert_return_code(sigaction(SIGALRM, &action, NULL), 0);
    assert_return_code(setitimer(ITIMER_REAL, &limit, NULL), 0);
}

/* On a busy machine the signal may come before the loop's next round. */
static void run_until_it_counts(uint64_t before)
{
    for (unsigned i = 0; mailbox_of(0, 0)->argument[0] == before; i++) {
        struct vcpu_exit exit;
        assert_true(i < 100);
        kick_after(thread_of(0, 0), 20000);
        vcpu_run(thread_of(0, 0), &exit);
        assert_int_equal(exit.event, VCPU_KICKED);
    }
}

static void signal_ends_a_tight_loop_and_it_goes_on_afterwards(void **state)
{
    start(state, "loop", 0);
    uint64_t before = 0;
    for (unsigned i = 0; i < 3; i++) {
        run_until_it_counts(before);
        assert_true(mailbox_of(0, 0)->argument[0] > before);
        before = mailbox_of(0, 0)->argument[0];
    }
    placed_machine_end(&placed);
}

static void kick_before_the_run_is_not_lost(void **state)
{
    start(state, "loop", 0);
    struct vcpu_exit exit;
    vcpu_kick(thread_of(0, 0));
    vcpu_run(thread_of(0, 0), &exit);
    assert_int_equal(exit.event, VCPU_KICKED);
    placed_machine_end(&placed);
}

static void kick_is_not_lost_when_rights_change(void **state)
{
    start(state, "hello", 0);
    (void)step(0);
    assert_int_equal(
        placement_protect(&placed.module[0].placement, HEAP_PAGE, CLO_PAGE_SIZE, CLO_RIGHT_READ),
        CLOISTER_OK);
    struct vcpu_exit exit;
    vcpu_kick(thread_of(0, 0));
    vcpu_run(thread_of(0, 0), &exit);
    assert_int_equal(exit.event, VCPU_KICKED);
    (void)step(0);
    placed_machine_end(&placed);
}

/* A second vCPU uses the page without pause while the right goes. */

static void *run_thread(void *argument)
{
    static struct vcpu_exit exit;
    vcpu_run(argument, &exit);
    return &exit;
}

static void other_vcpu_loses_the_right_too(void **state)
{
    start(state, "hello", 0);
    struct sigaction action = {.sa_handler = kick};
    volatile uint64_t *where = &mailbox_of(0, 1)->argument[1];
    pthread_t pthread;
    void *result;
    running = thread_of(0, 1);
    assert_return_code(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&pthread, NULL, run_thread, running), 0);
    while (*where == 0)
        (void)usleep(1000);
    (void)usleep(5000);
    assert_int_equal(pthread_kill(pthread, SIGUSR1), 0);
    assert_int_equal(pthread_join(pthread, &result), 0);
    assert_int_equal(((struct vcpu_exit *)result)->event, VCPU_KICKED);
    assert_int_equal(
        placement_protect(&placed.module[0].placement, PLACED_HEAP, CLO_PAGE_SIZE, CLO_RIGHT_READ),
        CLOISTER_OK);
    assert_page_fault(thread_of(0, 1), PLACED_HEAP, 7);
    placed_machine_end(&placed);
}

/* Memory out of reach */

static bool holds_secret(const uint64_t *words)
{
    for (unsigned i = 0; i < 8; i++)
        if (words[i] != payload_secret(i))
            return false;
    return true;
}

/* Reads a mapping of this process as a debugger would. */
static unsigned secrets_between(int memory, uint64_t start, uint64_t end)
{
    static uint64_t block[CLO_PAGE_SIZE / 8];
    unsigned found = 0;
    for (uint64_t at = start; at < end; at += sizeof block) {
        if (pread(memory, block, sizeof block, (off_t)at) != (ssize_t)sizeof block)
            continue;
        for (unsigned i = 0; i + 8 <= sizeof block / 8; i++)
            found += holds_secret(&block[i]);
        explicit_bzero(block, sizeof block);
    }
    return found;
}

static unsigned secrets_in_this_process(void)
{
    unsigned found = 0;
    char line[512];
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_true(memory >= 0);
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        uint64_t start, end;
        assert_int_equal(sscanf(line, "%lx-%lx", &start, &end), 2);
        if (end - start <= (1ull << 30) && !strstr(line, "[v"))
            found += secrets_between(memory, start, end);
    }
    (void)fclose(maps);
    (void)close(memory);
    return found;
}

static void secret_of_a_module_is_not_in_the_world_host(void **state)
{
    start(state, "secret", 0);
    assert_int_equal(step(0), 1);
    if (placed.machine.guest_memfd) {
        assert_null(placed.module[0].placement.data.mapping);
        assert_int_equal(secrets_in_this_process(), 0);
    } else {
        assert_in_range(secrets_in_this_process(), 4, 100); /* so the search would find it */
    }
    assert_int_equal(step(0), 1);
    placed_machine_end(&placed);
}

static void string_output_from_module_data_reads_nothing(void **state)
{
    start(state, "rep-outs1", CLO_HYPERCALL_PORT);
    struct machine_data *data = &placed.module[0].placement.data;
    struct vcpu *vcpu = thread_of(0, 0);
    bool closed = data->mapping == NULL;
    struct vcpu_exit exit;
    vcpu_run(vcpu, &exit);
    assert_true(exit.event == VCPU_BROKEN || exit.event == VCPU_FAULT);
    if (closed) {
        /* What the slot points at is a reservation: no access, and to who forces it, zeroes. */
        int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
        char byte = 0;
        (void)!pread(memory, &byte, 1, (off_t)(uintptr_t)data->address);
        assert_int_equal(byte, 0);
        (void)close(memory);
    }
    placed_machine_end(&placed);
}

/* Wiping */

static uint64_t or_of_words(uint64_t start, uint64_t size)
{
    struct vcpu *vcpu = thread_of(0, 1);
    struct vcpu_exit exit;
    struct reason why = {0};
    vcpu_complete_exit(vcpu);
    assert_int_equal(vcpu_reset(vcpu, placed.module[0].placement.entry, start + size, start, &why),
                     CLOISTER_OK);
    vcpu_run(vcpu, &exit);
    if (exit.event != VCPU_HYPERCALL)
        fail_msg("event %d vector %u at %#lx: %s", exit.event, exit.vector, exit.rip, exit.text);
    return mailbox_of(0, 1)->argument[0];
}

static void wipe_zeroes_what_the_module_wrote(void **state)
{
    start(state, "secret", 0);
    struct placement *placement = &placed.module[0].placement;
    struct reason why = {0};
    assert_int_equal(step(0), 1);
    uint64_t page = ~(uint64_t)(CLO_PAGE_SIZE - 1);
    const uint64_t where[] = {PLACED_HEAP, PLACED_HEAP + PAYLOAD_HEAP - CLO_PAGE_SIZE,
                              mailbox_of(0, 0)->argument[1] & page,
                              mailbox_of(0, 0)->argument[2] & page,
                              mailbox_of(0, 0)->argument[3] & page};
    for (unsigned i = 0; i < sizeof where / sizeof where[0]; i++)
        assert_int_not_equal(or_of_words(where[i], CLO_PAGE_SIZE), 0);
    /* A page that is read-only by now is wiped all the same. */
    assert_int_equal(placement_protect(placement, PLACED_HEAP, CLO_PAGE_SIZE, CLO_RIGHT_READ),
                     CLOISTER_OK);
    struct pagetable before = placement->table;
    if (vcpu_wipe(thread_of(0, 0), &why) != CLOISTER_OK)
        fail_msg("%s", why.text);
    placement->table = before;
    for (unsigned i = 0; i < sizeof where / sizeof where[0]; i++)
        assert_int_equal(or_of_words(where[i], CLO_PAGE_SIZE), 0);
    assert_int_equal(or_of_words(PLACED_HEAP, PAYLOAD_HEAP), 0);
    assert_true(bytes_are_zero(mailbox_of(0, 0), sizeof(struct clo_mailbox)));
    placed_machine_end(&placed);
}

static void module_that_faulted_can_be_wiped(void **state)
{
    static const char *const ends[] = {"jump-heap", "ud2", "in4", "outs4", "far-jump-ring0"};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        start(state, ends[i], CLO_HYPERCALL_PORT);
        struct vcpu_exit exit;
        struct reason why = {0};
        vcpu_run(thread_of(0, 0), &exit);
        struct pagetable before = placed.module[0].placement.table;
        if (vcpu_wipe(thread_of(0, 0), &why) != CLOISTER_OK)
            fail_msg("%s: %s", ends[i], why.text);
        placed.module[0].placement.table = before;
        uint64_t stack = PLACED_STACK + PAYLOAD_STACK;
        assert_int_equal(or_of_words(stack - CLO_PAGE_SIZE, CLO_PAGE_SIZE), 0);
        placed_machine_end(&placed);
    }
}

#define TESTS(X)                                                                                   \
    X(hypercalls_go_and_return)                                                                    \
    X(sealed_machine_holds_no_descriptor_but_its_vcpus)                                            \
    X(module_starts_with_cleared_registers)                                                        \
    X(system_calls_reach_the_personality)                                                          \
    X(modules_with_the_same_addresses_keep_apart)                                                  \
    X(module_reaches_no_page_of_another)                                                           \
    X(module_takes_as_few_tables_as_its_layout_promises)                                           \
    X(fault_of_one_module_leaves_the_other_running)                                                \
    X(written_page_cannot_be_written_after_protect)                                                \
    X(page_is_gone_after_protect_with_no_rights)                                                   \
    X(protect_only_takes_away_and_only_from_the_module)                                            \
    X(protect_ends_at_its_limit_and_the_module_can_still_be_wiped)                                 \
    X(signal_ends_a_tight_loop_and_it_goes_on_afterwards)                                          \
    X(kick_before_the_run_is_not_lost)                                                             \
    X(kick_is_not_lost_when_rights_change)                                                         \
    X(other_vcpu_loses_the_right_too)                                                              \
    X(secret_of_a_module_is_not_in_the_world_host)                                                 \
    X(string_output_from_module_data_reads_nothing)                                                \
    X(wipe_zeroes_what_the_module_wrote)                                                           \
    X(module_that_faulted_can_be_wiped)

#define ON_GUEST_MEMFD(test) {#test, test, NULL, NULL, NULL},
#define ON_FALLBACK(test) {#test "_on_the_fallback", test, NULL, NULL, &placed},

int main(void)
{
    static const struct CMUnitTest tests[] = {TESTS(ON_GUEST_MEMFD) TESTS(ON_FALLBACK)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
