#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A rebuild begins at the first step that reads something else, and gives the same bytes as a build from nothing.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq zstd
require_mirror

mkdir -p "$WORK/from"
echo 'one' >"$WORK/from/file"

# recipe [LAST [FIRST [SET [EXTRA]]]]: with its last action, its first, a package and the value of a variable.
recipe() {
	minbase_recipe "$WORK/t.yaml" <<-R
		packages:
		  manager: apt
		  cleanup: true
		  repositories:
		  - name: sources.list
		    url: deb http://ftp.debian.org/debian {{ image.release }} main
		  sets:
		  - action: install
		    packages: [${3:-hello}]
		environment:
		  variables:
		  - key: EXTRA
		    value: ${4:-none}
		files:
		- generator: copy
		  source: from
		  path: /opt/copied
		- generator: dump
		  path: /etc/hosts
		  content: 127.0.0.1 localhost
		- generator: hosts
		  path: /etc/hosts
		actions:
		- trigger: post-unpack
		  action: |-
		    #!/bin/sh -eu
		    ${2:-true}
		    mkdir -p /srv/a /srv/dir/below /srv/gone && echo first > /srv/a/file
		    echo gone > /srv/gone/file; ln -s a /srv/link
		    echo linked > /srv/linked; ln /srv/linked /srv/also-linked; chmod 4755 /srv/linked
		    echo deep > /srv/dir/below/file; touch -d @1000000000 /srv/dir/below/file /srv/dir
		- trigger: post-packages
		  action: |-
		    #!/bin/sh -eu
		    rm -r /srv/gone; mkdir /srv/gone; mv /srv/dir /srv/moved; echo second >> /srv/a/file
		    chmod 600 /srv/also-linked; echo more >> /srv/linked
		    rm /srv/link; mkdir /srv/link; echo in > /srv/link/file
		    chmod 755 /usr/bin/perl; chown games /usr/bin/perl5*
		    setcap cap_net_raw+ep /srv/a/file 2>/dev/null || true
		- trigger: post-files
		  action: |-
		    #!/bin/sh -eu
		    rm -rf /srv/moved/below; mkdir /srv/moved/below; cat /opt/copied/file > /srv/copied
		    rm /etc/hosts
		- trigger: post-files
		  action: |-
		    #!/bin/sh -eu
		    ${1:-true}
		    date +%s.%N > /srv/ran; sleep 0.01
	R
}

# build NAME [OPTION...]: into $WORK/NAME; what was said into $said, and how many steps layers spared into $spared.
build() {
	local name=$1
	shift
	"$KILN" build "$WORK/t.yaml" --format unified --cache "$WORK/cache" --offline --output "$WORK/$name" "$@" \
		>/dev/null 2>"$WORK/$name.log" </dev/null || give_up "builds: $name" "$(cat "$WORK/$name.log")"
	said=$(cat "$WORK/$name.log")
	spared=$(sed -nE 's/^(kiln: )?([0-9]+) of [0-9]+ steps from layers.*/\2/p' <<<"$said")
	spared=${spared:-0}
	fingerprint=$(jq -r '.artifacts[0].fingerprint' "$WORK/$name/image.json")
}

# The time that the last action left is the one thing in which two builds may differ: it tells who ran it.
ran() {
	zstd -qdc "$WORK/$1/$(jq -r .name "$WORK/$1/image.json").tar.zst" | tar -xOf - rootfs/srv/ran
}

for package in hello-traditional hello; do
	recipe true true $package
	"$KILN" build "$WORK/t.yaml" --cache "$WORK/cache" --until fetch >/dev/null 2>"$WORK/fetch.log" ||
		give_up 'fetches' "$(cat "$WORK/fetch.log")"
done
# Base (two, one layer), the rest of minbase, repositories, action, set, action, files, two actions, cleaning.
steps=11
build first
is 'a first build has no layers' "$spared" 0

build again
is 'with nothing changed no step is carried out' "$spared" "$steps"
check 'nor is the image packed again' grep -qF 'image files from layers' <<<"$said"
is 'and the image is the same' "$(cat "$WORK/again/SHA256SUMS")" "$(cat "$WORK/first/SHA256SUMS")"

echo two >"$WORK/from/file"
build copied
is 'a changed file of the host: from the step of the files on' "$spared" 7
check 'and its content is there' [ "$(ran copied)" != "$(ran first)" ]
echo one >"$WORK/from/file"
build back
is 'changed back: the old layers serve again' "$fingerprint" "$(jq -r '.artifacts[0].fingerprint' "$WORK/first/image.json")"

recipe 'echo other > /srv/other'
build last
is 'a changed last action: that one, and the cleaning' "$spared" $((steps - 2))
recipe true 'echo earlier > /srv/earlier'
build earlier
is 'a changed first action: all behind the base system' "$spared" 3
recipe true true hello-traditional
build package
is 'another package: all behind the first action' "$spared" 5
recipe true true hello other
build environment
is 'another environment: everything' "$spared" 0

