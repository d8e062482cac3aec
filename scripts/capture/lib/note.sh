# SPDX-License-Identifier: BSD-2-Clause
#
# The LIFEBOAT note of the core header: lines of KEY=VALUE text, among them the TSC at
# each stage between the dead kernel and this one. A core that Lifeboat did not make
# has no such note, which is no error.

note_type=1279393793 # 0x4c420001, LB_NOTE_TYPE of include/lifeboat/handoff.h

# Sets notes and size, where all notes are. Offsets are those of Elf64_Ehdr and Elf64_Phdr; the
# kernel merges the notes into one segment and puts that first.
notes_find() {
	header=$(file_number "$vmcore" 32 8)
	[ "$(file_number "$vmcore" "$header" 4)" = 4 ] || return 1
	notes=$(file_number "$vmcore" $((header + 8)) 8)
	size=$(file_number "$vmcore" $((header + 32)) 8)
}

# notes_bytes AT BYTES: of the core, to standard output.
notes_bytes() {
	dd if="$vmcore" bs=65536 iflag=skip_bytes,count_bytes skip="$1" count="$2" 2> /run/dd.txt
}

# The text in our note.
note_text() {
	notes_find || return 1
	place=$(od -A n -v -t u4 -w4 -j "$notes" -N "$size" "$vmcore" | awk -v type=$note_type '
		{ word[NR - 1] = $1 }
		END {
			for (at = 0; at + 3 <= NR; at = next_at) {
				text = at + 3 + int((word[at] + 3) / 4)
				next_at = text + int((word[at + 1] + 3) / 4)
				if (word[at + 2] == type && next_at <= NR) {
					print text * 4, word[at + 1]
					exit
				}
			}
		}')
	[ -n "$place" ] || return 1
	notes_bytes $((notes + ${place% *})) "${place#* }" | tr -d '\0' | grep -E '^[A-Za-z0-9_.]+='
}

# Ticks a millisecond, as this kernel measured them; empty when it did not say.
tsc_khz() {
	dmesg | sed -n 's/.*tsc: .* \([0-9]*\)\.\([0-9][0-9][0-9]\) MHz.*/\1\2/p' | tail -n 1
}

# Every line of the note as it is, for scripts, then one time line in milliseconds
# since the first stamp.
note_timeline() {
	note_text > /run/note.txt || return 0
	khz=$(tsc_khz)
	first=
	line=
	while IFS='=' read -r key value; do
		say note "$key=$(echo "$value" | tr ' ' ,)"
		case $key=$value in
		TSC.*=0x0 | TSC.*=0) continue ;;
		TSC.*=0x* | TSC.*=[1-9]*) ;;
		*) continue ;;
		esac
		ticks=$((value))
		first=${first:-$ticks}
		[ -z "$khz" ] || line="$line ${key#TSC.}=$(milliseconds $((ticks - first)))"
	done < /run/note.txt
	[ -z "$line" ] || say timeline "unit=ms tsc_khz=$khz$line"
}

# milliseconds TICKS: with three decimals.
milliseconds() {
	microseconds=$(($1 * 1000 / khz))
	printf '%d.%03d' $((microseconds / 1000)) $((microseconds % 1000))
}
