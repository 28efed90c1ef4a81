/*
 * clone in a module: the thread of the vCPU whose stack it names, once, and otherwise EAGAIN; and
 * how that vCPU waits for it.
 */
#include "abi/layout.h"

#include <stdint.h>

/* The vCPUs' stacks, wherever this process has room for them. */
static uint64_t stacks;
#undef CLO_VA_STACK
#define CLO_VA_STACK stacks

#include "secure-world/personality/thread.c"

#include <setjmp.h>
#include <stdarg.h>

#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#define THREADS 3u
#define STACK_SIZE (64u << 10)
#define OF_PTHREAD                                                                                 \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD |            \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static struct clo_boot boot;
static unsigned self;
static uint32_t parent_tid;
static uint32_t child_tid;

static struct {
    uint64_t woken; /* bit mask of WAKE */
    unsigned waits;
    void (*wait)(void); /* what happens meanwhile */
} asked;

static const struct personality_frame *left;
static jmp_buf leaving;

const struct clo_boot *personality_boot(void)
{
    return &boot;
}

unsigned personality_thread(void)
{
    return self;
}

uint32_t personality_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    assert_int_equal(a1, 0);
    assert_int_equal(a2, 0);
    if (number == CLO_HC_WAKE) {
        asked.woken |= a0;
        return 0;
    }
    assert_int_equal(number, CLO_HC_WAIT);
    assert_int_equal(a0, 0);
    asked.waits++;
    asked.wait();
    return 0;
}

void personality_leave(const struct personality_frame *frame)
{
    left = frame;
    longjmp(leaving, 1);
}

void personality_panic(const char *text)
{
    fail_msg("%s", text);
    abort();
}

static uint64_t top(unsigned thread)
{
    return stacks + (thread + 1) * CLO_STACK_STRIDE - CLO_PAGE_SIZE;
}

static uint64_t highest(unsigned thread)
{
    return top(thread) - CLO_PAGE_SIZE;
}

static int setup(void **state)
{
    (void)state;
    uint64_t size = THREADS * (uint64_t)CLO_STACK_STRIDE;
    void *memory = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    stacks = (uint64_t)(uintptr_t)memory;
    boot = (struct clo_boot){.threads = THREADS, .stack_size = STACK_SIZE};
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(
            mprotect(personality_pointer(top(i) - STACK_SIZE), STACK_SIZE, PROT_READ | PROT_WRITE),
            0);
    memset(begins, 0, sizeof begins);
    given = 0;
    self = 0;
    parent_tid = child_tid = 0;
    memset(&asked, 0, sizeof asked);
    left = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return munmap(personality_pointer(stacks), THREADS * (uint64_t)CLO_STACK_STRIDE);
}

static struct personality_frame frame_of(uint64_t flags, uint64_t stack)
{
    return (struct personality_frame){.argument = {flags, stack, (uint64_t)(uintptr_t)&parent_tid,
                                                   (uint64_t)(uintptr_t)&child_tid, 0x1234, 99},
                                      .kept = {1, 2, 3, 4, 5, 6},
                                      .flags = 0x202,
                                      .rip = 0x5000};
}

static int64_t do_clone(uint64_t flags, uint64_t stack)
{
    struct personality_frame frame = frame_of(flags, stack);
    return thread_clone(frame.argument);
}

static void assert_refused(uint64_t flags, uint64_t stack)
{
    assert_int_equal(do_clone(flags, stack), -EAGAIN);
    assert_int_equal(asked.woken, 0);
    assert_int_equal(parent_tid, 0);
    assert_int_equal(personality_running(), 1);
}

static void clone_gives_the_thread_whose_stack_it_is(void **state)
{
    (void)state;
    uint64_t stack = highest(2) - 1000;
    struct personality_frame frame = frame_of(OF_PTHREAD, stack);
    assert_int_equal(thread_clone(frame.argument), 3);
    assert_int_equal(asked.woken, 1 << 2);
    assert_int_equal(parent_tid, 3);
    assert_int_equal(child_tid, 0);
    assert_int_equal(personality_running(), 2);
    /* It has the caller's registers, and its stack begins where it was told to. */
    assert_int_equal(begins[2], stack - PERSONALITY_RED_ZONE - sizeof frame);
    assert_memory_equal(personality_pointer(begins[2]), &frame, sizeof frame);
}

static void any_stack_with_room_in_the_region_will_do(void **state)
{
    (void)state;
    uint64_t room = PERSONALITY_RED_ZONE + sizeof(struct personality_frame);
    assert_int_equal(do_clone(OF_PTHREAD, top(1) - STACK_SIZE + room), 2);
    assert_int_equal(do_clone(OF_PTHREAD | CLONE_DETACHED, highest(2)), 3);
    assert_int_equal(personality_running(), 3);
}

