# SPDX-License-Identifier: BSD-2-Clause
#
# The end, always reached: nothing here waits without a limit.

# finish ACTION: does not return.
finish() {
	bounded 60 sync || warn sync "not everything was written back within 60 seconds"
	bounded 10 umount /target 2> /run/umount.txt
	say "then" "action=$1"
	case $1 in
	shell)
		echo "lifeboat-capture: a shell, as asked; leaving it resets the machine"
		setsid cttyhack sh
		bounded 60 sync
		;;
	poweroff) poweroff -f ;;
	halt) halt -f ;;
	esac
	# Cold: devices left running by the dead kernel come back from their reset state.
	[ ! -w /sys/kernel/reboot/mode ] || echo cold > /sys/kernel/reboot/mode
	echo b > /proc/sysrq-trigger
	reboot -f
}
