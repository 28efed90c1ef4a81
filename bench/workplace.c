/*
 * Finds the build by this program's own path.
 */
#include "bench/workplace.h"

#include "bench/child.h"

#include "base/scope.h"
#include "vmm/escape.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64]; /* "": none */

/* BUILD of BUILD/libexec/cloister-bench. */
static cloister_status build_folder(char path[PATH_MAX], struct reason *why)
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0)
        return refuse_errno(why, "cannot find this program");
    path[length] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(path, '/');
        if (!slash)
            return refuse(why, CLOISTER_NOT_FOUND, "%s is not in a build folder", path);
        *slash = '\0';
    }
    return CLOISTER_OK;
}

static cloister_status join(const char *name, char *path, size_t size, struct reason *why)
{
    char build[PATH_MAX];
    cloister_status status = build_folder(build, why);
    if (status != CLOISTER_OK)
        return status;
    if (snprintf(path, size, "%s/%s", build, name) >= (int)size)
        return refuse(why, CLOISTER_TOO_BIG, "path %s is too long", name);
    return CLOISTER_OK;
}

cloister_status workplace_built(const char *name, char *path, size_t size, struct reason *why)
{
    cloister_status status = join(name, path, size, why);
    if (status == CLOISTER_OK && access(path, R_OK) != 0)
        return refuse_errno(why, "%s", path);
    return status;
}

cloister_status workplace_result(const char *name, char *path, size_t size, struct reason *why)
{
    char relative[PATH_MAX];
    cloister_status status = join("bench", path, size, why);
    if (status != CLOISTER_OK)
        return status;
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return refuse_errno(why, "cannot make %s", path);
    (void)snprintf(relative, sizeof relative, "bench/%s", name);
    return join(relative, path, size, why);
}

static cloister_status make_keys(struct reason *why)
{
    char command[PATH_MAX];
    char *arguments[] = {command, "key", "init", NULL};
    cloister_status status = workplace_built("cloister", command, sizeof command, why);
    return status == CLOISTER_OK ? child_run(arguments, why) : status;
}

cloister_status workplace_open(struct reason *why)
{
    char path[PATH_MAX];
    if (folder[0])
        return CLOISTER_OK;
    (void)snprintf(folder, sizeof folder, "/tmp/cloister-bench.XXXXXX");
    if (!mkdtemp(folder)) {
        folder[0] = '\0';
        return refuse_errno(why, "cannot make a folder in /tmp");
    }
    workplace_path("run", path, sizeof path);
    (void)setenv("CLOISTER_RUNTIME", path, 1);
    workplace_path("state", path, sizeof path);
    (void)setenv("CLOISTER_STATE", path, 1);
    return make_keys(why);
}

void workplace_path(const char *name, char *path, size_t size)
{
    (void)snprintf(path, size, "%s/%s", folder, name);
}

void workplace_last_line(const char *name, char *line, size_t size)
{
    char path[PATH_MAX];
    char last[256] = "";
    workplace_path(name, path, sizeof path);
    AUTO_FILE FILE *file = fopen(path, "re");
    while (file && fgets(last, sizeof last, file))
        ;
    escape_text((const uint8_t *)last, strlen(last), line, size);
}

/* By rm: what is in it is ours. */
void workplace_close(void)
{
    char *arguments[] = {"/bin/rm", "-rf", folder, NULL};
    struct reason why;
    if (folder[0] && child_run(arguments, &why) == CLOISTER_OK)
        folder[0] = '\0';
}
