#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images for other processors: what needs no program of theirs is done without one, what needs one runs through qemu,
# which kiln registers in a namespace of its own, and where that cannot be the error comes before anything is fetched.
# With KILN_TEST_LONG=1 also whole systems: Debian's smallest for six architectures, and the default container for
# arm64. (That their trees are mmdebstrap's, e2e/tree says.)
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_root "registrations of interpreters are looked at as root has them"
require_programs jq zstd python3 dpkg-deb tar unshare setpriv
[ "$(uname -m)" != aarch64 ] || skip_all 'arm64 is not foreign here'

readonly THROUGH=$TOP/tests/foreign/with_interpreters
readonly USER_ID=54322

# without COMMAND...: where no program for another processor runs.
without() {
	INTERPRETERS=none "$THROUGH" "$@"
}

# entry FOLDER PATH: the line of tar about it.
entry() {
	zstd -qdc "$1"/*.rootfs.tar.zst | tar -tv --numeric-owner | grep -E " (rootfs/|\./)?$2( ->.*)?$"
}

content() {
	zstd -qdc "$1"/*.rootfs.tar.zst | tar -xO --wildcards --no-anchored "$2"
}

fingerprints() {
	jq -r '.artifacts[] | .format + " " + .fingerprint' "$1/image.json"
}

# same NAME FOLDER FOLDER: two images of two formats.
same() {
	local one other
	one=$(fingerprints "$2" 2>&1)
	other=$(fingerprints "$3" 2>&1)
	if [ "$(wc -l <<<"$one")" = 2 ] && [ "$one" = "$other" ]; then
		ok "$1"
	else
		not_ok "$1" "$one
$other"
	fi
}

# build FOLDER RECIPE [ARGUMENT...]
build() {
	local folder=$1
	shift
	"$KILN" build "$@" --output "$WORK/$folder" --format split,unified --cache "$WORK/cache" \
		-o image.architecture=arm64
}

without true || skip_all 'user namespaces of this host have no registrations of interpreters (Linux 6.7)'

# An archive for two architectures, of packages without scripts.
for architecture in arm64 amd64; do
	deb essential --arch "$architecture" --field 'Essential: yes' --field 'Priority: required' \
		--file "/etc/for=$architecture" --file '/etc/passwd=root:x:0:0:root:/root:/bin/sh
' --file '/etc/group=root:x:0:
' --file '/lib/systemd/systemd=init' --file '/lib/systemd/system/x.service=[Service]
Type=oneshot
[Install]
WantedBy=multi-user.target
'
	deb more --arch "$architecture" --file "/usr/share/more=$architecture"
	deb scripted --arch "$architecture" --script 'postinst=#!/bin/sh
exit 0
'
	deb libc6 --arch "$architecture" --file '/usr/share/libc6=not really'
done
archive "$WORK/archive" --arch amd64,arm64 >"$WORK/archive.log" 2>&1 || give_up 'an archive' "$(cat "$WORK/archive.log")"
serve "$WORK/archive"
tiny_recipe "$WORK/plain.yaml" "$SERVER" more
cat >>"$WORK/plain.yaml" <<'R'
users:
  - {name: somebody, uid: "1234", groups: [helpers]}
groups:
  - {name: helpers, gid: "1235"}
services:
  - {enable: [x.service]}
files:
  - {generator: dump, path: /etc/motd, content: "for {{ image.architecture }}", pongo: true}
  - {generator: hostname, path: /etc/hostname}
R

# Nothing of the image runs.
check 'where nothing runs, an image without scripts is built' without "$KILN" build "$WORK/plain.yaml" --cache "$WORK/cache" \
	--output "$WORK/plain" --format split,unified -o image.architecture=arm64
has 'of the packages for it' "$(content "$WORK/plain" etc/for)" '^arm64$'
has 'configured' "$(content "$WORK/plain" var/lib/dpkg/status | grep -A 1 '^Package: more')" '^Status: install ok installed$'
has 'with users' "$(content "$WORK/plain" etc/passwd)" '^somebody:[^:]*:1234:'
has 'and services' "$(entry "$WORK/plain" etc/systemd/system/multi-user.target.wants/x.service)" 'x\.service$'
has 'and files' "$(content "$WORK/plain" etc/motd)" '^for arm64$'
is 'its record says for which architecture it is' "$(jq -r .architecture "$WORK/plain/image.json")" aarch64
has 'and so does its metadata' "$(xz -qdc "$WORK/plain"/*.meta.tar.xz | tar -xO metadata.yaml)" '^architecture: "?aarch64"?$'
is 'no emulator was needed' "$(jq -r .emulator "$WORK/plain/image.json")" null
check 'where programs run, the same' build ran "$WORK/plain.yaml" --no-layers
same 'with the same fingerprints' "$WORK/ran" "$WORK/plain"
check 'another architecture from the same cache' "$KILN" build "$WORK/plain.yaml" --cache "$WORK/cache" \
	--output "$WORK/native" --format split -o image.architecture=amd64
is 'is not made of its layers' "$(content "$WORK/native" etc/for) $(jq -r .architecture "$WORK/native/image.json")" 'amd64 x86_64'
fails 'an architecture that the archive does not have' 'fetch|plan' "has no packages for architecture 'riscv64', but for: .*arm64" \
	"$KILN" plan "$WORK/plain.yaml" --cache "$WORK/cache" -o image.architecture=riscv64

# Something would have to run: an error, and before packages are fetched if that is known by then.
refused() {
	local name=$1 pattern=$2
	shift 2
	: >"$SERVER_LOG"
	fails "$name" unsupported "$pattern" without "$KILN" build "$@" --cache "$WORK/other" --output "$WORK/none" \
		-o image.architecture=arm64
	fetched=$(grep -c /pool/ "$SERVER_LOG")
}
cp "$WORK/plain.yaml" "$WORK/action.yaml"
printf 'actions:\n  - trigger: post-files\n    action: |\n      #!/bin/busybox sh\n      echo "$0"\n' >>"$WORK/action.yaml"
refused 'an action' "action \(post-files\), line [0-9]+: this host does not run programs of 'aarch64': there is no qemu-aarch64-static; as root: apt-get install qemu-user-static" \
	"$WORK/action.yaml"
is 'is refused before anything is fetched' "$fetched" 0
tiny_recipe "$WORK/libc6.yaml" "$SERVER" libc6
refused 'a package that always has scripts' "package 'libc6': this host does not run" "$WORK/libc6.yaml"
is 'is refused before anything is fetched, too' "$fetched" 0
tiny_recipe "$WORK/scripted.yaml" "$SERVER" scripted
refused 'a package that turns out to have some' "dpkg: this host does not run" "$WORK/scripted.yaml"
is 'nothing is left of it' "$(find "$WORK/none" -type f ! -name '*.log' 2>/dev/null)" ''

# Through qemu: a program for arm64 that needs no libraries, of Debian's archive.
require_mirror
minbase_recipe "$WORK/minbase.yaml" <<'R'
packages:
  manager: apt
  sets:
  - {action: install, packages: [busybox-static]}
R
package=$("$KILN" plan "$WORK/minbase.yaml" --json --cache "$CACHE" -o image.architecture=arm64 |
	jq -r '.packages[] | select(.name == "busybox-static") | .path // .filename // .url')
curl -fsS -o "$WORK/busybox.deb" "$MIRROR${package#*/debian/}" || give_up 'busybox-static is fetched' "$package"
dpkg-deb -x "$WORK/busybox.deb" "$WORK/busybox"
mkdir -p "$WORK/shell/DEBIAN" "$WORK/shell/bin"
cp "$WORK/busybox/bin/busybox" "$WORK/shell/bin/"
ln -s busybox "$WORK/shell/bin/sh"
printf '%s\n' 'Package: shell' 'Version: 1' 'Architecture: arm64' 'Maintainer: Test <test@example.org>' \
	'Description: test' >"$WORK/shell/DEBIAN/control"
