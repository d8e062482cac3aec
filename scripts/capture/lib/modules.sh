# SPDX-License-Identifier: BSD-2-Clause
#
# Kernel modules, in groups that mkcapture wrote in load order: only what the target
# needs is loaded, the crash region is small.

# modules_load GROUP...: quietly passes over a group the image does not have (built
# into the kernel, or not made for it: mkcapture -v tells which).
modules_load() {
	for group in "$@"; do
		[ -e "/lib/modules/groups/$group" ] || continue
		while read -r name; do
			[ ! -e "/sys/module/$(echo "$name" | tr - _)" ] || continue
			# "No such device": a driver for a CPU or a chip that this machine has not.
			insmod "/lib/modules/$name.ko" 2> /run/insmod.txt || grep -q 'No such device' /run/insmod.txt ||
				warn module "$name could not be loaded: $(cat /run/insmod.txt)"
		done < "/lib/modules/groups/$group"
	done
}
