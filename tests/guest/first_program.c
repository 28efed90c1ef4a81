/*
 * The only program of a guest under test, its init: does the job that the kernel's command line
 * names behind "--", says on the console what came of it, and ends the guest. Static, no shell: a
 * guest in an emulated machine has no time for one.
 */
#include "abi/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/reboot.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512
#define PATTERN_SECTORS 256
#define PCI_DEVICES "/sys/bus/pci/devices"

static void say(const char *what, bool good)
{
    (void)printf("GUEST %s %s\n", what, good ? "good" : strerror(errno));
}

static bool load(const char *module)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/%s.ko", module);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0;
    if (!good)
        say(path, false);
    (void)close(fd);
    return good;
}

static bool load_all(const char *const *modules)
{
    for (; *modules; modules++)
        if (!load(*modules))
            return false;
    return true;
}

static void mount_all(void)
{
    (void)mkdir("/dev", 0755);
    (void)mkdir("/sys", 0755);
    (void)mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    (void)mount("sysfs", "/sys", "sysfs", 0, NULL);
}

/* Disks: the first has a pattern, to be found, turned round and written back; the second is
   read-only. */

static const char *const disk_modules[] = {
    "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
    "virtio_blk",  NULL};

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / SECTOR);
}

static bool turn_round(int disk)
{
    static uint8_t bytes[PATTERN_SECTORS * SECTOR];
    if (pread(disk, bytes, sizeof bytes, 0) != sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (bytes[i] != pattern(i)) {
            errno = EILSEQ;
            return false;
        }
        bytes[i] = (uint8_t)~bytes[i];
    }
    return pwrite(disk, bytes, sizeof bytes, 0) == sizeof bytes && fsync(disk) == 0;
}

/* Past every buffer of the guest's. */
static bool read_back(void)
{
    uint8_t *bytes = aligned_alloc(4096, PATTERN_SECTORS * SECTOR);
    int disk = open("/dev/vda", O_RDONLY | O_DIRECT | O_CLOEXEC);
    bool good = bytes && disk >= 0 &&
                pread(disk, bytes, PATTERN_SECTORS * SECTOR, 0) == PATTERN_SECTORS * SECTOR;
    for (size_t i = 0; i < PATTERN_SECTORS * SECTOR && good; i++)
        good = bytes[i] == 0xffu - pattern(i);
    return good;
}

static void use_disks(void)
{
    uint64_t size = 0;
    char word[32] = "";
    if (!load_all(disk_modules))
        return;
    int disk = open("/dev/vda", O_RDWR | O_CLOEXEC);
    say("disk", disk >= 0);
    (void)ioctl(disk, BLKGETSIZE64, &size);
    (void)printf("GUEST size %llu\n", (unsigned long long)size);
    say("pattern", turn_round(disk));
    say("read-back", read_back());
    (void)close(disk);
    disk = open("/dev/vdb", O_RDWR | O_CLOEXEC);
    (void)printf("GUEST read-only %s\n",
                 pwrite(disk, word, sizeof word, 0) < 0 ? strerror(errno) : "writable");
    FILE *serial = fopen("/sys/block/vda/serial", "r");
    if (serial && fgets(word, sizeof word, serial))
        (void)printf("GUEST serial %s\n", word);
}

/* The mailbox, through the files of sysfs and stock uio_pci_generic. */

struct mailbox {
    volatile uint32_t *registers;
    volatile uint8_t *memory;
    char folder[64];
    int config;
    int uio;
};

static void *map(const struct mailbox *mailbox, const char *file, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", mailbox->folder, file);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    say(path, bytes != MAP_FAILED);
    return bytes == MAP_FAILED ? NULL : bytes;
}

static bool find_mailbox(struct mailbox *mailbox)
{
    for (unsigned device = 1; device < 16; device++) {
        char path[96];
        uint32_t identity = 0;
        (void)snprintf(mailbox->folder, sizeof mailbox->folder, PCI_DEVICES "/0000:00:%02x.0",
                       device);
        (void)snprintf(path, sizeof path, "%s/config", mailbox->folder);
        mailbox->config = open(path, O_RDWR | O_CLOEXEC);
        if (mailbox->config >= 0 && pread(mailbox->config, &identity, 4, 0) == 4 &&
            identity == (CLO_GUEST_PCI_DEVICE << 16 | CLO_GUEST_PCI_VENDOR))
            return true;
        (void)close(mailbox->config);
    }
    errno = ENODEV;
    return false;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    (void)close(fd);
    return good;
}

static bool bind_uio(struct mailbox *mailbox)
{
    static const char *const modules[] = {"uio", "uio_pci_generic", NULL};
    if (!load_all(modules) ||
        !write_file("/sys/bus/pci/drivers/uio_pci_generic/new_id", "1af4 1110"))
        return false;
    mailbox->uio = open("/dev/uio0", O_RDWR | O_CLOEXEC);
    return mailbox->uio >= 0;
}

/* Lets interrupts through again, as uio_pci_generic's documentation has it. */
static void enable_interrupts(const struct mailbox *mailbox)
{
    uint8_t command = 0;
    (void)!pread(mailbox->config, &command, 1, 5);
    command &= (uint8_t)~4u;
    (void)!pwrite(mailbox->config, &command, 1, 5);
}

