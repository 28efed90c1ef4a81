/*
 * relay.c whose calls may take no longer than 100 ms, and which accepts its author's modules only.
 */
#define RELAY_NAME "hasty"
#define RELAY_CALL_US 100000
#define RELAY_PEERS CLOISTER_CALLS(""), CLOISTER_ACCEPTS_OWN("")
#define RELAY_PEER_COUNT 2
#include "relay.c"
