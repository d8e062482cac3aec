# SPDX-License-Identifier: BSD-2-Clause
#
# Waiting for hardware by the kernel's own events, never by polling.

# Starts the listener, and does not return before it hears: it asks the kernel for an
# event of /dev/null until one arrives. Without events at all, waits just time out.
events_start() {
	mkfifo /run/uevents
	exec 3<> /run/uevents
	uevent /lib/lifeboat/on-uevent 3>&- &
	for _ in 1 2 3 4 5; do
		echo change > /sys/class/mem/null/uevent
		! read -r -t 1 _ <&3 || return 0
	done
	warn uevents "the kernel's events are not heard; only what is there already will be found"
}

# wait_for SECONDS COMMAND...: true once COMMAND is, which is tried at once and then
# after each event.
wait_for() {
	deadline=$(($(uptime_seconds) + $1))
	shift
	until "$@"; do
		left=$((deadline - $(uptime_seconds)))
		[ "$left" -gt 0 ] || return 1
		read -r -t "$left" _ <&3 || continue
	done
}
