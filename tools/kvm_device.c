/*
 * Opens /dev/kvm once to see whether it can be used, and says what to do if not.
 */
#include "tools/kvm_device.h"

#include "base/scope.h"

#include <fcntl.h>

cloister_status kvm_device_check(struct reason *why)
{
    AUTO_FD int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        return CLOISTER_OK;
    switch (errno) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
        return refuse(why, CLOISTER_UNSUPPORTED,
                      "there is no usable /dev/kvm; load kvm_intel or kvm_amd, switch "
                      "virtualization on in the firmware, or in a guest ask for nested "
                      "virtualization");
    case EACCES:
    case EPERM:
        return refuse(why, CLOISTER_DENIED,
                      "/dev/kvm is not for this user; join its group (usually 'kvm') or run as "
                      "root");
    default:
        return refuse_errno(why, "cannot open /dev/kvm");
    }
}
