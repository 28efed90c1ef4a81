/*
 * What ring 3 tries and must not get, on the real /dev/kvm: each ends the module, with the right
 * vector, address and instruction where the processor reports a fault.
 */
#include "tests/e2e/placed_module.h"

#include "abi/hypercall.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#define ANY UINT64_MAX
#define LONGEST 48 /* bytes of instructions that an attempt consists of */

/* How an attempt may end. */
#define BY_FAULT 1u     /* the vector below */
#define BY_ILLEGAL 2u   /* an undefined instruction, found by the personality */
#define BY_FORBIDDEN 4u /* an exit that is no hypercall */
#define BY_KICK 8u      /* it loops without effect until the time limit */
#define BY_NOTHING 16u  /* it has no effect outside the module */

struct attempt {
    const char *what;
    uint64_t value;
    unsigned end;
    uint32_t vector;
    uint64_t error;
    bool umip; /* only where CR4.UMIP is offered */
};

/* Page-fault error codes. */
#define READ_ABSENT 4u
#define WRITE_ABSENT 6u
#define READ_FORBIDDEN 5u
#define WRITE_FORBIDDEN 7u
#define FETCH_ABSENT 0x14u
#define FETCH_FORBIDDEN 0x15u

#define PAGE_FAULT(what, value, code)                                                              \
    {                                                                                              \
        what, value, BY_FAULT, 14, code, false                                                     \
    }
#define GENERAL(what)                                                                              \
    {                                                                                              \
        what, 0, BY_FAULT, 13, 0, false                                                            \
    }
#define PORT(what, port, ends)                                                                     \
    {                                                                                              \
        what, port, ends, 13, 0, false                                                             \
    }

