/*
 * Tables of fixed hardware, and dsdt.asl as the build compiled it.
 */
#include "vmm/guest/acpi_tables.h"

#include "vmm/guest/power.h"

#include <string.h>

#define ROOT ACPI_TABLES
#define LIST (ACPI_TABLES + 0x40u)
#define FIRMWARE (ACPI_TABLES + 0x80u)
#define CONTROLLERS (ACPI_TABLES + 0x100u)
#define HARDWARE (ACPI_TABLES + 0x200u)
#define DEVICES (ACPI_TABLES + 0x400u)

#define OEM "CLOIST"
#define LOCAL_APIC 0xfee00000u
#define POWER_IRQ 9u
#define ROOT_REVISION_1 20u /* bytes that its first checksum is of */

struct table_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem[6];
    char oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
} __attribute__((packed));

#define HEADER(name, number, type)                                                                 \
    {                                                                                              \
        .signature = name, .length = sizeof(type), .revision = (number), .oem = OEM,               \
        .oem_table = "GUEST", .oem_revision = 1, .creator = "CLOI"                                 \
    }

/* 5.2.5.3 */
struct root_pointer {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));

/* 5.2.8 */
struct list {
    struct table_header header;
    uint64_t table[2];
} __attribute__((packed));

/* 5.2.10: nothing of it is used, but kernels miss it. */
struct firmware {
    char signature[4];
    uint32_t length;
    uint8_t unused[24];
    uint8_t version;
    uint8_t unused_too[31];
} __attribute__((packed));

/* 5.2.12 */
struct controllers {
    struct table_header header;
    uint32_t local_apic;
    uint32_t flags;
    struct {
        uint8_t type, length, processor, apic;
        uint32_t flags;
    } processor __attribute__((packed));
} __attribute__((packed));

/* 5.2.3.2 */
struct register_address {
    uint8_t space, bits, offset, access;
    uint64_t address;
} __attribute__((packed));

/* 5.2.9, up to what revision 3 has */
struct hardware {
    struct table_header header;
    uint32_t firmware, dsdt;
    uint8_t model, profile;
    uint16_t sci;
    uint8_t management[8];
    uint32_t event_a, event_b, control_a, control_b;
    uint32_t other_blocks[4];
    uint8_t event_size, control_size;
    uint8_t other_sizes[6];
    uint16_t latency_2, latency_3;
    uint8_t caches_and_duty[6];
    uint8_t day_alarm, month_alarm, century;
    uint16_t boot_flags;
    uint8_t reserved;
    uint32_t flags;
    struct register_address reset;
    uint8_t reset_value;
    uint8_t arm_and_minor[3];
    uint64_t firmware_64, dsdt_64;
    struct register_address block[8];
} __attribute__((packed));

enum { PC_WITH_PICS = 1, PROCESSOR_ENABLED = 1 };
enum { HAS_ISA = 1, NO_DISPLAY = 1 << 2, NO_MSI = 1 << 3, NO_ASPM = 1 << 4 };
enum {
    CACHES_WRITTEN_BACK = 1,
    HALTS = 1 << 2,
    NO_POWER_BUTTON = 1 << 4,
    NO_SLEEP_BUTTON = 1 << 5,
    NO_CLOCK_WAKE = 1 << 6,
};
#define NEVER 0xfffu /* a latency that is too long to use the state */

static const struct root_pointer root_pointer = {.signature = "RSD PTR ",
                                                 .oem = OEM,
                                                 .revision = 2,
                                                 .length = sizeof root_pointer,
                                                 .xsdt = LIST};
static const struct list list = {.header = HEADER("XSDT", 1, struct list),
                                 .table = {HARDWARE, CONTROLLERS}};
static const struct firmware firmware = {
    .signature = "FACS", .length = sizeof firmware, .version = 2};
static const struct controllers controllers = {
    .header = HEADER("APIC", 4, struct controllers),
    .local_apic = LOCAL_APIC,
    .flags = PC_WITH_PICS,
    .processor = {.length = sizeof controllers.processor, .flags = PROCESSOR_ENABLED}};
static const struct hardware hardware = {.header = HEADER("FACP", 3, struct hardware),
                                         .firmware = FIRMWARE,
                                         .dsdt = DEVICES,
                                         .sci = POWER_IRQ,
                                         .event_a = POWER_EVENTS_PORT,
                                         .control_a = POWER_CONTROL_PORT,
                                         .event_size = POWER_EVENTS_SIZE,
                                         .control_size = POWER_CONTROL_SIZE,
                                         .latency_2 = NEVER,
                                         .latency_3 = NEVER,
                                         .boot_flags = HAS_ISA | NO_DISPLAY | NO_MSI | NO_ASPM,
                                         .flags = CACHES_WRITTEN_BACK | HALTS | NO_POWER_BUTTON |
                                                  NO_SLEEP_BUTTON | NO_CLOCK_WAKE};

extern const uint8_t dsdt_blob[], dsdt_blob_end[];

/* What makes the bytes add up to zero. */
static uint8_t checksum(const void *bytes, size_t size)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
    return (uint8_t)-sum;
}

static bool write_root(const struct guest_memory *memory)
{
    struct root_pointer table = root_pointer;
    table.checksum = checksum(&table, ROOT_REVISION_1);
    table.extended_checksum = checksum(&table, sizeof table);
    return guest_memory_write(memory, ROOT, &table, sizeof table);
}

static bool write_table(const struct guest_memory *memory, uint64_t address,
                        const struct table_header *table)
{
    struct table_header header = *table;
    header.checksum = checksum(table, table->length);
    return guest_memory_write(memory, address, table, table->length) &&
           guest_memory_write(memory, address, &header, sizeof header);
}

bool acpi_tables_write(const struct guest_memory *memory)
{
    return write_root(memory) && write_table(memory, LIST, &list.header) &&
           write_table(memory, CONTROLLERS, &controllers.header) &&
           write_table(memory, HARDWARE, &hardware.header) &&
           guest_memory_write(memory, FIRMWARE, &firmware, sizeof firmware) &&
           guest_memory_write(memory, DEVICES, dsdt_blob, (size_t)(dsdt_blob_end - dsdt_blob));
}