dpkg-deb --root-owner-group -b "$WORK/shell" "$WORK/debs/shell_1_arm64.deb" >/dev/null
archive "$WORK/archive" --arch amd64,arm64 >"$WORK/archive.log" 2>&1
tiny_recipe "$WORK/action.yaml" "$SERVER" more shell
cat >>"$WORK/action.yaml" <<'R'
actions:
  - trigger: post-packages
    action: |
      #!/bin/sh
      set -eu
      busybox=/bin/busybox
      [ "$($busybox uname -m)" = aarch64 ]
      # The kernel has no fsync(2) for a device like this: EINVAL, unless it is answered without being done.
      $busybox dd if=/etc/for of=/dev/null conv=fsync 2>/dev/null
      # By its own name, which argv[0] is, and through another program.
      $busybox ln -s /bin/busybox /tmp/cat
      /tmp/cat /etc/for >/etc/for-once-more
      $busybox env PATH=/tmp cat /etc/for >>/etc/for-once-more
      $busybox ls -R /bin /etc /usr /run >/root-seen 2>/dev/null || :
      $busybox mount >>/root-seen
      ! $busybox grep qemu /root-seen
      $busybox rm /root-seen
      echo done >/etc/ran
R
namespaces=$(readlink /proc/self/ns/user /proc/self/ns/mnt)
registered=$(ls /proc/sys/fs/binfmt_misc 2>/dev/null)
check 'an action of a program for arm64 runs' build emulated "$WORK/action.yaml" --timing
has 'really' "$(content "$WORK/emulated" etc/ran) $(content "$WORK/emulated" etc/for-once-more | tr '\n' ' ')" '^done arm64 ?arm64'
has 'by an interpreter, says the record' "$(jq -r .emulator "$WORK/emulated/image.json")" '^qemu-aarch64'
has_no 'of which nothing is in the image' "$(zstd -qdc "$WORK/emulated"/*.rootfs.tar.zst | tar -t)" qemu
is 'nor on this host' "$(ls /proc/sys/fs/binfmt_misc 2>/dev/null)$(readlink /proc/self/ns/user /proc/self/ns/mnt)" "$registered$namespaces"
is 'the record has the action and its seconds' "$(jq -r '.timing.emulated | (.seconds > 0 and .parts[0].seconds > 0) , .parts[0].action, .parts[0].runs' "$WORK/emulated/image.json" |
	sed 's|.*/||' | tr '\n' ' ')" "true action.yaml:21 1 "
