/*
 * The PC's clock (MC146818), read-only: the host's time, UTC, in decimal digits. No alarm, no
 * interrupt, no memory. A guest that finds none asks it for a second whether it is busy. The vCPU
 * thread's alone.
 */
#ifndef GUEST_RTC_H
#define GUEST_RTC_H

#include <stdint.h>
#include <time.h>

#define RTC_PORT 0x70u /* which register; its value is at the next port */
#define RTC_PORTS 2u

struct rtc {
    uint8_t selected;
    time_t (*now)(time_t *unused);
};

/* Before the sandbox: the C library looks for time zones once. `now`: as time(2). */
void rtc_create(struct rtc *rtc, time_t (*now)(time_t *unused));

/* The guest reads or writes a port, 0 … RTC_PORTS - 1. */
uint8_t rtc_read(const struct rtc *rtc, unsigned number);
void rtc_write(struct rtc *rtc, unsigned number, uint8_t value);

#endif
