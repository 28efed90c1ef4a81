/*
 * ioctl by way of a counter.
 */
#include "bench/ioctl_count.h"

#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>

static __thread struct ioctl_count made;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    made.all++;
    made.runs += request == KVM_RUN;
    return __real_ioctl(fd, request, argument);
}

struct ioctl_count ioctl_count(void)
{
    return made;
}
