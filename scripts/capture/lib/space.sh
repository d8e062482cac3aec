# SPDX-License-Identifier: BSD-2-Clause
#
# Will it fit? Only kept pages take room, so RAM's size says little: when the target
# is smaller than all of the memory, makedumpfile counts what it would keep.

# dump_limit is what the target has room for, empty when nobody can know.
space_check() {
	[ -n "$dump_limit" ] || return 0
	need=$(stat -c %s "$vmcore")
	kind=all
	if [ "$dump_limit" -lt "$need" ] && [ "$format" = makedumpfile ]; then
		kept=$(space_kept)
		need=${kept:-$need}
		kind=kept
	fi
	if [ "$dump_limit" -ge "$need" ]; then
		say space verdict=fits "free_bytes=$dump_limit" "needed_bytes=$need" "counting=$kind"
	elif [ "$compress" = none ] || [ "$dump_limit" -lt $((need / 16)) ]; then
		# Pages of a kernel shrink to a third or a fifth, never to a sixteenth.
		fail target-full "$target has $dump_limit bytes free, the dump needs $need bytes before compression \
($compress): nothing was written but the log"
	else
		say space verdict=tight "free_bytes=$dump_limit" "needed_bytes=$need" "counting=$kind"
	fi
}

# Bytes of the pages that the level keeps; nothing when they cannot be counted.
space_kept() {
	alive 3600 # some minutes for terabytes, without a word
	makedumpfile --dry-run --show-stats --message-level 16 -d "$level" "$vmcore" /run/none 2> /run/space.err |
		tr '\r' '\n' | sed -n 's/^Write bytes *: *\([0-9]*\).*/\1/p'
}
