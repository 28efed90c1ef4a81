/*
 * Registers of power.h.
 */
#include "vmm/guest/power.h"

#define ENABLE_PORT (POWER_EVENTS_PORT + 2u)
#define ACPI_IS_ON 0x1u /* SCI_EN: there is no other mode */
#define SLEEP 0x2000u
#define SLEEP_TYPE_AT 10u
#define SLEEP_TYPE_MASK 7u

uint32_t power_read(const struct power *power, uint16_t port)
{
    switch (port) {
    case ENABLE_PORT:
        return power->enabled;
    case POWER_CONTROL_PORT:
        return ACPI_IS_ON;
    default:
        return 0;
    }
}

bool power_write(struct power *power, uint16_t port, uint32_t value)
{
    if (port == ENABLE_PORT)
        power->enabled = (uint16_t)value;
    return port != POWER_CONTROL_PORT || !(value & SLEEP) ||
           (value >> SLEEP_TYPE_AT & SLEEP_TYPE_MASK) != POWER_OFF_TYPE;
}
