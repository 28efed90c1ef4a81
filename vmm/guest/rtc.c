/*
 * Registers of the PC's clock: see rtc.h.
 */
#include "vmm/guest/rtc.h"

enum { SECONDS = 0, MINUTES = 2, HOURS = 4, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9 };
enum { STATUS_A = 10, STATUS_B = 11, STATUS_D = 13 };

#define INDEX_BITS 0x7fu    /* the other one masks the NMI */
#define NOT_BUSY 0x26u      /* a time base of 32 kHz, no update in progress */
#define DECIMAL_24_HOURS 2u /* the form of the values; Linux reads no other */
#define TIME_IS_VALID 0x80u
#define NOTHING 0xffu

void rtc_create(struct rtc *rtc, time_t (*now)(time_t *unused))
{
    tzset();
    *rtc = (struct rtc){.now = now};
}

static int field(const struct tm *at, uint8_t number)
{
    switch (number) {
    case SECONDS:
        return at->tm_sec;
    case MINUTES:
        return at->tm_min;
    case HOURS:
        return at->tm_hour;
    case WEEKDAY:
        return at->tm_wday + 1;
    case DAY:
        return at->tm_mday;
    case MONTH:
        return at->tm_mon + 1;
    case YEAR:
        return at->tm_year % 100;
    default:
        return 0;
    }
}

/* Two digits of four bits. */
static uint8_t decimal(int value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

uint8_t rtc_read(const struct rtc *rtc, unsigned number)
{
    struct tm at = {0};
    if (number == 0)
        return NOTHING;
    switch (rtc->selected) {
    case STATUS_A:
        return NOT_BUSY;
    case STATUS_B:
        return DECIMAL_24_HOURS;
    case STATUS_D:
        return TIME_IS_VALID;
    default:
        break;
    }
    time_t now = rtc->now(NULL);
    return gmtime_r(&now, &at) ? decimal(field(&at, rtc->selected)) : 0;
}

void rtc_write(struct rtc *rtc, unsigned number, uint8_t value)
{
    if (number == 0)
        rtc->selected = value & INDEX_BITS;
}
