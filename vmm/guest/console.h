/*
 * The guest's console on standard input and output. A terminal is in raw mode while the guest has
 * it, so that every key goes to the guest; Ctrl-A x ends it.
 */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include "vmm/guest/serial.h"

#include <termios.h>

struct console {
    bool is_terminal;
    struct termios before;
    bool escaped; /* the last key was Ctrl-A */
    bool at_end;  /* there is no more input */
};

enum console_input { CONSOLE_GOES_ON, CONSOLE_QUIT };

void console_create(struct console *console);
/* Gives the terminal back as it was. */
void console_destroy(struct console *console);

/* One byte from the guest; waits for a slow reader, and drops it where nobody reads any more. As
   struct serial's `out`. */
void console_out(void *unused, uint8_t byte);

/* Reads what there is on standard input, no more than the port has room for. */
enum console_input console_in(struct console *console, struct serial *serial);

/* Finds Ctrl-A sequences in `bytes` and takes them out; returns how many bytes are left, for the
   guest. */
size_t console_keys(struct console *console, uint8_t *bytes, size_t count,
                    enum console_input *input);

#endif
