/*
 * Signals: handlers and masks are accepted and nothing is ever delivered. A program that signals
 * itself (abort, raise) ends as if the signal had ended it.
 */
#include "personality.h"

#include <linux/errno.h>
#include <string.h>

#define KERNEL_SIGACTION_SIZE 32u
#define SIGNALS_MAX 64u
#define ENDED_BY_SIGNAL 128u /* as shells report it */

int64_t signal_action(const uint64_t argument[6])
{
    if (argument[0] == 0 || argument[0] > SIGNALS_MAX)
        return -EINVAL;
    if (argument[2] != 0)
        memset(personality_pointer(argument[2]), 0, KERNEL_SIGACTION_SIZE);
    return 0;
}

int64_t signal_mask(const uint64_t argument[6])
{
    if (argument[3] != sizeof(uint64_t))
        return -EINVAL;
    if (argument[2] != 0)
        memset(personality_pointer(argument[2]), 0, sizeof(uint64_t));
    return 0;
}

static int64_t send(uint64_t signal)
{
    if (signal > SIGNALS_MAX)
        return -EINVAL;
    if (signal == 0)
        return 0;
    personality_end(ENDED_BY_SIGNAL + (uint32_t)signal);
}

int64_t signal_kill(const uint64_t argument[6])
{
    int32_t target = (int32_t)argument[0];
    if (target > 1 || target < -1)
        return -ESRCH;
    return send(argument[1]);
}

int64_t signal_tkill(const uint64_t argument[6])
{
    uint32_t thread = (uint32_t)argument[0] - 1;
    if (thread >= personality_boot()->threads)
        return -ESRCH;
    return send(argument[1]);
}

int64_t signal_tgkill(const uint64_t argument[6])
{
    if ((int32_t)argument[0] != 1)
        return -ESRCH;
    return signal_tkill(&argument[1]);
}
