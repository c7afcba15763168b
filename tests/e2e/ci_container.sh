#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln in containers without any extra privilege, as CI systems start them: with Docker's default capabilities and
# calls, and with Podman's. The container is a real one, by podman and crun, on an overlay of this host's own root;
# nothing of it outlives the namespaces that it is started in. The images are those that root of the host gets.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_root 'containers are started by root'
require_programs podman crun setcap newuidmap jq unshare python3 dpkg-deb zstd tar setpriv
# What podman allows, from which Docker's list is made.
readonly PODMAN_CALLS=/usr/share/containers/seccomp.json
[ -e "$PODMAN_CALLS" ] || skip_all "needs '$PODMAN_CALLS' (make setup)"

# Docker's list has these for CAP_SYS_ADMIN alone, and says of clone3 that there is no such call.
jq '["bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount",
	"mount_setattr", "move_mount", "open_tree", "perf_event_open", "pivot_root", "quotactl", "quotactl_fd",
	"setdomainname", "sethostname", "setns", "syslog", "umount", "umount2", "unshare"] as $gated
	| .defaultErrnoRet = 1 | .defaultErrno = "EPERM"
	| .syscalls |= map(select(.action == "SCMP_ACT_ALLOW") | .names -= $gated | select(.names | length > 0))
	| .syscalls += [
		{names: $gated, action: "SCMP_ACT_ALLOW", includes: {caps: ["CAP_SYS_ADMIN"]}},
		{names: ["clone"], action: "SCMP_ACT_ALLOW", excludes: {caps: ["CAP_SYS_ADMIN"]},
			args: [{index: 0, value: 2114060288, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ"}]},
		{names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38, excludes: {caps: ["CAP_SYS_ADMIN"]}}]' \
	"$PODMAN_CALLS" >"$WORK/docker.json" || give_up "Docker's list of calls is made"
readonly DOCKER=(--security-opt "seccomp=$WORK/docker.json" --cap-add 'MKNOD,NET_RAW,AUDIT_WRITE')

# container [OPTION]... -- COMMAND...: run it in a new container, in the folder $WORK. In namespaces of its own podman
# finds the control groups that crun knows, and leaves its locks behind in memory that goes with them.
container() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --pid --fork --kill-child --mount-proc --propagation private sh -c '
		work=$0
		mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm && mkdir -p /run/c/up /run/c/over /run/c/root || exit
		mount -t overlay overlay -o "lowerdir=/,upperdir=/run/c/up,workdir=/run/c/over" /run/c/root || exit
		umount -R /sys/fs/cgroup 2>/dev/null
		mount -t cgroup2 none /sys/fs/cgroup || exit
		exec podman --root /run/c/storage --runroot /run/c/state --tmpdir /run/c/tmp --storage-driver vfs \
			--cgroup-manager cgroupfs --events-backend none run --rm --net none --cgroups disabled \
			--ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --hostname 0123456789ab --env HOME=/root \
			--volume "$work:$work" --workdir "$work" "$@"
	' "$WORK" "${options[@]}" --volume "$TOP:$TOP:ro" --volume "$(dirname "$KILN"):$(dirname "$KILN"):ro" \
		--rootfs /run/c/root "$@"
}

docker() {
	container "${DOCKER[@]}" "$@"
}

fingerprints() {
	jq -r '.artifacts[] | .format + " " + .fingerprint' "$1/image.json" 2>&1
}

isolation() {
	jq -r '.isolation' "$1/image.json" 2>&1
}

if ! said=$(container -- true 2>&1); then
	skip_all "no container starts here: ${said##*$'\n'}"
fi

# A small system with all that is made otherwise without mounts and namespaces.
mkdir -p "$WORK/debs" "$WORK/odd/DEBIAN" "$WORK/odd/opt/odd" "$WORK/odd/sbin" "$WORK/odd/usr/sbin"
base_deb
printf '%s\n' 'Package: odd' 'Version: 1' 'Architecture: all' 'Maintainer: Test <test@example.org>' \
	'Description: test' >"$WORK/odd/DEBIAN/control"
mknod "$WORK/odd/opt/odd/node-c" c 1 3
mkfifo "$WORK/odd/opt/odd/pipe"
echo program >"$WORK/odd/opt/odd/program"
chown 12:65534 "$WORK/odd/opt/odd/program"
chmod 6755 "$WORK/odd/opt/odd/program"
cp "$(command -v dash || command -v sh)" "$WORK/odd/sbin/start-stop-daemon"
ln "$WORK/odd/sbin/start-stop-daemon" "$WORK/odd/opt/odd/other-name"
for program in bash cat hostname readlink sleep stat touch; do # their libraries are dpkg's, but for one of bash
	cp -L "$(command -v "$program")" "$WORK/odd/opt/odd/"
done
library=$(ldd "$(command -v bash)" | grep -o '/[^ ]*/libtinfo[^ ]*')
mkdir -p "$WORK/odd${library%/*}"
cp -L "$library" "$WORK/odd$library"
cat >"$WORK/odd/DEBIAN/postinst" <<'R'
#!/bin/sh
set -e
PATH=$PATH:/opt/odd
cd /opt/odd
cat /dev/null >empty
echo gone >/dev/null
cat /dev/null >>empty
echo lost >/run/of-a-script
echo lost >/tmp/of-a-script
start-stop-daemon --start
policy=0; /usr/sbin/policy-rc.d || policy=$?
echo "$policy" >policy
hostname >name
readlink /proc/self/exe >exe
exec 5>by-number
chmod=$(stat -c %a /proc/self/fd/5) && echo "$chmod" >mode
echo through >/proc/self/fd/5
echo out >/dev/stdout
bash -c 'exec 3<>/dev/tcp/127.0.0.1/9' || true
(sleep 1000 & sleep 1001 & (sleep 1002 & exec sleep 1003) & exit) &
R
chmod 755 "$WORK/odd/DEBIAN/postinst"
find "$WORK/odd" -exec touch -h -d @1700000000 {} +
dpkg-deb -b "$WORK/odd" "$WORK/debs/odd_1_all.deb" >/dev/null
rm -r "$WORK/odd"
archive "$WORK/archive" >"$WORK/archive.log" 2>&1 || give_up 'an archive' "$(cat "$WORK/archive.log")"
tiny_recipe "$WORK/odd.yaml" "file://$WORK/archive" odd
sed -i 's/^  allow: init-missing/  allow: [init-missing, device-node]/' "$WORK/odd.yaml"
cat >>"$WORK/odd.yaml" <<'R'
permissions:
  - path: /opt/odd/program
    uid: "33"
    gid: "44"
    mode: "4711"
  - path: /bin/rm
    capabilities: cap_net_raw=ep
actions:
  - trigger: post-packages
    action: |
      #!/bin/sh
      set -e
      echo "$0" >/opt/odd/one
      /opt/odd/bash -c 'exec 3<>/dev/tcp/127.0.0.1/9' || true
      rm -r /opt/odd/pipe
R
readonly BUILD=("$KILN" build odd.yaml --format 'split,unified')

check 'root of the host builds a small system' "$KILN" build "$WORK/odd.yaml" --format split,unified \
	--cache "$WORK/cache" --output "$WORK/by-root"
is 'in namespaces' "$(isolation "$WORK/by-root")" namespaces
wanted=$(fingerprints "$WORK/by-root")

# As Docker starts it.
# shellcheck disable=SC2016 # expanded in the container
run docker -- sh -c '
	"$@" --cache own-cache --output by-docker --verbose || exit
	ls own-cache | grep 'work\\.'
	ps -e -o comm= | grep sleep
	exit 0' sh "${BUILD[@]}"
is "Docker's defaults: kiln builds" "$status" 0
[ "$status" = 0 ] || note "$err"
is 'the same image' "$(fingerprints "$WORK/by-docker")" "$wanted"
is 'its record says how' "$(isolation "$WORK/by-docker")" chroot
is 'and one line says what that means' "$(grep -c 'this container forbids namespaces, so scripts run by chroot alone' <<<"$err")" 1
is 'no process and no folder is left' "$(grep -E '^(sleep|work)' <<<"$out")" ''
has 'maintainer scripts have no network' "$err" 'socket: Address family not supported by protocol'
has 'actions have it' "$err" 'connect: Connection refused'
listing=$(zstd -qdc "$WORK"/by-docker/*.rootfs.tar.zst | tar -tv --numeric-owner)
has 'device nodes are in the archive' "$listing" '^crw-r--r-- 0/0 +1,3 .* opt/odd/node-c$'
has 'owners and set-uid bits are right' "$listing" '^-rws--x--x 33/44 .* opt/odd/program$'
has_no 'nothing of /run, /tmp and /dev came from scripts' "$listing" 'of-a-script|(dev/[a-z])'
file_of() {
	zstd -qdc "$WORK"/by-docker/*.rootfs.tar.zst | tar -xO "$1" | tr '\n' ' '
}
is "the host name is not the container's" "$(file_of opt/odd/name)" 'localhost '
is 'programs find themselves in /proc' "$(file_of opt/odd/exe)" '/opt/odd/readlink '
is 'and their descriptors' "$(file_of opt/odd/by-number)" 'through '
is 'services are not started' "$(file_of opt/odd/policy)" '101 '
is 'scripts have the same name' "$(file_of opt/odd/one)" '/dev/fd/100 '

# As Podman does: namespaces are for everybody, but their host name cannot be set.
run container -- "${BUILD[@]}" --cache own-cache --output by-podman --offline
is "Podman's defaults: the same image" "$status $(fingerprints "$WORK/by-podman")" "0 $wanted"
[ "$status" = 0 ] || note "$err"
is 'in namespaces' "$(isolation "$WORK/by-podman")" namespaces

# All other commands, in one container.
image=$(cd "$WORK/by-root" && printf '%s\n' *.tar.zst | grep -v rootfs)
cat >"$WORK/commands" <<R
set -x
kiln=$KILN
step() { "\$@" >>commands.log 2>&1 || { echo "failed: \$*"; tail -n 3 commands.log; }; }
step \$kiln unpack by-root/$image unpacked
step \$kiln pack unpacked --output packed --format unified
cmp by-root/$image packed/$image
step \$kiln convert by-root/$image --format squashfs,tar --output converted
step \$kiln verify by-docker
step \$kiln inspect by-docker/$image
step \$kiln lint by-docker/$image --allow device-node --allow init-missing
step \$kiln diff by-root by-docker
step \$kiln plan odd.yaml --cache own-cache --offline
step \$kiln plan odd.yaml --steps
step \$kiln lock odd.yaml --cache own-cache --offline --output odd.lock
step \$kiln build odd.yaml --cache own-cache --offline --locked=odd.lock --output locked
step \$kiln rebuild by-root/image.json odd.yaml --cache own-cache --offline --output rebuilt
step \$kiln build odd.yaml --cache own-cache --offline --output until --until customize
step \$kiln build odd.yaml --cache own-cache --offline --output folder --format dir
step \$kiln cache --cache own-cache
step \$kiln cache trim --cache own-cache --keep 0
R
is "Docker's defaults: all other commands" "$(docker -- sh commands 2>/dev/null; :)" ''
is 'an image built again is the same' "$(fingerprints "$WORK/rebuilt")" "$wanted"

# What is not to be had, and what mends it; each remedy is taken.
fails 'namespaces can be demanded' privilege \
	'^kiln: this container forbids namespaces \(.*\): start the container with --security-opt seccomp=unconfined ' \
	docker -- "${BUILD[@]}" --isolation namespaces --cache cache --output none --offline
fails 'a user has no way' privilege 'forbids namespaces .*seccomp=unconfined.* only root can build: .*--user 0' \
	docker --user 54321:54321 -- "${BUILD[@]}" --cache /tmp/cache --output /tmp/none
fails 'nor has root without device nodes' privilege 'CAP_MKNOD .*--cap-add MKNOD' \
	container "${DOCKER[@]:0:2}" -- "${BUILD[@]}" --cache cache --output none --offline
fails 'a folder without device nodes is no place' system "'/tight', which is mounted nodev: .*--work" \
	docker --tmpfs /tight:nodev,exec -- "${BUILD[@]}" --work /tight --cache cache --output none --offline
fails 'nor is one without programs' system "'/tight', which is mounted noexec: .*--work" \
	docker --tmpfs /tight:dev,noexec -- "${BUILD[@]}" --work /tight --cache cache --output none --offline
fails 'other words are no way' usage "^kiln: --isolation: 'tight' is neither" \
	"$KILN" build "$WORK/odd.yaml" --isolation tight
remedy() {
	local name=$1
	shift
	run container "$@" -- "${BUILD[@]}" --cache cache --output "remedy" --offline
	is "$name" "$status $(isolation "$WORK/remedy") $(fingerprints "$WORK/remedy")" "0 namespaces $wanted"
	[ "$status" = 0 ] || note "$err"
	rm -rf "$WORK/remedy"
}
remedy 'seccomp=unconfined gives root namespaces' --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
	--cap-add MKNOD
remedy '--cap-add SYS_ADMIN does' "${DOCKER[@]}" --cap-add SYS_ADMIN
# A user's ids are given by newuidmap, which is set-uid root where it has no capability of its own; that does not do here.
cp /etc/passwd /etc/group "$WORK/"
echo "somebody:x:54321:54321::$WORK/home:/bin/sh" >>"$WORK/passwd"
echo 'somebody:700000:65536' >"$WORK/subids"
install -d -o 54321 -g 54321 "$WORK/home"
readonly USER_OPTIONS=(--security-opt seccomp=unconfined --user 54321:54321 --volume "$WORK/passwd:/etc/passwd"
	--volume "$WORK/subids:/etc/subuid" --volume "$WORK/subids:/etc/subgid")
fails 'subordinate ids need more' privilege "'newuidmap' failed: .*setcap cap_setuid\+ep /usr/bin/newuidmap" \
	container "${USER_OPTIONS[@]}" -- "${BUILD[@]}" --cache home/cache --output home/image
cp "$(command -v newuidmap)" "$(command -v newgidmap)" "$WORK/"
setcap cap_setuid+ep "$WORK/newuidmap"
setcap cap_setgid+ep "$WORK/newgidmap"
run container "${USER_OPTIONS[@]}" --env "PATH=$WORK:$PATH" -- "${BUILD[@]}" --cache home/cache --output home/image
is 'namely that, and the image is the same' "$status $(fingerprints "$WORK/home/image")" "0 $wanted"
[ "$status" = 0 ] || note "$err"

# Outside of containers it has to be asked for.
run "$KILN" build "$WORK/odd.yaml" --format split,unified --isolation chroot --offline \
	--cache "$WORK/cache" --output "$WORK/by-chroot"
is 'on the host by demand' "$status $(isolation "$WORK/by-chroot") $(fingerprints "$WORK/by-chroot")" "0 chroot $wanted"
has 'with a warning' "$err" 'warning: without namespaces scripts can reach all that this host has'

# Whatever happens to kiln, nothing of a script goes on.
cat >"$WORK/slow.yaml" <<R
$(sed '/^actions:/,$d' "$WORK/odd.yaml")
actions:
  - trigger: post-packages
    action: |
      #!/bin/sh
      PATH=\$PATH:/opt/odd
      (sleep 2001 & (sleep 2002 & exec sleep 2003) &)
      touch /opt/odd/begun
      exec sleep 2000
R
cat >"$WORK/killed" <<R
for signal in KILL TERM INT; do
	$KILN build slow.yaml --cache own-cache --output none >slow.log 2>&1 &
	kiln=\$!
	tries=0
	until ls own-cache/work.*/root/opt/odd/begun >/dev/null 2>&1; do
		sleep 0.1
		tries=\$((tries + 1))
		[ \$tries -lt 300 ] || { echo "it never begins"; cat slow.log; exit; }
	done
	# A shell lets its background jobs ignore SIGINT.
	[ \$signal = INT ] && kill -HUP \$kiln || kill -\$signal \$kiln
	wait \$kiln
	echo "\$signal: \$?"
	tries=0
	while ps -e -o comm= | grep -q sleep && [ \$tries -lt 50 ]; do
		tries=\$((tries + 1))
		read -r _ _ </dev/null
		python3 -c 'import time; time.sleep(0.1)'
	done
	ps -e -o args= | grep '^sleep'
	ls own-cache | grep 'work\.'
	rm -rf own-cache/work.*
done
R
is 'killed and interrupted, nothing goes on' "$(docker -- bash killed 2>/dev/null | sed 's,work\..*,work,' | tr '\n' ' ')" \
	'KILL: 137 work TERM: 130 INT: 130 '

# The real things.
if [ -n "${KILN_TEST_LONG-}" ]; then
	require_mirror
	minbase_recipe "$WORK/minbase.yaml" <<<'packages: { manager: apt }'
	default_image
	cp -r "$TOP/recipes" "$TOP/templates" "$WORK/"
	check 'minbase: root of the host builds' "$KILN" build "$WORK/minbase.yaml" --cache "$WORK/cache" \
		--output "$WORK/minbase" --format split,unified
	docker -- "$KILN" build minbase.yaml --offline --cache cache --output minbase-in >"$WORK/long.log" 2>&1
	is 'minbase: the container gets the same' "$(fingerprints "$WORK/minbase-in")" "$(fingerprints "$WORK/minbase")"
	check 'the packages of the default image' "$KILN" build debian-bookworm --cache "$WORK/cache" \
		--output "$WORK/fetched" --until fetch
	docker -- "$KILN" build recipes/debian-bookworm.yaml --offline --cache cache --output default-in \
		>"$WORK/long.log" 2>&1
	is 'the default image, too' "$(fingerprints "$WORK/default-in" | sort)" "$(fingerprints "$IMAGE" | sort)"
	[ -e "$WORK/default-in/image.json" ] || note "$(tail -n 20 "$WORK/long.log")"
fi
