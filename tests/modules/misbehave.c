/*
 * A module that does what its caller asks for, all of it forbidden: the end-to-end tests look at
 * what becomes of it and of the world around it.
 */
#include <cloister/module.h>

#include "misbehave.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] = "constant";

/* Where a pointer came from is none of the compiler's business. */
static volatile char *at(uintptr_t address)
{
    __asm__ volatile("" : "+r"(address));
    return (volatile char *)address;
}

__attribute__((noinline, noclone, used)) static void fault(uint64_t how)
{
    switch (how) {
    case MISBEHAVE_READ_NULL:
        (void)*at(8);
        return;
    case MISBEHAVE_WRITE_TEXT:
        *at((uintptr_t)&fault) = 0;
        return;
    case MISBEHAVE_WRITE_CONSTANT:
        *at((uintptr_t)text) = 0;
        return;
    case MISBEHAVE_RUN_DATA: {
        static unsigned char code[] = {0xc3};
        ((void (*)(void))(uintptr_t)at((uintptr_t)code))();
        return;
    }
    case MISBEHAVE_DIVIDE:
        __asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx" ::
                             : "eax", "ecx", "edx");
        return;
    case MISBEHAVE_HALT:
        __asm__ volatile("hlt");
        return;
    case MISBEHAVE_PORT:
        __asm__ volatile("outb %%al, $0x80" ::: "memory");
        return;
    case MISBEHAVE_UNDEFINED:
        __asm__ volatile("ud2");
        return;
    case MISBEHAVE_NON_CANONICAL:
        (void)*at(0x8000000000000000);
        return;
    case MISBEHAVE_READ_MONITOR:
        (void)*at(CLO_VA_MONITOR_STUB);
        return;
    default:
        return;
    }
}

static void end(uint64_t how)
{
    switch (how) {
    case MISBEHAVE_LOOP:
        for (;;)
            __asm__ volatile("");
    case MISBEHAVE_EXIT:
        exit(3);
    case MISBEHAVE_PANIC:
        cloister_panic("asked to \x1b[2J");
    case MISBEHAVE_ABORT:
        abort();
    case MISBEHAVE_RECURSE: {
        volatile char room[4096];
        memset((char *)room, 1, sizeof room);
        end(how);
        room[0] = 2;
        return;
    }
    default:
        return;
    }
}

static cloister_status misbehave(cloister_call *call)
{
    uint64_t how = call->argument[0].a;
    if (how == MISBEHAVE_FLOOD) {
        for (unsigned i = 0; i < 500; i++)
            cloister_log(CLO_LOG_ERROR, "flood \x1b[31m\nforged: line");
        return CLOISTER_OK;
    }
    if (how == MISBEHAVE_SLOW) { /* as long as it may, in steps that are calls of the system */
        usleep(50000);
        return CLOISTER_OK;
    }
    fault(how);
    end(how);
    return CLOISTER_OK;
}

CLOISTER_MODULE(.name = "misbehave", .version = "1.0.0", .svn = 1, .heap_size = 1 << 20,
                .stack_size = 64 << 10, .max_call_us = 300000, .log_per_s = 5,
                .log_class = CLO_LOG_CLASS_PUBLIC,
                .hypercalls = CLOISTER_ALLOW(LOG) | CLOISTER_ALLOW(RANDOM) | CLOISTER_ALLOW(TIME),
                .channels_max = 16, .method_count = 1,
                .method = {CLOISTER_METHOD("misbehave", CLOISTER_VALUE_IN)});
CLOISTER_HANDLERS(misbehave);
