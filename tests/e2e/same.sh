#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same bytes under other conditions (tests/same/run says which), as a table: the smallest case, and one that must
# differ because it asks for what is different; with KILN_TEST_LONG=1 all, up to desktops of 700 packages.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

become_root
require_programs jq gpg dpkg-deb python3 faketime unshare taskset setarch cc
require_mirror

cases=(bookworm-planted bookworm-minbase)
[ "$(nproc)" -gt 1 ] || cases=(bookworm-minbase)
[ "${KILN_TEST_LONG:-0}" != 1 ] || mapfile -t cases < <("$TOP/tests/same/run" --list)
count "$(printf '%-20s %8s %9s %11s  %-8s %s' case packages once 'once more' result fingerprint)"
for case in "${cases[@]}"; do
	want=same
	[[ $case != *-planted ]] || want=differs
	if KILN_TEST_CACHE="$CACHE" "$TOP/tests/same/run" "$case" >"$WORK/said" 2>"$WORK/err" </dev/null; then
		ok "$case: $want"
	else
		not_ok "$case: $want" "$(cat "$WORK/said" "$WORK/err")"
	fi
	line=$(grep "^$case " "$WORK/said")
	has "$case: $want in the table" "$line" " $want "
	count "$line"
done
