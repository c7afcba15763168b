#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad luck: several builders with one cache, damage in the cache, full disks, builders that die. Whole builds of
# an archive so small that each takes a second.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

become_root
require_programs python3 gpg dpkg dpkg-deb ldd jq mount setfattr
cd "$WORK" || exit 1
seed=${KILN_TEST_SEED:-$RANDOM}
RANDOM=$seed
note "KILN_TEST_SEED=$seed"

architecture=$(dpkg --print-architecture)
base_deb
deb apt --arch "$architecture" --version 2.0 --field 'Priority: important' --field 'Depends: base'
deb extra --version 3.0 --script 'postinst=#!/bin/sh
echo "configured $1" >/var/lib/extra'
deb more --version 4.0 --field 'Depends: extra' --file "/usr/share/more=$(seq 20000)"
archive web/debian --arch "$architecture"
serve web
tiny_recipe r.yaml "$SERVER/debian/" more
packages=4

# These cases are about packages; a build that finds finished steps would not ask for any.
no_layers=()
"$KILN" build --help | grep -q -e '--no-layers' && no_layers=(--no-layers)

# build OUTPUT [ARGUMENT...]: with $cache
build() {
	local output=$1
	shift
	"$KILN" build r.yaml --format unified --compression none --cache "$cache" --output "$output" \
		"${no_layers[@]}" "$@" </dev/null
}
fingerprint() {
	jq -r '.artifacts[0].fingerprint' "$1/image.json"
}
# good NAME [ARGUMENT...]: a build succeeds with the fingerprint that it should have.
good() {
	local name=$1
	shift
	rm -rf out
	: >"$SERVER_LOG"
	run build out "$@"
	is "$name" "$status $(grep '^kiln: ' <<<"$err" | grep -v '^kiln: warning: ')$(fingerprint out)" "0 $want"
}
# asked PATTERN: how often files whose address matches were sent, in whole or in part.
asked() {
	grep -cE "^GET [^ ]*$1[^ ]* 20[06] " "$SERVER_LOG"
}
# asked_twice: addresses of packages and indexes that were sent more than once.
asked_twice() {
	sed -nE 's,^GET (/@[^/]*)?([^ ]*(/pool/|/by-hash/|Packages)[^ ]*) 20[06] .*,\2,p' "$SERVER_LOG" | sort | uniq -d
}
# Files of the cache by what they are.
files() {
	local file
	for file in "$cache"/sha256/*/*; do
		case $1:$(head -c 8 "$file" | tr -d '\0') in
		debs:'!<arch>'*) echo "$file" ;;
		plain:Package:*) echo "$file" ;;
		packed:$'\xfd7zXZ'*) echo "$file" ;;
		esac
	done
	case $1 in
	payloads) ls -d "$cache"/payload/*/* ;;
	answers) ls -d "$cache"/volatile/* ;;
	esac
}

cache=$WORK/reference
run build out
[ "$status" = 0 ] || give_up 'a build' "$err"
want=$(fingerprint out)
is 'a build fetches every package' "$(asked /pool/)" "$packages"
is 'and keeps each, with its payload' "$(files debs | wc -l) $(files payloads | wc -l)" "$packages $packages"
is 'its cache has one index, as fetched and decompressed' "$(files packed | wc -l) $(files plain | wc -l)" '1 1'
cache=$WORK/cache

# ---- several builders at once

# together N: that many builds at once with an empty cache, from a server so slow that they meet.
together() {
	local count=$1 i pids=() bad='' prints=''
	rm -rf "$cache" at-once
	mkdir at-once
	: >"$SERVER_LOG"
	for ((i = 1; i <= count; i++)); do
		build "at-once/$i" --mirror "$SERVER/@slow=2000000/debian/" >"at-once/$i.log" 2>&1 &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || bad="$bad $((i + 1)): $(grep '^kiln: ' "at-once/$((i + 1)).log")"
	done
	for ((i = 1; i <= count; i++)); do
		prints="$prints$(fingerprint "at-once/$i")"$'\n'
	done
	is "$count builds at once succeed" "$bad" ''
	is "$count builds at once make the same image" "$(sort -u <<<"${prints%$'\n'}")" "$want"
	is "$count builds at once fetch each package once" "$(asked /pool/)" "$packages"
	is "$count builds at once fetch no index twice" "$(asked_twice)" ''
	is "$count builds at once leave nothing half-done" "$(ls -A "$cache/partial")" ''
}
together 2
together 4

# ---- damage

# What may happen to a file of the cache. Not the bit that tells A from a: a digest in hexadecimal is the same then.
flip() {
	local at=$(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$1"))) byte
	byte=$(od -An -tu1 -j $at -N 1 "$1")
	# shellcheck disable=SC2059 # an octal escape
	printf "\\$(printf %o $((byte ^ (1 << RANDOM % 5))))" | dd of="$1" bs=1 seek=$at conv=notrunc status=none
}
truncated() {
	truncate -s "$((RANDOM % $(stat -c %s "$1")))" "$1"
}
emptied() {
	: >"$1"
}
lengthened() {
	echo more >>"$1"
}

# damaged HOW KINDS POOL INDEX: what is to be fetched again when all files of KINDS are damaged.
damaged() {
	local how=$1 kinds=$2 kind file all=''
	rm -rf "$cache"
	cp -r reference "$cache"
	for kind in $kinds; do
		all="$all $(files "$kind")"
	done
	for file in $all; do
		chmod u+w "$file"
		$how "$file"
	done
	good "$how: $kinds"
	is "$how: $kinds: packages fetched again" "$(asked /pool/)" "$3"
	is "$how: $kinds: indexes fetched again" "$(asked Packages) $(asked by-hash)" "0 $4"
	if [ "$kinds" != debs ]; then # with a good payload nobody looks at its package
		is "$how: $kinds: the cache is as it was" "$(diff -rq reference "$cache" | grep -v /volatile)" ''
	fi
}
for how in flip truncated emptied lengthened; do
	damaged $how debs 0 0
	damaged $how payloads 0 0
	damaged $how 'debs payloads' $packages 0
	damaged $how plain 0 0
	damaged $how 'plain packed' 0 1
	damaged $how answers 0 0
	damaged $how 'debs payloads plain packed answers' $packages 1
done
rm -rf "$cache"
cp -r reference "$cache"
one=$(files payloads | sed -n 2p)
rm "$one" "${one/payload/sha256}"
good 'one package is gone'
is 'and it alone is fetched again' "$(asked /pool/)" 1
rm -rf "$cache"
cp -r reference "$cache"
files debs | xargs rm
flip "$one"
good 'a damaged payload whose package is gone'
is 'is fetched again, alone' "$(asked /pool/)" 1
for name in sha256 partial volatile payload; do
	rm -rf "${cache:?}/$name"
done
good 'all folders of the cache are gone'
is 'each package is fetched once' "$(asked /pool/) $(asked_twice)" "$packages "

# ---- full disks

# small_cache SIZE: an empty one on a disk of its own.
small_cache() {
	umount "$WORK/small" 2>/dev/null
	mkdir -p small
	mount -t tmpfs -o "size=$1" kiln-test "$WORK/small"
	cache=$WORK/small
}
at_exit eval "umount '$WORK/small' 2>/dev/null || true"
deb_kib=$(du -ck debs/*.deb | tail -n 1 | cut -f 1)
small_cache $((deb_kib / 2))k
rm -rf out
fails 'no room for the packages' space "$cache" build out
is 'no image is left' "$(find out -mindepth 1 ! -name '*.log' 2>/dev/null)" ''
mount -o remount,size=100m "$WORK/small"
good 'the next build, with more room'
is 'no package is asked for from its start again' "$(asked_twice)" ''
small_cache $((deb_kib + 400))k
good 'room for the packages, but not for their payloads'
is 'a disk that is full keeps what is whole' "$(files debs | wc -l) $(ls -A "$cache/partial")" "$packages "
is 'no payload is half there' "$(find "$cache/payload" -type f -size -100c 2>/dev/null)" ''
mount -o remount,size=100m "$WORK/small"
good 'later, with room'
is 'the payloads are kept, and nothing is fetched' "$(files payloads | wc -l) $(asked /pool/)" "$packages 0"
umount "$WORK/small"
cache=$WORK/cache

# ---- builders that die

# downloading: the big package has begun to come.
downloading() {
	[ "$(find "$cache/partial" -type f -size +300k 2>/dev/null | wc -l)" -gt 0 ]
}
# die SIGNAL: a build that ends while it downloads.
die() {
	local pid
	rm -rf "$cache" out
	build out --mirror "$SERVER/@slow=1000000/debian/" >die.log 2>&1 &
	pid=$!
	within 20 downloading || give_up 'a build that downloads' "$(cat die.log)"
	# The shell's child is kiln itself: functions in the background are shells.
	kill "-$1" "$(pgrep -P $pid -x kiln)"
	wait $pid 2>/dev/null
}
for signal in KILL TERM; do
	die $signal
	is "SIG$signal: no image is left" "$(find out -mindepth 1 ! -name '*.log' 2>/dev/null)" ''
	good "SIG$signal: the next build succeeds"
	is "SIG$signal: and goes on where it ended" "$(grep -cE '/pool/.*/base_[^ ]* 206 ' "$SERVER_LOG")" 1
