/*
 * Is the guest's processor real?
 */
#ifndef GUEST_EMULATOR_H
#define GUEST_EMULATOR_H

#include <stdbool.h>

/* true: QEMU emulates it (TCG), and says so. PAUSE is dear there: it leaves the translated code. */
bool emulator_runs_us(void);

#endif
