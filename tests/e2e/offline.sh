#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A build from the cache alone, on a machine that has no network at all.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

become_root
require_programs unshare jq
require_mirror

minbase_recipe "$WORK/t.yaml" <<'R'
packages:
  manager: apt
  cleanup: true
R
check 'online' "$KILN" build "$WORK/t.yaml" --no-layers --format unified --cache "$CACHE" --output "$WORK/online"
check 'offline, without a network' \
	unshare --net "$KILN" build "$WORK/t.yaml" --no-layers --format unified --cache "$CACHE" --output "$WORK/offline" --offline
is 'same fingerprint' "$(jq -r '.artifacts[0].fingerprint' "$WORK/offline/image.json")" \
	"$(jq -r '.artifacts[0].fingerprint' "$WORK/online/image.json")"
fails 'offline with an empty cache' fetch 'not in the cache|--offline' \
	unshare --net "$KILN" build "$WORK/t.yaml" --cache "$WORK/empty" --output "$WORK/none" --offline

# The same bytes again over the older ones; and a full disk, which leaves the older ones.
mkdir "$WORK/small"
mount -t tmpfs -o size=8m kiln-test "$WORK/small"
at_exit umount "$WORK/small"
echo old >"$WORK/small/image.json"
fails 'no room for the image' space 'small|\.tar' \
	"$KILN" build "$WORK/t.yaml" --offline --cache "$CACHE" --output "$WORK/small"
is 'no room for the image: the folder is as it was' "$(cd "$WORK/small" && grep -r . --exclude='*.log' .)" './image.json:old'
has 'and the log says how it ended' "$(tail -n 1 "$WORK"/small/*.log)" '"result":"failed","status":14,'
mkdir "$WORK/work"
mount -t tmpfs -o size=60m kiln-test "$WORK/work"
at_exit umount "$WORK/work"
fails 'no room for the root' space '.' \
	"$KILN" build "$WORK/t.yaml" --offline --cache "$CACHE" --work "$WORK/work" --output "$WORK/none"
is 'no room for the root: nothing is left of it' "$(ls -A "$WORK/work")" ''
is 'and nothing but the log in the output folder' "$(find "$WORK/none" -mindepth 1 ! -name '*.log' | wc -l)" 0
