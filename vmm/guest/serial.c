/*
 * Registers of a 16550A. Sends at once, so the transmitter is always empty; the interrupt that says
 * so comes once for each time that the guest can have filled it.
 */
#include "vmm/guest/serial.h"

#include <linux/serial_reg.h>

#define WRITABLE_INTERRUPTS 0x0fu
#define WRITABLE_MODEM 0x1fu
#define FIFOS_ON 0xc0u
#define MODEM_LINES (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)

static bool has_input(const struct serial *serial)
{
    return serial->head != serial->tail;
}

static void update_line(struct serial *serial)
{
    interrupt_line_set(
        &serial->line,
        ((serial->interrupt_enable & UART_IER_RDI) && has_input(serial)) ||
            ((serial->interrupt_enable & UART_IER_THRI) && serial->transmitter_empty));
}

void serial_create(struct serial *serial, struct interrupt_line line,
                   void (*out)(void *sink, uint8_t byte), void *sink)
{
    *serial = (struct serial){.line = line, .out = out, .sink = sink, .divisor = {1, 0}};
    (void)pthread_mutex_init(&serial->lock, NULL);
}

static bool divisor_selected(const struct serial *serial)
{
    return serial->line_control & UART_LCR_DLAB;
}

static uint8_t take_input(struct serial *serial)
{
    if (!has_input(serial))
        return 0;
    return serial->queue[serial->tail++ % SERIAL_QUEUE];
}

/* Reading the cause takes the transmitter's interrupt back, as the data sheet says. */
static uint8_t interrupt_cause(struct serial *serial)
{
    uint8_t cause = UART_IIR_NO_INT;
    if ((serial->interrupt_enable & UART_IER_RDI) && has_input(serial)) {
        cause = UART_IIR_RDI;
    } else if ((serial->interrupt_enable & UART_IER_THRI) && serial->transmitter_empty) {
        cause = UART_IIR_THRI;
        serial->transmitter_empty = false;
    }
    return cause | (serial->fifo_control & UART_FCR_ENABLE_FIFO ? FIFOS_ON : 0);
}

/* In loopback the modem's inputs are its own outputs: drivers look for the port so. */
static uint8_t modem_status(const struct serial *serial)
{
    uint8_t control = serial->modem_control;
    if (!(control & UART_MCR_LOOP))
        return MODEM_LINES;
    return (uint8_t)((control & UART_MCR_DTR ? UART_MSR_DSR : 0) |
                     (control & UART_MCR_RTS ? UART_MSR_CTS : 0) |
                     (control & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
                     (control & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
}

static uint8_t read_register(struct serial *serial, unsigned number)
{
    switch (number) {
    case UART_RX:
        return divisor_selected(serial) ? serial->divisor[0] : take_input(serial);
    case UART_IER:
        return divisor_selected(serial) ? serial->divisor[1] : serial->interrupt_enable;
    case UART_IIR:
        return interrupt_cause(serial);
    case UART_LCR:
        return serial->line_control;
    case UART_MCR:
        return serial->modem_control;
    case UART_LSR:
        return UART_LSR_TEMT | UART_LSR_THRE | (has_input(serial) ? UART_LSR_DR : 0);
    case UART_MSR:
        return modem_status(serial);
    case UART_SCR:
        return serial->scratch;
    default:
        return 0xff;
    }
}

uint8_t serial_read(struct serial *serial, unsigned number)
{
    (void)pthread_mutex_lock(&serial->lock);
    uint8_t value = read_register(serial, number);
    update_line(serial);
    (void)pthread_mutex_unlock(&serial->lock);
    return value;
}

static void enable_interrupts(struct serial *serial, uint8_t value)
{
    if ((value & UART_IER_THRI) && !(serial->interrupt_enable & UART_IER_THRI))
        serial->transmitter_empty = true;
    serial->interrupt_enable = value & WRITABLE_INTERRUPTS;
}

/* true: the byte is to be sent. The line falls before it rises again: it is an edge. */
static bool transmit(struct serial *serial)
{
    if (serial->modem_control & UART_MCR_LOOP)
        return false;
    serial->transmitter_empty = false;
    update_line(serial);
    serial->transmitter_empty = true;
    return true;
}

static bool write_register(struct serial *serial, unsigned number, uint8_t value)
{
    switch (number) {
    case UART_TX:
        if (!divisor_selected(serial))
            return transmit(serial);
        serial->divisor[0] = value;
        break;
    case UART_IER:
        if (divisor_selected(serial))
            serial->divisor[1] = value;
        else
            enable_interrupts(serial, value);
        break;
    case UART_FCR:
        serial->fifo_control = value;
        if (value & UART_FCR_CLEAR_RCVR)
            serial->tail = serial->head;
        break;
    case UART_LCR:
        serial->line_control = value;
        break;
    case UART_MCR:
        serial->modem_control = value & WRITABLE_MODEM;
        break;
    case UART_SCR:
        serial->scratch = value;
        break;
    default:
        break;
    }
    return false;
}

void serial_write(struct serial *serial, unsigned number, uint8_t value)
{
    (void)pthread_mutex_lock(&serial->lock);
    bool send = write_register(serial, number, value);
    update_line(serial);
    (void)pthread_mutex_unlock(&serial->lock);
    /* Outside the lock: who reads our output may be slow, and input must not wait for that. */
    if (send)
        serial->out(serial->sink, value);
}

unsigned serial_room(struct serial *serial)
{
    (void)pthread_mutex_lock(&serial->lock);
    /* A driver empties the queue when it starts: what came before it would be lost. */
    bool listens = serial->interrupt_enable & UART_IER_RDI;
    unsigned room = listens ? SERIAL_QUEUE - (serial->head - serial->tail) : 0;
    (void)pthread_mutex_unlock(&serial->lock);
    return room;
}

void serial_input(struct serial *serial, const uint8_t *bytes, unsigned count)
{
    (void)pthread_mutex_lock(&serial->lock);
    for (unsigned i = 0; i < count && serial->head - serial->tail < SERIAL_QUEUE; i++)
        serial->queue[serial->head++ % SERIAL_QUEUE] = bytes[i];
    update_line(serial);
    (void)pthread_mutex_unlock(&serial->lock);
}
