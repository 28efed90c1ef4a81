/*
 * Fixed power registers of ACPI (specification 6.5, 4.8.3): enough for a kernel to switch the
 * machine off. Nothing ever happens here, so there are no events. The vCPU thread's alone.
 */
#ifndef GUEST_POWER_H
#define GUEST_POWER_H

#include <stdbool.h>
#include <stdint.h>

#define POWER_EVENTS_PORT 0x600u  /* status, enable: 16 bits each */
#define POWER_CONTROL_PORT 0x604u /* 16 bits */
#define POWER_EVENTS_SIZE 4u
#define POWER_CONTROL_SIZE 2u
#define POWER_OFF_TYPE 5u /* of sleep; dsdt.asl tells the kernel so */

struct power {
    uint16_t enabled;
};

static inline bool power_has_port(uint16_t port)
{
    return port >= POWER_EVENTS_PORT && port < POWER_CONTROL_PORT + POWER_CONTROL_SIZE;
}

uint32_t power_read(const struct power *power, uint16_t port);
/* false: the guest has switched itself off. */
__attribute__((warn_unused_result)) bool power_write(struct power *power, uint16_t port,
                                                     uint32_t value);

#endif
