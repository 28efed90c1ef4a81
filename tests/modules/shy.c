/*
 * relay.c that calls `relay` alone and accepts nobody.
 */
#define RELAY_NAME "shy"
#define RELAY_CALL_US 2000000
#define RELAY_PEERS CLOISTER_CALLS("relay")
#define RELAY_PEER_COUNT 1
#include "relay.c"
