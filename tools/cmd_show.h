/*
 * The commands that show hosts and running worlds, and so are in a program of their own.
 */
#ifndef TOOLS_CMD_SHOW_H
#define TOOLS_CMD_SHOW_H

/* Whole groups; argv[0] is the group's name. */
int cmd_show_doctor(int argc, char **argv);
int cmd_show_top(int argc, char **argv);

/* `world ls` and `world show`; argv[0] is "ls" or "show". */
int cmd_show_world(int argc, char **argv);

#endif
