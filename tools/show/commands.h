/*
 * The commands of cloister-show. Each returns an exit status; argv[0] is the command's name.
 */
#ifndef TOOLS_SHOW_COMMANDS_H
#define TOOLS_SHOW_COMMANDS_H

int cmd_doctor(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_world_list(int argc, char **argv);
int cmd_world_show(int argc, char **argv);

#endif
