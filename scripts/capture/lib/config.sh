# SPDX-License-Identifier: BSD-2-Clause
#
# Settings: those built into the image, then lifeboat.* words of the second kernel's
# command line over them. A bad word never stops a capture: it is complained about
# and the image's own value is used.

config_load() {
	config_complaints=
	. /etc/lifeboat.conf
	force=0
	overwrite=0
	address=dhcp
	stall=300
	tr -s ' ' '\n' < /proc/cmdline | grep '^lifeboat\..*=' > /run/words
	while IFS='=' read -r name value; do
		config_word "$name" "$value"
	done < /run/words
	if [ "$format" = elf ]; then
		compress=none
		level=0
	fi
}

# config_word NAME VALUE
config_word() {
	case $1 in
	lifeboat.target) config_target "$1" "$2" && target=$2 ;;
	lifeboat.level) config_number "$1" "$2" 31 && level=$2 ;;
	lifeboat.compress) config_choice "$1" "$2" "$supports" && compress=$2 ;;
	lifeboat.format) config_choice "$1" "$2" "makedumpfile elf" && format=$2 ;;
	lifeboat.then) config_choice "$1" "$2" "reset poweroff halt shell" && then=$2 ;;
	lifeboat.force) config_number "$1" "$2" 1 && force=$2 ;;
	lifeboat.overwrite) config_number "$1" "$2" 1 && overwrite=$2 ;;
	lifeboat.stall) config_number "$1" "$2" 86400 && stall=$2 ;;
	lifeboat.ip) address=$2 ;;
	*) config_bad "$1" "$2" "a setting that exists" ;;
	esac
}

config_bad() {
	config_complaints="$config_complaints$1=$2 is not used: wanted $3
"
}

config_target() {
	target_kind "$2" > /run/kind && return 0
	config_bad "$1" "$2" "/dev/NAME, /dev/NAME:/DIR, LABEL=NAME:/DIR, UUID=NAME:/DIR or tcp:IPV4:PORT"
	return 1
}

# config_choice NAME VALUE "CHOICES"
config_choice() {
	case " $3 " in
	*" $2 "*) return 0 ;;
	esac
	config_bad "$1" "$2" "one of: $3"
	return 1
}

# config_number NAME VALUE MAXIMUM
config_number() {
	case $2 in
	'' | *[!0-9]* | 0?* | ??????*) ;; # the shell would take 010 for 8
	*) [ "$2" -le "$3" ] && return 0 ;;
	esac
	config_bad "$1" "$2" "a number from 0 to $3"
	return 1
}

# Said by the capture, once the start line is out.
config_complain() {
	printf '%s' "$config_complaints" | while read -r line; do
		warn bad-setting "$line"
	done
}

# target_kind SPEC: which of the target-*.sh files serves it.
target_kind() {
	case $1 in
	tcp:*:*) echo tcp ;;
	/dev/*:/* | LABEL=*:/* | UUID=*:/*) echo fs ;;
	*:*) return 1 ;;
	/dev/?*) echo raw ;;
	*) return 1 ;;
	esac
}
