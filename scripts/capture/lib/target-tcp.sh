# SPDX-License-Identifier: BSD-2-Clause
#
# Target: tcp:IPV4:PORT, where something like `nc -l PORT > vmcore.flat` listens. The
# stream is makedumpfile's flattened format, which `makedumpfile -R vmcore < vmcore.flat`
# turns into a dump (crash reads it as it is); with lifeboat.format=elf it is the plain
# core. The log goes to the console, whole: there is one connection, and the dump has it.

target_open() {
	modules_load net
	host=${target#tcp:}
	port=${host##*:}
	host=${host%:*}
	wait_for 30 interface_is_there || fail target-missing \
		"no network interface appeared within 30 s, is the driver in the image? see mkcapture --module"
	ip link set "$interface" up
	if [ "$address" = dhcp ]; then
		udhcpc -f -n -q -t 5 -T 3 -i "$interface" -s /lib/lifeboat/dhcp-bound > /run/udhcpc.txt 2>&1 || fail \
			target-network "$interface got no address by DHCP (lifeboat.ip=ADDRESS/LENGTH,GATEWAY sets one)"
	else
		ip addr add "${address%,*}" dev "$interface" 2> /run/ip.txt || fail target-network \
			"lifeboat.ip=$address: $(cat /run/ip.txt)"
		[ "$address" = "${address#*,}" ] || ip route add default via "${address#*,}" dev "$interface"
	fi
	dump_stream=1
	dump_limit=
	target_path=$target
	say target kind=tcp "host=$host" "port=$port" "interface=$interface" \
		"address=$(ip -4 -o addr show dev "$interface" | awk '{ print $4; exit }')"
}

# The first one that is hardware.
interface_is_there() {
	interface=$(find /sys/class/net -mindepth 2 -maxdepth 2 -follow -name device 2> /run/find.txt | sort | head -n 1)
	interface=${interface#/sys/class/net/}
	interface=${interface%/device}
	[ -n "$interface" ]
}

target_save_log() {
	[ -s "$log" ] || return 0
	say log whole=1
	alive_while_printed "$log"
	cat "$log"
	say log end=1
	log_saved=console
}

# Standard input to the other end, counted and digested on its way.
target_stream() {
	rm -f /run/to-sum /run/to-count
	mkfifo /run/to-sum /run/to-count
	sha256sum < /run/to-sum > /run/stream.sha256 &
	wc -c < /run/to-count > /run/stream.bytes &
	tee /run/to-sum /run/to-count | nc -w 30 "$host" "$port" > /dev/null
	sent=$?
	wait
	return $sent
}

target_discard() {
	warn target-partial "what $host got so far is not a whole dump"
}

target_commit() {
	ip link set "$interface" down
}
