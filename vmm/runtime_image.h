/*
 * The runtime image that is linked into the world host: monitor stub, hypercall page and
 * personality, the only code in the secure world that is not a module. Built from secure-world/.
 */
#ifndef VMM_RUNTIME_IMAGE_H
#define VMM_RUNTIME_IMAGE_H

#include "vmm/machine.h"

#define RUNTIME_SVN 1u

struct runtime_image {
    int memfd; /* sealed against any change; page 0 stub, page 1 hypercall page, … */
    size_t size;
    size_t text_size;  /* from page 1: executable; the rest is constants, read-only */
    struct gpa gpa;    /* in the code slot */
    struct gpa tables; /* monitor page with GDT and IDT, the same for all vCPUs */
};

/* Bytes of the code slot that it takes; for machine_options. */
size_t runtime_image_size(void);

/* Copies the linked image into a sealed memfd, and that into the code slot. */
CLOISTER_MUST_USE cloister_status runtime_image_add(struct machine *machine,
                                                    struct runtime_image *image,
                                                    struct reason *why);

void runtime_image_close(struct runtime_image *image);

#endif
