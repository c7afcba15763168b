#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln cache: what it shows and what it trims; and payloads, which make packages superfluous and are superfluous
# themselves.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 gpg dpkg-deb jq
cd "$WORK" || exit 1

deb tiny --arch amd64 --version 1.0 --field 'Essential: yes' --field 'Priority: required' --file /usr/share/tiny=x
deb apt --arch amd64 --version 2.0 --field 'Essential: yes' --field 'Priority: required' --field 'Depends: tiny'
archive web/debian
serve web
tiny_recipe r.yaml "$SERVER/debian/"

cache() {
	"$KILN" cache "$@" --cache cache
}
# count KIND: how many files of it there are, by kiln's own word
count() {
	cache --json | jq ".kinds[] | select(.kind == \"$1\").count"
}
asked() {
	grep -c '^GET /debian/pool' "$SERVER_LOG"
}

# ---- without a build

run cache
is 'a cache that does not exist is empty' "$status $(grep -cE '^(packages|payloads|answers|partial|layers) +0 ' <<<"$out") $err" '0 5 '
is 'and is not made by looking at it' "$(ls -d cache 2>/dev/null)" ''
run cache trim --keep 0
is 'nor by trimming it' "$status $out $(ls -d cache 2>/dev/null)" '0 nothing to remove '
fails 'a word that is none' usage "unknown word 'clean' \(possible: trim\)" cache clean
fails 'a kind that is none' usage "unknown kind 'payload' \(possible: packages, payloads, answers, partial, dates, layers\)" \
	cache trim payload --keep 0
fails 'trim without a bound' usage '--keep SIZE or --older-than DAYS' cache trim
fails 'a bound without trim' usage '--keep is for kiln cache trim' cache --keep 1G
fails 'no size' usage "--keep: '1Q' is no size" cache trim --keep 1Q
fails 'no days' usage "--older-than: 'x' is no number of days" cache trim --older-than x
fails 'no size of payloads' usage "--payloads: 'many' is no size" "$KILN" build r.yaml --payloads many
echo file >plain
fails 'a cache that is a file' system "'plain'" "$KILN" cache --cache plain

check 'packages are fetched' "$KILN" build r.yaml --until fetch --cache cache
is 'and counted' "$(count packages) $(count payloads) $(count partial)" "$(find cache/sha256 -type f | wc -l) 0 0"
is 'sums up all files' "$(cache --json | jq '[.kinds[].size] | add')" \
	"$(find cache -type f -printf '%b\n' | awk '{ sum += 512 * $1 } END { print sum }')"

# ---- trimming

rm -rf aged
cp -a cache aged
find aged -type f -exec touch -d '10 days ago' {} +
newest=$(find aged/sha256 -type f | sort | head -n 1)
touch "$newest"
is 'nothing is older' "$("$KILN" cache trim --older-than 11 --cache aged)" 'nothing to remove'
has 'the age of the oldest' "$("$KILN" cache --cache aged)" '^packages .* oldest used 10 days ago'
run "$KILN" cache trim packages --older-than 9 --cache aged
is 'what was used lately stays' "$(find aged/sha256 -type f)" "$newest"
has 'trim says what it has removed' "$out" '^removed packages: [0-9]+, [0-9.]+ KiB$'
check 'other kinds stay' test -n "$(find aged/volatile -type f)"
echo x >aged/partial/cut-off
echo x >aged/partial/at-work
exec 9<aged/partial/at-work
flock 9
is '--json too' "$("$KILN" cache trim partial --keep 0 --cache aged --json | jq -c '.removed[3] | .kind, .count')" \
	$'"partial"\n1'
