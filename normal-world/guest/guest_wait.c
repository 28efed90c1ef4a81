/*
 * Naps, and sleep until an interrupt through uio_pci_generic. That driver masks the interrupt at
 * the device (DisINTx in the command register) whenever one comes; who is about to sleep unmasks.
 */
#include "normal-world/guest/guest_wait.h"

#include "abi/guest.h"
#include "base/scope.h"
#include "normal-world/client/shared_word.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>

/* Upper byte of the command register, and DisINTx in it. */
#define COMMAND_HIGH 5
#define COMMAND_HIGH_MASK_INTERRUPT 4u

/* Another process that wakes up may clear an interrupt that was ours before the kernel has looked
   who it is for. It is rare; the wait is then as long as this. */
#define SLEEP_MAX_US 20000u

uint64_t guest_wait_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct timespec in_us(uint64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / 1000000),
                             .tv_nsec = (long)(us % 1000000 * 1000)};
}

void guest_wait_nap(uint64_t us)
{
    const struct timespec time = in_us(us);
    (void)nanosleep(&time, NULL);
}

/* The name of the uio device that the PCI device is bound to; false: it is not. */
static bool find_uio(const struct sysfs_places *places, const char *address, char *name,
                     size_t size)
{
    char path[PATH_MAX];
    bool found = false;
    int length = snprintf(path, sizeof path, "%s/%s/uio", places->devices, address);
    DIR *folder = length > 0 && length < PATH_MAX ? opendir(path) : NULL;
    if (!folder)
        return false;
    for (struct dirent *entry = readdir(folder); entry && !found; entry = readdir(folder)) {
        size_t bytes = strlen(entry->d_name);
        if (strncmp(entry->d_name, "uio", 3) != 0 || bytes >= size)
            continue;
        memcpy(name, entry->d_name, bytes + 1);
        found = true;
    }
    (void)closedir(folder);
    return found;
}

static int open_in(const char *folder, const char *device, const char *file, int flags)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s%s", folder, device, file);
    return length > 0 && length < PATH_MAX ? open(path, flags | O_CLOEXEC) : -1;
}

/* A device without an interrupt may be bound all the same: reading fails then. */
static bool has_interrupt(int uio)
{
    uint32_t count;
    return read(uio, &count, sizeof count) >= 0 || errno == EAGAIN;
}

void guest_wait_open(const struct sysfs_places *places, const char *address,
                     volatile uint32_t *registers, struct guest_wait *wait)
{
    char name[32];
    uint8_t command;
    *wait = (struct guest_wait){.uio = -1, .config = -1};
    if (!find_uio(places, address, name, sizeof name))
        return;
    AUTO_FD int uio = open_in(places->nodes, name, "", O_RDWR | O_NONBLOCK);
    AUTO_FD int config = open_in(places->devices, address, "/config", O_RDWR);
    if (uio < 0 || config < 0 || !has_interrupt(uio) ||
        pread(config, &command, 1, COMMAND_HIGH) != 1)
        return;
    registers[CLO_GUEST_INTERRUPT_MASK / sizeof(uint32_t)] = 1;
    *wait = (struct guest_wait){
        .uio = take_fd(&uio),
        .config = take_fd(&config),
        .command = command & (uint8_t)~COMMAND_HIGH_MASK_INTERRUPT,
        .registers = registers,
    };
}

void guest_wait_close(struct guest_wait *wait)
{
    if (wait->uio >= 0)
        (void)close(wait->uio);
    if (wait->config >= 0)
        (void)close(wait->config);
}

/* First the interrupt is withdrawn and unmasked, then comes the last look: what happens after it
   makes a new one. */
void guest_wait_sleep(const struct guest_wait *wait, const uint32_t *word, uint32_t value,
                      uint64_t timeout_us)
{
    const struct timespec timeout = in_us(timeout_us < SLEEP_MAX_US ? timeout_us : SLEEP_MAX_US);
    struct pollfd poller = {.fd = wait->uio, .events = POLLIN};
    uint32_t count;
    (void)wait->registers[CLO_GUEST_INTERRUPT_STATUS / sizeof(uint32_t)];
    if (pwrite(wait->config, &wait->command, 1, COMMAND_HIGH) != 1)
        return;
    if (shared_read(word) != value)
        return;
    if (ppoll(&poller, 1, &timeout, NULL) > 0)
        (void)!read(wait->uio, &count, sizeof count);
}
