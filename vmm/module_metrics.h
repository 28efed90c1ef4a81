/*
 * Numbers of a module for whoever watches the world.
 */
#ifndef VMM_MODULE_METRICS_H
#define VMM_MODULE_METRICS_H

#include "vmm/module.h"

/* Fills every field. What the module counts itself comes from its mailboxes: one read of each word,
   cut to CLO_SERVICE_COUNT_MAX. Main thread. */
void module_fill_metrics(struct module *module, struct clo_module_metrics *metrics);

#endif
