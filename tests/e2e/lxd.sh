#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The image of recipes/debian-bookworm.yaml in a real LXD: imported as unified file, as split pair and with a squashfs
# root, compared, booted as unprivileged containers, looked at from inside, and removed.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"

require_root 'an LXD runs as root'
require_programs lxd lxc unshare jq
default_image
# The same root once more, of the layers that the first build has kept.
if ! "$KILN" build debian-bookworm --format squashfs --compression zstd-1 --cache "$CACHE" --output "$WORK/squashfs" \
	>"$WORK/squashfs.out" 2>"$WORK/squashfs.log" </dev/null; then
	give_up 'kiln builds a squashfs image' "$(tail -n 30 "$WORK/squashfs.log")"
fi
has 'a warning names the file whose capability Incus loses' "$(cat "$WORK/squashfs.log")" \
	'without file capabilities, which 1 file here has \(/usr/bin/ping\)'

lxd_start

format=unified
folder_of() {
	if [ "$1" = squashfs ]; then echo "$WORK/squashfs"; else echo "$IMAGE"; fi
}

# field FILTER: of image.json
field() {
	jq -r "$1" "$(folder_of "$format")/image.json"
}

look_at_image() {
	local format=$1 fingerprint shown key
	fingerprint=$(field ".artifacts[] | select(.format == \"$format\").fingerprint")
	shown=$(lxc image list --format json | jq -r ".[] | select(.aliases[].name == \"$format\").fingerprint")
	is "$format: LXD's fingerprint is ours" "$shown" "$fingerprint"
	lxc query "/1.0/images/$shown" >"$WORK/shown.json"
	is "$format: architecture" "$(jq -r .architecture "$WORK/shown.json")" x86_64
	is "$format: type" "$(jq -r .type "$WORK/shown.json")" container
	is "$format: creation date" "$(jq -r '.created_at | fromdate' "$WORK/shown.json")" \
		"$(field .creation_date)"
	has "$format: description" "$(jq -r .properties.description "$WORK/shown.json")" \
		"^Debian bookworm .*$(field .serial)"
	for key in release variant serial; do
		is "$format: property $key" "$(jq -r ".properties.$key" "$WORK/shown.json")" "$(field ".$key")"
	done
	is "$format: property os" "$(jq -r '.properties.os | ascii_downcase' "$WORK/shown.json")" \
		"$(field '.distribution | ascii_downcase')"
}

look_inside() {
	local format=$1 said
	if within 150 is_up && [ "$state" = running ]; then
		ok "$format: systemd says running"
	else
		not_ok "$format: systemd says running" "it says: $state
$(inside systemctl --failed --no-legend --plain)
$(inside journalctl -b -p warning --no-pager | tail -n 40)"
	fi
	is "$format: no failed unit" "$(inside systemctl --failed --no-legend --plain)" ''
	is "$format: unprivileged" "$(inside awk '$1 == 0 { print $2 }' /proc/self/uid_map)" 1000000
	is "$format: hostname from our template" "$(inside cat /etc/hostname)" "$container"
	has "$format: hosts from our template" "$(inside cat /etc/hosts)" "^127\.0\.1\.1[[:space:]]+$container$"
	is "$format: it resolves its own name" "$(inside getent hosts "$container" | awk '{ print $2 }')" "$container"
	is "$format: no package in a wrong state" "$(inside dpkg --audit)" ''
	is "$format: every file as its package has it" "$(inside dpkg --verify)" ''
	check "$format: apt finds no broken dependency" inside apt-get -qq check
	is "$format: networkd enabled" "$(inside systemctl is-enabled systemd-networkd.service)" enabled
	is "$format: resolved enabled" "$(inside systemctl is-enabled systemd-resolved.service)" enabled
	is "$format: networkd runs" "$(inside systemctl is-active systemd-networkd.service)" active
	is "$format: resolved runs" "$(inside systemctl is-active systemd-resolved.service)" active
	has "$format: eth0 by DHCP" "$(inside sh -c 'cat /etc/systemd/network/*.network')" '^DHCP='
	has "$format: locale en_US.UTF-8 is built" "$(inside locale -a)" '^en_US\.utf8$'
	has "$format: and is the default" "$(inside cat /etc/default/locale)" '^LANG="?en_US.UTF-8'
	has "$format: a machine id of its own" "$(inside cat /etc/machine-id)" '^[0-9a-f]{32}$'
	has "$format: ping kept its capability or mode" \
		"$(inside sh -c 'find /usr/bin/ping -perm -4000; getcap /usr/bin/ping')" ping
	# All that the recipe names as commands.
	said=$(inside sh -c 'for c in dialog ip ping ssh ps sudo vim udevadm; do command -v $c || echo no $c; done')
	has_no "$format: the commands of the recipe are there" "$said" '^no '
}

# import_image FORMAT: all files that the format has
import_image() {
	local files
	format=$1
	mapfile -t files < <(field ".artifacts[] | select(.format == \"$1\").files[].name")
	lxc image import "${files[@]/#/$(folder_of "$1")/}" --alias "$1"
}

machine_ids=
for format in unified split squashfs; do
	check "$format: imported" import_image "$format"
	look_at_image "$format"
	container=$mark-$format
	if lxc launch --quiet "$format" "$container" >"$WORK/launch.log" 2>&1 </dev/null; then
		ok "$format: launched"
		look_inside "$format"
		machine_ids="$machine_ids $(inside cat /etc/machine-id)"
	else
		not_ok "$format: launched" "$(cat "$WORK/launch.log")
$(lxc info "$container" --show-log 2>&1 | tail -n 20)"
	fi
done
is 'three instances have three machine ids' "$(tr ' ' '\n' <<<"$machine_ids" | sort -u | grep -c .)" 3
container=$mark-unified
check 'an instance restarts' lxc restart "$container" --timeout 60
within 150 is_up
is 'and is running again' "$state" running
check 'an instance can be copied' lxc copy "$container" "$mark-copy"
check 'and the copy starts' lxc start "$mark-copy"
container=$mark-copy
within 150 is_up
is 'and has a hostname of its own' "$(inside cat /etc/hostname)" "$mark-copy"

lxd_is_clean
