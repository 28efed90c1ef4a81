/*
 * Makes a report without a world: FOLDER/report.cbor, FOLDER/ca.pem and FOLDER/nonce.hex, from a
 * platform state of its own in FOLDER/state.
 */
#include "../unit/report_fixture.h"

#include "base/bytes.h"
#include "base/file.h"

#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static char folder[PATH_MAX / 2];
static struct reason why;

static void need(cloister_status status)
{
    if (status == CLOISTER_OK)
        return;
    (void)fprintf(stderr, "make_report: %s\n",
                  why.text[0] ? why.text : cloister_status_text(status));
    exit(1);
}

static void write_to(const char *name, const void *bytes, size_t size)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    need(file_write(path, bytes, size, 0644, &why));
}

static void write_ca(const char *state)
{
    uint8_t *pem;
    size_t size;
    need(platform_read_ca(state, &pem, &size, &why));
    write_to("ca.pem", pem, size);
    free(pem);
}

static void write_report(const struct platform *platform)
{
    static struct launch launch;
    static uint8_t report[REPORT_SIZE_MAX];
    struct clo_keeper_report request = {.by_module = 1};
    size_t size;
    char nonce[2 * 32 + 1];
    report_fixture_launch(&launch);
    request.request.nonce_size = 32;
    if (RAND_bytes(request.request.nonce, 32) != 1)
        need(CLOISTER_INTERNAL);
    need(report_make(platform, &launch, 0, &request, (uint64_t)time(NULL), report, &size, &why));
    hex_encode(request.request.nonce, 32, nonce);
    write_to("report.cbor", report, size);
    write_to("nonce.hex", nonce, sizeof nonce - 1);
}

int main(int argc, char **argv)
{
    static struct platform platform;
    char state[PATH_MAX];
    if (argc != 2) {
        (void)fprintf(stderr, "usage: make_report FOLDER\n");
        return 2;
    }
    (void)snprintf(folder, sizeof folder, "%s", argv[1]);
    (void)snprintf(state, sizeof state, "%s/state", folder);
    need(platform_create(state, &why));
    need(platform_load(state, &platform, &why));
    write_ca(state);
    write_report(&platform);
    platform_unload(&platform);
    return 0;
}
