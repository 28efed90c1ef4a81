/*
 * cloister world run: starts the keeper, which starts the world host.
 */
#ifndef TOOLS_WORLD_RUN_H
#define TOOLS_WORLD_RUN_H

int world_run(int argc, char **argv);

#endif
