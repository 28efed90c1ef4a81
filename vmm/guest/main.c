/*
 * The guest VMM: boots one Linux kernel on KVM. A process of its own, apart from every world host:
 * a hole in a device here reaches this guest and nothing else. Order: read everything, make the
 * machine and its devices, meet the world, shut ourselves in, run.
 */
#include "vmm/guest/attendant.h"
#include "vmm/guest/boot.h"
#include "vmm/guest/guest_sandbox.h"
#include "vmm/guest/mailbox_wires.h"
#include "vmm/guest/virtio_block.h"

#include "base/exit_status.h"
#include "base/log.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FIRST_DISK_NUMBER (MAILBOX_NUMBER + 1u)

/* All of a guest; too large for a stack, and there is one. */
static struct guest {
    struct guest_options options;
    struct boot boot;
    struct guest_memory memory;
    struct guest_machine machine;
    struct serial serial;
    struct pci pci;
    struct bus bus;
    struct rtc rtc;
    struct power power;
    struct virtio_block disk[OPTIONS_DISKS_MAX];
    struct mailbox_link link;
    struct mailbox_wires wires;
    struct mailbox_device mailbox;
    struct guest_run run;
} guest;

static cloister_status prepare_process(struct reason *why)
{
    cloister_status status = guest_sandbox_prepare(why);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && status == CLOISTER_OK; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            status = refuse_errno(why, "cannot open /dev/null in place of descriptor %d", fd);
    /* Nothing that happened to be open in whoever started us stays open beside a guest. */
    if (status == CLOISTER_OK && close_range(STDERR_FILENO + 1, ~0u, 0) != 0)
        status = refuse_errno(why, "cannot close the descriptors that were left open");
    return status;
}

static struct interrupt_line line(unsigned irq, unsigned source)
{
    return (struct interrupt_line){
        .set = guest_machine_set_irq, .controller = &guest.machine, .line = irq, .source = source};
}

/* Device numbers and lines as dsdt.asl has them. */
static cloister_status add_disks(struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < guest.options.disk_count && status == CLOISTER_OK; i++) {
        unsigned irq = i % 2 == 0 ? 11 : 5;
        status = virtio_block_create(&guest.disk[i], &guest.options.disk[i], &guest.memory,
                                     line(irq, i), why);
        if (status == CLOISTER_OK &&
            !pci_add(&guest.pci, FIRST_DISK_NUMBER + i, &guest.disk[i].pci.function))
            status = refuse(why, CLOISTER_TOO_BIG, "no room for another disk");
    }
    return status;
}

static cloister_status add_mailbox(struct reason *why)
{
    int socket;
    if (!guest.options.world)
        return CLOISTER_OK;
    cloister_status status = mailbox_link_connect(guest.options.world, &socket, why);
    if (status == CLOISTER_OK)
        status = mailbox_link_open(socket, &guest.boot.measured, &guest.link, why);
    if (status == CLOISTER_OK)
        status = mailbox_wires_create(&guest.wires, &guest.machine, &guest.link, why);
    if (status == CLOISTER_OK)
        status = mailbox_device_create(&guest.mailbox, &mailbox_wires_operations, &guest.wires,
                                       (const struct clo_guest_header *)guest.link.bytes,
                                       guest.link.size, guest.link.id, why);
    if (status != CLOISTER_OK)
        return status;
    guest.wires.resample = guest.mailbox.resample;
    guest.run.mailbox = &guest.mailbox;
    guest.run.link = &guest.link;
    return pci_add(&guest.pci, MAILBOX_NUMBER, &guest.mailbox.function)
               ? CLOISTER_OK
               : refuse(why, CLOISTER_TOO_BIG, "no room for the mailbox");
}

static cloister_status add_devices(struct reason *why)
{
    uint64_t above = guest.memory.size - guest.memory.low;
    serial_create(&guest.serial, line(SERIAL_IRQ, 0), console_out, NULL);
    pci_create(&guest.pci, GUEST_MEMORY_ABOVE + above, GUEST_MEMORY_DEVICES);
    rtc_create(&guest.rtc, time);
    guest.bus = (struct bus){
        .serial = &guest.serial, .pci = &guest.pci, .rtc = &guest.rtc, .power = &guest.power};
    /* The mailbox last: the world is told what boots when nothing else can be refused. */
    cloister_status status = add_disks(why);
    return status == CLOISTER_OK ? add_mailbox(why) : status;
}

static cloister_status run(struct reason *why)
{
    cloister_status status = boot_prepare(&guest.options, &guest.memory, &guest.boot, why);
    if (status == CLOISTER_OK)
        status = guest_machine_create(&guest.machine, &guest.memory, why);
    if (status == CLOISTER_OK)
        status = vcpu_prepare(&guest.machine, guest.boot.entry, why);
    if (status == CLOISTER_OK)
        status = add_devices(why);
    guest.run.machine = &guest.machine;
    guest.run.bus = &guest.bus;
    guest.run.serial = &guest.serial;
    if (status == CLOISTER_OK)
        status = attendant_prepare(&guest.run, why);
    if (status != CLOISTER_OK)
        return status;
    guest_sandbox_forbid_files();
    memory_trim();
    return attendant_run(&guest.run, why);
}

int main(int argc, char **argv)
{
    struct reason why = {0};
    log_start("cloister-guest", LOG_LEVEL_INFO);
    memory_be_small();
    if (guest_options_parse(argc, argv, &guest.options, &why) != CLOISTER_OK) {
        bool value = guest.options.bad_value;
        log_error("%s%s", why.text, value ? "" : "; see 'cloister guest run --help'");
        return value ? EXIT_BAD_INPUT : EXIT_USAGE;
    }
    if (guest.options.help)
        return fputs(guest_options_help, stdout) < 0 ? EXIT_IO : EXIT_OK;
    cloister_status status = prepare_process(&why);
    if (status == CLOISTER_OK)
        status = guest_memory_create(&guest.memory, guest.options.memory, &why);
    if (status == CLOISTER_OK)
        status = run(&why);
    if (status != CLOISTER_OK)
        log_error("%s", why.text[0] ? why.text : cloister_status_text(status));
    /* Everything goes with the process, the vCPU thread too, wherever it is. */
    _exit(exit_status_of(status));
}
