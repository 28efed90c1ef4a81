/*
 * The commands of `cloister report`, and what they share.
 */
#ifndef TOOLS_CMD_REPORT_H
#define TOOLS_CMD_REPORT_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

int cmd_report_get(int argc, char **argv);
int cmd_report_show(int argc, char **argv);
int cmd_report_verify(int argc, char **argv);

/* Reads hexadecimal of `least` to `most` bytes; BAD_ARGUMENT names the option. */
CLOISTER_MUST_USE cloister_status report_hex(const char *option, const char *text, size_t least,
                                             size_t most, uint8_t *bytes, size_t *size,
                                             struct reason *why);

#endif
