/*
 * The keeper: holds the root secret and the attestation key, starts the world host, measures what
 * it runs, and seals and signs for the modules of that one world. Nobody but the world host that it
 * started can speak to it.
 *
 *   cloister-keeper [--state DIR] --world-host PATH [--ready-fd N] -- WORLD-ARGUMENTS…
 *
 * Order matters. The world host is started before there is a secret in this process, and it sets
 * its machine up while the keys are loaded; the sandbox closes before the first byte from it is
 * read.
 */
#include "abi/keeper.h"
#include "base/log.h"
#include "base/scope.h"
#include "measure/crypto.h"
#include "measure/keeper/conversation.h"
#include "measure/keeper/keeper_sandbox.h"
#include "measure/keeper/spawn.h"
#include "measure/keeper/supervise.h"
#include "measure/platform_folder.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

/* Exit statuses of the `cloister` command, which becomes this program. */
enum exit_status {
    EXIT_GENERAL = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 4,
    EXIT_DENIED = 5,
    EXIT_BAD_INPUT = 7,
    EXIT_IO = 10
};

struct options {
    const char *state;
    const char *world_host;
    int ready;    /* gets one byte when the world serves; -1: none */
    char **words; /* WORLD-ARGUMENTS, ends with NULL */
    int word_count;
};

static int exit_status_of(cloister_status status)
{
    switch (status) {
    case CLOISTER_NOT_FOUND:
        return EXIT_NOT_FOUND;
    case CLOISTER_DENIED:
        return EXIT_DENIED;
    case CLOISTER_BAD_ARGUMENT:
    case CLOISTER_BAD_FORMAT:
    case CLOISTER_TOO_BIG:
        return EXIT_BAD_INPUT;
    case CLOISTER_IO:
        return EXIT_IO;
    default:
        return EXIT_GENERAL;
    }
}

/* The number of a descriptor that is open. The world host's own get lower numbers. */
static bool parse_ready(const char *text, int *ready)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value <= STDERR_FILENO || value > INT_MAX)
        return false;
    *ready = fcntl((int)value, F_DUPFD_CLOEXEC, CLO_KEEPER_DESCRIPTOR + 1);
    return *ready >= 0;
}

static cloister_status parse(int argc, char **argv, struct options *options, struct reason *why)
{
    static const struct option known[] = {{"state", required_argument, NULL, 's'},
                                          {"world-host", required_argument, NULL, 'w'},
                                          {"ready-fd", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    *options = (struct options){.ready = -1};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
        if (option == 's')
            options->state = optarg;
        else if (option == 'w')
            options->world_host = optarg;
        else if (option != 'r')
            return refuse(why, CLOISTER_BAD_ARGUMENT, "unknown option or missing value: %.80s",
                          argv[optind - 1]);
        else if (!parse_ready(optarg, &options->ready))
            return refuse(why, CLOISTER_BAD_ARGUMENT,
                          "--ready-fd is '%.40s'; it must be an open descriptor above %d", optarg,
                          STDERR_FILENO);
    }
    if (!options->world_host || strcmp(argv[optind - 1], "--") != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "usage: cloister-keeper [--state DIR] --world-host PATH [--ready-fd N] -- "
                      "WORLD-ARGUMENTS…");
    options->words = argv + optind;
    options->word_count = argc - optind;
    return CLOISTER_OK;
}

/* 0 to 2 are open, so that nothing else gets these numbers; of all others only `ready` stays. */
static cloister_status tidy_descriptors(int ready, struct reason *why)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
            return refuse_errno(why, "cannot open /dev/null");
    unsigned first = STDERR_FILENO + 1;
    unsigned kept = ready < 0 ? ~0u : (unsigned)ready; /* parse_ready has put it above `first` */
    if (close_range(first, kept - 1, 0) != 0 || (ready >= 0 && close_range(kept + 1, ~0u, 0) != 0))
        return refuse_errno(why, "cannot close inherited descriptors");
    return CLOISTER_OK;
}

