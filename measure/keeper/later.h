/*
 * Work of the keeper that can wait until the world host is busy: parsing the attestation key,
 * needed by START, and measuring the world host's binary, needed by the first report. Both take
 * longer than all else that a start needs of the keeper.
 */
#ifndef MEASURE_KEEPER_LATER_H
#define MEASURE_KEEPER_LATER_H

#include "measure/platform.h"

#include <stdbool.h>

struct conversation;

struct later {
    struct platform_files files; /* of the attestation key, until it is parsed */
    bool keys_done;
    cloister_status keys_status;
    struct reason keys_why;
    int binary;         /* sealed memfd of the world host, until it is measured; else -1 */
    size_t binary_size; /* bytes */
    bool binary_tried;  /* measured, or it failed: a report tries again */
    bool trimmed;       /* memory has been given back */
};

/* How long to wait for a request before later_do has something to do, ms; -1: it has not. */
int later_wait(const struct conversation *conversation);

/* Does one piece of it. What went wrong is told by the functions below. */
void later_do(struct conversation *conversation);

/* The attestation key is there, or why not. */
CLOISTER_MUST_USE cloister_status later_keys(struct conversation *conversation, struct reason *why);

/* launch.world_host_measurement is there, or why not. */
CLOISTER_MUST_USE cloister_status later_measurement(struct conversation *conversation,
                                                    struct reason *why);

#endif