static void other_stacks_are_refused(void **state)
{
    (void)state;
    uint64_t room = PERSONALITY_RED_ZONE + sizeof(struct personality_frame);
    assert_refused(OF_PTHREAD, 0);
    assert_refused(OF_PTHREAD, UINT64_MAX);
    assert_refused(OF_PTHREAD, stacks - 8);
    assert_refused(OF_PTHREAD, highest(0));     /* the process's own */
    assert_refused(OF_PTHREAD, highest(1) + 1); /* the page that it waits on */
    assert_refused(OF_PTHREAD, top(1));
    assert_refused(OF_PTHREAD, top(1) + 1);
    assert_refused(OF_PTHREAD, top(1) - STACK_SIZE + room - 1); /* no room for a frame */
    assert_refused(OF_PTHREAD, top(1) - STACK_SIZE);
    assert_refused(OF_PTHREAD, highest(THREADS)); /* no such thread */
    assert_refused(OF_PTHREAD, (uint64_t)(uintptr_t)&boot);
}

static void what_is_no_thread_is_refused(void **state)
{
    (void)state;
    assert_refused(17, highest(1)); /* SIGCHLD: fork */
    assert_refused(CLONE_VM | CLONE_VFORK | 17, highest(1));
    assert_refused(OF_PTHREAD & ~(uint64_t)CLONE_VM, highest(1));
    assert_refused(OF_PTHREAD & ~(uint64_t)CLONE_SIGHAND, highest(1));
    assert_refused(OF_PTHREAD & ~(uint64_t)CLONE_THREAD, highest(1));
    assert_refused(OF_PTHREAD | CLONE_NEWUSER, highest(1));
    assert_refused(OF_PTHREAD | CLONE_PTRACE, highest(1));
    assert_refused(OF_PTHREAD | 1ull << 40, highest(1));
    assert_int_equal(thread_fork((uint64_t[6]){OF_PTHREAD, highest(1)}), -EAGAIN);
    assert_int_equal(personality_running(), 1);
}

static void thread_is_given_once(void **state)
{
    (void)state;
    assert_int_equal(do_clone(OF_PTHREAD, highest(1)), 2);
    asked.woken = 0;
    parent_tid = 0;
    assert_int_equal(do_clone(OF_PTHREAD, highest(1)), -EAGAIN);
    assert_int_equal(asked.woken, 0);
    assert_int_equal(parent_tid, 0);
    assert_int_equal(personality_running(), 2);
}

static void program_has_one_thread(void **state)
{
    (void)state;
    boot.threads = 1;
    assert_refused(OF_PTHREAD, highest(0));
    assert_refused(OF_PTHREAD, highest(1));
}

static void give_on_the_third_wait(void)
{
    unsigned waiter = self;
    self = 0;
    if (asked.waits == 3)
        assert_int_equal(do_clone(OF_PTHREAD | CLONE_CHILD_SETTID, highest(waiter)), waiter + 1);
    self = waiter;
}

static void vcpu_waits_until_it_is_given_a_thread(void **state)
{
    (void)state;
    self = 1;
    asked.wait = give_on_the_third_wait;
    if (setjmp(leaving) == 0)
        (void)thread_become((uint64_t[6]){0});
    assert_int_equal(asked.waits, 3);
    assert_ptr_equal(left, personality_pointer(highest(1) - PERSONALITY_RED_ZONE - sizeof *left));
    assert_int_equal(left->rip, 0x5000);
    assert_int_equal(child_tid, 2);
}

static void vcpu_that_comes_late_has_its_thread_already(void **state)
{
    (void)state;
    assert_int_equal(do_clone(OF_PTHREAD, highest(2)), 3);
    self = 2;
    if (setjmp(leaving) == 0)
        (void)thread_become((uint64_t[6]){0});
    assert_non_null(left);
    assert_int_equal(asked.waits, 0);
    assert_int_equal(child_tid, 0);
}

static void thread_that_runs_becomes_no_other(void **state)
{
    (void)state;
    assert_int_equal(thread_become((uint64_t[6]){0}), -ENOSYS); /* the first one runs always */
    assert_int_equal(do_clone(OF_PTHREAD, highest(1)), 2);
    self = 1;
    if (setjmp(leaving) == 0)
        (void)thread_become((uint64_t[6]){0});
    left = NULL;
    assert_int_equal(thread_become((uint64_t[6]){0}), -ENOSYS);
    assert_null(left);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clone_gives_the_thread_whose_stack_it_is),
        TEST(any_stack_with_room_in_the_region_will_do),
        TEST(other_stacks_are_refused),
        TEST(what_is_no_thread_is_refused),
        TEST(thread_is_given_once),
        TEST(program_has_one_thread),
        TEST(vcpu_waits_until_it_is_given_a_thread),
        TEST(vcpu_that_comes_late_has_its_thread_already),
        TEST(thread_that_runs_becomes_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
