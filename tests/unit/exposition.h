/*
 * A strict reader of Prometheus' text exposition format 0.0.4, for tests of what we write.
 */
#ifndef TESTS_EXPOSITION_H
#define TESTS_EXPOSITION_H

#include <stddef.h>

/* Fails the calling test, naming the line, unless `text` is a well-formed exposition: HELP and TYPE
   once before each family and its samples together, names and labels of the right characters, known
   escapes only, no sample twice, histograms cumulative with an +Inf bucket that equals _count. */
void exposition_check(const char *text, size_t size);

/* The value of the sample that is written exactly so ("name{a=\"b\"}"); fails if there is none. */
double exposition_value(const char *text, const char *sample);

#endif