is 'what is locked stays' "$(ls aged/partial)" 'at-work'
exec 9<&-
is 'until it is free' "$("$KILN" cache trim --keep 0 --cache aged >/dev/null; find aged -type f ! -path "aged/dates/*")" ''
check 'a build with what is left' "$KILN" build r.yaml --until fetch --cache aged

# ---- layers, as their manifests describe them

# layer DIGIT BYTES DAYS TITLE
layer() {
	local key folder
	key=$(printf "$1%.0s" {1..64})
	folder=cache/layers/$key
	mkdir -p "$folder/root"
	chmod 700 cache/layers "$folder"
	printf '%s\n' 'kiln layer 1' "key $key" "title $4" "tree $key" "product $key" "bytes $2" 'count 1' "inodes $key" \
		'boot x' >"$folder/manifest"
	chmod 600 "$folder/manifest"
	touch -d "$3 days ago" "$folder/manifest"
}
layers() {
	cache --json | jq -r '.layers[] | "\(.key[0:1]) \(.size) \(.in_use) \(.title)"'
}
layer a 1000 5 'debian bookworm: base system'
layer b 2000 3 $'evil \033[2J'
layer c 4000 9 'an action'
mkdir -m 700 "cache/layers/$(printf 'd%.0s' {1..64})"
has 'layers are counted' "$(cache)" '^layers +4 +6\.8 KiB  oldest used never$'
has 'and listed' "$(cache)" '^aaaaaaaaaaaa +1000 B  5 days ago  debian bookworm: base system$'
has_no 'in words that do nothing to a terminal' "$(cache)" $'\033'
is 'the one used last first' "$(layers | cut -c 1)" $'b\na\nc\nd'
exec 8<"cache/layers/$(printf 'c%.0s' {1..64})"
flock -s 8
has 'one in use' "$(layers)" '^c 4000 true an action$'
is 'trim keeps what fits' "$(cache trim layers --keep 2500 >/dev/null; layers | cut -c 1)" $'b\nc'
exec 8<&-
run cache trim --older-than 4
is 'and what is young enough' "$out" 'removed layers: 1, 3.9 KiB'
is 'of all' "$(layers | cut -c 1)" b
is 'trim of one kind leaves the others' "$(cache trim layers --keep 0 >/dev/null; count layers) $(($(count packages) > 0))" '0 1'

# ---- payloads

is_host_root || { skip payloads "needs root of the host: file systems are mounted"; exit 0; }

unpack() {
	"$KILN" build r.yaml --until unpack --cache cache "$@"
}
forget_packages() {
	find cache/sha256 -type f -exec grep -q '^!<arch>' {} \; -delete
}
check 'an unpacked package' unpack
is 'has a payload' "$(count payloads)" 2
forget_packages
: >"$SERVER_LOG"
check 'and is needed no more' unpack
is 'not even by name' "$(asked)" 0
check 'nor offline' unpack --offline

damage() {
	find "$1" -type f | while read -r file; do
		printf '\377' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") - 3)) conv=notrunc status=none
	done
}
damage cache/payload
fails 'damaged payloads, offline' fetch "package '(tiny|apt)'.*--offline" unpack --offline
damage cache/payload
: >"$SERVER_LOG"
check 'damaged payloads' unpack
is 'are made of packages that are fetched again' "$(asked) $(count payloads)" '2 2'
damage cache/payload
damage cache/sha256
: >"$SERVER_LOG"
check 'damaged payloads beside damaged packages' unpack
is 'likewise' "$(asked) $(count payloads)" '2 2'
check 'and good ones come of it' unpack --offline
check 'trim payloads' cache trim payloads --keep 0
is 'leaves packages' "$(count payloads) $(find cache/sha256 -type f -exec grep -lq '^!<arch>' {} \; -print | wc -l)" '0 2'
check '--payloads 0' unpack --payloads 0 --offline
is 'makes none' "$(count payloads)" 0

# Two at once, and none of them: what they leave is whole.
unpack --offline >/dev/null 2>&1 &
first=$!
check 'two builds unpack at once' unpack --offline
status=0
wait "$first" || status=$?
is 'both of them' "$status" 0
is 'with one payload for each package' "$(count payloads) $(count partial)" '2 0'
forget_packages
check 'and each is good' unpack --offline

# No room: a package of which the disk cannot hold two.
mkdir small
mount -t tmpfs -o size=16m kiln-test small
at_exit umount small
mkdir -p big/DEBIAN big/usr/share
head -c 7000000 /dev/urandom >big/usr/share/random
printf '%s\n' 'Package: tiny' 'Version: 1.1' 'Architecture: amd64' 'Maintainer: X <x@example.org>' 'Essential: yes' \
	'Priority: required' 'Description: larger' >big/DEBIAN/control
dpkg-deb --root-owner-group -Zxz -z0 --build big debs/tiny_1.1_amd64.deb >/dev/null
archive web/debian
check 'a cache with little room' "$KILN" build r.yaml --until fetch --cache small
head -c 5000000 /dev/urandom >small/other
run "$KILN" build r.yaml --until unpack --cache small --work "$WORK"
is 'payloads without room: the build succeeds' "$status $(grep -c '^kiln: [^w]' <<<"$err")" '0 0'
is 'with one warning' "$(grep -c 'warning: the cache keeps no unpacked packages: .*No space' <<<"$err")" 1
is 'and nothing half-written' "$(find small/partial -type f)" ''

# A cache that is mounted read-only, and has all that is needed.
rm debs/tiny_1.1_amd64.deb
archive web/debian
check 'a cache for all' unpack
mkdir fixed
mount --bind cache fixed
at_exit umount fixed
mount -o remount,bind,ro fixed
check 'that is read-only serves builds' "$KILN" build r.yaml --until unpack --cache fixed --offline --work "$WORK"
fails 'and cannot be trimmed' system 'cannot remove .* from the cache' "$KILN" cache trim --keep 0 --cache fixed