static const struct attempt attempts[] = {
    /* pages that are not there */
    PAGE_FAULT("read", 0, READ_ABSENT),
    PAGE_FAULT("write", 0, WRITE_ABSENT),
    PAGE_FAULT("jump", 0, FETCH_ABSENT),
    PAGE_FAULT("read", 0xffff8, READ_ABSENT),
    PAGE_FAULT("write", PLACED_STACK - 8, WRITE_ABSENT),
    PAGE_FAULT("write", PLACED_STACK + PAYLOAD_STACK, WRITE_ABSENT),
    PAGE_FAULT("write", CLO_VA_STACK_TOP(1) - PAYLOAD_STACK - 8, WRITE_ABSENT),
    PAGE_FAULT("write", CLO_VA_STACK_TOP(1), WRITE_ABSENT),
    PAGE_FAULT("read", PLACED_HEAP - 8, READ_ABSENT),
    PAGE_FAULT("read", PLACED_HEAP + PAYLOAD_HEAP, READ_ABSENT),
    PAGE_FAULT("read", CLO_VA_WINDOW, READ_ABSENT),
    PAGE_FAULT("read", CLO_VA_WINDOW + PLACED_WINDOW, READ_ABSENT),
    PAGE_FAULT("write", CLO_VA_MAILBOX + 4096 + CLO_PAYLOAD_SIZE, WRITE_ABSENT),
    PAGE_FAULT("read", 0x7ffffffff000, READ_ABSENT),
    /* pages of ring 0 */
    PAGE_FAULT("read", CLO_VA_MONITOR_STUB, READ_FORBIDDEN),
    PAGE_FAULT("write", CLO_VA_MONITOR_STUB, WRITE_FORBIDDEN),
    PAGE_FAULT("jump", CLO_VA_MONITOR_STUB, FETCH_FORBIDDEN),
    PAGE_FAULT("read", CLO_VA_MONITOR_TABLES, READ_FORBIDDEN),
    PAGE_FAULT("write", CLO_VA_MONITOR_TABLES, WRITE_FORBIDDEN),
    PAGE_FAULT("read", CLO_VA_MONITOR_VCPU, READ_FORBIDDEN),
    PAGE_FAULT("write", CLO_VA_MONITOR_VCPU, WRITE_FORBIDDEN),
    PAGE_FAULT("read", CLO_VA_MONITOR_STUB - 8, READ_ABSENT),
    PAGE_FAULT("read", CLO_VA_MONITOR_VCPU - 8, READ_ABSENT),
    PAGE_FAULT("write", CLO_VA_MONITOR_VCPU + CLO_THREADS_MAX * CLO_PAGE_SIZE, WRITE_ABSENT),
    /* pages with fewer rights */
    PAGE_FAULT("write-code", 0, WRITE_FORBIDDEN),
    PAGE_FAULT("write", CLO_VA_RUNTIME, WRITE_FORBIDDEN),
    PAGE_FAULT("write", CLO_VA_PERSONALITY, WRITE_FORBIDDEN),
    PAGE_FAULT("write", CLO_VA_BOOT, WRITE_FORBIDDEN),
    PAGE_FAULT("write", CLO_VA_CONTROL, WRITE_FORBIDDEN),
    PAGE_FAULT("jump", CLO_VA_BOOT, FETCH_FORBIDDEN),
    PAGE_FAULT("jump", CLO_VA_MAILBOX, FETCH_FORBIDDEN),
    PAGE_FAULT("jump", CLO_VA_PERSONALITY_DATA, FETCH_FORBIDDEN),
    PAGE_FAULT("jump-stack", 0, FETCH_FORBIDDEN),
    PAGE_FAULT("jump-heap", 0, FETCH_FORBIDDEN),
    /* addresses that are none */
    {"read", 0x800000000000, BY_FAULT, 13, 0, false},
    {"write", 0x8000000000000000, BY_FAULT, 13, 0, false},
    /* the host kernel's half, where a KVM may run ring 3 in the host's own address space */
    PAGE_FAULT("read", 0xffff800000000000, ANY),
    PAGE_FAULT("read", 0xffff888000000000, ANY),
    PAGE_FAULT("write", 0xffffffff81000000, ANY),
    PAGE_FAULT("jump", 0xffffffff81000000, ANY),
    /* ports */
    PORT("out1", 0x80, BY_FAULT),
    PORT("out4", CLO_HYPERCALL_PORT + 1, BY_FAULT),
    PORT("out4", CLO_HYPERCALL_PORT - 1, BY_FAULT),
    PORT("out4", 0xfffc, BY_FAULT),
    PORT("in4", 0x60, BY_FAULT),
    PORT("out1", CLO_MONITOR_PORT, BY_FAULT | BY_FORBIDDEN),
    PORT("out1", CLO_HYPERCALL_PORT, BY_FORBIDDEN),
    PORT("out2", CLO_HYPERCALL_PORT, BY_FORBIDDEN),
    PORT("out4", CLO_HYPERCALL_PORT, BY_FORBIDDEN), /* from elsewhere than the hypercall page */
    PORT("in4", CLO_HYPERCALL_PORT, BY_FORBIDDEN),
    PORT("outs1", CLO_HYPERCALL_PORT, BY_FAULT | BY_FORBIDDEN),
    PORT("outs4", CLO_HYPERCALL_PORT, BY_FAULT | BY_FORBIDDEN),
    PORT("rep-outs1", CLO_HYPERCALL_PORT, BY_FAULT | BY_FORBIDDEN),
    PORT("ins4", CLO_HYPERCALL_PORT, BY_FAULT | BY_FORBIDDEN),
    /* instructions of ring 0 */
    GENERAL("cli"),
    GENERAL("sti"),
    GENERAL("iopl"),
    GENERAL("hlt"),
    GENERAL("lgdt"),
    GENERAL("lidt"),
    GENERAL("ltr"),
    GENERAL("clts"),
    GENERAL("lmsw"),
    GENERAL("invd"),
    GENERAL("wbinvd"),
    GENERAL("invlpg"),
    GENERAL("mov-to-cr0"),
    GENERAL("mov-from-cr3"),
    GENERAL("mov-to-cr3"),
    GENERAL("mov-to-cr4"),
    GENERAL("mov-to-dr7"),
    GENERAL("rdmsr"),
    GENERAL("wrmsr"),
    GENERAL("xsetbv"),
    GENERAL("swapgs"),
    {"sgdt", 0, BY_FAULT, 13, 0, true},
    {"sidt", 0, BY_FAULT, 13, 0, true},
    {"sldt", 0, BY_FAULT, 13, 0, true},
    {"str", 0, BY_FAULT, 13, 0, true},
    {"smsw", 0, BY_FAULT, 13, 0, true},
    {"iret-ring0", 0, BY_FAULT | BY_ILLEGAL | BY_FORBIDDEN, 13, 8, false},
    {"far-jump-ring0", 0, BY_FAULT | BY_FORBIDDEN, 13, 8, false},
    {"int80", 0, BY_FAULT | BY_ILLEGAL, 13, ANY, false},
    {"ud2", 0, BY_ILLEGAL, 0, 0, false},
    {"rsm", 0, BY_ILLEGAL, 0, 0, false},
    {"sysret", 0, BY_ILLEGAL | BY_FAULT, 13, 0, false},
    {"monitor", 0, BY_FAULT | BY_ILLEGAL, 13, 0, false},
    {"vmcall", 0, BY_FAULT | BY_ILLEGAL | BY_NOTHING | BY_KICK, 13, 0, false},
    {"vmmcall", 0, BY_FAULT | BY_ILLEGAL | BY_NOTHING | BY_KICK, 13, 0, false},
    /* the module's own mistakes */
    {"divide", 0, BY_FAULT, 0, 0, false},
    {"int3", 0, BY_FAULT, 3, 0, false},
    {"icebp", 0, BY_FAULT | BY_ILLEGAL, 1, 0, false},
    {"single-step", 0, BY_FAULT, 1, 0, false},
    /* emulated processors do not know these two */
    {"misaligned", 0, BY_FAULT | BY_NOTHING, 17, 0, false},
    {"x87", 0, BY_FAULT, 16, 0, false},
    {"simd", 0, BY_FAULT | BY_NOTHING, 19, 0, false},
};

