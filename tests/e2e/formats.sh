#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every format from one build: all files at once, what is in them is the same root, the sums hold, and a build that
# finds everything in layers gives the same. The pair for LXC makes a container of a real LXC that starts.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq unsquashfs unshare zstd
default_image
become_root

# Quick levels: what is compressed how well is no matter here.
build() {
	local output=$1
	shift
	"$KILN" build debian-bookworm --cache "$CACHE" --output "$output" --evidence none "$@" >"$WORK/build.out" 2>"$WORK/build.log" \
		</dev/null
}
all=(--format 'unified,split,squashfs,lxc,dir,tar' --compression 'zstd-1,squashfs=zstd-1,lxc=xz-0')

build "$WORK/one" "${all[@]}" || give_up 'kiln builds every format' "$(tail -n 30 "$WORK/build.log")"
ok 'one build writes every format'
build "$WORK/two" "${all[@]}" || give_up 'kiln builds them again' "$(tail -n 30 "$WORK/build.log")"
has 'the second takes the files from layers' "$(cat "$WORK/build.log")" 'image files from layers'

record=$WORK/one/image.json
name=$(jq -r .name "$record")
# fingerprint FOLDER FORMAT
fingerprint() {
	jq -r ".artifacts[] | select(.format == \"$2\").fingerprint" "$1/image.json"
}

is 'the record has them in order' "$(jq -r '[.artifacts[].format] | join(" ")' "$record")" \
	'unified split squashfs lxc tar dir'
for format in unified split squashfs lxc tar dir; do
	is "$format: the same fingerprint" "$(fingerprint "$WORK/two" $format)" "$(fingerprint "$WORK/one" $format)"
done
is 'the folder holds what is named, and no more' "$(cd "$WORK/one" && printf '%s\n' *)" "$(printf '%s\n' SHA256SUMS \
	"$name".{dir,lxc.meta.tar.xz,lxc.rootfs.tar.xz,meta.tar.xz,rootfs.squashfs,rootfs.tar.zst,tar.zst} image.json)"
check 'SHA256SUMS holds' sh -c "cd '$WORK/one' && sha256sum --quiet -c SHA256SUMS"
is 'and has each file once' "$(wc -l <"$WORK/one/SHA256SUMS")" 6

# The definition of a fingerprint, by other programs.
cd "$WORK/one" || exit 1
is 'squashfs: its fingerprint' "$(cat "$name.meta.tar.xz" "$name.rootfs.squashfs" | sha256sum | cut -c1-64)" \
	"$(fingerprint . squashfs)"
is 'lxc: its fingerprint' "$(cat "$name.lxc.meta.tar.xz" "$name.lxc.rootfs.tar.xz" | sha256sum | cut -c1-64)" \
	"$(fingerprint . lxc)"
is 'dir: that of the unified archive, uncompressed' "$(zstd -qdc "$name.tar.zst" | sha256sum | cut -c1-64)" \
	"$(fingerprint . dir)"

# listing FOLDER: every path with all that lstat(2) and the attributes tell; ACLs stand in no squashfs.
listing() {
	(cd "$1" && find . -printf '%P %M %U:%G %n %T@ %s %l\n' | awk '$2 ~ /^d/ { $6 = "" } { print }' | sort
	getfattr -Rhd -m '^(user|security|trusted)\.' -e hex "$1" 2>/dev/null | sed "s|^# file: ${1#/}|# |" | sort)
}
unsquashfs -quiet -no-progress -dest "$WORK/squash" "$name.rootfs.squashfs" >/dev/null 2>&1
mkdir "$WORK/tar"
zstd -qdc "$name.rootfs.tar.zst" | tar -xpf - -C "$WORK/tar" --numeric-owner --xattrs --xattrs-include='*'
listing "$WORK/one/$name.dir/rootfs" >"$WORK/dir.list"
for format in squash tar; do
	listing "$WORK/$format" >"$WORK/$format.list"
	check "$format: the same files, owners, modes, times, links and attributes as in the folder" \
		cmp "$WORK/$format.list" "$WORK/dir.list"
	check "$format: the same contents" diff -rq --no-dereference "$WORK/$format" "$WORK/one/$name.dir/rootfs"
done
rm -rf --one-file-system "$WORK/squash" "$WORK/tar" "$WORK/two"

