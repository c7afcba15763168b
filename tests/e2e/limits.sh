#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What programs of an image may use of the host, and what happens when they use more: fork bombs, memory, endless
# loops, full disks, in actions and in maintainer scripts, as root and as an ordinary user, who has no control groups
# on most hosts. Each ends with one line that names the limit, nothing is left, and just below the limits all is well.
# Alone: fork bombs take the processors, and memory, from whatever runs beside them.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_root "it is compared with what a user gets, and becomes him"
require_programs python3 gpg dpkg-deb ldd cc unshare setpriv newuidmap newgidmap jq pgrep
cd "$WORK" || exit 1

readonly USER_ID=54321 HOG=hog$$

# What is tried: NAME|LIMITS|COMMAND|WORDS|COMMAND THAT IS JUST ALLOWED
cat >trials <<'T'
fork-bomb|processes: 60|fork|it had more than 60 processes at a time \(sandbox\.limits\.processes\)|fork 40
memory|memory: 64MiB|memory 600|it used more than 64MiB of memory \(sandbox\.limits\.memory\)|memory 40
endless-loop|time: 1s|spin|it ran for longer than 1s \(sandbox\.limits\.time\)|fork 1
silent-sleep|time: 1s|sleep|it ran for longer than 1s \(sandbox\.limits\.time\)|fork 1
full-disk|disk: 64MiB|disk /filled|the root took more than 64MiB \(sandbox\.limits\.disk\)|disk /filled 20
many-files|disk: 40MiB|files /many|the root had more files than 20480, for which 40MiB have room \(sandbox\.limits\.disk\)|files /many 8000
daemon|memory: 64MiB|daemon 600|it used more than 64MiB of memory \(sandbox\.limits\.memory\)|daemon 0
T
just_limits='processes: 60, memory: 64MiB, time: 1m, disk: 64MiB'

accounts() {
	cp /etc/passwd /etc/group "$WORK/"
	echo "somebody:x:$USER_ID:$USER_ID::$WORK/home:/bin/sh" >>"$WORK/passwd"
	echo "somebody:x:$USER_ID:" >>"$WORK/group"
	echo "somebody:700000:65536" | tee "$WORK/subuid" >"$WORK/subgid"
	mkdir -p "$WORK/home"
	chown "$USER_ID:$USER_ID" "$WORK/home"
}

# by_root COMMAND..., by_user COMMAND...: by somebody, without any right of root's.
by_root() {
	"$@"
}
by_user() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private sh -c '
		for file in passwd group subuid subgid; do
			mount --bind "$0/$file" "/etc/$file" || exit
		done
		cd "$0" && exec "$@"
	' "$WORK" env -u XDG_RUNTIME_DIR HOME="$WORK/home" setpriv --reuid "$USER_ID" --regid "$USER_ID" \
		--init-groups --inh-caps=-all --ambient-caps=-all -- "$@"
}

accounts
program=$KILN
if ! by_user test -x "$KILN"; then
	cp "$KILN" "$WORK/home/kiln"
	program=$WORK/home/kiln
fi

cc -O1 -static -o hog "$TOP/tests/escapes/limits.c" 2>cc.log || give_up 'the program that is tried is compiled' "$(cat cc.log)"
base_deb
deb hog --copy "$WORK/hog=/usr/bin/$HOG"
while IFS='|' read -r name _ command _ just; do
	deb "$name" --field 'Pre-Depends: hog' --script "postinst=#!/bin/sh
