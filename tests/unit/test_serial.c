/*
 * The serial port's registers and its interrupt.
 */
#include "vmm/guest/serial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <linux/serial_reg.h>

#include <cmocka.h>

static struct serial serial;
static bool level;
static unsigned rises;
static char sent[64];
static unsigned sent_count;

static void set_line(void *controller, unsigned line, unsigned source, bool high)
{
    (void)controller;
    (void)source;
    assert_int_equal(line, SERIAL_IRQ);
    rises += high && !level;
    level = high;
}

static void take(void *sink, uint8_t byte)
{
    (void)sink;
    sent[sent_count++ % sizeof sent] = (char)byte;
}

static int create(void **state)
{
    (void)state;
    level = false;
    rises = 0;
    sent_count = 0;
    memset(sent, 0, sizeof sent);
    serial_create(&serial, (struct interrupt_line){.set = set_line, .line = SERIAL_IRQ}, take,
                  NULL);
    return 0;
}

static void what_is_written_is_sent_at_once(void **state)
{
    (void)state;
    serial_write(&serial, UART_TX, 'h');
    serial_write(&serial, UART_TX, 'i');
    assert_string_equal(sent, "hi");
    assert_int_equal(serial_read(&serial, UART_LSR), UART_LSR_TEMT | UART_LSR_THRE);
    assert_false(level);
}

static void each_byte_brings_one_transmitter_interrupt(void **state)
{
    (void)state;
    serial_write(&serial, UART_IER, UART_IER_THRI);
    assert_true(level);
    assert_int_equal(serial_read(&serial, UART_IIR) & 0x0f, UART_IIR_THRI);
    assert_false(level);
    assert_int_equal(serial_read(&serial, UART_IIR) & 0x0f, UART_IIR_NO_INT);
    serial_write(&serial, UART_TX, 'a');
    serial_write(&serial, UART_TX, 'b'); /* without reading the cause: an edge again */
    assert_int_equal(rises, 3);
    serial_write(&serial, UART_IER, 0);
    assert_false(level);
}

static void input_interrupts_until_it_is_read(void **state)
{
    (void)state;
    serial_input(&serial, (const uint8_t *)"xy", 2);
    assert_false(level);
    serial_write(&serial, UART_IER, UART_IER_RDI);
    assert_true(level);
    assert_int_equal(serial_read(&serial, UART_IIR) & 0x0f, UART_IIR_RDI);
    assert_int_equal(serial_read(&serial, UART_RX), 'x');
    assert_true(level);
    assert_true(serial_read(&serial, UART_LSR) & UART_LSR_DR);
    assert_int_equal(serial_read(&serial, UART_RX), 'y');
    assert_false(level);
    assert_int_equal(serial_read(&serial, UART_RX), 0);
}

static void input_beyond_its_room_is_dropped(void **state)
{
    static uint8_t bytes[SERIAL_QUEUE + 10];
    (void)state;
    memset(bytes, 'a', SERIAL_QUEUE);
    assert_int_equal(serial_room(&serial), 0); /* nobody listens */
    serial_write(&serial, UART_IER, UART_IER_RDI);
    assert_int_equal(serial_room(&serial), SERIAL_QUEUE);
    serial_input(&serial, bytes, sizeof bytes);
    assert_int_equal(serial_room(&serial), 0);
    for (unsigned i = 0; i < SERIAL_QUEUE; i++)
        assert_int_equal(serial_read(&serial, UART_RX), 'a');
    assert_false(serial_read(&serial, UART_LSR) & UART_LSR_DR);
}

static void divisor_hides_data_and_interrupts(void **state)
{
    (void)state;
    serial_write(&serial, UART_LCR, UART_LCR_DLAB);
    serial_write(&serial, UART_DLL, 12);
    serial_write(&serial, UART_DLM, 3);
    assert_int_equal(sent_count, 0);
    assert_int_equal(serial_read(&serial, UART_DLL), 12);
    assert_int_equal(serial_read(&serial, UART_DLM), 3);
    serial_write(&serial, UART_LCR, 0);
    assert_int_equal(serial_read(&serial, UART_IER), 0);
}

static void loopback_answers_as_drivers_expect_and_sends_nothing(void **state)
{
    (void)state;
    serial_write(&serial, UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_OUT2);
    assert_int_equal(serial_read(&serial, UART_MSR), UART_MSR_CTS | UART_MSR_DCD);
    serial_write(&serial, UART_TX, 'z');
    assert_int_equal(sent_count, 0);
}

static void every_register_takes_every_value(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 16; number++)
        for (unsigned value = 0; value < 256; value++) {
            serial_write(&serial, number, (uint8_t)value);
            (void)serial_read(&serial, number);
        }
    assert_true(serial_room(&serial) <= SERIAL_QUEUE);
}

#define TEST(name) cmocka_unit_test_setup(name, create)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_sent_at_once),
        TEST(each_byte_brings_one_transmitter_interrupt),
        TEST(input_interrupts_until_it_is_read),
        TEST(input_beyond_its_room_is_dropped),
        TEST(divisor_hides_data_and_interrupts),
        TEST(loopback_answers_as_drivers_expect_and_sends_nothing),
        TEST(every_register_takes_every_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
