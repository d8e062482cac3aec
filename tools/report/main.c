// SPDX-License-Identifier: BSD-2-Clause
#include "tools/report/command.h"

int main(int argc, char **argv)
{
	return report_command(argc, argv);
}