done
die KILL
for partial in "$cache"/partial/*; do
	[ "$(stat -c %s "$partial")" = 0 ] || flip "$partial"
done
good 'what a dead builder left is damaged'
is 'and fetched from its start' "$(grep -E '/pool/.*/base_' "$SERVER_LOG" | tail -n 1 | cut -d ' ' -f 3,4)" '200 -'

# One of two that wait for one download dies: the other takes over.
rm -rf "$cache" out
: >"$SERVER_LOG"
build first --mirror "$SERVER/@slow=1000000/debian/" >first.log 2>&1 &
first=$!
within 20 downloading || give_up 'a build that downloads' "$(cat first.log)"
build out >second.log 2>&1 &
second=$!
sleep 0.5
kill -KILL "$(pgrep -P $first -x kiln)"
wait $first 2>/dev/null
status=0
wait $second || status=$?
is 'a builder takes over from one that died' "$status $(fingerprint out)" "0 $want"
is 'and goes on where that ended' "$(grep -cE '/pool/.*/base_[^ ]* 206 ' "$SERVER_LOG")" 1

# ---- layers: finished steps that are kept for later builds

if [ ${#no_layers[@]} = 0 ]; then
	skip 'layers' 'this kiln keeps none'
	exit 0
fi
no_layers=() # from here on a build may find finished steps, and keeps its own
# layers: their names; and of what is in their folder beside whole ones, what is wrong with it.
layers() {
	local layer
	for layer in "$cache"/layers/*; do
		if [ -d "$layer/root" ] && [ -s "$layer/manifest" ]; then
			echo "${layer##*/}"
		elif [ -e "$layer" ]; then
			echo "in part: ${layer##*/}"
		fi
	done
}
whole_layers() {
	layers | grep -cxE '[0-9a-f]{64}'
}
rm -rf "$cache" reference
good 'a build that keeps layers makes the same image'
kept=$(layers)
count=$(whole_layers)
check 'and keeps some' [ "$count" -ge 1 ]
is 'and nothing else beside them' "$(wc -l <<<"$kept")" "$count"
cp -a "$cache" reference
good 'a build that finds layers makes the same image'
is 'without asking for packages' "$(asked /pool/)" 0

# What may happen to a layer: to one of its files, ...
file_flipped() {
	chmod u+w "$1"
	flip "$1"
}
file_flipped_in_secret() { # with its size and time of modification as they were
	touch -r "$1" stamp
	flip "$1"
	touch -r stamp "$1"
}
file_truncated() {
	truncated "$1"
}
file_gone() {
	rm -f "$1"
}
file_mode_changed() {
	chmod 4777 "$1"
}
file_owner_changed() {
	chown 4711 "$1"
}
file_attribute_more() {
	setfattr -n trusted.more -v x "$1"
}
file_replaced() {
	cp -a "$1" copy
	flip copy
	mv copy "$1"
}
# ... or to its folder.
layer_file_more() {
	echo x >"$1/root/more"
}
layer_root_gone() {
	rm -rf "$1/root"
}
layer_root_emptied() {
	find "$1/root" -mindepth 1 -delete
}
layer_manifest_flipped() {
	chmod u+w "$1/manifest"
	flip "$1/manifest"
}
layer_manifest_emptied() {
	emptied "$1/manifest"
}
layer_manifest_gone() {
	rm "$1/manifest"
}
layer_no_folder() {
	rm -rf "$1"
	echo x >"$1"
}
layer_half_written() {
	mv "$1" "${1%/*}/new.ab12CD"
	find "${1%/*}/new.ab12CD/root" -type f -delete
}
# heals NAME: a build makes the right image, and after it all layers are there again.
heals() {
	good "$1"
	is "$1: what was broken is made again" "$(layers)" "$kept"
}
# damage HOW LAYER
damage() {
	local how=$1 layer=$cache/layers/$2 file
	file=$(find "$layer/root" -type f -size +0 | LC_ALL=C sort | shuf -n 1 --random-source=<(yes "$RANDOM"))
	case $how in
	layer_*) $how "$layer" ;;
	*) if [ -n "$file" ]; then $how "$file"; else layer_file_more "$layer"; fi ;;
	esac
}
one_of() {
	shuf -n 1 --random-source=<(yes "$RANDOM") <<<"$1"
}
on_file='file_flipped file_flipped_in_secret file_truncated file_gone file_mode_changed file_owner_changed
	file_attribute_more file_replaced'
