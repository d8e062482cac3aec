# SPDX-License-Identifier: BSD-2-Clause
#
# The dead kernel as /proc/vmcore shows it: is it there, what did it say last, did it
# panic at all.

vmcore=/proc/vmcore
log=/run/vmcore-dmesg.txt
log_saved=none
# What a log's lines tell, as in crash/dead/crash_signs.c: tests/vm/test_capture_scripts.py compares them.
crash_signs='Kernel panic|Oops|BUG: |sysrq: Trigger a crash|general protection fault'
reboot_signs='reboot: Restarting system|reboot: Power down|reboot: System halted|kexec: Starting new kernel'
reboot_signs="$reboot_signs|kexec_core: Starting new kernel|sysrq: Resetting"
last_lines=16

# file_number FILE OFFSET BYTES: an unsigned little-endian number in it.
file_number() {
	od -A n -v -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '
}

vmcore_require() {
	[ ! -e $vmcore ] || return 0
	case " $(cat /proc/cmdline) " in
	*" elfcorehdr="*) fail no-vmcore "there is no $vmcore although elfcorehdr= was given: the kernel refused the \
core header, or was built without CONFIG_PROC_VMCORE" ;;
	*) fail no-vmcore "there is no $vmcore: this kernel was not started after a panic (no elfcorehdr= on its \
command line), so there is nothing to save" ;;
	esac
}

# The log needs symbols from VMCOREINFO; a kernel that died before it had any still
# gets its memory dumped.
vmcore_log() {
	if makedumpfile --message-level 4 --dump-dmesg $vmcore $log > /run/dmesg.err 2>&1 && [ -s $log ]; then
		say log "lines=$(wc -l < $log)" "bytes=$(wc -c < $log)" "vmcore_bytes=$(stat -c %s $vmcore)"
		tail -n 40 $log
		say log end=1
	else
		rm -f $log
		warn no-log "the dead kernel's log could not be read: $(cat /run/dmesg.err)"
	fi
}

# vmcore_log_ends_in_reboot: one of the log's last lines tells of a reboot, and no later one
# of a crash. A message begins behind the time, and the caller where there is one.
vmcore_log_ends_in_reboot() {
	tail -n $last_lines $log > /run/last-lines
	ends_in_reboot=1
	while IFS= read -r line; do
		if printf '%s\n' "$line" | grep -qE "^(\[[^]]*\] ){1,2}($reboot_signs)"; then
			ends_in_reboot=0
		elif printf '%s\n' "$line" | grep -qE "$crash_signs"; then
			ends_in_reboot=1
		fi
	done < /run/last-lines
	return $ends_in_reboot
}

# An ordinary reboot with a warm reboot mode takes the same way as a panic. Only a log
# that is there and ends in a reboot counts as one: a panic's own line may have been
# pushed out by what was logged after it.
vmcore_require_panic() {
	[ -s $log ] || return 0
	if ! vmcore_log_ends_in_reboot; then
		grep -qE "$crash_signs" $log ||
			warn no-sign "no sign of a panic in the log, nor of a reboot at its end: dumping"
		return 0
	fi
	if [ "$force" = 1 ]; then
		warn no-panic "nothing panicked, going on because of lifeboat.force=1"
		return 0
	fi
	fail no-panic "nothing panicked: the log ends in an ordinary (warm) reboot; lifeboat.force=1 dumps all the same"
}
