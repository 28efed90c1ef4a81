/*
 * What the numbers were measured on.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stddef.h>

#define HOST_TEXT_SIZE 256

/* "PROCESSOR, 2 processors, Linux RELEASE, KVM pvm"; no character that means something in XML. */
void host_describe(char *text, size_t size);

#endif
