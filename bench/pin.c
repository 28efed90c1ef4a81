/*
 * Pins threads by sched_setaffinity.
 */
#include "bench/pin.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

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

cloister_status pin_process(pid_t pid, int cpu, struct reason *why)
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
        if (thread > 0 && pin(thread, cpu) != 0)
            status = refuse_errno(why, "cannot pin thread %d to processor %d", (int)thread, cpu);
    }
    (void)closedir(folder);
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
