# SPDX-License-Identifier: BSD-2-Clause
#
# A dump counts only when it was read back: from the disk, not from the cache that
# still holds what we wrote.

# Sets dump_bytes and dump_sha256, or fails.
verify_dump() {
	if [ "$dump_stream" = 1 ]; then
		dump_bytes=$(cat /run/stream.bytes)
		dump_sha256=$(cut -d ' ' -f 1 /run/stream.sha256)
		say verify result=sent "bytes=$dump_bytes" "sha256=$dump_sha256"
		return 0
	fi
	# Reading takes no longer than writing did; three times that, and it hangs.
	limit=$(((($(uptime_seconds) - dump_begun) * 3) + stall))
	alive $((2 * limit + 60))
	bounded "$limit" sync "$dump_file" || verify_failed "what was written did not reach the disk"
	echo 3 > /proc/sys/vm/drop_caches
	dump_bytes=$(target_size)
	[ "$dump_bytes" -gt 0 ] || verify_failed "the dump is empty"
	[ -z "$dump_limit" ] || [ "$dump_bytes" -le "$dump_limit" ] || verify_failed \
		"the dump of $dump_bytes bytes ran over the $dump_limit bytes it had"
	bounded "$limit" verify_read || verify_failed "the dump cannot be read back: $(cat /run/dd.txt)"
	dump_sha256=$(cut -d ' ' -f 1 /run/dump.sha256)
	verify_log
	say verify result=ok "bytes=$dump_bytes" "sha256=$dump_sha256" "log=$verified_log"
}

verify_read() {
	set -o pipefail
	dd if="$dump_file" bs=1M iflag=count_bytes count="$dump_bytes" 2> /run/dd.txt | sha256sum > /run/dump.sha256
}

# The same log must come out of the dump as came out of the memory: that takes its
# header, VMCOREINFO, page index and pages to be sound.
verify_log() {
	verified_log=none
	[ -s "$log" ] || return 0
	alive $((limit + 60))
	rm -f /run/verify-dmesg.txt
	makedumpfile --message-level 4 --dump-dmesg "$dump_file" /run/verify-dmesg.txt > /run/dmesg.err 2>&1 ||
		verify_failed "the dump's log cannot be read: $(cat /run/dmesg.err)"
	cmp "$log" /run/verify-dmesg.txt > /run/cmp.txt || verify_failed "the dump's log is not the dead kernel's"
	verified_log=same
}

verify_failed() {
	target_discard
	fail verify "$1"
}
