/*
 * Shuts the world host's threads in. The lists of system calls are in vmm/filters/main.c; the build
 * makes filters of them, so that this process holds no compiler of filters.
 */
#include "vmm/sandbox.h"

#include "vmm/filters/world_variables.h"

#include "base/scope.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world_filters.h"

#ifndef CLOISTER_SANITIZED /* their reports read the program's symbols */
static bool allow(int rules, int folder, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = folder};
    return folder < 0 ||
           syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}
#endif

/* A list cannot look at a path: /proc/../etc is one, and an absolute one makes nothing of the
   folder that it is given with. */
static bool forbid_other_files(int processes, const struct sandbox_files *files)
{
#ifdef CLOISTER_SANITIZED
    (void)processes, (void)files;
    return true;
#else
    struct landlock_ruleset_attr all = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR};
    AUTO_FD int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    return rules >= 0 && allow(rules, processes, LANDLOCK_ACCESS_FS_READ_FILE) &&
           allow(rules, files->folder, LANDLOCK_ACCESS_FS_REMOVE_FILE) &&
           allow(rules, files->guest_folder, LANDLOCK_ACCESS_FS_REMOVE_FILE) &&
           syscall(SYS_landlock_restrict_self, rules, 0) == 0;
#endif
}

int sandbox_open_processes(const struct sandbox_files *files)
{
    AUTO_FD int processes = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (processes < 0 || !forbid_other_files(processes, files))
        return -1;
    return take_fd(&processes);
}

static cloister_status enter_main(const struct sandbox_files *files,
                                  const struct filter_variable *pid, struct reason *why)
{
    int guest_folder = files->guest_folder < 0 ? files->folder : files->guest_folder;
    const struct filter_variable variables[] = {*pid,
                                                {WORLD_FOLDER, (uint32_t)files->folder},
                                                {WORLD_GUEST_FOLDER, (uint32_t)guest_folder},
                                                {WORLD_PROCESSES, (uint32_t)files->processes}};
    if (files->folder < 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the sandbox needs the runtime folder");
    if (files->processes < 0)
        return filter_load(filter_main_without_files, ARRAY_SIZE(filter_main_without_files),
                           variables, 3, why);
    return filter_load(filter_main, ARRAY_SIZE(filter_main), variables, 4, why);
}

cloister_status sandbox_enter(enum sandbox_kind kind, const struct sandbox_files *files,
                              struct reason *why)
{
    const struct filter_variable pid = {WORLD_PID, (uint32_t)getpid()};
    switch (kind) {
    case SANDBOX_MAIN:
        return enter_main(files, &pid, why);
    case SANDBOX_HEART:
        return filter_load(filter_heart, ARRAY_SIZE(filter_heart), &pid, 1, why);
    case SANDBOX_EXEC:
        return filter_load(filter_exec, ARRAY_SIZE(filter_exec), &pid, 1, why);
    default:
        return filter_load(filter_vcpu, ARRAY_SIZE(filter_vcpu), &pid, 1, why);
    }
}

cloister_status sandbox_prepare(struct reason *why)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return refuse_errno(why, "cannot forbid core files");
#ifndef CLOISTER_SANITIZED /* the leak checker traces its own process */
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return refuse_errno(why, "cannot make the process not dumpable");
#endif
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse_errno(why, "cannot give up new privileges");
    return CLOISTER_OK;
}