is 'and the log' "$(jq -r 'select(.event == "action") | .emulated' "$WORK/emulated"/*.log)" true
run build again "$WORK/action.yaml" --no-layers --timing
has 'a line tells what it cost' "$err" '^emulated +[0-9.]+ s  by qemu-aarch64.*; most of it: .*action\.yaml:21 [0-9.]+ s$'
has 'and --timing what each part did' "$err" '^action +[0-9.]+ +[0-9]+%  .*action\.yaml:21 \(1 run\)$'
same 'once more: the same fingerprints' "$WORK/again" "$WORK/emulated"
check 'what layers hold needs no processor' without "$KILN" build "$WORK/action.yaml" --cache "$WORK/cache" \
	--output "$WORK/layers" --format split,unified -o image.architecture=arm64
same 'and is the same' "$WORK/layers" "$WORK/emulated"
check 'through what is registered already' "$THROUGH" "$KILN" build "$WORK/action.yaml" --no-layers --cache "$WORK/cache" \
	--output "$WORK/given" --format split,unified -o image.architecture=arm64
same 'the same again' "$WORK/given" "$WORK/emulated"

# A package's script, which is dpkg's to run: it has to be there, too.
cp "$WORK/action.yaml" "$WORK/failing.yaml"
sed -i 's/echo done.*/exit 7/' "$WORK/failing.yaml"
fails 'how it failed is told as always' action 'action \(post-packages\) failed with exit status 7' \
	build failing "$WORK/failing.yaml"

