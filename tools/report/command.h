// SPDX-License-Identifier: BSD-2-Clause
// lifeboat-report: why the kernels died whose dumps are given.
#ifndef LIFEBOAT_TOOLS_REPORT_COMMAND_H
#define LIFEBOAT_TOOLS_REPORT_COMMAND_H

// All of lifeboat-report, also for lifeboatctl report: argv[0] is the program's name. Returns the exit
// status.
int report_command(int argc, char **argv);

#endif
