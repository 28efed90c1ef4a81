/*
 * Shuts the guest VMM's threads in. The lists are in vmm/guest/filters/main.c.
 */
#include "vmm/guest/guest_sandbox.h"

#include "vmm/guest/filters/guest_variables.h"

#include "base/scope.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest_filters.h"

cloister_status guest_sandbox_prepare(struct reason *why)
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

void guest_sandbox_forbid_files(void)
{
#ifndef CLOISTER_SANITIZED /* their reports read the program's symbols */
    const struct landlock_ruleset_attr all = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
    AUTO_FD int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (rules >= 0)
        (void)syscall(SYS_landlock_restrict_self, rules, 0);
#endif
}

cloister_status guest_sandbox_enter(enum guest_sandbox_kind kind, struct reason *why)
{
    const struct filter_variable pid = {GUEST_PID, (uint32_t)getpid()};
    if (kind == GUEST_SANDBOX_VCPU)
        return filter_load(filter_guest_vcpu, ARRAY_SIZE(filter_guest_vcpu), NULL, 0, why);
    return filter_load(filter_guest_attendant, ARRAY_SIZE(filter_guest_attendant), &pid, 1, why);
}
