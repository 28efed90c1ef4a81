/*
 * KVM definitions that are younger than Debian 12's kernel headers. Numbers from the kernel's
 * Documentation/virt/kvm/api.rst.
 */
#ifndef VMM_KVM_H
#define VMM_KVM_H

#include <linux/kvm.h>
#include <stdint.h>

struct kvm_guest_memfd {
    uint64_t size;
    uint64_t flags;
    uint64_t reserved[6];
};

struct kvm_memory_region2 {
    uint32_t slot;
    uint32_t flags;
    uint64_t guest_phys_addr;
    uint64_t memory_size;
    uint64_t userspace_addr;
    uint64_t guest_memfd_offset;
    uint32_t guest_memfd;
    uint32_t pad1;
    uint64_t pad2[14];
};

#define KVM_GUEST_MEMFD_CREATE _IOWR(KVMIO, 0xd4, struct kvm_guest_memfd)
#define KVM_MEMORY_REGION2_SET _IOW(KVMIO, 0x49, struct kvm_memory_region2)

#define KVM_GUEST_MEMFD_MMAP (1u << 0)
#define KVM_GUEST_MEMFD_INIT_SHARED (1u << 1)
#define KVM_MEMORY_IN_GUEST_MEMFD (1u << 2)

#endif
