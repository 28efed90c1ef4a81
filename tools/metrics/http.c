/*
 * Reads a request strictly: what a well-behaved client would not send is refused, not guessed at.
 */
#include "tools/metrics/http.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What has not been read yet. */
struct cursor {
    const char *at;
    const char *end;
};

struct field {
    const char *name;
    size_t name_size;
    const char *value;
    size_t value_size;
};

struct request {
    bool head;
    bool known_method;
    bool known_path;
    bool known_version;
    unsigned hosts;
    bool host_is_local;
};

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is(const char *bytes, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(bytes, word, size) == 0;
}

/* Up to `until`, which is skipped. false: it does not come. */
static bool take_word(struct cursor *cursor, char until, const char **word, size_t *size)
{
    const char *stop = memchr(cursor->at, until, (size_t)(cursor->end - cursor->at));
    if (!stop)
        return false;
    *word = cursor->at;
    *size = (size_t)(stop - cursor->at);
    cursor->at = stop + 1;
    return true;
}

/* A line without its CRLF, in printable ASCII; tabs only between field values' words. */
static bool take_line(struct cursor *cursor, struct cursor *line)
{
    const char *text;
    size_t size;
    if (!take_word(cursor, '\n', &text, &size) || size == 0 || text[size - 1] != '\r')
        return false;
    *line = (struct cursor){text, text + size - 1};
    for (const char *c = line->at; c < line->end; c++)
        if ((*c < 0x20 && *c != '\t') || *c > 0x7e)
            return false;
    return true;
}

static bool read_request_line(struct cursor line, struct request *request)
{
    const char *method, *target;
    size_t method_size, target_size;
    if (!take_word(&line, ' ', &method, &method_size) ||
        !take_word(&line, ' ', &target, &target_size) || method_size == 0 || target_size == 0)
        return false;
    for (size_t i = 0; i < method_size; i++)
        if (!is_token_char(method[i]))
            return false;
    size_t version_size = (size_t)(line.end - line.at);
    if (version_size != strlen("HTTP/1.1") || memcmp(line.at, "HTTP/", 5) != 0 ||
        memchr(line.at, ' ', version_size))
        return false;
    const char *query = memchr(target, '?', target_size);
    request->known_version = is(line.at, version_size, "HTTP/1.1");
    request->head = is(method, method_size, "HEAD");
    request->known_method = request->head || is(method, method_size, "GET");
    request->known_path = is(target, query ? (size_t)(query - target) : target_size, "/metrics");
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* name ":" value. No blank before the colon and no continued lines: both have been used to make two
   readers see two requests. */
static bool read_field(struct cursor line, struct field *field)
{
    if (!take_word(&line, ':', &field->name, &field->name_size) || field->name_size == 0)
        return false;
    for (size_t i = 0; i < field->name_size; i++)
        if (!is_token_char(field->name[i]))
            return false;
    while (line.at < line.end && is_blank(*line.at))
        line.at++;
    while (line.end > line.at && is_blank(line.end[-1]))
        line.end--;
    field->value = line.at;
    field->value_size = (size_t)(line.end - line.at);
    return true;
}

static bool field_is(const struct field *field, const char *name)
{
    return field->name_size == strlen(name) &&
           strncasecmp(field->name, name, field->name_size) == 0;
}

/* localhost or 127.0.0.1, with a port or without. */
static bool host_is_local(const struct field *field)
{
    const char *colon = memchr(field->value, ':', field->value_size);
    size_t size = colon ? (size_t)(colon - field->value) : field->value_size;
    for (size_t i = size + 1; i < field->value_size; i++)
        if (field->value[i] < '0' || field->value[i] > '9')
            return false;
    return is(field->value, size, "127.0.0.1") ||
           (size == strlen("localhost") && strncasecmp(field->value, "localhost", size) == 0);
}

/* A request with a body is not for us. */
static bool take_field(const struct field *field, struct request *request)
{
    if (field_is(field, "Transfer-Encoding"))
        return false;
    if (field_is(field, "Content-Length") && !is(field->value, field->value_size, "0"))
        return false;
    if (field_is(field, "Host")) {
        request->hosts++;
        request->host_is_local = host_is_local(field);
    }
    return true;
}

static bool read_request(struct cursor cursor, struct request *request)
{
    struct cursor line;
    if (!take_line(&cursor, &line) || !read_request_line(line, request))
        return false;
    for (;;) {
        struct field field;
        if (!take_line(&cursor, &line))
            return false;
        if (line.at == line.end)
            return true;
        if (!read_field(line, &field) || !take_field(&field, request))
            return false;
    }
}

unsigned http_judge(const char *bytes, size_t size, bool local, bool *head)
{
    struct request request = {0};
    *head = false;
    if (!memmem(bytes, size, "\r\n\r\n", 4))
        return size >= HTTP_REQUEST_MAX ? HTTP_TOO_LARGE : HTTP_MORE;
    if (!read_request((struct cursor){bytes, bytes + size}, &request))
        return HTTP_BAD_REQUEST;
    if (!request.known_version)
        return HTTP_VERSION;
    if (request.hosts != 1)
        return HTTP_BAD_REQUEST;
    if (local && !request.host_is_local)
        return HTTP_MISDIRECTED;
    if (!request.known_method)
        return HTTP_NOT_ALLOWED;
    if (!request.known_path)
        return HTTP_NOT_FOUND;
    *head = request.head;
    return HTTP_OK;
}

const char *http_phrase(unsigned status)
{
    switch (status) {
    case HTTP_OK:
        return "OK";
    case HTTP_NOT_FOUND:
        return "Not Found";
    case HTTP_NOT_ALLOWED:
        return "Method Not Allowed";
    case HTTP_TIMEOUT:
        return "Request Timeout";
    case HTTP_MISDIRECTED:
        return "Misdirected Request";
    case HTTP_TOO_LARGE:
        return "Request Header Fields Too Large";
    case HTTP_UNAVAILABLE:
        return "Service Unavailable";
    case HTTP_VERSION:
        return "HTTP Version Not Supported";
    default:
        return "Bad Request";
    }
}

size_t http_head(unsigned status, const char *type, size_t body_size, char *out, size_t size)
{
    int length = snprintf(out, size,
                          "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
                          "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
                          status, http_phrase(status), type, body_size,
                          status == HTTP_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
    return length > 0 && (size_t)length < size ? (size_t)length : 0;
}
