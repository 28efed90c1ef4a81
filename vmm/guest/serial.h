/*
 * A 16550A serial port: what the guest writes goes to a function at once, what comes in waits in
 * its receive queue. The vCPU thread and the thread that brings input may use it at the same time.
 */
#ifndef GUEST_SERIAL_H
#define GUEST_SERIAL_H

#include "vmm/guest/interrupt_line.h"

#include <pthread.h>
#include <stdint.h>

#define SERIAL_PORT 0x3f8u
#define SERIAL_PORTS 8u
#define SERIAL_IRQ 4u
#define SERIAL_QUEUE 256u /* of input, a power of two */

struct serial {
    pthread_mutex_t lock; /* everything below but `out` */
    struct interrupt_line line;
    void (*out)(void *sink, uint8_t byte);
    void *sink;
    uint8_t interrupt_enable;
    uint8_t fifo_control;
    uint8_t line_control;
    uint8_t modem_control;
    uint8_t scratch;
    uint8_t divisor[2];
    bool transmitter_empty; /* THRE interrupt pending */
    uint8_t queue[SERIAL_QUEUE];
    unsigned head; /* bytes ever put in; */
    unsigned tail; /* … taken out */
};

void serial_create(struct serial *serial, struct interrupt_line line,
                   void (*out)(void *sink, uint8_t byte), void *sink);

/* The guest reads or writes a register, 0 … SERIAL_PORTS - 1. */
uint8_t serial_read(struct serial *serial, unsigned number);
void serial_write(struct serial *serial, unsigned number, uint8_t value);

/* How many bytes of input it has room for: none until the guest listens. */
unsigned serial_room(struct serial *serial);
/* Input, no more than that. */
void serial_input(struct serial *serial, const uint8_t *bytes, unsigned count);

#endif
