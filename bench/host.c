/*
 * Reads /proc/cpuinfo, uname, and which kvm module is loaded.
 */
#include "bench/host.h"

#include "base/scope.h"

#include <string.h>
#include <sys/utsname.h>

/* The processor's name of /proc/cpuinfo. */
static void processor_name(char *name, size_t size)
{
    char line[256];
    AUTO_FILE FILE *file = fopen("/proc/cpuinfo", "re");
    (void)snprintf(name, size, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(name, size, "%s", colon + 2);
        return;
    }
}

static const char *kvm_name(void)
{
    static const struct {
        const char *path;
        const char *name;
    } known[] = {{"/sys/module/kvm_pvm", "KVM with PVM (software)"},
                 {"/sys/module/kvm_amd", "KVM with SVM"},
                 {"/sys/module/kvm_intel", "KVM with VMX"}};
    if (access("/dev/kvm", F_OK) != 0)
        return "no KVM";
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (access(known[i].path, F_OK) == 0)
            return known[i].name;
    return "KVM";
}

void host_describe(char *text, size_t size)
{
    char processor[128];
    struct utsname system = {.release = "?"};
    processor_name(processor, sizeof processor);
    (void)uname(&system);
    (void)snprintf(text, size, "%s, %ld processors, Linux %.60s, %s", processor,
                   sysconf(_SC_NPROCESSORS_ONLN), system.release, kvm_name());
    for (char *at = strpbrk(text, "<>&\"'"); at; at = strpbrk(at, "<>&\"'"))
        *at = ' ';
}
