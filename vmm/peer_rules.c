/*
 * An entry of a manifest fits a module if right, name and author do. A module without a signature
 * has no author, and fits only entries that ask for none.
 */
#include "vmm/peer_rules.h"

#include "base/bytes.h"

#include <string.h>

static bool name_fits(const struct clo_peer *peer, const struct clo_manifest *other)
{
    return bytes_are_zero(peer->name, sizeof peer->name) ||
           memcmp(peer->name, other->name, sizeof peer->name) == 0;
}

static bool author_fits(const struct clo_peer *peer, const uint8_t *own, const uint8_t *other)
{
    const uint8_t *wanted = peer->flags & CLO_PEER_SAME_AUTHOR ? own : peer->author;
    if (!(peer->flags & CLO_PEER_SAME_AUTHOR) && bytes_are_zero(wanted, CLO_AUTHOR_SIZE))
        return true;
    return other[0] != CLO_AUTHOR_NONE && memcmp(wanted, other, CLO_AUTHOR_SIZE) == 0;
}

static bool permits(struct peer_side side, uint32_t right, struct peer_side other)
{
    for (unsigned i = 0; i < side.manifest->peer_count; i++) {
        const struct clo_peer *peer = &side.manifest->peer[i];
        if ((peer->flags & right) && name_fits(peer, other.manifest) &&
            author_fits(peer, side.author, other.author))
            return true;
    }
    return false;
}

enum peer_verdict peer_rules_judge(struct peer_side caller, struct peer_side other)
{
    if (!permits(caller, CLO_PEER_CALLS, other))
        return PEER_NOT_CALLED;
    return permits(other, CLO_PEER_ACCEPTS, caller) ? PEER_PERMITTED : PEER_NOT_ACCEPTED;
}
