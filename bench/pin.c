/*
 * Pins threads by sched_setaffinity.
 */
#include "bench/pin.h"

#include "base/scope.h"

#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

static cpu_set_t allowed; /* by pin_choose */

static int pin(pid_t thread, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(thread, sizeof set, &set);
}

cloister_status pin_self(int cpu, struct reason *why)
{
    if (pin(0, cpu) != 0)
        return refuse_errno(why, "cannot pin a thread to processor %d", cpu);
    return CLOISTER_OK;
}

/* Has a thread this name, or is any right (NULL)? */
static bool is_named(pid_t pid, pid_t thread, const char *name)
{
    char path[64];
    char found[32] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)pid, (int)thread);
    AUTO_FILE FILE *file = name ? fopen(path, "re") : NULL;
    if (file && fgets(found, sizeof found, file))
        found[strcspn(found, "\n")] = '\0';
    return !name || strcmp(found, name) == 0;
}

static cloister_status pin_threads(pid_t pid, const char *name, int cpu, unsigned *count,
                                   struct reason *why)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return refuse_errno(why, "cannot read %s", path);
    cloister_status status = CLOISTER_OK;
    for (struct dirent *entry = readdir(folder); entry && status == CLOISTER_OK;
         entry = readdir(folder)) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread <= 0 || !is_named(pid, thread, name))
            continue;
        ++*count;
        if (pin(thread, cpu) != 0)
            status = refuse_errno(why, "cannot pin thread %d to processor %d", (int)thread, cpu);
    }
    (void)closedir(folder);
    return status;
}

cloister_status pin_process(pid_t pid, int cpu, struct reason *why)
{
    unsigned count = 0;
    return pin_threads(pid, NULL, cpu, &count, why);
}

cloister_status pin_named(pid_t pid, const char *name, int cpu, struct reason *why)
{
    unsigned count = 0;
    cloister_status status = pin_threads(pid, name, cpu, &count, why);
    if (status == CLOISTER_OK && count == 0)
        return refuse(why, CLOISTER_NOT_FOUND, "process %d has no thread '%s'", (int)pid, name);
    return status;
}

void pin_nowhere(void)
{
    if (CPU_COUNT(&allowed) > 0)
        (void)sched_setaffinity(0, sizeof allowed, &allowed);
}

cloister_status pin_choose(int *first, int *second, struct reason *why)
{
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return refuse_errno(why, "cannot ask which processors may be used");
    *first = -1;
    *second = -1;
    for (int cpu = 0; cpu < CPU_SETSIZE && *second < 0; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &allowed))
            continue;
        if (*first < 0)
            *first = cpu;
        else
            *second = cpu;
    }
    if (*second < 0)
        *second = *first;
    return CLOISTER_OK;
}
