/*
 * The `cloister` command: picks the group and runs it.
 */
#include "base/scope.h"
#include "tools/cmd_crypto.h"
#include "tools/cmd_show.h"
#include "tools/tool.h"

static const char help[] =
    "Usage: cloister GROUP [COMMAND] [ARGUMENTS...]\n"
    "Runs trusted modules in a measured secure world on KVM.\n"
    "\n"
    "  world run|ls|show|stop      secure worlds: start, list, look at, end\n"
    "  top                         watch running worlds\n"
    "  metrics --listen PATH|PORT  the same for a Prometheus server\n"
    "  call WORLD/MODULE METHOD    call a method of a module\n"
    "  module new|build|sign|...   make, sign, measure and inspect modules\n"
    "  interface NAME.proto        client and module code from a typed interface\n"
    "  report get|show|verify      signed reports about what runs\n"
    "  key init|ca|show            platform keys of this machine\n"
    "  exec PROGRAM [ARGS...]      run an unmodified static program in a world of its own\n"
    "  guest run --kernel FILE     boot a Linux guest that can call modules\n"
    "  doctor                      can worlds run here, and how well isolated?\n"
    "  nested -- COMMAND           a command in an emulated machine that has a KVM\n"
    "  bench [ROW...]              the numbers, as ratios to what the machine can do\n"
    "\n"
    "  --help                      this text; every group and command has its own\n"
    "  --version                   the version\n"
    "\n"
    "Environment: CLOISTER_STATE (platform keys), CLOISTER_RUNTIME (sockets of running worlds).\n"
    "\n"
    "Exit status:\n"
    "   0 done                      6 this host cannot do it (no usable /dev/kvm)\n"
    "   1 failed otherwise          7 a file or value is not acceptable\n"
    "   2 wrong usage               8 the module or world has ended\n"
    "   3 refused                   9 the deadline passed\n"
    "   4 no such thing            10 reading or writing failed\n"
    "   5 not permitted\n";

static int version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("cloister %s\n", TOOL_VERSION);
    return TOOL_OK;
}

static const struct tool_command groups[] = {
    {"world", cmd_world},         {"module", cmd_module},      {"call", cmd_call},
    {"interface", cmd_interface}, {"exec", cmd_exec},          {"key", cmd_crypto_key},
    {"report", cmd_report},       {"doctor", cmd_show_doctor}, {"bench", cmd_bench},
    {"top", cmd_show_top},        {"metrics", cmd_metrics},    {"nested", cmd_nested},
    {"guest", cmd_guest},         {"--version", version},
};

int main(int argc, char **argv)
{
    return tool_program_main(help, groups, ARRAY_SIZE(groups), argc, argv);
}
