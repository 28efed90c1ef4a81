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
    bool ptrace_locked;   /* root too is kept from ptrace (yama 3, or lockdown) */
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
    uint8_t runtime_measurement[CLO_DIGEST_SIZE];    /* SHA-384 of the runtime image */
    uint8_t world_host_measurement[CLO_DIGEST_SIZE]; /* SHA-384 of the binary that runs */
    uint8_t boot_seed[32];                           /* fresh for each launch */
    struct clo_keeper_start start;
    struct host_posture posture;
    uint32_t modules_expected;
    uint32_t module_count;
    struct launch_module module[CLO_MODULES_MAX];
};

#endif
