#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The published definition of Debian, without a change: built as its users build it, imported into a real LXD, booted
# as unprivileged containers, and looked at as lxc-ci's own test of images does. It takes minutes: make check-long.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"
# shellcheck source=../definitions.sh
. "$(dirname "$0")/../definitions.sh"

[ -n "${KILN_TEST_LONG-}" ] || skip_all 'takes minutes (make check-long)'
require_root 'an LXD runs as root'
require_programs lxd lxc unshare jq
published_definitions
lxd_start

look_inside() {
	local release=$1 variant=$2 name="$1 $2" failed
	if within 150 is_up && [ "$state" = running ]; then
		ok "$name: systemd says running"
	else
		failed=$(inside systemctl --failed --no-legend --plain)
		not_ok "$name: systemd says running" "it says: $state
$failed
$(inside journalctl -b -p warning --no-pager | tail -n 40)"
	fi
	is "$name: no failed unit" "$(inside systemctl --failed --no-legend --plain)" ''
	is "$name: unprivileged" "$(inside awk '$1 == 0 { print $2 }' /proc/self/uid_map)" 1000000
	is "$name: its release" "$(inside sh -c '. /etc/os-release; echo $VERSION_CODENAME')" "$release"
	is "$name: hostname from the template" "$(inside cat /etc/hostname)" "$container"
	has "$name: hosts from the template" "$(inside cat /etc/hosts)" "^127\.0\.1\.1[[:space:]]+$container$"
	has "$name: a machine id of its own" "$(inside cat /etc/machine-id)" '^[0-9a-f]{32}$'
	is "$name: resolved and networkd are enabled" \
		"$(inside systemctl is-enabled systemd-networkd.service systemd-resolved.service | xargs)" 'enabled enabled'
	is "$name: resolv.conf is resolved's" "$(inside readlink /etc/resolv.conf)" /run/systemd/resolve/stub-resolv.conf
	has "$name: the locale is built" "$(inside locale -a)" '^en_US\.utf8$'
	has "$name: and is the default" "$(inside cat /etc/default/locale)" '^LANG="?en_US.UTF-8'
	is "$name: its package sources" "$(inside sh -c 'grep -c . /etc/apt/sources.list')" 3
	is "$name: no package in a wrong state" "$(inside dpkg --audit)" ''
	is "$name: every file as its package has it" "$(inside dpkg --verify | grep -v ' c /etc/')" ''
	check "$name: apt finds no broken dependency" inside apt-get -qq check
	if [ "$variant" = cloud ]; then
		has "$name: cloud-init ran to its end" "$(inside cloud-init status)" '^status: done'
		# The data of the instance, by the templates of the image.
		has "$name: with the instance's name" "$(inside cat /var/lib/cloud/seed/nocloud-net/meta-data)" "$container"
		has "$name: with the network that it was told" "$(inside ip -4 address show dev eth0)" 'inet 192\.0\.2\.7/24'
		is "$name: and user-data of the instance was carried out" "$(inside cat /run/said)" hello
	else
		has "$name: eth0 by DHCP" "$(inside cat /etc/systemd/network/eth0.network)" '^DHCP=true'
		is "$name: no cloud-init" "$(inside sh -c 'command -v cloud-init || true')" ''
		is "$name: nothing that a shadow tool left behind" "$(inside sh -c 'ls /etc/*- 2>/dev/null || true')" ''
	fi
}

for release in bookworm trixie; do
	for variant in default cloud; do
		name="$release $variant"
		image=$WORK/$release-$variant
		if ! "$KILN" build "$DEFINITIONS/debian.yaml" -o "image.release=$release" -o "image.variant=$variant" \
			--cache "$CACHE" --output "$image" >/dev/null 2>"$WORK/build.log" </dev/null; then
			not_ok "$name: it builds" "$(tail -n 30 "$WORK/build.log")"
			continue
		fi
		ok "$name: it builds"
		record=$image/image.json
		mapfile -t files < <(jq -r '.artifacts[] | select(.format == "split").files[].name' "$record")
		check "$name: imported" lxc image import "${files[@]/#/$image/}" --alias "$release-$variant"
		container=$mark-$release-$variant
		printf '#cloud-config\nruncmd: [[sh, -c, "echo hello > /run/said"]]\n' >"$WORK/user-data"
		# A link of its own, without anybody who would give it an address: cloud-init gives it one.
		cat >"$WORK/network-config" <<-'N'
			version: 2
			ethernets:
			  eth0:
			    addresses: [192.0.2.7/24]
		N
		lxc init --quiet "$release-$variant" "$container" >"$WORK/launch.log" 2>&1 </dev/null &&
			lxc config set "$container" user.user-data - <"$WORK/user-data" &&
			lxc config set "$container" user.network-config - <"$WORK/network-config" &&
			{ [ "$variant" = default ] || lxc config device add "$container" eth0 nic nictype=p2p name=eth0 >/dev/null; } &&
			lxc start "$container" >>"$WORK/launch.log" 2>&1 </dev/null
		if [ "$(lxc list "$container" --format csv --columns s)" = RUNNING ]; then
			ok "$name: launched"
			look_inside "$release" "$variant"
		else
			not_ok "$name: launched" "$(cat "$WORK/launch.log")
$(lxc info "$container" --show-log 2>&1 | tail -n 20)"
		fi
		lxc delete --force "$container" >/dev/null 2>&1
		rm -rf "$image"
	done
done

lxd_is_clean
