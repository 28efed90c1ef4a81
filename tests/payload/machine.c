/*
 * Payload of test_machine: a module without libc or SDK that does one thing, named by its first
 * argument, and says by hypercalls how it went. Its second argument is an address in hexadecimal.
 *
 * Its results are in argument[0] of its mailbox. Before an instruction that should fault it notes
 * in the payload where that is and which address it touches.
 */
#include <cloister/module.h>

#include "tests/payload/machine.h"

CLOISTER_MODULE(.name = "payload", .version = "1.0.0", .threads = 2, .heap_size = PAYLOAD_HEAP,
                .stack_size = PAYLOAD_STACK);

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN uint64_t payload_data[512] __attribute__((aligned(4096))) = {1};
HIDDEN uint64_t payload_bss[512] __attribute__((aligned(4096)));

/* The first instruction. Thread 0: RDI = 0, RSP = process stack. Thread 1: RDI = 1. To look at
   memory from outside: RDI = start, RSP = end; reports the OR of all words. */
__asm__(".text\n"
        ".globl _start\n"
        ".type _start, @function\n"
        "_start:\n"
        "   cmp $4096, %rdi\n"
        "   jae payload_peek\n"
        "   mov $0x70081000, %eax\n" /* mailbox of thread 0, payload */
        "   mov %rbx, 8(%rax)\n"
        "   mov %rcx, 16(%rax)\n"
        "   mov %rdx, 24(%rax)\n"
        "   mov %rsi, 32(%rax)\n"
        "   mov %rbp, 40(%rax)\n"
        "   mov %r8, 48(%rax)\n"
        "   mov %r9, 56(%rax)\n"
        "   mov %r10, 64(%rax)\n"
        "   mov %r11, 72(%rax)\n"
        "   mov %r12, 80(%rax)\n"
        "   mov %r13, 88(%rax)\n"
        "   mov %r14, 96(%rax)\n"
        "   mov %r15, 104(%rax)\n"
        "   fxsave " PAYLOAD_TEXT(
            PAYLOAD_FXSAVE) "(%rax)\n"
                            "   mov %rsp, %rsi\n"
                            "   and $-16, %rsp\n"
                            "   call payload_start\n"
                            "   ud2\n"
                            ".size _start, . - _start\n"
                            ".type payload_peek, @function\n"
                            "payload_peek:\n"
                            "   xor %eax, %eax\n"
                            "1: or (%rdi), %rax\n"
                            "   add $8, %rdi\n"
                            "   cmp %rsp, %rdi\n"
                            "   jb 1b\n"
                            "   mov $0x700a0000, %ecx\n" /* mailbox of thread 1 */
                            "   mov %rax, (%rcx)\n"
                            "   mov $" PAYLOAD_TEXT(
                                PAYLOAD_DONE) ", %eax\n"
                                              "   mov $0x70000000, %ecx\n"
                                              "   jmp *%rcx\n"
                                              ".size payload_peek, . - payload_peek\n"
                                              /* void payload_out(uint32_t number) */
                                              ".type payload_out, @function\n"
                                              "payload_out:\n"
                                              "   mov %edi, %eax\n"
                                              "   mov $0x70000000, %ecx\n"
                                              "   jmp *%rcx\n"
                                              ".size payload_out, . - payload_out\n");

HIDDEN void payload_out(uint32_t number);
HIDDEN void payload_start(uint64_t thread, const uint64_t *stack);

static volatile struct clo_mailbox *mailbox_of(uint64_t thread)
{
    return (volatile struct clo_mailbox *)(uintptr_t)(CLO_VA_MAILBOX + thread * CLO_MAILBOX_STRIDE);
}

#define MAILBOX mailbox_of(0)

static uint64_t heap_base(void)
{
    return ((const struct clo_boot *)(uintptr_t)CLO_VA_BOOT)->heap_base;
}

static void report(uint32_t number, uint64_t value)
{
    MAILBOX->argument[0] = value;
    payload_out(number);
}

static bool equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static uint64_t number_of(const char *text)
{
    uint64_t value = 0;
    for (; *text; text++)
        value = value << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    return value;
}

#define NOTES ((volatile struct payload_notes *)(uintptr_t)(MAILBOX->payload + PAYLOAD_NOTES))

/* Notes where it is and executes `text`, with RAX = RSI = RDI = address, RDX = port. */
#define AT(text, where, port)                                                                      \
    do {                                                                                           \
        uint64_t a_ = (where), si_ = a_, di_ = a_, d_ = (port);                                    \
        NOTES->address = a_;                                                                       \
        __asm__ volatile("lea 1f(%%rip), %%rcx\n"                                                  \
                         "mov %%rcx, %[rip]\n"                                                     \
                         "mov $1, %%ecx\n"                                                         \
                         "1: " text                                                                \
                         : [rip] "=m"(NOTES->rip), "+a"(a_), "+S"(si_), "+D"(di_), "+d"(d_)        \
                         :                                                                         \
                         : "rbx", "rcx", "r8", "r11", "memory", "cc");                             \
        report(PAYLOAD_SURVIVED, a_);                                                              \
    } while (0)