#define ATTEMPTS (sizeof attempts / sizeof attempts[0])

static struct placed_machine placed;
static struct vcpu *running;

static void kick(int signal)
{
    (void)signal;
    vcpu_kick(running);
}

static void run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
    struct sigaction action = {.sa_handler = kick};
    const struct itimerval limit = {.it_value = {.tv_sec = 3}};
    const struct itimerval none = {0};
    running = vcpu;
    assert_return_code(sigaction(SIGALRM, &action, NULL), 0);
    assert_return_code(setitimer(ITIMER_REAL, &limit, NULL), 0);
    vcpu_run(vcpu, exit);
    assert_return_code(setitimer(ITIMER_REAL, &none, NULL), 0);
}

static unsigned end_of(const struct vcpu_exit *exit, const struct clo_mailbox *mailbox)
{
    switch (exit->event) {
    case VCPU_FAULT:
        return BY_FAULT;
    case VCPU_BROKEN:
        return BY_FORBIDDEN;
    case VCPU_KICKED:
        return BY_KICK;
    default:
        break;
    }
    if (exit->number == PAYLOAD_SURVIVED)
        return BY_NOTHING;
    assert_int_equal(exit->number, CLO_HC_PANIC);
    assert_int_equal(mailbox->argument[0], CLO_PANIC_ILLEGAL);
    return BY_ILLEGAL;
}

static void show(const struct attempt *attempt, const struct vcpu_exit *exit)
{
    print_message("%s %#lx: event %d number %#x vector %u error %#lx rip %#lx address %#lx %s\n",
                  attempt->what, attempt->value, exit->event, exit->number, exit->vector,
                  exit->error, exit->rip, exit->address, exit->text);
}

static bool is_jump(const struct attempt *attempt)
{
    return strncmp(attempt->what, "jump", 4) == 0;
}

static void check_fault(const struct attempt *attempt, const struct vcpu_exit *exit,
                        const struct payload_notes *notes)
{
    assert_int_equal(exit->vector, attempt->vector);
    if (attempt->error != ANY)
        assert_int_equal(exit->error, attempt->error);
    if (attempt->vector == 14) {
        assert_int_equal(exit->address, notes->address);
        assert_int_equal(exit->rip, is_jump(attempt) ? notes->address : notes->rip);
    } else {
        assert_in_range(exit->rip - notes->rip, 0, LONGEST);
    }
}

static void attempt_ends_the_module(void **state)
{
    const struct attempt *attempt = *state;
    if (!placed_machine_possible())
        skip();
    placed_machine_start_one(&placed, false, attempt->what, attempt->value);
    if (attempt->umip && !placed.machine.umip) {
        print_message("skipped: this KVM does not offer UMIP\n");
        placed_machine_end(&placed);
        skip();
    }
    struct vcpu_exit exit;
    const struct clo_mailbox *mailbox = placed.module[0].placement.mailbox[0];
    run(&placed.module[0].vcpu[0], &exit);
    struct payload_notes notes;
    memcpy(&notes, mailbox->payload + PAYLOAD_NOTES, sizeof notes);
    unsigned end = end_of(&exit, mailbox);
    if (!(attempt->end & end))
        show(attempt, &exit);
    assert_true(attempt->end & end);
    if (end == BY_FAULT)
        check_fault(attempt, &exit, &notes);
    if (end == BY_ILLEGAL)
        assert_in_range(mailbox->argument[1] - notes.rip, 0, LONGEST);
    placed_machine_end(&placed);
}

int main(void)
{
    static struct CMUnitTest tests[ATTEMPTS];
    static char names[ATTEMPTS][48];
    for (size_t i = 0; i < ATTEMPTS; i++) {
        (void)snprintf(names[i], sizeof names[i], "module_ends_at_%s_%lx", attempts[i].what,
                       attempts[i].value);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = attempt_ends_the_module,
                                       .initial_state = (void *)(uintptr_t)&attempts[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
