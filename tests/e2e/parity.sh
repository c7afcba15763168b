#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A small sample of `make parity`: the packages that kiln chooses are those that apt-get would install.
# The seed is fixed, so that a failure is about kiln or the archive, not about chance.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 apt-get gpg
require_mirror
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || skip_all 'needs debian-archive-keyring (make setup)'

sets=${KILN_TEST_LONG:+20}
every=${KILN_TEST_LONG:+1}

compare() {
	TMPDIR=$WORK python3 "$TOP/tests/parity/compare.py" --kiln "$KILN" --mirror "$MIRROR" --architectures amd64 \
		--seed 1 --least 100 "$@"
}

check 'bookworm: twelve sets drawn at random' compare --suites bookworm --sets "${sets:-2}" --no-hard
check 'trixie: six sets drawn at random' compare --suites trixie --sets "${sets:-1}" --no-hard
check 'bookworm: the hard ones' compare --suites bookworm --variants minbase --recommends no --sets 0 \
	--hard-every "${every:-4}"
# A comparison that finds no difference when there is one would be worth nothing.
printf '#!/bin/sh\n"%s" "$@" | sed "s/\\"name\\": \\"mawk\\"/\\"name\\": \\"gawk\\"/"\n' "$KILN" >"$WORK/wrong"
chmod +x "$WORK/wrong"
fails_with() {
	local said
	said=$(compare --kiln "$WORK/wrong" --suites bookworm --variants minbase --recommends no --set vim)
	[ $? = 1 ] && grep -q '^    only apt: mawk=' <<<"$said" && grep -q '^    only kiln: gawk=' <<<"$said"
}
check 'a wrong choice is found' fails_with
