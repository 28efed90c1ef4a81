/*
 * Parses the guest VMM's command line into a struct. Decides nothing and opens nothing.
 */
#include "vmm/guest/options.h"

#include "vmm/guest/guest_memory.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

const char guest_options_help[] =
    "Usage: cloister guest run --kernel FILE [OPTION...]\n"
    "Boots a Linux kernel in a virtual machine of its own, with its console on standard input and\n"
    "output, and ends with it.\n"
    "\n"
    "  --kernel FILE        bzImage (64-bit boot protocol 2.12) or ELF vmlinux\n"
    "  --initrd FILE        initial file system\n"
    "  --cmdline TEXT       appended to our own: console=ttyS0 panic=-1 reboot=t\n"
    "                       pci=conf1 nosmp noapic ...; with a disk and no\n"
    "                       root= in TEXT, root=/dev/vda too\n"
    "  --mem SIZE           memory (32M to 64G; default 512M)\n"
    "  --disk FILE[,ro]     a raw image as /dev/vda, the next as /dev/vdb, ... (at most 8);\n"
    "                       ',ro': the guest cannot write it\n"
    "  --world SOCKET       guest socket of a world: its modules can be called from inside\n"
    "\n"
    "Ctrl-A x ends the guest; Ctrl-A Ctrl-A is one Ctrl-A.\n"
    "Exit status: 0 the guest rebooted, powered off or was ended; 2 wrong usage; 4 no such file;\n"
    "5 not permitted; 6 no usable /dev/kvm; 7 a file or value is not acceptable (no kernel, say);\n"
    "8 the guest did what KVM cannot run; 10 reading or writing failed.\n";

enum option_code {
    OPTION_POSITIONAL = 1, /* getopt's number for it */
    OPTION_KERNEL = 256,
    OPTION_INITRD,
    OPTION_CMDLINE,
    OPTION_MEM,
    OPTION_DISK,
    OPTION_WORLD,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"kernel", required_argument, NULL, OPTION_KERNEL},
    {"initrd", required_argument, NULL, OPTION_INITRD},
    {"cmdline", required_argument, NULL, OPTION_CMDLINE},
    {"mem", required_argument, NULL, OPTION_MEM},
    {"disk", required_argument, NULL, OPTION_DISK},
    {"world", required_argument, NULL, OPTION_WORLD},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

/* Bits of a size's unit; -1: no unit. */
static int unit_bits(const char *unit)
{
    if (*unit == '\0')
        return 0;
    if (unit[1] != '\0')
        return -1;
    switch (*unit) {
    case 'K':
        return 10;
    case 'M':
        return 20;
    case 'G':
        return 30;
    default:
        return -1;
    }
}

static cloister_status memory_size(const char *text, uint64_t *bytes, struct reason *why)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    int bits = unit_bits(end);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || bits < 0 ||
        number > GUEST_MEMORY_MAX >> bits || number << bits < GUEST_MEMORY_MIN ||
        (number << bits) % PAGE != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--mem is '%.40s'; it must be a size from 32M to 64G in whole pages", text);
    *bytes = number << bits;
    return CLOISTER_OK;
}

static cloister_status take_path(const char *option, const char *kind, const char *text,
                                 const char **path, struct reason *why)
{
    if (*text == '\0')
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%s is empty; it must name a %s", option, kind);
    *path = text;
    return CLOISTER_OK;
}

static cloister_status add_disk(char *text, struct guest_options *options, struct reason *why)
{
    if (options->disk_count == OPTIONS_DISKS_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--disk %.100s is one too many; at most %u are possible", text,
                      OPTIONS_DISKS_MAX);
    struct guest_disk_option *disk = &options->disk[options->disk_count++];
    char *comma = strrchr(text, ',');
    disk->path = text;
    disk->read_only = comma && strcmp(comma, ",ro") == 0;
    if (disk->read_only)
        *comma = '\0';
    if (*text == '\0')
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--disk has no file; FILE or FILE,ro is needed");
    return CLOISTER_OK;
}

static cloister_status option(int code, char *value, struct guest_options *options,
                              struct reason *why)
{
    switch (code) {
    case OPTION_KERNEL:
        return take_path("--kernel", "file", value, &options->kernel, why);
    case OPTION_INITRD:
        return take_path("--initrd", "file", value, &options->initrd, why);
    case OPTION_CMDLINE:
        options->command_line = value;
        return CLOISTER_OK;
    case OPTION_MEM:
        return memory_size(value, &options->memory, why);
    case OPTION_DISK:
        return add_disk(value, options, why);
    case OPTION_WORLD:
        return take_path("--world", "socket", value, &options->world, why);
    case OPTION_HELP:
        options->help = true;
        return CLOISTER_OK;
    default:
        return refuse(why, CLOISTER_BAD_ARGUMENT, "'%.40s' is no option", value);
    }
}

cloister_status guest_options_parse(int argc, char **argv, struct guest_options *options,
                                    struct reason *why)
{
    *options = (struct guest_options){.command_line = "", .memory = OPTIONS_MEMORY_DEFAULT};
    optind = 0;
    opterr = 0;
    int code;
    int at = 1; /* the word that getopt reads: amid several letters optind has not left it */
    while ((code = getopt_long(argc, argv, "-:", long_options, NULL)) != -1) {
        const char *word = argv[at];
        at = optind;
        if (code == ':')
            return refuse(why, CLOISTER_BAD_ARGUMENT, "option %.40s needs a value", word);
        if (code == '?' && optopt == OPTION_HELP)
            return refuse(why, CLOISTER_BAD_ARGUMENT, "option --help takes no value");
        if (code == '?')
            return refuse(why, CLOISTER_BAD_ARGUMENT, "unknown option %.40s", word);
        cloister_status status = option(code, optarg, options, why);
        if (status != CLOISTER_OK) {
            options->bad_value = code != OPTION_POSITIONAL;
            return status;
        }
    }
    if (options->help)
        return CLOISTER_OK;
    if (optind < argc)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "'%.40s' is no option", argv[optind]);
    if (!options->kernel)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--kernel is missing");
    return CLOISTER_OK;
}
