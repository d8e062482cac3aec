# SPDX-License-Identifier: BSD-2-Clause
#
# Target: a whole block device, without a file system:
#
#	0       one block of text: LIFEBOATDUMP1, then KEY=VALUE lines, then zeros
#	4096    the dump
#	        ...
#	end     the dead kernel's log, from log_offset, in the device's last blocks
#
# state= is "started" from the log on, "complete" only when the dump was verified,
# "failed" else. makedumpfile seeks in its output, so it gets a loop device which
# begins at the dump.

. /lib/lifeboat/target-device.sh

raw_block=4096

target_open() {
	device_wait "$target"
	raw_require_free
	modules_load loop
	device_size=$(blockdev --getsize64 "$device")
	log_bytes=0
	[ ! -s "$log" ] || log_bytes=$(stat -c %s "$log")
	log_offset=$(((device_size - log_bytes) / raw_block * raw_block))
	dump_limit=$((log_offset - raw_block))
	[ "$dump_limit" -gt 0 ] || fail target-full "$device has $device_size bytes, too few for the log of $log_bytes"
	dump_file=$(losetup -f 2> /run/losetup.txt)
	losetup -o $raw_block "$dump_file" "$device" 2> /run/losetup.txt || fail target-loop \
		"$device cannot be used without a file system: the capture kernel lacks the loop driver"
	target_path=$device@$raw_block
	say target kind=raw "device=$device" "bytes=$device_size" "free_bytes=$dump_limit"
}

# A slip of the pen in the target must not cost a file system: only a device that is
# blank where superblocks and partition tables lie (up to that of btrfs, at 64 KiB), or
# that holds a dump of ours, is written to.
raw_require_free() {
	[ "$overwrite" = 0 ] || return 0
	[ "$(dd if="$device" bs=13 count=1 2> /run/dd.txt)" != LIFEBOATDUMP1 ] || return 0
	used=$(dd if="$device" bs=4096 count=17 2> /run/dd.txt | tr -d '\0' | wc -c)
	[ "$used" = 0 ] || fail target-in-use "$device is not blank and not a dump device of ours: nothing is written to \
it; name a folder of its file system ($device:/DIR), wipe its first 68 KiB, or set lifeboat.overwrite=1"
}

# raw_header STATE [KEY=VALUE]...
raw_header() {
	{
		printf 'LIFEBOATDUMP1\nstate=%s\n' "$1"
		shift
		printf '%s\n' "offset=$raw_block" "log_offset=$log_offset" "log_bytes=$log_bytes" "$@"
	} > /run/header
	truncate -s $raw_block /run/header
	dd if=/run/header of="$device" bs=$raw_block conv=notrunc,fsync 2> /run/dd.txt
}

target_save_log() {
	raw_header started || fail target-write "$device cannot be written: $(cat /run/dd.txt)"
	raw_write_log
}

raw_write_log() {
	[ -s "$log" ] || return 0
	if dd if="$log" of="$device" bs=64k seek="$log_offset" oflag=seek_bytes conv=notrunc,fsync 2> /run/dd.txt; then
		log_is_saved "$device@$log_offset"
	else
		warn log-not-saved "$device: $(cat /run/dd.txt)"
	fi
}

# A device has no length of its own. makedumpfile counts what it wrote, without the
# unused rest of its header blocks: with all of those the figure is a few KiB above the
# dump's end, never below. Offsets are block_size and sub_hdr_size in the header of a
# kdump-compressed file (IMPLEMENTATION in makedumpfile's source).
target_size() {
	if [ "$dump_format" = kdump ]; then
		dump_written=$((dump_written + (1 + $(file_number "$dump_file" 432 4)) * $(file_number "$dump_file" 428 4)))
	fi
	echo "$dump_written"
}

# The dump may have run over the log: write it once more.
target_discard() {
	log_saved=none
	rm -f /run/log-saved
	raw_header "failed" && raw_write_log
}

target_commit() {
	losetup -d "$dump_file"
	raw_header complete "bytes=$dump_bytes" "sha256=$dump_sha256" "format=$dump_format" "level=$dump_level" \
		"compress=$dump_compress" || fail target-write "$device: the header could not be written: $(cat /run/dd.txt)"
}
