/*
 * What the guest VMM's lists leave open until it runs.
 */
#ifndef GUEST_VARIABLES_H
#define GUEST_VARIABLES_H

#include "base/filter.h"

#define GUEST_PID FILTER_VARIABLE(1)

#endif
