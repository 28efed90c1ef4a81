/*
 * What the module `witness` can be asked for, and what it tells of itself.
 */
#ifndef TESTS_MODULES_WITNESS_H
#define TESTS_MODULES_WITNESS_H

#define WITNESS_MOST 4096u

/* Methods by number. */
#define WITNESS_ECHO 0u   /* in, out: gives back what it is given, and looks at it twice */
#define WITNESS_SLOW 1u   /* value: a = microseconds that it takes, at most WITNESS_SLOW_MOST */
#define WITNESS_FACTS 2u  /* four values out: see below */
#define WITNESS_CALLER 3u /* of the caller, two values out: kind, id; start, uid << 32 | pid */

#define WITNESS_SLOW_MOST 500000u

/* FACTS: parameter 0: a = sessions opened, b = closed
             parameter 1: a = calls begun, b = most of them at a time
             parameter 2: a = inputs that changed during a call, b = arguments against the manifest
             parameter 3: a = uid << 32 | gid of the caller, b = its pid */

#endif