# The same bytes, step by step and in one folder. Without the clock in the last action.
sed -i 's/date +%s.%N > .srv.ran; //' "$WORK/t.yaml"
build plain --no-layers
is 'without layers no layer is used' "$spared" 0
plain=$fingerprint
build kept
is 'the steps that are the same come from layers' "$spared" $((steps - 2))
is 'the same bytes without layers' "$fingerprint" "$plain"
build all
is 'all from layers' "$spared" "$steps"
is 'the same bytes from layers alone' "$fingerprint" "$plain"
build disk --work "$WORK"
is 'and on disk' "$fingerprint" "$plain"
mkdir -p "$WORK/bare"
recipe
sed -i 's/date +%s.%N > .srv.ran; //' "$WORK/t.yaml"
sed -i 's/value: none/value: third/' "$WORK/t.yaml"
build disk2 --work "$WORK"
is 'a first build on disk, with layers' "$spared" 0
on_disk=$fingerprint
build disk3 --no-layers
is 'has the bytes of one in memory, without' "$fingerprint" "$on_disk"

# The image files themselves.
# kept SUFFIX: the file of that name that was kept last
kept() {
	find "$WORK/cache/layers" -path "*/root/*$1" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2
}
build whole
is 'the bytes of kept image files' "$fingerprint" "$on_disk"
build compressed --compression xz-0
check 'another compression is packed' [ "$(grep -cF 'image files from layers' <<<"$said")" = 0 ]
build both --format split
check 'another format is packed' [ "$(grep -cF 'image files from layers' <<<"$said")" = 0 ]
build more --format split
check 'and kept' grep -qF 'image files from layers' <<<"$said"
is 'the fingerprint of a split image is kept' "$fingerprint" "$(jq -r '.artifacts[0].fingerprint' "$WORK/both/image.json")"
is 'and is that of its files' "$fingerprint" "$(cat "$WORK"/more/*.meta.tar.xz "$WORK"/more/*.rootfs.tar.zst | sha256sum | cut -d' ' -f1)"
image=$(echo "$WORK"/whole/*.tar.zst)
chmod 600 "$image"
printf x | dd of="$image" bs=1 seek=5000 conv=notrunc status=none
build written
check 'what happens to an image does not happen to what is kept' grep -qF 'image files from layers' <<<"$said"
is 'nor to later ones' "$(sha256sum <"$(echo "$WORK"/written/*.tar.zst)" | cut -d' ' -f1)" "$on_disk"
# Other recipes' may be the same.
mapfile -t images < <(find "$WORK/cache/layers" -path '*/root/*.tar.zst' -exec sha256sum {} + | sed -n "s/^$on_disk  //p")
chmod 640 "${images[@]}"
build chmod
check 'kept files whose mode was changed are still good' grep -qF 'image files from layers' <<<"$said"
for image in "${images[@]}"; do
	printf x | dd of="$image" bs=1 seek=5000 conv=notrunc status=none
done
build damaged
check 'kept files that were written to are not used' grep -qF 'is damaged and not used' <<<"$said"
is 'but packed again' "$fingerprint" "$on_disk"
build healed
check 'and kept again' grep -qF 'image files from layers' <<<"$said"
is 'what had been taken of them stays as it was' "$(sha256sum <"$(echo "$WORK"/chmod/*.tar.zst)" | cut -d' ' -f1)" "$on_disk"
is 'with the right bytes' "$(sha256sum <"$(echo "$WORK"/healed/*.tar.zst)" | cut -d' ' -f1)" "$on_disk"

# Compressed blocks of earlier images.
# words of $said: how many of the image's blocks came from earlier ones, and how many there are
blocks() {
	sed -nE 's/^(kiln: )? *([0-9]+) of ([0-9]+) compressed blocks from earlier images.*/\2 \3/p' <<<"$said"
}
for word in zstd xz-0; do
	recipe "echo before >/srv/$word"
	sed -i 's/date +%s.%N > .srv.ran; //' "$WORK/t.yaml"
	build before --compression "$word"
	recipe "echo now >/srv/$word"
	sed -i 's/date +%s.%N > .srv.ran; //' "$WORK/t.yaml"
	build now --compression "$word" --verbose
	read -r reused all < <(blocks)
	check "$word: a small change leaves most blocks as they were ($reused of $all)" \
		[ "$reused" -lt "$all" -a "$((all - reused))" -le "$((all / 3 + 1))" ]
	now=$fingerprint
	build plain --compression "$word" --no-layers
	is "$word: the same bytes without layers" "$fingerprint" "$now"
done
# Each of these blocks is looked at before it is used.
image=$(kept .tar.xz)
printf x | dd of="$image" bs=1 seek=5000 conv=notrunc status=none
recipe 'echo third >/srv/xz-0'
sed -i 's/date +%s.%N > .srv.ran; //' "$WORK/t.yaml"
build third --compression xz-0
third=$fingerprint
build plain --compression xz-0 --no-layers
is 'blocks of files that were written to are not used' "$fingerprint" "$third"
recipe
sed -i 's/date +%s.%N > .srv.ran; //' "$WORK/t.yaml"
sed -i 's/value: none/value: third/' "$WORK/t.yaml"
sed -i 's/^  release: .*/&\n  description: another one/' "$WORK/t.yaml"
build described
is 'another description: every step is the same' "$spared" "$steps"
check 'but the image is not' [ "$fingerprint" != "$on_disk" ]
is 'nothing is left of the work folders' "$(find "$WORK" -maxdepth 1 -name 'work.*')" ''
