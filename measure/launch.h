/*
 * The launch record: what a world consists of, as the keeper measured it. Filled during launch,
 * locked by START; after that only registers and generations change. Everything in a report or a
 * sealing decision comes from here, never from what the world host says later.
 */
#ifndef MEASURE_LAUNCH_H
#define MEASURE_LAUNCH_H

#include "abi/keeper.h"
#include "base/reason.h"

#include <stdbool.h>

struct launch_module {
    uint8_t name[CLO_NAME_SIZE]; /* in the world */
    struct clo_manifest manifest;
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t author[CLO_AUTHOR_SIZE];
    uint64_t generation;                               /* 1 first; a restart is one more */
    uint8_t registers[CLO_REGISTERS][CLO_DIGEST_SIZE]; /* zero at launch; a restart keeps them */
};

/* What the host says of itself, looked up by the keeper before it is sandboxed. Self-reported. */
struct host_posture {
    bool ptrace_locked;   /* root too is kept from ptrace: Yama at 3; lockdown does not do it */
    uint32_t yama_scope;  /* 0 … 3; 0xffffffff: no Yama */
    uint8_t lockdown[16]; /* "none", "integrity", "confidentiality", or "" if unknown */
    uint8_t smt[16];      /* "on", "off", …, as sysfs says, or "" */
    uint8_t kernel[64];   /* release */
    bool swap;            /* some swap is active */
    uint32_t vulnerable;  /* entries of sysfs cpu/vulnerabilities that say Vulnerable */
};

struct launch {
    bool started; /* START came: nothing below is added any more */
    uint8_t world[CLO_NAME_SIZE];
    bool debug;
    uint32_t runtime_svn;
    uint8_t runtime_version[CLO_VERSION_SIZE];
    uint8_t runtime_measurement[CLO_DIGEST_SIZE];     /* SHA-384 of the runtime image */
    uint8_t monitor_measurement[CLO_DIGEST_SIZE];     /* of its first page, the stub */
    uint8_t personality_measurement[CLO_DIGEST_SIZE]; /* of the rest */
    uint8_t world_host_measurement[CLO_DIGEST_SIZE];  /* SHA-384 of the binary that runs */
    uint8_t boot_seed[32];                            /* fresh for each launch */
    struct clo_keeper_start start;
    struct host_posture posture;
    uint32_t modules_expected;
    uint32_t module_count;
    struct launch_module module[CLO_MODULES_MAX];
};

/* Begins the record from a hostile message (copied by the caller): BAD_ARGUMENT names the field. */
CLOISTER_MUST_USE cloister_status launch_begin(struct launch *launch,
                                               const struct clo_keeper_launch *message,
                                               const uint8_t runtime[CLO_DIGEST_SIZE],
                                               struct reason *why);

/* Adds a module whose record has been checked and whose image has been measured. A production world
   takes no module without an author: REFUSED. BAD_ARGUMENT: its name is not valid, or taken;
   BAD_STATE: all that were announced are there. */
CLOISTER_MUST_USE cloister_status launch_add(struct launch *launch,
                                             const struct clo_keeper_module *message,
                                             const uint8_t measurement[CLO_DIGEST_SIZE],
                                             const uint8_t author[CLO_AUTHOR_SIZE],
                                             struct reason *why);

/* Completes and locks the record. BAD_STATE: modules are missing, or it is locked already;
   BAD_ARGUMENT names the field. */
CLOISTER_MUST_USE cloister_status launch_start(struct launch *launch,
                                               const struct clo_keeper_start *message,
                                               struct reason *why);

/* The register becomes SHA-384(register || bytes); `value` gets it. BAD_ARGUMENT: no such register;
   BAD_STATE: not started. `index` is a module of the record. */
CLOISTER_MUST_USE cloister_status launch_extend(struct launch *launch, uint32_t index, uint32_t reg,
                                                const uint8_t bytes[CLO_DIGEST_SIZE],
                                                uint8_t value[CLO_DIGEST_SIZE], struct reason *why);

CLOISTER_MUST_USE cloister_status launch_read(const struct launch *launch, uint32_t index,
                                              uint32_t reg, uint8_t value[CLO_DIGEST_SIZE],
                                              struct reason *why);

/* A new instance of the module: its generation is one more, its registers stay, so that a crash
   that someone provoked resets nothing. */
CLOISTER_MUST_USE cloister_status launch_restart(struct launch *launch, uint32_t index,
                                                 struct reason *why);

/* Digest of the set of modules in the world: SHA-384("cloister set 1" || count u32 || each module's
   measurement || author, in ascending order), so that their order in the world does not matter. */
CLOISTER_MUST_USE cloister_status launch_set_digest(const struct launch *launch,
                                                    uint8_t digest[CLO_DIGEST_SIZE]);

/* Looks the posture up in /proc and /sys; what cannot be read is left empty. */
void posture_look_up(struct host_posture *posture);

#endif
