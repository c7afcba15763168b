#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What tests that need a real LXD share; they source lib.sh first, then this. The daemon is one of our own in mount
# and pid namespaces of its own: when the first process in there ends, whatever the reason, so do the daemon, the
# containers and all their mounts.
#
#	lxd_start                       the daemon, with a storage pool and a profile
#	inside COMMAND [ARGUMENT...]    in the container named by $container; names begin with $mark
#	lxd_stop                        also at the end of the test

require_root
require_programs lxd lxc unshare jq

export LXD_DIR=$WORK/lxd HOME=$WORK/home
mkdir -p "$LXD_DIR" "$HOME"
mark=kiln$$ # in the containers' names, and so in those of their cgroups

# liblxc leaves empty cgroups and the folders of its locks; rmdir takes only what is empty.
sweep() {
	local folder
	find /sys/fs/cgroup -depth -type d -path "*$mark*" 2>/dev/null | while read -r folder; do
		rmdir "$folder" 2>/dev/null
	done
	while read -r folder; do
		[ -z "$folder" ] || rmdir "$folder" 2>/dev/null
	done <<<"$new_pivots"
	(cd / && rmdir -p "run/lxc/lock$LXD_DIR/containers" "run/lxc/lock$LXD_DIR"/* 2>/dev/null)
	true
}

pivots() {
	find /sys/fs/cgroup -maxdepth 2 -type d -name lxc.pivot 2>/dev/null
}

lxd_stop() {
	local name
	for name in $(timeout 20 lxc list --format csv --columns n 2>/dev/null); do
		timeout 60 lxc delete --force "$name" >/dev/null 2>&1
	done
	timeout 30 lxd shutdown --timeout 20 >/dev/null 2>&1
	kill -KILL "$lxd_pid" 2>/dev/null
	wait "$lxd_pid" 2>/dev/null
	new_pivots=$(comm -13 <(sort <<<"$pivots_before") <(pivots | sort))
	sweep
}

# Root needs a range of subordinate ids; which one does not matter, and the host's files stay as they are.
echo root:1000000:65536 >"$WORK/subid"
# shellcheck disable=SC2016 # expanded by the inner shell
lxd_command='
	for file in /etc/subuid /etc/subgid; do
		[ ! -e "$file" ] || mount --bind "$0" "$file"
	done
	exec lxd --group root'
lxd_start() {
	pivots_before=$(pivots)
	unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		sh -c "$lxd_command" "$WORK/subid" >"$WORK/lxd.log" 2>&1 </dev/null &
	lxd_pid=$!
	at_exit lxd_stop
	lxd waitready --timeout 60 >/dev/null 2>&1 || give_up 'a daemon starts' "$(cat "$WORK/lxd.log")"
	lxc storage create default dir >/dev/null 2>&1 || give_up 'a storage pool' "$(cat "$WORK/lxd.log")"
	lxc profile device add default root disk path=/ pool=default >/dev/null 2>&1 ||
		give_up 'a profile' "$(cat "$WORK/lxd.log")"
}

inside() {
	# shellcheck disable=SC2154 # the caller's
	timeout 180 lxc exec "$container" -- "$@" </dev/null 2>&1
}

# Right after the launch there is no bus to ask yet.
is_up() {
	state=$(timeout 150 lxc exec "$container" -- systemctl is-system-running --wait 2>/dev/null </dev/null)
	[ "$state" = running ] || [ "$state" = degraded ]
}

# lxd_is_clean: nothing of the daemon is left.
lxd_is_clean() {
	lxd_stop
	is 'no mount is left' "$(grep -F "$LXD_DIR" /proc/mounts)" ''
	is 'no process is left' "$(pgrep -f "$LXD_DIR|$mark")" ''
}
