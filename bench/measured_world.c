/*
 * Starts `cloister world run` as a child that dies with us.
 */
#include "bench/measured_world.h"

#include "bench/clock.h"
#include "bench/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_STEP_US 2000u
#define READY_STEPS 5000u
#define ARGUMENTS_MAX 16

cloister_status measured_world_path(const char *name, char *path, size_t size, struct reason *why)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return refuse_errno(why, "cannot find this program");
    self[length] = '\0';
    /* BUILD/libexec/cloister-bench */
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(self, '/');
        if (!slash)
            return refuse(why, CLOISTER_NOT_FOUND, "%s is not in a build folder", self);
        *slash = '\0';
    }
    if (snprintf(path, size, "%s/%s", self, name) >= (int)size)
        return refuse(why, CLOISTER_TOO_BIG, "path %s/%s is too long", self, name);
    if (access(path, R_OK) != 0)
        return refuse_errno(why, "%s", path);
    return CLOISTER_OK;
}

/* Runs in the child. The log of a world that starts well interests nobody. */
_Noreturn static void become(char *const arguments[], pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    int nowhere = open("/dev/null", O_RDWR);
    if (getppid() != parent || nowhere < 0)
        _exit(127);
    (void)dup2(nowhere, STDIN_FILENO);
    (void)dup2(nowhere, STDOUT_FILENO);
    (void)execv(arguments[0], arguments);
    _exit(127);
}

static cloister_status spawn(char *const arguments[], pid_t *child, struct reason *why)
{
    pid_t parent = getpid();
    *child = fork();
    if (*child < 0)
        return refuse_errno(why, "cannot start %s", arguments[0]);
    if (*child == 0)
        become(arguments, parent);
    return CLOISTER_OK;
}

static cloister_status make_keys(char *command, struct reason *why)
{
    char *arguments[] = {command, "key", "init", NULL};
    pid_t child;
    int status = 0;
    cloister_status result = spawn(arguments, &child, why);
    if (result != CLOISTER_OK)
        return result;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        return refuse(why, CLOISTER_IO, "%s key init failed", command);
    return CLOISTER_OK;
}

static cloister_status make_folders(struct measured_world *live, struct reason *why)
{
    char path[PATH_MAX];
    (void)snprintf(live->folder, sizeof live->folder, "/tmp/cloister-bench.XXXXXX");
    if (!mkdtemp(live->folder)) {
        live->folder[0] = '\0';
        return refuse_errno(why, "cannot make a folder in /tmp");
    }
    (void)snprintf(path, sizeof path, "%s/run", live->folder);
    (void)setenv("CLOISTER_RUNTIME", path, 1);
    (void)snprintf(path, sizeof path, "%s/state", live->folder);
    (void)setenv("CLOISTER_STATE", path, 1);
    return CLOISTER_OK;
}

static cloister_status launch(struct measured_world *live, char *command, char *module, char *spin,
                              struct reason *why)
{
    char *arguments[ARGUMENTS_MAX] = {command,   "world",    "run",  MEASURED_WORLD_NAME,
                                      "--debug", "--module", module, "--spin",
                                      spin,      NULL};
    return spawn(arguments, &live->run, why);
}

static cloister_status wait_until_it_serves(struct measured_world *live, struct reason *why)
{
    struct clo_world_info info;
    for (unsigned i = 0; i < READY_STEPS; i++) {
        if (waitpid(live->run, NULL, WNOHANG) == live->run) {
            live->run = 0;
            return refuse(why, CLOISTER_DEAD, "the world to measure did not start");
        }
        if (!live->world && cloister_world_open(MEASURED_WORLD_NAME, &live->world) != CLOISTER_OK)
            live->world = NULL;
        if (live->world && cloister_world_info(live->world, &info) == CLOISTER_OK &&
            info.state == CLO_WORLD_SERVING) {
            live->host = (pid_t)info.pid;
            return CLOISTER_OK;
        }
        clock_sleep_us(READY_STEP_US);
    }
    return refuse(why, CLOISTER_TIMEOUT, "the world to measure did not get ready");
}

cloister_status measured_world_start(struct measured_world *live, const char *module,
                                     unsigned spin_us, int cpu, struct reason *why)
{
    char command[PATH_MAX];
    char path[PATH_MAX];
    char name[64];
    char spin[16];
    *live = (struct measured_world){.run = 0};
    (void)snprintf(name, sizeof name, "modules/%s.mod", module);
    (void)snprintf(spin, sizeof spin, "%u", spin_us);
    cloister_status status = measured_world_path("cloister", command, sizeof command, why);
    if (status == CLOISTER_OK)
        status = measured_world_path(name, path, sizeof path, why);
    if (status == CLOISTER_OK)
        status = make_folders(live, why);
    if (status == CLOISTER_OK)
        status = make_keys(command, why);
    if (status == CLOISTER_OK)
        status = launch(live, command, path, spin, why);
    if (status == CLOISTER_OK)
        status = wait_until_it_serves(live, why);
    if (status == CLOISTER_OK)
        status = pin_process(live->host, cpu, why);
    return status;
}

cloister_status measured_world_session(const struct measured_world *live, const char *module,
                                       size_t arena_size, cloister_session **session,
                                       struct reason *why)
{
    cloister_status status = cloister_session_open(live->world, module, arena_size, session);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot open a session to %s: %s", module,
                      cloister_status_text(status));
    return CLOISTER_OK;
}

/* Removes the folder by name: what is in it is ours. */
static void remove_folder(const char *folder)
{
    char *arguments[] = {"/bin/rm", "-rf", (char *)folder, NULL};
    struct reason why;
    pid_t child;
    if (spawn(arguments, &child, &why) == CLOISTER_OK)
        (void)waitpid(child, NULL, 0);
}

void measured_world_stop(struct measured_world *live)
{
    cloister_world_close(live->world);
    if (live->run > 0) {
        (void)kill(live->run, SIGTERM);
        while (waitpid(live->run, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (live->folder[0])
        remove_folder(live->folder);
    *live = (struct measured_world){.run = 0};
}
