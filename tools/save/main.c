// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/command.h"

int main(int argc, char **argv)
{
	return save_command(argc, argv);
}
