/*
 * What the files of the hypercall dispatcher share. Private to hypercall*.c.
 */
#ifndef VMM_HYPERCALL_PARTS_H
#define VMM_HYPERCALL_PARTS_H

#include "vmm/hypercall.h"

/* A hypercall in progress: `argument` is the private copy, `payload` is not. */
struct hypercall {
    struct module_thread *thread;
    struct module *module;
    struct clo_mailbox *mailbox;
    uint64_t argument[HYPERCALL_ARGUMENTS];
    uint64_t result[2];
};

/* Each checks its arguments and its copy of the payload; LIMIT: the module's quota is used up. */
cloister_status hypercall_seal(struct hypercall *call);
cloister_status hypercall_unseal(struct hypercall *call);
cloister_status hypercall_report(struct hypercall *call);
cloister_status hypercall_extend(struct hypercall *call);
cloister_status hypercall_read_register(struct hypercall *call);

cloister_status hypercall_open(struct hypercall *call);
cloister_status hypercall_close(struct hypercall *call);
cloister_status hypercall_identity(struct hypercall *call);

/* Takes one from the module's seals_per_s; false: there is none. */
bool hypercall_rate(struct module *module);

/* Tells the operator's log why, if the module's log_per_s has a line left. */
void hypercall_log_refusal(struct module *module, const char *what, const struct reason *why);

cloister_status hypercall_console_write(struct hypercall *call);
cloister_status hypercall_console_read(struct hypercall *call);

#endif
