#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images that exist: unpacked, packed again and converted, with the same bytes; and read with everything that can be wrong.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

become_root
require_programs tar python3 mksquashfs unsquashfs setfattr setcap setfacl lz4 xz
cd "$WORK" || exit 1
export SOURCE_DATE_EPOCH=1700000000

# A container as the daemons keep it, with everything that a root may hold.
long=$(printf 'n%.0s' {1..200})
mkdir -p c/templates c/rootfs/{etc,dev,srv,d/d,"$long/$long/$long"}
chmod 2755 c/rootfs/d
printf 'name: {{ container.name }}\n' >c/templates/hostname.tpl
printf 'x' >c/templates/a.tpl
cat >c/metadata.yaml <<-'END'
	# Kept as it is, comments and all.
	architecture: "x86_64"
	creation_date: 1700000000
	properties: {name: round-trip, os: "None"}
	templates:
	  /etc/hostname: {when: [create], template: hostname.tpl}
	  /etc/a: {when: [create], template: a.tpl}
END
cd c/rootfs || exit 1
echo one >etc/one
ln etc/one d/second-name
ln etc/one zz
echo '#!' >srv/program
setcap cap_net_raw,cap_setuid+ep srv/program
echo set >srv/setuid
group=100000
is_host_root || group=60000 # subordinate ids end before
chown "1000:$group" srv/setuid
chmod 6755 srv/setuid
setfattr -n user.plain -v value srv/setuid
setfattr -n 'user.a=b%3Dc' -v 0x000a00ff srv/setuid
setfattr -n user.empty srv/setuid
setfacl -m u:1234:rw,g:99:r srv/program
setfacl -d -m u:77:rwx d
# Without root there are none on disk, and other programs know nothing of what kiln has in their place: e2e/rootless.
! is_host_root || mknod dev/tty9 c 4 9
! is_host_root || mknod dev/loop b 7 70000
mkfifo srv/pipe
ln -s /nowhere/at/all srv/link
ln -s "$(printf 'l%.0s' {1..300})" srv/long-link
echo deep >"$long/$long/$long/$long"
echo bytes >"srv/$(printf 'na\xff\xc3(me')"
echo line >"srv/$(printf 'a\nb')"
truncate -s 1T srv/sparse
printf middle | dd of=srv/sparse bs=1 seek=400000000000 conv=notrunc status=none
truncate -s 3000000 srv/hole
head -c 3000000 /dev/zero >srv/zeros
: >srv/empty
touch -d @1600000000.5 srv/empty srv/link -h
touch -d @1500000000 . etc d srv
cd ../.. || exit 1

# tree FOLDER: all that is to survive, one line a file.
tree() {
	(cd "$1" && find . -printf '%P %y %m %U:%G %s %TY-%Tm-%Td %n %l\n' | LC_ALL=C sort
		find . -type f -size -9M ! -type l -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
		find . \( -type f -o -type d \) -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex 2>/dev/null
		find . \( -type b -o -type c \) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort)
}
tree c/rootfs >before

run "$KILN" pack c --output one --format unified,split --compression zstd-1
is 'a stopped container is packed' "$status $err" '0 '
has 'its metadata give the name' "$out" '^unified +one/round-trip\.tar\.zst '
check 'a hole of a terabyte stays one' [ "$(stat -c %s one/round-trip.tar.zst)" -lt 100000 ]

# GNU tar, as the daemons call it, and libarchive's relative in Python read the same.
mkdir gnu
check 'GNU tar unpacks it' tar -C gnu --numeric-owner --xattrs --xattrs-include='*' --zstd -xf one/round-trip.tar.zst
check 'GNU tar keeps the holes' [ "$(du -sk gnu | cut -f1)" -lt 2000 ]
tree gnu/rootfs >gnu.tree
is 'GNU tar finds the same root' "$(diff before gnu.tree)" ''

