/*
 * What the module `calls` does, for itself and for the test that expects it.
 */
#ifndef TESTS_MODULES_CALLS_H
#define TESTS_MODULES_CALLS_H

#define CALLS_MOST 131072u /* bytes of a buffer */
#define CALLS_METHODS 23u
#define CALLS_TAKE 20u /* methods that do something else; those before sum up */
#define CALLS_ZERO 21u
#define CALLS_STATUS 0x8001 /* of its own: the call was cancelled, the stream said "stop" */

#define CALLS_START 0xcbf29ce484222325ull
#define CALLS_STEP(sum, value) (((sum) ^ (uint64_t)(value)) * 0x100000001b3ull)
#define CALLS_BYTE(sum, parameter, at) ((uint8_t)(((sum) >> 8) + 31u * (parameter) + (at)))

#endif
