/*
 * A wire from a device to an interrupt controller. Devices know no more of it than this, so that
 * they run in tests without KVM.
 */
#ifndef GUEST_INTERRUPT_LINE_H
#define GUEST_INTERRUPT_LINE_H

#include <stdbool.h>

struct interrupt_line {
    void (*set)(void *controller, unsigned line, unsigned source, bool level);
    void *controller;
    unsigned line;   /* of the controllers: an IRQ */
    unsigned source; /* lines are shared: high while any source's is */
    bool level;
};

static inline void interrupt_line_set(struct interrupt_line *line, bool level)
{
    if (line->level == level)
        return;
    line->level = level;
    line->set(line->controller, line->line, line->source, level);
}

#endif
