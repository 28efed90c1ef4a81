/*
 * May one module of a world call another? Both manifests decide. Pure.
 */
#ifndef VMM_PEER_RULES_H
#define VMM_PEER_RULES_H

#include "abi/peer.h"

#include <stdbool.h>

/* A module as the rules see it. */
struct peer_side {
    const struct clo_manifest *manifest;
    const uint8_t *author; /* CLO_AUTHOR_SIZE, from the keeper */
};

enum peer_verdict {
    PEER_PERMITTED,
    PEER_NOT_CALLED,   /* the caller's manifest does not say that it calls the other */
    PEER_NOT_ACCEPTED, /* the other's manifest does not accept the caller */
};

enum peer_verdict peer_rules_judge(struct peer_side caller, struct peer_side other);

#endif
