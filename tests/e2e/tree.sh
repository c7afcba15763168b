#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The root is the one that apt and dpkg would have left: the smallest case of `make tree`; with KILN_TEST_LONG=1 all
# of them. And the comparison itself sees what is planted for it.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3
python3 "$TOP/tests/tree/planted.py" || failures=$((failures + 1))

become_root
require_programs mmdebstrap jq gpg dpkg-deb
require_mirror

cases=(bookworm-minbase)
[ "${KILN_TEST_LONG:-0}" != 1 ] || mapfile -t cases < <("$TOP/tests/tree/run" --list)
for case in "${cases[@]}"; do
	if said=$(KILN_TEST_CACHE="$CACHE" "$TOP/tests/tree/run" "$case" 2>&1 </dev/null); then
		ok "$case is that of mmdebstrap"
		note "$said"
	else
		not_ok "$case is that of mmdebstrap" "$said"
	fi
done
