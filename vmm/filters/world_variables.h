/*
 * What the world host's lists leave open until it runs.
 */
#ifndef VMM_WORLD_VARIABLES_H
#define VMM_WORLD_VARIABLES_H

#include "base/filter.h"

#define WORLD_PID FILTER_VARIABLE(1)
#define WORLD_FOLDER FILTER_VARIABLE(2)    /* descriptor of the runtime folder */
#define WORLD_PROCESSES FILTER_VARIABLE(3) /* descriptor of /proc */
#define WORLD_GUEST_FOLDER                                                                         \
    FILTER_VARIABLE(4) /* descriptor of the guest socket's; without one WORLD_FOLDER's */

#endif
