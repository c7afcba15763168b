#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a build says that it has cost: the numbers agree with each other and with what was built, and kiln's own memory
# stays within what it promises. No test here says how long something may take.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq zstd xz python3
require_mirror

# Every step carried out, from the packages themselves: what else the cache has depends on earlier builds.
mkdir "$WORK/cache"
for part in sha256 volatile; do
	[ ! -e "$CACHE/$part" ] || cp -al "$CACHE/$part" "$WORK/cache/" 2>/dev/null ||
		cp -a "$CACHE/$part" "$WORK/cache/" || give_up 'the cache is copied'
done
CACHE=$WORK/cache
IMAGE=$WORK/image
record=$IMAGE/image.json
"$KILN" build debian-bookworm --format unified,split --no-layers --payloads 0 --timing --cache "$CACHE" \
	--output "$IMAGE" >"$WORK/build.out" 2>"$WORK/build.log" </dev/null ||
	give_up 'kiln builds debian-bookworm' "$(tail -n 30 "$WORK/build.log")"

# t NAME EXPRESSION: true for the numbers of the build.
t() {
	check "$1" jq -e ".timing as \$t | $2" "$record"
}
# ---- with each other; times are rounded to milliseconds

for times in seconds cpu programs_cpu; do
	t "$times add up to the total" "[\$t | to_entries[] | select(.key != \"total\").value.$times] | add - \$t.total.$times | fabs < 0.006"
done
t 'every stage took its time' '[$t | .recipe, .index, .plan, .fetch, .unpack, .configure, .customize, .pack, .evidence | .seconds] |
	all(. >= 0) and add > $t.total.seconds * 0.9'
t 'what belongs to no row is next to nothing' '$t.other.seconds <= $t.total.seconds * 0.02'
t 'no row was bound longer than it took' '[$t[] | select(has("bound")) | .bound <= .seconds + 0.002] | all'
t 'unpacking decompresses' '$t.unpack.bound > 0 and $t.unpack.cpu > $t.unpack.bound'
t 'configuring runs programs' '$t.configure.bound > 0 and $t.configure.programs_cpu > $t.configure.cpu'
t 'packing compresses' '$t.pack.bound > 0 and $t.pack.cpu > $t.pack.bound'
t 'unpacking and packing run no programs' '$t.unpack.programs_cpu == 0 and $t.pack.programs_cpu == 0'

# ---- with what was built

is 'fetch, unpack and configure have the packages of the plan' \
	"$(jq -c '[.timing | .plan, .fetch, .unpack, .configure | .packages]' "$record")" \
	"$(jq -c '(.packages | length) as $n | [$n, $n, $n, $n]' "$record")"
"$KILN" plan debian-bookworm --offline --cache "$CACHE" --json --quiet >"$WORK/plan.json" 2>"$WORK/plan.log" ||
	give_up 'the plan is printed' "$(cat "$WORK/plan.log")"
is 'fetch brings and unpack reads their bytes' "$(jq -c '[.timing.fetch.out, .timing.unpack.in]' "$record")" \
	"$(jq -c '([.packages[].size] | add) as $n | [$n, $n]' "$WORK/plan.json")"
is 'pack writes the bytes of the image files' "$(jq '.timing.pack.out' "$record")" \
	"$(jq '[.artifacts[].files[].size] | add' "$record")"
rootfs=$IMAGE/$(jq -r .name "$record").rootfs.tar.zst
is 'pack has read its files and their bytes' "$(jq -r '.timing.pack | "\(.files) \(.in)"' "$record")" \
	"$(python3 - <(zstd -qdc "$rootfs") <<'P'
import sys, tarfile
with tarfile.open(fileobj=open(sys.argv[1], "rb"), mode="r|") as archive:
    sizes = [entry.size if entry.isreg() else 0 for entry in archive]
print(len(sizes), sum(sizes))
P
)"
t 'what was unpacked is most of it' '$t.unpack.out > $t.pack.in / 2 and $t.unpack.out > $t.unpack.in'

