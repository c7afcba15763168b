#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln diff: every kind of difference between two trees or images is found, named, and nothing else.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

become_root
require_programs jq tar zstd setfattr

a=$WORK/a/rootfs b=$WORK/b/rootfs
mkdir -p "$a"/{etc,bin,var/lib/dpkg} "$WORK/a/templates"
package() {
	printf 'Package: %s\nStatus: install ok %s\nArchitecture: amd64\nVersion: %s\n\n' "$@"
}
{
	package gone installed 1
	package libc6 installed 2.36-9
	package older installed 2:1
	package settings config-files 1
} >"$a/var/lib/dpkg/status"
for file in content mode owner xattr time type removed names; do
	echo "$file" >"$a/etc/$file"
done
ln -s here "$a/etc/target"
ln "$a/etc/names" "$a/etc/names2"
cp /bin/true "$a/bin/tool"
cat >"$WORK/a/metadata.yaml" <<-Y
	architecture: amd64
	creation_date: 1700000000
	properties: {serial: "1", os: Debian}
	templates:
	  /etc/hostname: {template: hostname.tpl, when: [create]}
Y
echo '{{ container.name }}' >"$WORK/a/templates/hostname.tpl"
find "$WORK/a" -exec touch -h -d @1700000000 {} +
cp -a "$WORK/a" "$WORK/b"

image() {
	tar -C "$WORK/$1" --xattrs --numeric-owner "${@:2}" -cf - metadata.yaml templates rootfs | zstd -q >"$WORK/$1.tar.zst"
}
image a --sort=name
run "$KILN" diff "$a" "$b"
is 'two copies are the same' "$status $out" "0 the same: entries 18, packages 3"
run "$KILN" diff "$WORK/a.tar.zst" "$b"
is 'an image and its tree are the same' "$status $out" "0 the same: entries 18, packages 3"

{
	package libc6 installed 2.36-10
	package new installed 3
	package older installed 1
	package settings config-files 1
} >"$b/var/lib/dpkg/status"
echo CONTENT >"$b/etc/content"
chmod 600 "$b/etc/mode"
chown 5:6 "$b/etc/owner"
chmod 644 "$b/etc/owner"
setfattr -n user.note -v hi "$b/etc/xattr"
rm "$b/etc/type" "$b/etc/removed"
mkdir "$b/etc/type"
ln -sfn there "$b/etc/target"
cp --remove-destination "$b/etc/names" "$b/etc/names2"
echo added >"$b/etc/"$'added\e\xff'
chmod 4755 "$b/bin/tool"
find "$b" -newermt @1700000001 -exec touch -h -d @1700000000 {} +
touch -d @1700000001 "$b/etc/time"
sed -i 's/"1"/"2"/; s/os: Debian/variant: x/' "$WORK/b/metadata.yaml"
echo 'x' >"$WORK/b/templates/hostname.tpl"
# In another order, which means nothing.
image b --sort=none

fails 'a difference has a status of its own' different "'.*/a.tar.zst' and '.*/b.tar.zst' differ" \
	"$KILN" diff "$WORK/a.tar.zst" "$WORK/b.tar.zst"
is 'summary' "$(grep -v '^size: ' <<<"$out")" "packages: 1 added, 1 removed, 2 changed
  - gone 1
  * libc6 2.36-9 -> 2.36-10
  + new 3
  * older 2:1 -> 1 (older)
metadata: 3 different
  - properties.os: Debian
  * properties.serial: 1 -> 2
  + properties.variant: x
templates: 1 different
  * hostname.tpl
files: 1 added, 1 removed, 11 changed (type 1, mode 2, owner 1, size 1, content 2, target 1, xattrs 1, hard links 2, only time 1)
programs with rights of their own (set-uid, set-gid, capabilities):
  * /bin/tool: mode 0755 -> 4755"

has 'the sizes of both' "$out" '^size: [0-9.]+ [KM]iB -> [0-9.]+ [KM]iB$'

run "$KILN" diff --files "$WORK/a.tar.zst" "$WORK/b.tar.zst"
while IFS='|' read -r name pattern; do
	has "--files shows $name" "$out" "$pattern"
done <<'L'
what was added, in letters|^  \+ /etc/added\\x1b\\xff$
what was removed|^  - /etc/removed$
content|^  \* /etc/content: content [0-9a-f]{12} -> [0-9a-f]{12}$
a mode|^  \* /etc/mode: mode 0644 -> 0600$
an owner|^  \* /etc/owner: owner 0:0 -> 5:6$
an extended attribute|^  \* /etc/xattr: xattrs none -> user.note=6869$
a time|^  \* /etc/time: time 1700000000 -> 1700000001$
a type|^  \* /etc/type: type file -> folder$
a target|^  \* /etc/target: target here -> there$
names of a file|^  \* /etc/names2: hard links etc/names -> none$
L

run "$KILN" diff --json "$WORK/a.tar.zst" "$WORK/b.tar.zst"
is '--json says the same' "$(jq -c '[.same, .counts.added, .counts.removed, .counts.changed, (.packages | length),
	(.metadata | length), (.templates | length), (.files | length)]' <<<"$out")" '[false,1,1,11,4,3,1,13]'
is '--json has every value' "$(jq -c '.files[] | select(.path == "/etc/owner") | .changes' <<<"$out")" \
	'{"owner":{"from":"0:0","to":"5:6"}}'
run "$KILN" diff --json "$a" "$a"
is '--json of what is the same' "$status $(jq .same <<<"$out")" '0 true'

# From a split image: its record finds the files.
mkdir "$WORK/split"
tar -C "$WORK/a" -cJf "$WORK/split/x.meta.tar.xz" metadata.yaml templates
tar -C "$a" --xattrs --numeric-owner -cJf "$WORK/split/x.rootfs.tar.xz" .
echo '{"artifacts": [{"format": "split", "files": [{"name": "x.meta.tar.xz"}, {"name": "x.rootfs.tar.xz"}]}]}' \
	>"$WORK/split/image.json"
for way in split/image.json split split/x.meta.tar.xz; do
	run "$KILN" diff "$WORK/$way" "$WORK/a.tar.zst"
	is "$way is as the unified image" "$status $out" "0 the same: entries 18, packages 3"
done

echo '{"artifacts": [{"format": "split", "files": [{"name": "../x"}]}]}' >"$WORK/evil.json"
fails 'a record names files beside it only' format 'evil.json' "$KILN" diff "$WORK/evil.json" "$a"
fails 'what is not there' system 'none' "$KILN" diff "$WORK/none" "$a"
fails 'one of two' usage 'usage: kiln diff A B' "$KILN" diff "$a"
