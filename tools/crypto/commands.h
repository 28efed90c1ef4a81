/*
 * The commands of `cloister` that need libcrypto, one file each. argv[0] is the command's name.
 */
#ifndef TOOLS_CRYPTO_COMMANDS_H
#define TOOLS_CRYPTO_COMMANDS_H

int cmd_key(int argc, char **argv); /* a group: argv[0] is "key" */

int cmd_module_keygen(int argc, char **argv);
int cmd_module_key(int argc, char **argv);
int cmd_module_sign(int argc, char **argv);
int cmd_module_inspect(int argc, char **argv);
int cmd_module_measure(int argc, char **argv);
int cmd_module_diff(int argc, char **argv);

int cmd_report_show(int argc, char **argv);
int cmd_report_verify(int argc, char **argv);

#endif
