/*
 * Opens /dev/kvm once to see whether it can be used, and says what to do if not.
 */
#include "tools/kvm_device.h"

#include "base/scope.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

static cloister_status check_version(int fd, struct reason *why)
{
    int version = ioctl(fd, KVM_GET_API_VERSION, 0);
    if (version < 0)
        return refuse(why, CLOISTER_UNSUPPORTED, "/dev/kvm is not the device of KVM");
    if (version != KVM_API_VERSION)
        return refuse(why, CLOISTER_UNSUPPORTED, "/dev/kvm speaks version %d; it must be %d",
                      version, KVM_API_VERSION);
    return CLOISTER_OK;
}

cloister_status kvm_device_check(struct reason *why)
{
    AUTO_FD int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        return check_version(fd, why);
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
