/*
 * What the modules made of relay.c and their tests agree on.
 */
#ifndef TESTS_MODULES_RELAY_H
#define TESTS_MODULES_RELAY_H

#define RELAY_MAX 256 /* bytes of data */

#endif
