# SPDX-License-Identifier: BSD-2-Clause
#
# Target: a folder of a file system, DEVICE:/DIR. Each capture gets a folder named by
# its time, with vmcore-dmesg.txt and vmcore; the latter has a temporary name until it
# is verified.

. /lib/lifeboat/target-device.sh

target_open() {
	device_wait "${target%:/*}"
	filesystem_find
	modules_load "$filesystem"
	mkdir -p /target
	mount -t "$filesystem" -o nosuid,nodev,noexec "$device" /target 2> /run/mount.txt || fail target-mount \
		"$device ($filesystem) cannot be mounted: $(cat /run/mount.txt)"
	folder=${target#*:}
	folder=/target${folder%/}/$(date -u +%Y-%m-%d-%H%M%S)
	[ ! -e "$folder" ] || folder=$folder.$(date -u +%s)
	mkdir -p "$folder" 2> /run/mkdir.txt || fail target-full "$device: $(cat /run/mkdir.txt)"
	dump_file=$folder/vmcore.incomplete
	dump_limit=$(target_free)
	target_path=$device:${folder#/target}/vmcore
	say target kind=fs "device=$device" "filesystem=$filesystem" "folder=${folder#/target}" "free_bytes=$dump_limit"
}

# Sets filesystem, by the magic numbers, so that only the driver needed gets loaded.
filesystem_find() {
	if [ "$(device_bytes 1080 2)" = 53ef ]; then
		filesystem=ext4
	elif [ "$(device_bytes 0 4)" = 58465342 ]; then
		filesystem=xfs
	elif [ "$(device_bytes 54 3)" = 464154 ] || [ "$(device_bytes 82 3)" = 464154 ]; then
		filesystem=vfat
	else
		fail target-mount "$device holds no ext2, ext3, ext4, XFS or FAT file system"
	fi
}

# device_bytes OFFSET COUNT: in hexadecimal.
device_bytes() {
	od -A n -v -t x1 -j "$1" -N "$2" "$device" | tr -d ' \n'
}

target_free() {
	echo $(($(stat -f -c '%a * %S' /target)))
}

target_save_log() {
	[ -s "$log" ] || return 0
	if cp "$log" "$folder/vmcore-dmesg.txt" 2> /run/cp.txt && sync "$folder/vmcore-dmesg.txt"; then
		log_is_saved "$device:${folder#/target}/vmcore-dmesg.txt"
	else
		rm -f "$folder/vmcore-dmesg.txt"
		warn log-not-saved "$device: $(cat /run/cp.txt)"
	fi
	dump_limit=$(target_free)
}

target_size() {
	stat -c %s "$dump_file"
}

# An unfinished dump only fills the machine's disk: the log stays, the rest goes.
target_discard() {
	rm -f "$dump_file"
}

target_commit() {
	if ! printf '%s  vmcore\n' "$dump_sha256" > "$folder/vmcore.sha256" ||
		! mv "$dump_file" "$folder/vmcore" || ! bounded 60 sync "$folder/vmcore" "$folder"; then
		fail target-write "$device: the finished dump could not be given its name"
	fi
}