/* Blocks the signals that are passed on, and makes a descriptor of them. A log that nobody reads
   any more is no reason to end. */
static cloister_status take_signals(sigset_t *before, int *signals, struct reason *why)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, before) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return refuse_errno(why, "cannot block signals");
    *signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *signals < 0 ? refuse_errno(why, "cannot receive signals") : CLOISTER_OK;
}

/* All that must be there before the first request; the sandbox last. */
static cloister_status prepare(const char *folder, const struct spawned *spawned,
                               struct conversation **out, struct reason *why)
{
    void *memory = NULL;
    cloister_status status = keeper_sandbox_secret_memory(sizeof **out, &memory, why);
    if (status != CLOISTER_OK)
        return status;
    struct conversation *conversation = memory;
    conversation->socket = spawned->socket;
    conversation->folder = folder;
    conversation->later.binary = spawned->binary;
    conversation->later.binary_size = spawned->size;
    status = platform_read(folder, &conversation->platform, &conversation->later.files, why);
    if (status == CLOISTER_OK)
        status = crypto_protect(why);
    if (status == CLOISTER_OK)
        status = crypto_start_sparing(why);
    if (status != CLOISTER_OK)
        return status;
    posture_look_up(&conversation->launch.posture);
    *out = conversation;
    return keeper_sandbox_close(why);
}

static cloister_status spawn(struct options *options, const sigset_t *mask, struct spawned *spawned,
                             struct reason *why)
{
    static char name[] = "cloister-world";
    static char ready_option[] = "--ready-fd";
    char ready_text[16];
    AUTO_FREE char **words = calloc((size_t)options->word_count + 4, sizeof *words);
    if (!words)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory to start the world host");
    size_t count = 0;
    words[count++] = name;
    if (options->ready >= 0) {
        (void)snprintf(ready_text, sizeof ready_text, "%d", options->ready);
        words[count++] = ready_option;
        words[count++] = ready_text;
    }
    memcpy(words + count, options->words, (size_t)options->word_count * sizeof *words);
    cloister_status status =
        spawn_world_host(options->world_host, words, options->ready, mask, spawned, why);
    /* Whoever waits for the byte must see the end if the world host dies: only it may hold this. */
    scope_close(&options->ready);
    options->ready = -1;
    return status;
}

static cloister_status run(struct options *options, int *exit_status, struct reason *why)
{
    char folder[PATH_MAX];
    sigset_t mask;
    int signals = -1;
    cloister_status status = tidy_descriptors(options->ready, why);
    if (status == CLOISTER_OK)
        status = platform_folder(options->state, folder, sizeof folder, why);
    if (status == CLOISTER_OK)
        status = platform_check(folder, why);
    if (status == CLOISTER_OK)
        status = take_signals(&mask, &signals, why);
    struct spawned spawned = {.process = -1, .socket = -1, .binary = -1};
    if (status == CLOISTER_OK)
        status = spawn(options, &mask, &spawned, why);
    if (status != CLOISTER_OK)
        return status;
    struct conversation *conversation = NULL;
    status = prepare(folder, &spawned, &conversation, why);
    if (status != CLOISTER_OK) {
        supervise_abandon(spawned.process);
        return status;
    }
    *exit_status = supervise(conversation, spawned.process, signals);
    platform_unload(&conversation->platform);
    crypto_stop();
    return CLOISTER_OK;
}

int main(int argc, char **argv)
{
    struct reason why = {""};
    struct options options;
    int exit_status = 0;
    log_start("cloister-keeper", LOG_LEVEL_INFO);
    cloister_status status = keeper_sandbox_harden(&why);
    if (status == CLOISTER_OK && parse(argc, argv, &options, &why) != CLOISTER_OK) {
        log_error("%s", why.text);
        return EXIT_USAGE;
    }
    if (status == CLOISTER_OK)
        status = run(&options, &exit_status, &why);
    if (status == CLOISTER_OK)
        return exit_status;
    log_error("%s", why.text);
    return exit_status_of(status);
}
