# SPDX-License-Identifier: BSD-2-Clause
#
# Writing the dump. What cannot be filtered (a kernel that died before it had
# VMCOREINFO, page structures that make no sense) is dumped with less filtering, in
# the end as the plain ELF core: better large than lost.

dump_stream=0

# Sets dump_level, dump_compress, dump_format and dump_written, or fails.
dump_write() {
	dump_begun=$(uptime_seconds)
	for attempt in $(dump_attempts); do
		dump_level=$attempt
		dump_compress=$compress
		dump_format=kdump
		[ "$dump_stream" = 0 ] || dump_format=kdump-flattened
		if [ "$attempt" = elf ]; then
			dump_level=0
			dump_compress=none
			dump_format=elf
			dump_copy_fits || break
		fi
		say dump "attempt=$attempt" "compress=$dump_compress" "format=$dump_format"
		dump_attempt "$attempt" && return 0
		warn dump-attempt "attempt $attempt: $(dump_last_words)"
		[ -z "$(dump_hopeless)" ] || break
	done
	target_discard
	case $(dump_hopeless) in
	target-full) fail target-full "$target was full before the dump was complete; the dump counts for nothing, the log \
is kept" ;;
	target-unreachable) fail target-unreachable "$(grep "can't connect" /run/dump.log)" ;;
	*) fail dump "no way to write the dump worked; last: $(dump_last_words)" ;;
	esac
}

# Linux since 6.10 tells a page of slab by the page's type, not by a flag. A makedumpfile older than
# that takes some of those pages for programs' memory, and level 8 would leave kernel objects out.
# What it knows of the type is the name that VMCOREINFO has for it.
dump_limit_level() {
	key=PAGE_SLAB_MAPCOUNT_VALUE
	[ "$format" = makedumpfile ] && [ $((level & 8)) -ne 0 ] || return 0
	program=$(command -v makedumpfile) || return 0
	notes_find && notes_bytes "$notes" "$size" | tr '\0' '\n' | grep -q "^NUMBER($key)=" || return 0
	! tr '\0' '\n' < "$program" | grep -q "$key" || return 0
	level=$((level & ~8))
	warn dump-level "level $level, with the memory of programs: this makedumpfile is older than Linux 6.10, and \
takes some of the kernel's own pages for theirs"
}

# The asked for level first, then less and less clever ones.
dump_attempts() {
	[ "$format" = makedumpfile ] || {
		echo elf
		return
	}
	echo "$level"
	[ "$level" -le 1 ] || echo 1
	[ "$level" -eq 0 ] || echo 0
	echo elf
}

dump_copy_fits() {
	[ -n "$dump_limit" ] && [ "$dump_limit" -lt "$(stat -c %s "$vmcore")" ] || return 0
	warn dump-attempt "the plain ELF core of $(stat -c %s "$vmcore") bytes does not fit into $dump_limit"
	return 1
}

# What lies with the target and not with the dump: another attempt changes nothing.
dump_hopeless() {
	if grep -qE 'No space left|Size limit' /run/dump.log; then
		echo target-full
	elif grep -q "can't connect" /run/dump.log; then
		echo target-unreachable
	fi
}

# The messages' end, without progress, times and what makedumpfile says of every kernel
# younger than itself.
dump_last_words() {
	tr '\r' '\n' < /run/dump.log | grep -vE -e '^[[:space:]]*$' -e '[[]' -e '^makedumpfile Failed' \
		-e '^The kernel version is not' -e '^The makedumpfile operation may' | tail -n 2
}

# dump_attempt LEVEL|elf. The writer runs beside us and is not waited for: one that
# hangs in the kernel cannot even be killed. Its end is the end of its messages.
dump_attempt() {
	rm -f /run/dump.status /run/dump.pipe
	: > /run/dump.log
	mkfifo /run/dump.pipe
	dump_run "$1" > /run/dump.pipe 2>&1 &
	dump_follow < /run/dump.pipe
	if [ ! -s /run/dump.status ]; then
		killall -9 makedumpfile dd nc 2> /run/killall.txt
		echo "no progress for $stall s" >> /run/dump.log
		return 1
	fi
	dump_written=$(tr '\r' '\n' < /run/dump.log | sed -n 's/^Write bytes *: *\([0-9]*\).*/\1/p')
	[ "$(cat /run/dump.status)" = 0 ]
}

# dump_run LEVEL|elf: leaves its status in a file.
dump_run() {
	set -o pipefail
	if [ "$dump_stream" = 1 ]; then
		dump_produce "$1" | target_stream
	elif [ "$1" = elf ]; then
		dump_copy > "$dump_file"
	else
		dump_makedumpfile "$1" "$dump_file"
	fi
	echo $? > /run/dump.status
}

# dump_produce LEVEL|elf: to standard output, for a target that cannot seek.
dump_produce() {
	if [ "$1" = elf ]; then
		dump_copy
	else
		dump_makedumpfile "$1" -F
	fi
}

# dump_makedumpfile LEVEL FILE|-F. Messages: progress, common, errors, report.
dump_makedumpfile() {
	level_wanted=$1
	file=$2
	case $compress in
	zlib) set -- -c ;;
	lzo) set -- -l ;;
	snappy) set -- -p ;;
	zstd) set -- -z ;;
	none) set -- ;;
	esac
	set -- "$@" -d "$level_wanted" --message-level 23
	if [ "$file" = -F ]; then
		makedumpfile -F "$@" "$vmcore"
	else
		makedumpfile -f "$@" "$vmcore" "$file"
	fi
}

# The whole ELF core to standard output, with progress in makedumpfile's form.
dump_copy() {
	size=$(stat -c %s "$vmcore")
	at=0
	while [ "$at" -lt "$size" ]; do
		dd if="$vmcore" bs=1M iflag=skip_bytes,count_bytes skip="$at" count=67108864 2> /run/dd.txt || {
			cat /run/dd.txt >&2
			return 1
		}
		at=$((at + 67108864))
		[ "$at" -le "$size" ] || at=$size
		printf 'Copying data : [%d.0 %%]\r' $((at * 100 / size)) >&2
	done
	printf '\nWrite bytes : %d\n' "$size" >&2
}

# Keeps all messages and shows the progress: a line every ten percent or five seconds.
dump_follow() {
	last=0
	piece=
	next_time=$(($(uptime_seconds) + 5))
	return_key=$(printf '\r')
	while IFS= read -r -t "$stall" -d "$return_key" piece; do
		printf '%s\r' "$piece" >> /run/dump.log
		alive $((stall + 60))
		case $piece in
		*"Copying data"*": ["*) ;;
		*) continue ;;
		esac
		percent=${piece##*Copying data*: [}
		percent=${percent%%.*}
		percent=${percent##* }
		case $percent in
		'' | *[!0-9]* | ????*) continue ;;
		esac
		if [ "$percent" -ge $((last + 10)) ] || [ "$(uptime_seconds)" -ge $next_time ]; then
			say dump "percent=$percent" "$(memory_words)"
			last=$percent
			next_time=$(($(uptime_seconds) + 5))
		fi
	done
	printf '%s' "$piece" >> /run/dump.log
}
