#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same recipe and the same packages give the same bytes: built once more in another folder, with
# another umask, time zone, language, home, host name, terminal, number of cores and place of the root.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq unshare taskset zstd
default_image
become_root

mkdir -p "$WORK/other folder/out" "$WORK/home" "$WORK/work"
cp -r "$TOP/recipes" "$TOP/templates" "$WORK/other folder/"

# What the first build saw of the archive must be what this one sees: it gets the same cache, and nothing else.
other_way() {
	cd "$WORK/other folder" || return
	umask 077
	# shellcheck disable=SC2016 # expanded by the inner shell
	exec env -i PATH="$PATH" HOME="$WORK/home" TZ=Pacific/Kiritimati LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 \
		TERM=dumb SHELL=/bin/false USER=nobody ASAN_OPTIONS="${ASAN_OPTIONS-}" KILN_TEST_RUN="${KILN_TEST_RUN-}" \
		taskset -c 0 unshare --uts sh -c 'hostname elsewhere; exec "$@"' sh \
		"$KILN" build recipes/debian-bookworm.yaml --offline --cache "$CACHE" --no-layers --work "$WORK/work" \
		--format split,unified --output out
}

(other_way) >"$WORK/out.log" 2>"$WORK/err.log" </dev/null ||
	give_up 'a second build' "$(tail -n 30 "$WORK/err.log")"

fingerprint() {
	jq -r ".artifacts[] | select(.format == \"$2\").fingerprint" "$1/image.json"
}

# Where the two differ, for whoever has to find the cause.
differences() {
	local n=0 folder
	for folder in "$IMAGE" "$WORK/other folder/out"; do
		n=$((n + 1))
		mkdir -p "$WORK/$n"
		zstd -qdc "$folder/$(jq -r .name "$folder/image.json").tar.zst" >"$WORK/$n.tar"
		TZ=UTC0 tar -tvf "$WORK/$n.tar" --numeric-owner --full-time >"$WORK/$n.list"
		tar -xpf "$WORK/$n.tar" -C "$WORK/$n"
	done
	diff "$WORK/1.list" "$WORK/2.list" | head -n 10
	diff -rq --no-dereference "$WORK/1" "$WORK/2" 2>&1 | head -n 10
}

for format in unified split; do
	if [ "$(fingerprint "$IMAGE" $format)" = "$(fingerprint "$WORK/other folder/out" $format)" ]; then
		ok "$format: same fingerprint"
	else
		not_ok "$format: same fingerprint" "$(differences)"
	fi
done
is 'same evidence, and sums of all files' "$(cat "$WORK/other folder/out/SHA256SUMS")" "$(cat "$IMAGE/SHA256SUMS")"
is 'same record, its timing apart' "$(jq -S 'del(.timing)' "$WORK/other folder/out/image.json" | sha256sum)" \
	"$(jq -S 'del(.timing)' "$IMAGE/image.json" | sha256sum)"
is 'nothing is left of the work folder' "$(find "$WORK/work" -mindepth 1 | head -n 3)" ''
