/*
 * Standard input and output for a serial port. What the guest prints reaches the terminal as it is:
 * it is the guest's terminal.
 */
#include "vmm/guest/console.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <unistd.h>

#define CTRL_A 0x01u

void console_create(struct console *console)
{
    struct termios raw;
    *console = (struct console){0};
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &console->before) != 0)
        return;
    raw = console->before;
    cfmakeraw(&raw);
    console->is_terminal = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void console_destroy(struct console *console)
{
    if (console->is_terminal)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &console->before);
    console->is_terminal = false;
}

void console_out(void *unused, uint8_t byte)
{
    (void)unused;
    while (write(STDOUT_FILENO, &byte, 1) < 0) {
        struct pollfd poller = {.fd = STDOUT_FILENO, .events = POLLOUT};
        if (errno == EAGAIN)
            (void)poll(&poller, 1, -1);
        else if (errno != EINTR)
            return;
    }
}

size_t console_keys(struct console *console, uint8_t *bytes, size_t count,
                    enum console_input *input)
{
    size_t left = 0;
    *input = CONSOLE_GOES_ON;
    for (size_t i = 0; i < count; i++) {
        uint8_t key = bytes[i];
        if (!console->is_terminal) {
            left = count;
            break;
        }
        if (!console->escaped && key == CTRL_A) {
            console->escaped = true;
            continue;
        }
        if (console->escaped && (key == 'x' || key == 'X')) {
            *input = CONSOLE_QUIT;
            break;
        }
        console->escaped = false;
        bytes[left++] = key;
    }
    return left;
}

enum console_input console_in(struct console *console, struct serial *serial)
{
    uint8_t bytes[SERIAL_QUEUE];
    enum console_input input;
    size_t room = serial_room(serial);
    if (room == 0)
        return CONSOLE_GOES_ON;
    ssize_t count = read(STDIN_FILENO, bytes, room);
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
        console->at_end = true;
    if (count <= 0)
        return CONSOLE_GOES_ON;
    size_t left = console_keys(console, bytes, (size_t)count, &input);
    serial_input(serial, bytes, (unsigned)left);
    return input;
}
