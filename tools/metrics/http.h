/*
 * As much of HTTP/1.1 (RFC 9110, RFC 9112) as one answer to one GET needs. Pure: no sockets.
 */
#ifndef TOOLS_METRICS_HTTP_H
#define TOOLS_METRICS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_REQUEST_MAX 4096u /* bytes of a request, all of it */

/* What to answer. */
#define HTTP_MORE 0u /* the request is not complete */
#define HTTP_OK 200u
#define HTTP_BAD_REQUEST 400u
#define HTTP_NOT_FOUND 404u
#define HTTP_NOT_ALLOWED 405u
#define HTTP_TIMEOUT 408u
#define HTTP_MISDIRECTED 421u
#define HTTP_TOO_LARGE 431u
#define HTTP_UNAVAILABLE 503u
#define HTTP_VERSION 505u

/* Judges a request for /metrics. `local`: it came over TCP, so Host must name this machine's own
   loopback: a web page that makes a browser ask under another name gets nothing. *head: HEAD. */
unsigned http_judge(const char *bytes, size_t size, bool local, bool *head);

/* Status line and header fields with the empty line; returns the length. */
size_t http_head(unsigned status, const char *type, size_t body_size, char *out, size_t size);

/* The status in words. */
const char *http_phrase(unsigned status);

#endif