run "$KILN" unpack one/round-trip.tar.zst u
is 'an image is unpacked' "$status $out$err" '0 '
tree u/rootfs >after
is 'it is the same root' "$(diff before after)" ''
is 'holes are on the disk, too' "$(cmp c/rootfs/srv/sparse u/rootfs/srv/sparse -n 100 && du -sk u | awk '{ print ($1 < 2000) }')" 1
is 'metadata are kept to the byte' "$(cmp c/metadata.yaml u/metadata.yaml; diff -r c/templates u/templates)" ''
is 'nobody else gets at programs with set-uid bits' "$(stat -c %a u)" 700
check 'packed again it is the same image' sh -c "'$KILN' pack u --output two --compression zstd-1 && diff -r one two"
check 'and unpacked from two files' "$KILN" unpack one/round-trip.meta.tar.xz one/round-trip.rootfs.tar.zst u2
tree u2/rootfs >after
is 'it is that root' "$(diff before after)" ''
fails 'a folder with something in it is left alone' usage 'not empty' "$KILN" unpack one/round-trip.tar.zst u
mkdir -m 711 empty
check 'an empty one is taken, with its mode' sh -c "'$KILN' unpack one/round-trip.meta.tar.xz empty && [ \$(stat -c %a empty) = 711 ]"

# There and back again.
for codec in none gzip bzip2 xz-1 zstd-5 lzma-1 lz4; do
	mkdir -p "by/$codec"
	run "$KILN" convert one/round-trip.tar.zst --format unified --compression "$codec" --output "by/$codec" -q
	is "convert: $codec is written" "$status" 0
	file=$(find "by/$codec" -name 'round-trip.tar*')
	"$KILN" convert "$file" --format split --compression zstd-1 --output "by/$codec" -q >/dev/null
	"$KILN" convert "by/$codec/round-trip.meta.tar.xz" --format unified --compression zstd-1 --output "by/$codec/back" -q >/dev/null
	is "convert: $codec to split to unified gives the same bytes" "$(cmp one/round-trip.rootfs.tar.zst "by/$codec/round-trip.rootfs.tar.zst" &&
		cmp one/round-trip.meta.tar.xz "by/$codec/round-trip.meta.tar.xz" &&
		cmp one/round-trip.tar.zst "by/$codec/back/round-trip.tar.zst" && echo same)" same
done
run "$KILN" convert one/round-trip.tar.zst --json --compression none --output json --name other
is 'convert: --json names the files' "$(jq -r '.artifacts[].files[].name' <<<"$out")" other.tar
fails 'convert: it has to know into what' usage 'needs --format' "$KILN" convert one/round-trip.tar.zst

# A squashfs has no attributes for ACLs, nor half a second, and holes only where its blocks are; the rest comes back.
rm c/rootfs/srv/sparse
truncate -s 1G c/rootfs/srv/sparse
printf middle | dd of=c/rootfs/srv/sparse bs=1 seek=400000000 conv=notrunc status=none
setfacl -b -R c/rootfs
touch -d @1500000000 c/rootfs/{d,srv}
"$KILN" pack c --output plain --format unified --compression none -q >/dev/null
for codec in gzip xz zstd; do
	mkdir "sq-$codec"
	cp one/round-trip.meta.tar.xz "sq-$codec/"
	env -u SOURCE_DATE_EPOCH mksquashfs c/rootfs "sq-$codec/round-trip.rootfs.squashfs" -comp $codec -noappend -quiet -no-progress -b 256K >/dev/null
	run "$KILN" convert "sq-$codec/round-trip.meta.tar.xz" --format unified --compression none --output "sq-$codec"
	is "a squashfs of mksquashfs with $codec becomes the same archive" "$status $(cmp "sq-$codec/round-trip.tar" plain/round-trip.tar)" '0 '
done
"$KILN" convert plain/round-trip.tar --format squashfs --output own -q >/dev/null 2>&1
run "$KILN" convert own/round-trip.meta.tar.xz --format unified --compression none --output own
is "kiln's own squashfs, too" "$status $(cmp own/round-trip.tar plain/round-trip.tar)" '0 '

# Metadata from elsewhere.
fails 'a bare root needs metadata' usage 'say with --metadata, --recipe or -o' "$KILN" pack c/rootfs
run "$KILN" pack c/rootfs --output bare --format unified --compression none --creation-date 1650000000 \
	-o image.distribution=debian -o image.release=trixie -o image.architecture=amd64 -o 'image.description=Made by hand'
