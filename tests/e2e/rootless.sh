#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds by an ordinary user, who has nothing but subordinate ids: the fingerprints are those that root gets, with
# layers and without, and nothing is left. The user exists in a mount namespace of the test's own only.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../user.sh
. "$(dirname "$0")/../user.sh"

require_root 'it makes a user, to build as'
require_programs jq unshare setpriv newuidmap newgidmap python3 dpkg-deb tar zstd
default_image

# build FOLDER RECIPE [ARGUMENT...]: by the user, with a cache of his own.
build() {
	local folder=$1
	shift
	mkdir -p "$folder"
	chown "$USER_ID:$USER_ID" "$folder"
	as_user "$KILN" build "$@" --cache "$WORK/home/cache" --output "$folder" --format split,unified --allow device-node
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

accounts 65536
user_settles

# A small system with all that a user cannot own on disk.
mkdir -p "$WORK/odd/DEBIAN" "$WORK/odd/opt/odd" "$WORK/debs"
base_deb
printf '%s\n' 'Package: odd' 'Version: 1' 'Architecture: all' 'Maintainer: Test <test@example.org>' \
	'Description: test' >"$WORK/odd/DEBIAN/control"
mknod "$WORK/odd/opt/odd/node-c" c 1 3
mknod "$WORK/odd/opt/odd/node-b" b 7 200
chmod 640 "$WORK/odd/opt/odd/node-c"
echo program >"$WORK/odd/opt/odd/program"
chown 12:65534 "$WORK/odd/opt/odd/program"
chmod 6755 "$WORK/odd/opt/odd/program"
ln "$WORK/odd/opt/odd/program" "$WORK/odd/opt/odd/other"
mkfifo "$WORK/odd/opt/odd/pipe"
find "$WORK/odd" -exec touch -h -d @1700000000 {} +
dpkg-deb -b "$WORK/odd" "$WORK/debs/odd_1_all.deb" >/dev/null
archive "$WORK/archive" >"$WORK/archive.log" 2>&1 || give_up 'an archive' "$(cat "$WORK/archive.log")"
serve "$WORK/archive"
tiny_recipe "$WORK/odd.yaml" "$SERVER" odd
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
      echo one >/opt/odd/one
      rm /opt/odd/other
      rm -r /opt/odd/pipe
R
chmod -R a+rX "$WORK/key" "$WORK/odd.yaml"

check 'root builds a small system' "$KILN" build "$WORK/odd.yaml" --cache "$WORK/cache" --output "$WORK/by-root" \
	--format split,unified --allow device-node
check 'a user builds it' build "$WORK/by-user" "$WORK/odd.yaml"
same 'with the same fingerprints' "$WORK/by-user" "$WORK/by-root"
# Not only the same, but right.
listing=$(zstd -qdc "$WORK/by-user"/*.rootfs.tar.zst | tar -tv --numeric-owner)
has 'device nodes are in the archive' "$listing" '^crw-r----- 0/0 +1,3 .* opt/odd/node-c$'
has 'also of blocks' "$listing" '^brw-r--r-- 0/0 +7,200 .* opt/odd/node-b$'
has 'owners and set-uid bits are right' "$listing" '^-rws--x--x 33/44 .* opt/odd/program$'
has 'capabilities are' "$(zstd -qdc "$WORK/by-user"/*.rootfs.tar.zst | strings -n 8)" 'SCHILY\.xattr\.security\.capability='
is 'on disk all files are his' "$(find "$WORK/by-user" ! -user "$USER_ID" | wc -l)" 0
check 'once more, from layers' build "$WORK/again" "$WORK/odd.yaml" -o image.description=other
has 'they are used' "$(build "$WORK/again" "$WORK/odd.yaml" 2>&1)" 'steps from layers'
same 'and give the same' "$WORK/again" "$WORK/by-root"
check 'and without layers' build "$WORK/none" "$WORK/odd.yaml" --no-layers
same 'the same again' "$WORK/none" "$WORK/by-root"
check 'on disk' build "$WORK/disk" "$WORK/odd.yaml" --no-layers --work "$WORK/home/work"
same 'and again' "$WORK/disk" "$WORK/by-root"
is 'nothing is left of the work folder' "$(find "$WORK/home/work" -mindepth 1 | head -n 3)" ''
check 'he can remove his layers' as_user "$KILN" cache trim layers --cache "$WORK/home/cache" --keep 0
is 'and they are gone' "$(find "$WORK/home/cache/layers" -mindepth 1 -maxdepth 1 -type d | wc -l)" 0

# An image as a folder and back: the folder's files are the user's and his subordinate ids', the image is the same.
image=$(cd "$WORK/by-user" && printf '%s\n' *.tar.zst | grep -v rootfs)
check 'he unpacks an image' as_user "$KILN" unpack "$WORK/by-user/$image" "$WORK/home/unpacked"
is 'with owners that he has' "$(find "$WORK/home/unpacked" -uid -1000 | head -n 3)" ''
check 'and packs it again' as_user "$KILN" pack "$WORK/home/unpacked" --output "$WORK/home/packed" --format unified
is 'to the same bytes' "$(sha256sum <"$WORK/home/packed/$image")" "$(sha256sum <"$WORK/by-user/$image")"
as_user "$KILN" build "$WORK/odd.yaml" --cache "$WORK/home/cache" --output "$WORK/home/folder" --format dir --allow device-node >/dev/null 2>&1
check 'a folder is a format, too' test -e "$(find "$WORK/home/folder" -maxdepth 2 -type d -name rootfs)/opt/odd/program"

# What nobody but root can do.
mkdir -p "$WORK/node/DEBIAN" "$WORK/node/bin"
cp "$(readlink -f "$(command -v mknod)")" "$WORK/node/bin/mknod"
for library in $(ldd "$WORK/node/bin/mknod" | grep -o '/[^ ]*'); do
	mkdir -p "$WORK/node/opt/lib"
	cp "$(readlink -f "$library")" "$WORK/node/opt/lib/${library##*/}"
done
sed 's/^Package: .*/Package: node/' "$WORK/odd/DEBIAN/control" >"$WORK/node/DEBIAN/control"
dpkg-deb -b "$WORK/node" "$WORK/debs/node_1_all.deb" >/dev/null
archive "$WORK/archive" >/dev/null 2>&1
tiny_recipe "$WORK/node.yaml" "$SERVER" node
printf '%s\n' 'actions:' '- trigger: post-packages' '  action: |' '    #!/bin/sh' \
	'    LD_LIBRARY_PATH=/opt/lib mknod /opt/node c 1 3' >>"$WORK/node.yaml"
check 'root has scripts that make device nodes' "$KILN" build "$WORK/node.yaml" --cache "$WORK/cache" --output "$WORK/node-by-root" \
	--format unified --allow device-node
fails 'without root a build says why they fail' action \
	'mknod: .*Operation not permitted \| without root no script can make device nodes \(kiln\(1\), WITHOUT ROOT\)' \
	build "$WORK/node-by-user" "$WORK/node.yaml"
# They see no more of the host than those of root do.
cat >"$WORK/see.yaml" <(sed '/^actions:/,$d' "$WORK/odd.yaml") - <<'R'
actions:
- trigger: post-packages
  action: |
    #!/bin/sh
    for p in /proc/[0-9]*; do echo "${p##*/}"; done >/opt/processes
R
check 'a look around' build "$WORK/see" "$WORK/see.yaml"
is 'scripts see no process of the host' "$(zstd -qdc "$WORK"/see/*.rootfs.tar.zst | tar -xOf - opt/processes | xargs)" '1 2'

# What a host may lack.
accounts 100
fails 'too few subordinate ids' privilege "user 'somebody' has 100 subordinate ids in /etc/subuid, .* usermod --add-subuids" \
	build "$WORK/few" "$WORK/odd.yaml"
accounts 65536
mkdir -p "$WORK/bin"
printf '#!/bin/sh\necho "newuidmap: not today" >&2\nexit 1\n' >"$WORK/bin/newuidmap"
chmod 755 "$WORK/bin"
chmod 4755 "$WORK/bin/newuidmap"
BIN=$WORK/bin fails 'newuidmap refuses' privilege "'newuidmap' failed: newuidmap: not today" \
	build "$WORK/few" "$WORK/odd.yaml"

# The real thing.
releases=bookworm
[ -z "${KILN_TEST_LONG-}" ] || releases='bookworm trixie'
for release in $releases; do
	image=$IMAGE
	if [ "$release" != bookworm ]; then
		image=$WORK/$release-by-root
		check "$release: root builds" "$KILN" build "debian-$release" --cache "$CACHE" --output "$image" \
			--format split,unified
	fi
	check "$release: a user builds the default image" build "$WORK/$release" "$RECIPES/debian-$release.yaml"
	same "$release: with root's fingerprints" "$WORK/$release" "$image"
done
as_user "$KILN" cache trim layers --cache "$WORK/home/cache" --keep 0 >/dev/null 2>&1
