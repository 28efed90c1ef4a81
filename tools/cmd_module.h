/*
 * Commands of the group `module`, one file each. argv[0] is the command's name.
 */
#ifndef TOOLS_CMD_MODULE_H
#define TOOLS_CMD_MODULE_H

int cmd_module_sign(int argc, char **argv);
int cmd_module_inspect(int argc, char **argv);
int cmd_module_measure(int argc, char **argv);
int cmd_module_diff(int argc, char **argv);
int cmd_module_keygen(int argc, char **argv);
int cmd_module_key(int argc, char **argv);

#endif