is 'which -o can give' "$status $err" '0 '
bare=$(tar -xOf bare/*.tar metadata.yaml)
has 'with the architecture' "$bare" '^architecture: "x86_64"$'
has 'the date' "$bare" '^creation_date: 1650000000$'
has 'and the words' "$bare" '"description": "Made by hand"'
has_no 'no file is younger' "$(tar --full-time -tvf bare/*.tar)" ' 202[3-9]-'
run "$KILN" pack c/rootfs --output recipe --format unified --compression none --recipe "$TOP/recipes/debian-bookworm.yaml"
is 'a recipe can give them' "$status $err" '0 '
has 'as a build would' "$(tar -xOf recipe/*.tar metadata.yaml)" '"release": "bookworm"'
fails 'not both' usage 'leaves nothing to --recipe' "$KILN" pack c --metadata c/metadata.yaml --recipe debian-bookworm

# What LXD publishes: templates behind the root. What tar -u makes: everything behind it.
# Zeros that somebody else has written out stay so: a stream is not read twice.
rm c/rootfs/srv/zeros
touch -d @1500000000 c/rootfs/srv
"$KILN" pack c --output sparse --format unified --compression none -q >/dev/null
pax=(--format=posix --sparse --hole-detection=raw --sort=name --xattrs --xattrs-include='*' --numeric-owner)
tar -C c "${pax[@]}" -cf lxd.tar metadata.yaml rootfs templates 2>/dev/null
tar -C c "${pax[@]}" -cf late.tar rootfs metadata.yaml templates 2>/dev/null
for image in lxd late; do
	run "$KILN" convert $image.tar --format unified --compression none --output $image --name round-trip
	is "an image with the metadata elsewhere ($image) comes into order" "$status $(cmp $image/round-trip.tar sparse/round-trip.tar)" '0 '
done

# left: what a failed command has left.
left() {
	find . -maxdepth 1 \( -name out -o -name '.kiln-unpack*' \)
}

# bad NAME PATTERN, with Python lines that fill the archive t: refused, and nothing is left.
bad() {
	local script
	script=$(cat)
	python3 - "$script" <<-'END'
		import io, sys, tarfile
		t = tarfile.open("bad.tar", "w", format=tarfile.PAX_FORMAT)
		def add(name, data=None, **more):
		    i = tarfile.TarInfo(name)
		    i.type = tarfile.REGTYPE if data is not None else tarfile.DIRTYPE
		    for key in more:
		        setattr(i, key, more[key])
		    i.size = len(data or b"")
		    t.addfile(i, io.BytesIO(data or b""))
		add("metadata.yaml", b"architecture: x86_64\ncreation_date: 1700000000\nproperties: {name: bad}\n")
		add("rootfs")
		exec(sys.argv[1])
		t.close()
	END
	fails "$1" format "$2" "$KILN" unpack bad.tar out
	is 'and nothing is written' "$(left)" ''
	fails 'nor converted' format "$2" "$KILN" convert bad.tar --format split --compression none --output bad-out
	is 'nor left' "$(ls -A bad-out)" ''
}
bad 'a path that leads out' "bad.tar: entry 'rootfs/../x': .*'\.\.'" <<<'add("rootfs/../x", b"x")'
bad 'an absolute path' "entry '/etc/x': .*absolute" <<<'add("/etc/x", b"x")'
bad 'a path below a link' "entry 'rootfs/a/x': .*no folder" <<<'add("rootfs/a", b"", type=tarfile.SYMTYPE, linkname="/etc"); add("rootfs/a/x", b"x")'
bad 'an entry that comes twice' "entry './rootfs//x': .*twice" <<<'add("rootfs/x", b"x"); add("./rootfs//x", b"y")'
bad 'a folder that never came' "entry 'rootfs/a/b': .*'a' does not come before" <<<'add("rootfs/a/b", b"x")'
bad 'a hard link to what comes later' "entry 'rootfs/a': .*hard link to 'b'" <<<'add("rootfs/a", b"", type=tarfile.LNKTYPE, linkname="rootfs/b"); add("rootfs/b", b"x")'
bad 'a hard link out of the root' "not in the root" <<<'add("rootfs/a", b"", type=tarfile.LNKTYPE, linkname="metadata.yaml")'
bad 'a hard link to itself' "hard link to 'a'" <<<'add("rootfs/a", b"", type=tarfile.LNKTYPE, linkname="rootfs/a")'
bad 'a hard link to a folder' 'hard link to the folder' <<<'add("rootfs/d"); add("rootfs/a", b"", type=tarfile.LNKTYPE, linkname="rootfs/d")'
bad 'folders without end' 'more than 200 parts' <<<'p = "rootfs"
for i in range(300):
    p += "/d"; add(p)'
bad 'a name that no file system takes' 'more than 255 bytes' <<<'add("rootfs/" + "x" * 256, b"x")'
bad 'a second metadata.yaml' "entry 'metadata.yaml': .*twice" <<<'add("metadata.yaml", b"x")'
bad 'the disk of a virtual machine' 'virtual machine' <<<'add("rootfs.img", b"x")'
bad 'an attribute that is too long' 'attributes of more than 65536 bytes' <<<'add("rootfs/x", b"x", pax_headers={"SCHILY.xattr.user.x": "y" * 70000})'
bad 'a file of more than any file system takes' 'claims to have' <<<'add("rootfs/x", b"1\n0\n0\n" + b"\0" * 506, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "rootfs/x", "GNU.sparse.realsize": str(1 << 60)})'

# cut NAME COMMAND: what ends early, or too late, is told.
image=by/none/round-trip.tar
size=$(stat -c %s $image)
for at in $((size - 512)) $((size - 1024)) $((size - 1025)) 20000 700 100; do
	head -c "$at" $image >cut.tar
	fails "cut at $at of $size" format 'cut.tar: ' "$KILN" unpack cut.tar out
done
for codec in gzip bzip2 xz-1 zstd-5 lzma-1 lz4; do
	file=$(find "by/$codec" -maxdepth 1 -name 'round-trip.tar*')
	size=$(stat -c %s "$file")
	for at in $((size - 1)) $((size / 2)) 20; do
		head -c "$at" "$file" >cut.tar
		fails "$codec: cut at $at of $size" format 'cut.tar: ' "$KILN" unpack cut.tar out
	done
	{ cat "$file" && printf xx; } >cut.tar
	fails "$codec: two bytes too many" format 'cut.tar: ' "$KILN" unpack cut.tar out
done
cat $image $image >cut.tar
fails 'an archive behind the archive' format 'data behind the end' "$KILN" unpack cut.tar out
{ cat $image && head -c 20480 /dev/zero; } >padded.tar
check 'but padding is none' "$KILN" unpack padded.tar padded
file=sq-zstd/round-trip.rootfs.squashfs
used=$(python3 -c 'import struct, sys; print(struct.unpack_from("<Q", open(sys.argv[1], "rb").read(96), 40)[0])' $file)
for at in 50 96 $((used / 2)) $((used - 1)); do
	head -c "$at" $file >cut.squashfs
	fails "squashfs: cut at $at" format 'cut.squashfs: ' "$KILN" unpack one/round-trip.meta.tar.xz cut.squashfs out
done
{ cat $file && printf x; } >cut.squashfs
fails 'squashfs: a byte too many' format 'behind the end' "$KILN" unpack one/round-trip.meta.tar.xz cut.squashfs out
is 'nothing is left of all these' "$(left)" ''

# Flipped bits of a squashfs: an error or not, but never more than that, nor outside.
crashes=
for ((i = 0; i < 30; i++)); do
	python3 - $i <<-'END'
		import random, sys
		random.seed(int(sys.argv[1]))
		b = bytearray(open("sq-gzip/round-trip.rootfs.squashfs", "rb").read())
		for _ in range(random.choice([1, 3, 20])):
		    b[random.randrange(random.choice([96, len(b)]))] ^= 1 << random.randrange(8)
		open("bits.squashfs", "wb").write(b)
	END
	timeout 20 "$KILN" unpack one/round-trip.meta.tar.xz bits.squashfs "bits" >/dev/null 2>bits.err
	status=$?
	case $status in
	0) ;;
	*) [[ $(word_of $status) =~ ^(format|unsupported|system)$ ]] || crashes="$crashes $i:$status" ;;
	esac
	rm -rf bits
done
is 'squashfs: flipped bits' "$crashes" ''

fails 'a squashfs alone is no image' format 'without metadata' "$KILN" unpack $file out
fails 'nor is a text' format 'README.md: ' "$KILN" unpack "$TOP/README.md" out
fails 'nor a folder' usage 'no regular file' "$KILN" convert . --format split
fails 'what is not there is told' system "cannot read 'missing.tar'" "$KILN" unpack missing.tar out
