# SPDX-License-Identifier: BSD-2-Clause
#
# The dead kernel as /proc/vmcore shows it: is it there, what did it say last, did it
# panic at all.

vmcore=/proc/vmcore
log=/run/vmcore-dmesg.txt
log_saved=none
# Signs of a crash in a log: those of crash/dead/crash_signs.c, which tests/vm/test_capture_scripts.py compares.
crash_signs='Kernel panic|Oops|BUG: |sysrq: Trigger a crash|general protection fault'

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

# An ordinary reboot with a warm reboot mode takes the same way as a panic. Only a log
# that is there and shows no sign of a crash counts as one.
vmcore_require_panic() {
	[ -s $log ] || return 0
	! grep -qE "$crash_signs" $log || return 0
	if [ "$force" = 1 ]; then
		warn no-panic "nothing panicked, going on because of lifeboat.force=1"
		return 0
	fi
	fail no-panic "nothing panicked: the log ends without a panic, so this was an ordinary (warm) reboot; \
lifeboat.force=1 dumps all the same"
}
