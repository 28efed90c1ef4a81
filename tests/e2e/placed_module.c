/*
 * Puts payload modules into a machine. The payload lies beside the tests of the same build.
 */
#include "tests/e2e/placed_module.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_SIZE 512

static void need(cloister_status status, const struct reason *why)
{
    if (status != CLOISTER_OK)
        fail_msg("%s: %s", cloister_status_name(status), why->text);
}

/* BUILD/tests/e2e/test_X → BUILD/tests/payload/machine.mod */
static void payload_path(char path[PATH_SIZE])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_SIZE - 64);
    assert_in_range(length, 1, PATH_SIZE - 65);
    path[length] = '\0';
    for (unsigned i = 0; i < 2; i++)
        *strrchr(path, '/') = '\0';
    (void)strcat(path, "/payload/machine.mod");
}

static void place(struct placed_machine *placed, unsigned index, char *const *arguments)
{
    struct placed_module *module = &placed->module[index];
    struct placement_options options = {.generation = 1, .arguments = arguments};
    struct reason why = {0};
    need(placement_create(&placed->machine, &placed->runtime, &module->file, &options,
                          &module->placement, &why),
         &why);
    for (unsigned i = 0; i < 2; i++)
        need(vcpu_create(&placed->machine, index * 2 + i, &module->placement, i, &module->vcpu[i],
                         &why),
             &why);
    uint64_t second = CLO_VA_STACK_TOP(1);
    need(vcpu_reset(&module->vcpu[0], module->placement.entry, module->placement.stack, 0, &why),
         &why);
    need(vcpu_reset(&module->vcpu[1], module->placement.entry, second, 1, &why), &why);
}

void placed_machine_start(struct placed_machine *placed, bool no_guest_memfd,
                          char *const *const *command, unsigned modules)
{
    char path[PATH_SIZE];
    struct reason why = {0};
    *placed = (struct placed_machine){.modules = modules};
    payload_path(path);
    struct machine_options options = {.monitor_size = 2 * CLO_PAGE_SIZE,
                                      .window_size = PLACED_WINDOW,
                                      .code_size = runtime_image_size(),
                                      .no_guest_memfd = no_guest_memfd};
    for (unsigned i = 0; i < modules; i++) {
        need(module_file_open(path, ELF_MODULE, &placed->module[i].file, &why), &why);
        options.monitor_size +=
            placement_monitor_need(&placed->module[i].file.record, 0, PLACED_WINDOW);
        options.code_size += (size_t)placed->module[i].file.image_pages * CLO_PAGE_SIZE;
    }
    need(machine_create(&placed->machine, &options, &why), &why);
    need(runtime_image_add(&placed->machine, &placed->runtime, &why), &why);
    for (unsigned i = 0; i < modules; i++)
        place(placed, i, command[i]);
    machine_seal(&placed->machine);
}

void placed_machine_start_one(struct placed_machine *placed, bool no_guest_memfd, const char *what,
                              uint64_t value)
{
    char name[32];
    char number[32];
    (void)snprintf(name, sizeof name, "%s", what);
    (void)snprintf(number, sizeof number, "%lx", value);
    char *const arguments[] = {name, number, NULL};
    char *const *const command[] = {arguments};
    placed_machine_start(placed, no_guest_memfd, command, 1);
}

void placed_machine_end(struct placed_machine *placed)
{
    for (unsigned i = 0; i < placed->modules; i++) {
        vcpu_destroy(&placed->module[i].vcpu[0]);
        vcpu_destroy(&placed->module[i].vcpu[1]);
    }
    for (unsigned i = 0; i < placed->modules; i++) {
        placement_release(&placed->module[i].placement);
        module_file_close(&placed->module[i].file);
    }
    runtime_image_close(&placed->runtime);
    machine_destroy(&placed->machine);
}

bool placed_machine_possible(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        print_message("skipped: /dev/kvm: %s\n", strerror(errno));
        return false;
    }
    (void)close(fd);
    return true;
}