[ \"\$1\" != configure ] || $HOG $command || true"
	all="${all-}$HOG $just || exit 1
"
done <trials
deb just --field 'Pre-Depends: hog' --script "postinst=#!/bin/sh
$all"
archive web >archive.log 2>&1 || give_up 'an archive' "$(cat archive.log)"
serve web
chmod -R a+rX "$WORK/key"

# recipe LIMITS PACKAGE [ACTION]
recipe() {
	tiny_recipe r.yaml "$SERVER/" hog ${2:+"$2"}
	printf 'sandbox:\n  limits: {%s}\n' "$1" >>r.yaml
	[ -z "${3-}" ] || printf 'actions:\n- trigger: post-packages\n  action: |\n    #!/bin/sh\n    %s\n' "${3//$'\n'/$'\n'    }" >>r.yaml
}

# build WHO [ARGUMENT...]
build() {
	local who=$1
	shift
	rm -rf "$WORK/home/out"
	timeout 60 bash -c "$(declare -f by_root by_user); WORK=$WORK USER_ID=$USER_ID; by_$who"' "$@"' - \
		"$program" build "$WORK/r.yaml" --cache "$WORK/home/$who" --output "$WORK/home/out" "$@"
}

# Where root's groups are, as far as this host lets it have any; other kilns may have theirs elsewhere.
recipe 'time: 1h' '' "$HOG fork 1"
places=$(build root -v 2>&1 | sed -nE "s/^ *control group '(.*)\/kiln\..*'$/\1/p")

# Those that another test's kiln is at work in have processes, or go away.
groups_left() {
	local place group
	for place in $places; do
		find "$place" -mindepth 1 -maxdepth 1 -name 'kiln.??????'
	done | while read -r group; do
		if [ -z "$(cat "$group/cgroup.procs" 2>/dev/null)" ] && ! within 5 test ! -e "$group"; then
			echo "$group"
		fi
	done
}

# hogs: processes of a trial that still run.
hogs() {
	pgrep -x "$HOG"
}

stopped=0
table=
for who in root user; do
	for where in action postinst; do
		while IFS='|' read -r name limits command words _; do
			if [ "$where" = action ]; then
				recipe "$limits" '' "$HOG $command || true"
				subject='r\.yaml:[0-9]+:[0-9]+: action \(post-packages\)'
			else
				recipe "$limits" "$name"
				subject="package '$name': postinst"
			fi
			begin=$(date +%s%N)
			before=$failures
			fails "$who, $where: $name" limit "$subject was stopped: $words" build "$who"
			table+=$(printf '%-14s %-8s %-4s %5d ms' "$name" "$where" "$who" $((($(date +%s%N) - begin) / 1000000)))$'\n'
			[ "$failures" != "$before" ] || stopped=$((stopped + 1))
			[ -z "$(hogs)" ] || not_ok "$who, $where: $name: nothing of it runs any more" "$(hogs)"
		done <trials
	done
	recipe "$just_limits" just "set -e
$all"
	check "$who: all of it just below the limits, in a script and in an action" build "$who"
	rm -rf "$WORK/home/$who/layers"
done
printf "%s" "$table" | sed "s,^,# count: ,"
count "$stopped of 28 ways to use too much are stopped, each with a line that names the limit"
is 'no control group is left' "$(groups_left)" ''

# Nobody has to ask for what keeps the host alive.
recipe '' '' "$HOG fork || true"
sed -i '/^sandbox:/,/limits:/d' r.yaml
fails 'a fork bomb, and a recipe without a word about it' limit \
	'was stopped: it had more than 4096 processes at a time \(sandbox\.limits\.processes, by default\)' build root
is 'nothing of it runs any more' "$(hogs)" ''
recipe 'processes: none, memory: none, time: none, disk: none' '' "$HOG fork 50"
check 'all without a limit' build root
recipe 'time: 1h' '' "$HOG spin"
fails 'the command line says something else' limit 'longer than 1s \(sandbox\.limits\.time\)' \
	build root -o sandbox.limits.time=1s
recipe 'disk: 1MiB' just
fails 'a root that is larger than it may be' limit 'the root takes more than 1MiB \(sandbox\.limits\.disk\)' build root --no-layers
fails 'layers that are' limit 'the layers that the root begins with take .* and it may have 1MiB' build root

# On a disk, which others use as well.
mkdir -p "$WORK/home/disk"
chown "$USER_ID:$USER_ID" "$WORK/home/disk"
recipe 'disk: 64MiB' '' "$HOG disk /filled || true"
fails 'a root on disk: too large' limit 'the root took more than 64MiB' build root --work "$WORK/home/disk"
recipe 'disk: 40MiB' '' "$HOG files /many || true"
fails 'a root on disk: too many files' limit 'the root had more files than 20480' build user --work "$WORK/home/disk"
recipe 'disk: 64MiB, memory: 64MiB' '' "$HOG disk /filled 40"
check 'a root on disk: just large enough' build root --work "$WORK/home/disk"
is 'nothing is left of them' "$(find "$WORK/home/disk" -mindepth 1 | head -n 3)" ''

# Whoever has no control group counts, and says so where somebody relies on it.
recipe 'memory: 64MiB' '' "$HOG fork 1"
has 'a user is told who counts' "$(build user 2>&1)" 'warning: sandbox\.limits\.memory is kept by counting'
is 'and so is who reads the record' "$(jq -c .limits_by_count "$WORK/home/out/image.json")" '["memory"]'
recipe 'time: 1h' '' "$HOG fork 2"
has_no 'but not of what he did not ask for' "$(build user 2>&1)" 'sandbox\.limits'

# A kiln that is killed leaves a group without processes; the next one removes it.
if [ -n "$places" ]; then
	recipe 'time: 1h' '' "$HOG sleep"
	"$program" build r.yaml --cache "$WORK/home/root" --output "$WORK/home/out" >killed.log 2>&1 &
	pid=$!
	within 30 hogs || give_up 'an action sleeps' "$(cat killed.log)"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	check 'a kiln that is killed takes it along' within 5 eval '! hogs'
	has 'and leaves an empty group' "$(groups_left)" 'kiln\.'
	recipe 'time: 1h' '' "$HOG fork 3"
	has 'which the next one removes' "$(build root -v 2>&1)" 'removed the left-over control group'
	is 'so that none is left' "$(groups_left)" ''
fi

# The network: an action reaches the host's loopback, unless somebody says otherwise.
port=${SERVER##*:}
recipe '' '' "$HOG connect $port || exit 7"
check 'an action reaches a server of the host' build root
fails 'not with --no-network' action 'failed with exit status 7' build root --no-network
sed -i 's/^sandbox:/&\n  network: false/' r.yaml
fails 'nor with network: false' action 'failed with exit status 7' build root
check 'the command line says something else' build root -o sandbox.network=true
fails 'but --no-network is the last word' action 'failed with exit status 7' build root -o sandbox.network=true --no-network
is 'no control group is left' "$(groups_left)" ''
