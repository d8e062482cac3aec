// SPDX-License-Identifier: BSD-2-Clause
// lifeboat-save: a dump that the built-in capture kernel wrote to a partition becomes a file.
#ifndef LIFEBOAT_TOOLS_SAVE_COMMAND_H
#define LIFEBOAT_TOOLS_SAVE_COMMAND_H

// All of lifeboat-save, also for lifeboatctl save: argv[0] is the program's name. Returns the exit status.
int save_command(int argc, char **argv);

#endif