on_layer='layer_file_more layer_root_gone layer_root_emptied layer_manifest_flipped layer_manifest_emptied
	layer_manifest_gone layer_no_folder layer_half_written'
on_all='file_flipped layer_root_gone layer_manifest_gone layer_no_folder layer_half_written'

# In a copy of the cache nothing is known of the inodes: the content tells.
for how in $on_file $on_layer; do
	rm -rf "$cache"
	cp -a reference "$cache"
	if [ -n "${KILN_TEST_LONG-}" ] || [[ " $on_all " == *" $how "* ]]; then
		for layer in $kept; do
			damage "$how" "$layer"
		done
		heals "$how: all layers"
		rm -rf "$cache"
		cp -a reference "$cache"
	fi
	damage "$how" "$(one_of "$kept")"
	heals "$how: one layer"
	good "$how: and then found"
	is "$how: without asking for packages" "$(asked /pool/)" 0
done

# In place they are those that were written.
rm -rf "$cache"
good 'layers in place'
for how in $on_file $on_layer; do
	damage "$how" "$(one_of "$kept")"
	heals "$how in place"
done

# Full while layers are saved: the image is made, and no layer is there in part. First bytes are lacking, which is
# seen before; then inodes, which is not.
inodes=$(find reference -path '*/layers/*' -prune -o -print | wc -l)
for room in "$((deb_kib + 400))k" "100m,nr_inodes=$((inodes + 30))"; do
	small_cache "$room"
	good "no room for layers ($room)"
	check "no room for layers ($room): one at least is missing" [ "$(whole_layers)" -lt "$count" ]
	is "no room for layers ($room): none is there in part" "$(layers | wc -l)" "$(whole_layers)"
	good "no room for layers ($room): once more"
	mount -o remount,size=100m,nr_inodes=10k "$WORK/small"
	good "no room for layers ($room): later, with room"
	is "no room for layers ($room): later they are kept" "$(layers)" "$kept"
	umount "$WORK/small"
done
cache=$WORK/cache

together 2
is '2 builds at once keep each layer once' "$(layers)" "$kept"
together 4
is '4 builds at once keep each layer once' "$(layers)" "$kept"
