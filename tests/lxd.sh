# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# An LXD for one test, read behind lib.sh. It stands in mount, process and network namespaces of its own: when the
# first process in there ends, whatever the reason, so do the daemon, the containers and all their mounts, and no
# interface is left on the host.
#
#	lxd_start	a daemon with one storage pool; $LXD_DIR says where, and lxd_stop is given to at_exit
#	lxd_inside	run a command where the daemon runs
#	inside		run a command in $container
#	is_up		wait until $container has started, or has not; $state tells
#	lxd_is_clean	stop the daemon; nothing of it is left
#	$LXD_IDS	how many ids containers have; 65536 if not set
#	$mark		begins the names of all containers, and so those of their cgroups

mark=kiln$$

# liblxc leaves empty cgroups and the folders of its locks; rmdir takes only what is empty.
lxd_sweep() {
	local folder
	find /sys/fs/cgroup -depth -type d -path "*$mark*" 2>/dev/null | while read -r folder; do
		rmdir "$folder" 2>/dev/null
	done
	while read -r folder; do
		[ -z "$folder" ] || rmdir "$folder" 2>/dev/null
	done <<<"$lxd_new_pivots"
	(cd / && rmdir -p "run/lxc/lock$LXD_DIR/containers" "run/lxc/lock$LXD_DIR"/* 2>/dev/null)
	true
}

lxd_pivots() {
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
	lxd_new_pivots=$(comm -13 <(sort <<<"$lxd_pivots_before") <(lxd_pivots | sort))
	lxd_sweep
}

# In the daemon's namespaces: its first process is the child of unshare.
lxd_inside() {
	nsenter --target "$(pgrep -P "$lxd_pid" | head -n 1)" --mount --net --pid -- "$@"
}

lxd_start() {
	local inner
	export LXD_DIR=$WORK/lxd HOME=$WORK/home
	mkdir -p "$LXD_DIR" "$HOME" "$WORK/cgroup"
	# Root needs a range of subordinate ids; which one does not matter, and the host's files stay as they are.
	echo "root:1000000:${LXD_IDS:-65536}" >"$WORK/subid"
	# shellcheck disable=SC2016 # expanded by the inner shell
	inner='
		# Interfaces are shown by a sysfs of the own network; control groups stay the host'"'"'s.
		mount --rbind /sys/fs/cgroup "$1" && mount -t sysfs sysfs /sys && mount --rbind "$1" /sys/fs/cgroup
		for file in /etc/subuid /etc/subgid; do
			[ ! -e "$file" ] || mount --bind "$0" "$file"
		done
		exec lxd --group root'
	lxd_pivots_before=$(lxd_pivots)
	unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc \
		sh -c "$inner" "$WORK/subid" "$WORK/cgroup" >"$WORK/lxd.log" 2>&1 </dev/null &
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

lxd_is_clean() {
	lxd_stop
	is 'no mount is left' "$(grep -F "$LXD_DIR" /proc/mounts)" ''
	is 'no process is left' "$(pgrep -f "$LXD_DIR|$mark")" ''
}