# By an ordinary user: in a user namespace he is anyway.
mkdir -p "$WORK/home"
cp /etc/passwd /etc/group "$WORK/"
echo "somebody:x:$USER_ID:$USER_ID::$WORK/home:/bin/sh" >>"$WORK/passwd"
echo "somebody:x:$USER_ID:" >>"$WORK/group"
echo 'somebody:700000:65536' | tee "$WORK/subuid" >"$WORK/subgid"
cp "$KILN" "$WORK/home/kiln"
chown -R "$USER_ID:$USER_ID" "$WORK/home"
chmod -R a+rX "$WORK/key" "$WORK/action.yaml"
as_user() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private sh -c '
		for file in passwd group subuid subgid; do
			mount --bind "$0/$file" "/etc/$file" || exit
		done
		cd "$0/home" && exec "$@"
	' "$WORK" env HOME="$WORK/home" setpriv --reuid "$USER_ID" --regid "$USER_ID" --init-groups --inh-caps=-all \
		--ambient-caps=-all -- "$@"
}
if command -v newuidmap >/dev/null; then
	check 'an ordinary user builds it' as_user "$WORK/home/kiln" build "$WORK/action.yaml" --format split,unified \
		-o image.architecture=arm64 --cache "$WORK/home/cache" --output "$WORK/home/image"
	same 'with the fingerprints that root gets' "$WORK/home/image" "$WORK/emulated"
	as_user "$WORK/home/kiln" cache trim layers --cache "$WORK/home/cache" --keep 0 >/dev/null 2>&1
else
	skip 'an ordinary user builds it' 'needs newuidmap (make setup)'
fi

[ "${KILN_TEST_LONG:-0}" = 1 ] || exit 0

# Whole systems.
# whole NAME ARCHITECTURE METADATA RECIPE [ARGUMENT...]
whole() {
	local name=$1 architecture=$2 metadata=$3 begin=$SECONDS
	shift 3
	check "$name for $architecture" "$KILN" build "$@" --cache "$CACHE" --output "$WORK/$architecture" \
		--format split --no-layers -o "image.architecture=$architecture"
	count "$name for $architecture: $((SECONDS - begin)) s, $(jq -r '.timing.emulated.seconds // 0 | floor' "$WORK/$architecture/image.json") s of it emulated"
	is 'its metadata' "$(jq -r .architecture "$WORK/$architecture/image.json")" "$metadata"
	has_no 'nothing of qemu is in it' "$(zstd -qdc "$WORK/$architecture"/*.rootfs.tar.zst | tar -t)" qemu
	is 'all its packages are for it' "$(jq -r '.packages[].architecture' "$WORK/$architecture/image.json" | sort -u | tr '\n' ' ')" \
		"$(printf '%s\n' all "$architecture" | sort | tr '\n' ' ')"
	rm -rf "${WORK:?}/$architecture"
}
minbase_recipe "$WORK/minbase.yaml" <<'R'
packages:
  manager: apt
R
sed -e 's/release: bookworm/release: trixie/' -e 's/-bookworm-/-trixie-/' "$WORK/minbase.yaml" >"$WORK/trixie.yaml"
whole 'the smallest Debian' arm64 aarch64 "$WORK/minbase.yaml"
whole 'the smallest Debian' armhf armv7l "$WORK/minbase.yaml"
whole 'the smallest Debian' i386 i686 "$WORK/minbase.yaml"
whole 'the smallest Debian' ppc64el ppc64le "$WORK/minbase.yaml"
whole 'the smallest Debian' s390x s390x "$WORK/minbase.yaml"
whole 'the smallest Debian' riscv64 riscv64 "$WORK/trixie.yaml"
whole 'the default container' arm64 aarch64 "$TOP/recipes/debian-bookworm.yaml"