# LXC itself, where the first process takes everything with it.
container=kiln$$
lxc_sweep() {
	find /sys/fs/cgroup -depth -type d -path "*$container*" -exec rmdir {} + 2>/dev/null
	(cd / && rmdir -p "run/lxc/lock$WORK/lxc" 2>/dev/null)
	rm -rf "$WORK/lxc"
	true
}
at_exit lxc_sweep
mkdir "$WORK/lxc"
echo 'lxc.net.0.type = empty' >"$WORK/lxc.conf"
cat >"$WORK/lxc.sh" <<-'S'
	work=$1 container=$2 pair=$3
	export PATH=$PATH:/sbin:/usr/sbin
	lxc-create -P "$work/lxc" -n "$container" -f "$work/lxc.conf" -t local -- --metadata "$pair.meta.tar.xz" \
		--fstree "$pair.rootfs.tar.xz" || exit 1
	cp "$work/lxc/$container/config" "$work/lxc.config"
	cp "$work/lxc/$container/rootfs/etc/hostname" "$work/lxc.hostname"
	cp "$work/lxc/$container/rootfs/etc/hosts" "$work/lxc.hosts"
	[ -z "$KILN_TEST_NO_START" ] || exit 0
	lxc-start -P "$work/lxc" -n "$container" -l INFO -o "$work/lxc.log" || exit 2
	i=0
	while [ $i -lt 100 ]; do
		state=$(timeout 60 lxc-attach -P "$work/lxc" -n "$container" -- systemctl is-system-running --wait 2>/dev/null)
		case $state in running | degraded) break ;; esac
		i=$((i + 1))
		sleep 1
	done
	echo "$state" >"$work/lxc.state"
	lxc-attach -P "$work/lxc" -n "$container" -- hostname >"$work/lxc.name"
	lxc-attach -P "$work/lxc" -n "$container" -- dpkg --audit >"$work/lxc.audit" 2>&1
	lxc-stop -k -P "$work/lxc" -n "$container"
S
start=
is_host_root || start=no
KILN_TEST_NO_START=$start timeout 300 unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc \
	sh "$WORK/lxc.sh" "$WORK" "$container" "$WORK/one/$name.lxc" >"$WORK/lxc.out" 2>&1 </dev/null
status=$?
if [ "$status" = 1 ]; then
	not_ok 'lxc-create takes the pair' "$(cat "$WORK/lxc.out")"
else
	ok 'lxc-create takes the pair'
	has 'and says what the image has to say' "$(cat "$WORK/lxc.out")" '^You just created a container of Debian bookworm'
	has 'the configuration includes that of LXC' "$(cat "$WORK/lxc.config")" \
		'^lxc.include = /usr/share/lxc/config/common.conf$'
	has 'and names the architecture' "$(cat "$WORK/lxc.config")" '^lxc.arch = linux64$'
	is 'its hostname is that of the container' "$(cat "$WORK/lxc.hostname")" "$container"
	has 'and stands in its hosts' "$(cat "$WORK/lxc.hosts")" "^127\.0\.1\.1[[:space:]]+$container$"
	if is_host_root; then
		is 'the container starts' "$status" 0
		is 'systemd says running' "$(cat "$WORK/lxc.state" 2>/dev/null)" running
		is 'the container has its name' "$(cat "$WORK/lxc.name" 2>/dev/null)" "$container"
		is 'no package in a wrong state' "$(cat "$WORK/lxc.audit" 2>/dev/null)" ''
		[ "$status" = 0 ] || note "$(cat "$WORK/lxc.out"; tail -n 30 "$WORK/lxc.log")"
	else
		skip 'the container starts' 'needs root of the host: LXC makes control groups for it'
	fi
fi
lxc_sweep
is 'no mount is left' "$(grep -F "$WORK/lxc" /proc/mounts)" ''

cd "$TOP" || exit 1
# What does not go together is said before anything is built.
for case in "--format ext4=unknown format 'ext4' \(possible: unified, split, squashfs, lxc, tar, dir\)" \
	"--format squashfs --compression squashfs=bzip2=unknown compression 'bzip2' of squashfs" \
	"--format lxc --compression lxc=zstd=LXC reads nothing but xz" \
	"--format unified --compression tar=xz=the format tar is not written"; do
	words=${case%=*}
	message=${case##*=}
	# shellcheck disable=SC2086 # several words
	said=$("$KILN" build debian-bookworm $words --output "$WORK/none" 2>&1)
	is "'$words' is refused" $? 2
	has "'$words': why" "$said" "$message"
done
check 'and nothing is made' test ! -e "$WORK/none"