/* Instructions without an address of interest: one line each. */
#define INSTRUCTIONS(X)                                                                            \
    X("ud2", "ud2")                                                                                \
    X("int80", "int $0x80")                                                                        \
    X("int3", "int3")                                                                              \
    X("icebp", ".byte 0xf1")                                                                       \
    X("cli", "cli")                                                                                \
    X("sti", "sti")                                                                                \
    X("hlt", "hlt")                                                                                \
    X("sgdt", "sgdt (%%rsp)")                                                                      \
    X("sidt", "sidt (%%rsp)")                                                                      \
    X("sldt", "sldt %%ax")                                                                         \
    X("str", "str %%ax")                                                                           \
    X("smsw", "smsw %%eax")                                                                        \
    X("lgdt", "lgdt (%%rsp)")                                                                      \
    X("lidt", "lidt (%%rsp)")                                                                      \
    X("ltr", "ltr %%ax")                                                                           \
    X("clts", "clts")                                                                              \
    X("lmsw", "lmsw %%ax")                                                                         \
    X("invd", "invd")                                                                              \
    X("wbinvd", "wbinvd")                                                                          \
    X("invlpg", "invlpg (%%rsp)")                                                                  \
    X("mov-to-cr0", "mov %%rax, %%cr0")                                                            \
    X("mov-from-cr3", "mov %%cr3, %%rax")                                                          \
    X("mov-to-cr3", "mov %%rax, %%cr3")                                                            \
    X("mov-to-cr4", "mov %%rax, %%cr4")                                                            \
    X("mov-to-dr7", "mov %%rax, %%dr7")                                                            \
    X("rdmsr", "mov $0xc0000080, %%ecx; rdmsr")                                                    \
    X("wrmsr", "mov $0xc0000080, %%ecx; wrmsr")                                                    \
    X("xsetbv", "xor %%ecx, %%ecx; xsetbv")                                                        \
    X("swapgs", "swapgs")                                                                          \
    X("sysret", "sysretq")                                                                         \
    X("iret-ring0",                                                                                \
      "mov %%rsp, %%rbx; push $0x10; push %%rbx; pushfq; push $0x8; lea 2f(%%rip), %%rcx; "        \
      "push %%rcx; iretq; 2: mov %%cr3, %%rax")                                                    \
    X("far-jump-ring0",                                                                            \
      "lea 2f(%%rip), %%rcx; mov %%rcx, -24(%%rsp); movw $8, -16(%%rsp); rex.W ljmp *-24(%%rsp); " \
      "2: mov %%cr3, %%rax")                                                                       \
    X("vmcall", "vmcall")                                                                          \
    X("vmmcall", "vmmcall")                                                                        \
    X("monitor", "monitor")                                                                        \
    X("rsm", "rsm")                                                                                \
    X("divide", "xor %%edx, %%edx; xor %%ebx, %%ebx; 1: div %%ebx")                                \
    X("single-step", "pushfq; orl $0x100, (%%rsp); popfq; nop; nop")                               \
    X("misaligned", "pushfq; orl $0x40000, (%%rsp); popfq; mov 1(%%rsp), %%rax")                   \
    X("x87", "fninit; fldcw 2f(%%rip); fldz; fldz; fdivp; fwait; jmp 3f; 2: .word 0x0300; 3:")     \
    X("simd", "ldmxcsr 2f(%%rip); xorps %%xmm0, %%xmm0; divss %%xmm0, %%xmm0; jmp 3f; "            \
              "2: .long 0; 3:")                                                                    \
    X("iopl", "pushfq; orl $0x3000, (%%rsp); popfq; cli")

static void execute(const char *what)
{
#define EXECUTE(name, text)                                                                        \
    if (equal(what, name))                                                                         \
        AT(text, 0, 0);
    INSTRUCTIONS(EXECUTE)
}

static void reach(const char *what, uint64_t address)
{
    if (equal(what, "read"))
        AT("mov (%%rsi), %%rax", address, 0);
    if (equal(what, "write"))
        AT("movb $1, (%%rsi)", address, 0);
    if (equal(what, "jump"))
        AT("jmp *%%rsi", address, 0);
    if (equal(what, "write-code"))
        AT("movb $1, (%%rsi)", (uint64_t)(uintptr_t)payload_out, 0);
    if (equal(what, "jump-stack")) {
        volatile uint8_t code[16] = {0xc3};
        AT("jmp *%%rsi", (uint64_t)(uintptr_t)code, 0);
    }
    if (equal(what, "jump-heap")) {
        *(volatile uint8_t *)heap_base() = 0xc3;
        AT("jmp *%%rsi", heap_base(), 0);
    }
}

