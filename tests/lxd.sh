# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables that the tests use, or set
# A real LXD for tests, which read this behind lib.sh:
#
#	lxd_begin	start it, with a storage pool and a profile; $mark is for the containers' names
#	inside WORDS	run a command in $container
#	lxd_end		remove all containers and stop it
#
# The daemon is one of our own in mount and pid namespaces of its own: when the first process in there
# ends, whatever the reason, so do the daemon, the containers and all their mounts.

# liblxc leaves empty cgroups and the folders of its locks; rmdir takes only what is empty.
lxd_sweep() {
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

lxd_pivots() {
	find /sys/fs/cgroup -maxdepth 2 -type d -name lxc.pivot 2>/dev/null
}

lxd_end() {
	local name
	for name in $(timeout 20 lxc list --format csv --columns n 2>/dev/null); do
		timeout 60 lxc delete --force "$name" >/dev/null 2>&1
	done
	timeout 30 lxd shutdown --timeout 20 >/dev/null 2>&1
	kill -KILL "$lxd_pid" 2>/dev/null
	wait "$lxd_pid" 2>/dev/null
	new_pivots=$(comm -13 <(sort <<<"$pivots_before") <(lxd_pivots | sort))
	lxd_sweep
}

lxd_begin() {
	local lxd_start
	export LXD_DIR=$WORK/lxd HOME=$WORK/home
	mkdir -p "$LXD_DIR" "$HOME"
	mark=kiln$$ # in the containers' names, and so in those of their cgroups
	# Root needs a range of subordinate ids; which one does not matter, and the host's files stay as they are.
	echo root:1000000:65536 >"$WORK/subid"
	# shellcheck disable=SC2016 # expanded by the inner shell
	lxd_start='
		for file in /etc/subuid /etc/subgid; do
			[ ! -e "$file" ] || mount --bind "$0" "$file"
		done
		exec lxd --group root'
	pivots_before=$(lxd_pivots)
	unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		sh -c "$lxd_start" "$WORK/subid" >"$WORK/lxd.log" 2>&1 </dev/null &
	lxd_pid=$!
	at_exit lxd_end
	lxd waitready --timeout 60 >/dev/null 2>&1 || give_up 'a daemon starts' "$(cat "$WORK/lxd.log")"
	lxc storage create default dir >/dev/null 2>&1 || give_up 'a storage pool' "$(cat "$WORK/lxd.log")"
	lxc profile device add default root disk path=/ pool=default >/dev/null 2>&1 ||
		give_up 'a profile' "$(cat "$WORK/lxd.log")"
}

inside() {
	timeout 180 lxc exec "$container" -- "$@" </dev/null 2>&1
}

# Right after the launch there is no bus to ask yet.
is_up() {
	state=$(timeout 150 lxc exec "$container" -- systemctl is-system-running --wait 2>/dev/null </dev/null)
	[ "$state" = running ] || [ "$state" = degraded ]
}
