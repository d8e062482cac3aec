# SPDX-License-Identifier: BSD-2-Clause
#
# What the console gets to see. Each stage is one line of a fixed form, for people
# and for scripts/lifeboat-vm alike:
#
#	lifeboat-capture: STAGE key=value... uptime=SECONDS
#
# STAGE is start, note, timeline, log, target, space, dump, verify, done, warning,
# failed or then. Values hold no blank, or stand in double quotes.

uptime_words() {
	read -r seconds _ < /proc/uptime
	echo "uptime=$seconds"
}

# Whole seconds since the second kernel's start.
uptime_seconds() {
	read -r seconds _ < /proc/uptime
	echo "${seconds%.*}"
}

# say STAGE [KEY=VALUE]...
say() {
	echo "lifeboat-capture: $* $(uptime_words)"
	alive $((${stall:-300} + 60))
}

# alive SECONDS: tells init that the next word comes within that time, or the capture
# hangs. What is waited for without a word in between is bounded below these 60 seconds
# more, or has told its own limit.
alive() {
	[ ! -p /run/alive ] || echo "$1" > /run/alive
}

# alive_while_printed FILE: a console of 9600 baud takes 960 bytes a second.
alive_while_printed() {
	alive $((${stall:-300} + 60 + $(stat -c %s "$1") / 500))
}

# quote TEXT: as one value: one line, in double quotes, with none inside.
quote() {
	printf '"%s"' "$(printf '%s' "$1" | tr '"\n' "' ")"
}

# warn REASON TEXT: something is not as it should be, and the capture goes on.
warn() {
	say warning "reason=$1" "message=$(quote "$2")"
}

# log_is_saved PLACE: also for init, should the capture hang.
log_is_saved() {
	log_saved=$1
	echo "$1" > /run/log-saved
	say log "saved=$1"
}

# fail REASON TEXT: ends the capture. If no target holds the dead kernel's log, all
# of it goes to the console; then init does what it was told to do at the end.
fail() {
	say failed "reason=$1" "message=$(quote "$2")"
	if [ "${log_saved:-none}" = none ] && [ -s /run/vmcore-dmesg.txt ]; then
		echo "lifeboat-capture: the dead kernel's log, whole, since no target has it:"
		alive_while_printed /run/vmcore-dmesg.txt
		cat /run/vmcore-dmesg.txt
		echo "lifeboat-capture: end of the dead kernel's log"
	fi
	echo "lifeboat-capture: the capture kernel's own last messages:"
	dmesg | tail -n 20
	: > /run/outcome
	exit 1
}

memory_words() {
	awk '$1 == "MemTotal:" { t = $2 } $1 == "MemAvailable:" { a = $2 }
		END { printf "mem_total_kib=%d mem_available_kib=%d", t, a }' /proc/meminfo
}
