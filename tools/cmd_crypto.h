/*
 * The commands that need libcrypto, and so are in a program of their own.
 */
#ifndef TOOLS_CMD_CRYPTO_H
#define TOOLS_CMD_CRYPTO_H

/* The whole group `key`; argv[0] is "key". */
int cmd_crypto_key(int argc, char **argv);

/* Any command of the group that is there; argv[0] is the command's name. */
int cmd_crypto_module(int argc, char **argv);
int cmd_crypto_report(int argc, char **argv);

#endif
