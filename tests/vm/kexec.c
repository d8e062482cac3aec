// SPDX-License-Identifier: BSD-2-Clause
// kexec [--crash] KERNEL INITRD COMMAND-LINE: loads that kernel and starts it, in the first kernel's user
// space. With --crash it loads the kernel for a panic, as `kexec -p` does, and exits. Statically linked;
// kexec-tools are not needed.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const unsigned long on_crash = 2; // KEXEC_FILE_ON_CRASH, linux/kexec.h
	unsigned long flags = 0;
	int kernel, initrd;

	if (argc > 1 && strcmp(argv[1], "--crash") == 0) {
		flags = on_crash;
		argv++, argc--;
	}
	if (argc != 4) {
		fprintf(stderr, "kexec: [--crash] KERNEL INITRD COMMAND-LINE is wanted\n");
		return 2;
	}
	kernel = open(argv[1], O_RDONLY | O_CLOEXEC);
	initrd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (kernel < 0 || initrd < 0) {
		perror(kernel < 0 ? argv[1] : argv[2]);
		return 1;
	}
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3], flags) != 0) {
		perror("kexec_file_load");
		return 1;
	}
	if (flags == on_crash)
		return 0;
	reboot(RB_KEXEC);
	perror("reboot");
	return 1;
}