# ---- the memory of kiln itself, which is to stay below 300 MiB with any number of packages

t "kiln's own memory is known" '$t.total.memory > 8 * 1048576'
t "kiln's own memory is at most 200 MiB for this image" '$t.total.memory <= 200 * 1048576'

# ---- the table

table=$(sed -n '/^ *seconds  share/,/^total /p' "$WORK/build.log" | grep -v '^layers ')
is '--timing prints a row for each kind of work' "$(awk 'NR > 1 { print $1 }' <<<"$table" | paste -sd ' ')" \
	'recipe index plan fetch unpack configure customize pack evidence other total'
# Each is rounded, but from the same number.
is 'with the numbers of image.json' "$(paste <(awk 'NR > 1 { print $1, $2, $4, $5 }' <<<"$table") \
	<(jq -r '.timing | to_entries[] | select(.key != "layers") | [.key, .value.seconds, .value.cpu, .value.programs_cpu] | join(" ")' "$record") |
	awk 'function differ(x, y) { return x - y > 0.0061 || y - x > 0.0061 }
		$1 != $5 || differ($2, $6) || differ($3, $7) || differ($4, $8)')" ''
is 'in at most 110 columns, without blanks at the ends' "$(grep -nE '.{111}| $' <<<"$table")" ''
has 'and the memory' "$table" "^total .* kiln's own memory: at most [0-9.]+ MiB\$"

# ---- a plan, and how it is asked for

mkdir "$WORK/debs"
deb tiny --arch amd64 --version 1.0 --field 'Essential: yes' --field 'Priority: required' --file /usr/share/tiny=x
archive "$WORK/served"
serve "$WORK/served"
tiny_recipe "$WORK/t.yaml" "$SERVER"
run "$KILN" plan "$WORK/t.yaml" --cache "$WORK/tiny" --mirror none --timing --quiet
is 'a plan is timed, too, and quietly' "$status $(awk '{ print $1 }' <<<"$err" | paste -sd ' ')" \
	'0 seconds recipe index plan other total'
has_no 'but not on standard output' "$out" 'seconds|total'
size=$(xz -qdc "$WORK"/served/dists/bookworm/main/binary-amd64/Packages.xz | wc -c)
has 'index tells what came, and the size of the indexes' "$err" "^index .* [0-9.]+ (Ki)?B +$size B +1 indexes "
has 'plan counts the packages' "$err" '^plan .* 1 packages$'
run "$KILN" plan "$WORK/t.yaml" --cache "$WORK/tiny" --mirror none --quiet
is 'no table unless it is asked for' "$status $err" '0 '

# ---- the memory again, on a machine with 64 processors

if [ -z "${KILN_TEST_LONG:-}" ]; then
	skip 'memory with 64 processors' 'only in make check-long'
	exit 0
fi
command -v "${CC:-cc}" >/dev/null || skip_all 'needs a C compiler'
cat >"$WORK/processors.c" <<'C'
#define _GNU_SOURCE
#include <sched.h>
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	(void)pid;
	CPU_ZERO_S(size, set);
	for (int i = 0; i < 64; i++)
		CPU_SET_S(i, size, set);
	return 0;
}
C
"${CC:-cc}" -shared -fPIC -o "$WORK/processors.so" "$WORK/processors.c" || give_up 'the stand-in is compiled'
for compression in zstd xz zstd-19; do
	if LD_PRELOAD=$WORK/processors.so "$KILN" build debian-bookworm --format unified,split --no-layers --quiet \
		--compression "$compression" --payloads 0 --cache "$CACHE" --output "$WORK/many" >"$WORK/build.out" 2>&1; then
		memory=$(jq '.timing.total.memory' "$WORK/many/image.json")
		check "both formats in $compression take $((memory >> 20)) MiB of at most 300" [ "$memory" -le $((300 << 20)) ]
	else
		not_ok "both formats in $compression" "$(cat "$WORK/build.out")"
	fi
	rm -rf "$WORK/many"
done
