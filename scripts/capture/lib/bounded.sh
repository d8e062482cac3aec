# SPDX-License-Identifier: BSD-2-Clause
#
# A time limit for what can hang in the kernel: writing to and reading from disks that
# the dead kernel left in an unknown state.

# bounded SECONDS COMMAND...: its status, or 1 when the time is over. A command that
# hangs in the kernel is left behind: it cannot be killed and must not be waited for.
bounded() {
	limit=$1
	shift
	rm -f /run/bounded
	mkfifo /run/bounded
	exec 9<> /run/bounded
	(
		"$@" 9>&-
		echo $? > /run/bounded
	) &
	read -r -t "$limit" status <&9 || status=1
	exec 9>&-
	return "$status"
}
