/*
 * Is there a /dev/kvm that we may use?
 */
#ifndef TOOLS_KVM_DEVICE_H
#define TOOLS_KVM_DEVICE_H

#include "base/reason.h"

/* UNSUPPORTED: there is none; DENIED: not for us; IO. The reason says what to do about it. */
CLOISTER_MUST_USE cloister_status kvm_device_check(struct reason *why);

#endif