static void use_port(const char *what, uint64_t port)
{
    if (equal(what, "out1"))
        AT("out %%al, %%dx", 0, port);
    if (equal(what, "out2"))
        AT("out %%ax, %%dx", 0, port);
    if (equal(what, "out4"))
        AT("out %%eax, %%dx", 0, port);
    if (equal(what, "in4"))
        AT("in %%dx, %%eax", 0, port);
    if (equal(what, "outs1"))
        AT("outsb", heap_base(), port);
    if (equal(what, "outs4"))
        AT("outsl", heap_base(), port);
    if (equal(what, "rep-outs1"))
        AT("mov $4096, %%ecx; rep outsb", heap_base(), port);
    if (equal(what, "ins4"))
        AT("insl", heap_base(), port);
    if (equal(what, "in-hypercall-page"))
        AT("mov $0x70000001, %%ebx; jmp *%%rbx", 0, port); /* middle of its OUT */
}

static void system_calls(void)
{
    uint64_t rbx = 0xb, rdi = 0xd, rsi = 0x5, rdx = 0xd2, r8 = 8, result = 39; /* getpid */
    __asm__ volatile("syscall"
                     : "+a"(result), "+b"(rbx), "+D"(rdi), "+S"(rsi), "+d"(rdx)
                     :
                     : "rcx", "r11", "memory");
    report(PAYLOAD_DONE, result);
    result = 0x7fff; /* no such call */
    __asm__ volatile("mov %5, %%r8; syscall; mov %%r8, %5"
                     : "+a"(result), "+b"(rbx), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8)
                     :
                     : "rcx", "r8", "r11", "memory");
    report(PAYLOAD_DONE, result);
    report(PAYLOAD_DONE, rbx == 0xb && rdi == 0xd && rsi == 0x5 && rdx == 0xd2 && r8 == 8);
}

/* Every kind of memory gets a pattern that is nowhere in the file. */
static void keep_secret(void)
{
    volatile uint64_t on_stack[8];
    volatile uint64_t *heap = (volatile uint64_t *)heap_base();
    for (unsigned i = 0; i < 8; i++) {
        uint64_t word = payload_secret(i);
        on_stack[i] = word;
        payload_data[i] = word;
        payload_bss[i] = word;
        heap[i] = word;
        heap[PAYLOAD_HEAP / 8 - 8 + i] = word;
    }
    __asm__ volatile("" : : "r"(on_stack), "r"(payload_data), "r"(payload_bss) : "memory");
    MAILBOX->argument[1] = (uint64_t)(uintptr_t)payload_data;
    MAILBOX->argument[2] = (uint64_t)(uintptr_t)payload_bss;
    MAILBOX->argument[3] = (uint64_t)(uintptr_t)on_stack;
    report(PAYLOAD_DONE, heap[0] == payload_secret(0));
    for (;;)
        report(PAYLOAD_DONE, heap[0] == payload_secret(0) && on_stack[7] == payload_secret(7));
}

/* Uses a page, has a right taken away, uses it again. */
static void give_up(const char *what, uint64_t address)
{
    volatile uint64_t *page = (volatile uint64_t *)(uintptr_t)address;
    for (unsigned i = 0; i < 1000; i++)
        page[i % 512]++;
    report(PAYLOAD_DONE, page[0]);
    if (equal(what, "give-up-write")) {
        report(PAYLOAD_DONE, page[0]); /* reading is left */
        AT("movb $1, (%%rsi)", address, 0);
    }
    AT("mov (%%rsi), %%rax", address, 0);
}

static void loop(uint64_t thread, volatile uint64_t *counter)
{
    mailbox_of(thread)->argument[1] = (uint64_t)(uintptr_t)counter;
    for (;;)
        ++*counter;
}

static void act(const char *what, uint64_t address)
{
    if (equal(what, "hello"))
        for (uint64_t i = 0;; i++)
            report(PAYLOAD_DONE, MAILBOX->result[0] + i);
    if (equal(what, "syscall"))
        system_calls();
    if (equal(what, "secret"))
        keep_secret();
    if (equal(what, "give-up-write") || equal(what, "give-up-all"))
        give_up(what, address);
    if (equal(what, "loop"))
        loop(0, (volatile uint64_t *)&MAILBOX->argument[0]);
    reach(what, address);
    use_port(what, address);
    execute(what);
}

void payload_start(uint64_t thread, const uint64_t *stack)
{
    if (thread != 0)
        loop(thread, (volatile uint64_t *)heap_base());
    const char *const *argument = (const char *const *)(stack + 1);
    act(argument[0], stack[0] > 1 ? number_of(argument[1]) : 0);
    for (;;)
        report(PAYLOAD_UNKNOWN, 0);
}
