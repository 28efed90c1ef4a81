/*
 * Checks what a world says about itself and its modules, before anyone uses or prints it.
 */
#ifndef CLIENT_FACTS_H
#define CLIENT_FACTS_H

#include "abi/control.h"

#include <stdbool.h>

bool world_info_is_sound(const struct clo_world_info *info);
bool module_info_is_sound(const struct clo_module_info *info);
bool module_metrics_are_sound(const struct clo_module_metrics *metrics);

/* Of `size` bytes; behind them *info is zero. */
bool guests_info_is_sound(const struct clo_guests_info *info, size_t size);

#endif
