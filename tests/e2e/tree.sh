#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The root is the one that apt and dpkg would have left: the smallest case of `make tree`.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_root
require_programs mmdebstrap jq python3 gpg
require_mirror

if differences=$(KILN_TEST_CACHE="$CACHE" "$TOP/tests/tree/run" bookworm-minbase 2>&1 </dev/null); then
	ok 'the smallest Debian 12 is that of mmdebstrap'
else
	not_ok 'the smallest Debian 12 is that of mmdebstrap' "$differences"
fi
