# SPDX-License-Identifier: BSD-2-Clause
#
# What block devices and file systems have in common: finding the device.

device_wait_seconds=30

# device_find SPEC: prints the device node of /dev/NAME, LABEL=x or UUID=x.
device_find() {
	case $1 in
	/dev/*) [ -b "$1" ] && echo "$1" ;;
	*) findfs "$1" 2> /run/findfs.txt ;;
	esac
}

device_is_there() {
	device=$(device_find "$1") && [ -n "$device" ]
}

# device_wait SPEC: sets device. Disks may need seconds to spin up and be probed.
device_wait() {
	modules_load storage
	wait_for $device_wait_seconds device_is_there "$1" || fail target-missing \
		"$1 did not appear within $device_wait_seconds s; block devices here: $(devices_here)"
}

devices_here() {
	here=$(ls /sys/class/block)
	echo "${here:-none, is the driver in the image? see mkcapture --module}"
}