static bool wait_interrupt(const struct mailbox *mailbox, int milliseconds)
{
    uint32_t count;
    struct pollfd poller = {.fd = mailbox->uio, .events = POLLIN};
    return poll(&poller, 1, milliseconds) == 1 && read(mailbox->uio, &count, 4) == 4;
}

/* Rings each doorbell; the peer answers each with a count and an interrupt. */
static void use_mailbox(void)
{
    struct mailbox mailbox = {0};
    if (!find_mailbox(&mailbox)) {
        say("mailbox", false);
        return;
    }
    say("uio", bind_uio(&mailbox));
    mailbox.registers = map(&mailbox, "resource0", 4096);
    mailbox.memory = map(&mailbox, "resource2", CLO_GUEST_SIZE_MIN);
    if (!mailbox.registers || !mailbox.memory)
        return;
    const volatile struct clo_guest_header *header = (const volatile void *)mailbox.memory;
    (void)printf("GUEST magic %d id %u\n", header->magic == CLO_GUEST_MAGIC,
                 mailbox.registers[CLO_GUEST_POSITION / 4]);
    mailbox.memory[CLO_GUEST_CHANNELS_OFFSET] = 0x5a;
    mailbox.registers[CLO_GUEST_INTERRUPT_MASK / 4] = 1;
    for (uint32_t vector = 0; vector < CLO_GUEST_VECTORS; vector++) {
        enable_interrupts(&mailbox);
        mailbox.registers[CLO_GUEST_DOORBELL / 4] = vector;
        bool woken = wait_interrupt(&mailbox, 20000);
        uint32_t status = mailbox.registers[CLO_GUEST_INTERRUPT_STATUS / 4];
        (void)printf("GUEST vector %u woken %d status %u again %u\n", vector, woken, status,
                     mailbox.registers[CLO_GUEST_INTERRUPT_STATUS / 4]);
    }
    enable_interrupts(&mailbox);
    (void)printf("GUEST spurious %d\n", wait_interrupt(&mailbox, 200));
    mailbox.registers[CLO_GUEST_DOORBELL / 4] = 7u << 16; /* nobody has number 7 */
    mailbox.registers[CLO_GUEST_DOORBELL / 4] = CLO_GUEST_VECTORS;
    (void)printf("GUEST mailbox done\n");
}

/* Writes everything that a device of the VMM could take, at random. */

static uint32_t next_random(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static void poke_pci(void)
{
    static const uint32_t values[] = {0, ~0u, 0xfee00000u, 0x100000u, 0xe0000000u, 7};
    for (unsigned i = 0; i < 3000; i++) {
        uint32_t value = i & 1 ? next_random() : values[next_random() % 6];
        outl(0x80000000u | (next_random() & 0xf) << 11 | (next_random() & 0xfc), 0xcf8);
        (void)inl(0xcfc);
        if (i & 2)
            outl(value, 0xcfc);
        else
            outw((uint16_t)value, (uint16_t)(0xcfc + (next_random() & 2)));
    }
}

/* All ports but those that end the guest, the PICs' and the timer's. */
static void poke_ports(void)
{
    for (uint32_t port = 0xf0; port < 0x10000; port++) {
        if (port == 0xcf9 || (port >= 0x4d0 && port <= 0x4d1) || (port >= 0x3f8 && port < 0x400))
            continue;
        (void)inb((uint16_t)port);
        outb((uint8_t)next_random(), (uint16_t)port);
    }
}

static void poke(void)
{
    say("iopl", iopl(3) == 0);
    poke_ports();
    poke_pci();
    for (uint16_t port = 0x3f9; port < 0x400; port++)
        (void)inb(port);
    (void)printf("GUEST poked\n");
}

/* What a key of the VMM's terminal is when it arrives here. */
static void read_key(void)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &raw) != 0)
        return;
    cfmakeraw(&raw);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    (void)printf("GUEST waits for a key\n");
    (void)printf("GUEST key %d\n", getchar());
}

static void wait_for_ever(void)
{
    for (;;)
        (void)pause();
}

int main(int argc, char **argv)
{
    struct timespec up = {0};
    /* Words that the kernel does not know come before those behind "--". */
    const char *job = argv[argc - 1];
    (void)clock_gettime(CLOCK_MONOTONIC, &up);
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    (void)printf("GUEST init %lld.%02ld\n", (long long)up.tv_sec, up.tv_nsec / 10000000);
    mount_all();
    if (strcmp(job, "disks") == 0)
        use_disks();
    else if (strcmp(job, "mailbox") == 0)
        use_mailbox();
    else if (strcmp(job, "poke") == 0)
        poke();
    else if (strcmp(job, "power-off") == 0)
        (void)reboot(RB_POWER_OFF);
    else if (strcmp(job, "halt") == 0)
        (void)reboot((int)RB_HALT_SYSTEM);
    else if (strcmp(job, "echo") == 0) {
        char line[64];
        if (fgets(line, sizeof line, stdin))
            (void)printf("GUEST heard %s", line);
    } else if (strcmp(job, "keys") == 0) {
        read_key();
        wait_for_ever();
    } else if (strcmp(job, "wait") == 0) {
        wait_for_ever();
    }
    (void)reboot(RB_AUTOBOOT);
    return 1;
}
