#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A small sample of `make parity`: the packages that kiln chooses are those that apt-get would install.
# The seed is fixed, so that a failure is about kiln or the archive, not about chance.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 apt-get gpg
require_mirror
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || skip_all 'needs debian-archive-keyring (make setup)'

built=$(realpath "$KILN")
[ -e "$(dirname "$built")/many_apt.so" ] || skip_all 'needs many_apt.so beside kiln (make tests)'

compare() {
	TMPDIR=$WORK python3 "$TOP/tests/parity/compare.py" --kiln "$KILN" --built "$built" --mirror "$MIRROR" \
		--architectures amd64 --folder "$WORK/archives" --seed 1 --least 100 --recheck 25 "$@"
}

if [ "${KILN_TEST_LONG-}" ]; then
	check 'bookworm: in six cells twenty sets drawn at random, and the hard ones' compare --suites bookworm --sets 20
	check 'trixie: likewise' compare --suites trixie --sets 20
	check 'bookworm and trixie: packages from one of them' compare --suites bookworm+trixie --variants minbase \
		--recommends no --sets 20
else
	check 'bookworm: in four cells one set drawn at random, and some of the hard ones' compare \
		--suites bookworm --variants minbase,buildd --sets 1 --hard-every 30
fi
check 'the cases of tests/plan are as apt-get has them' python3 "$TOP/tests/parity/cases.py"
# A comparison that finds no difference when there is one would be worth nothing.
printf '#!/bin/sh\n"%s" "$@" | sed "s/\\"name\\": \\"mawk\\"/\\"name\\": \\"gawk\\"/"\n' "$KILN" >"$WORK/wrong"
chmod +x "$WORK/wrong"
fails_with() {
	local said
	said=$(compare --kiln "$WORK/wrong" --alone --suites bookworm --variants minbase --recommends no --set vim)
	[ $? = 1 ] && grep -q '^    only apt: mawk=' <<<"$said" && grep -q '^    only kiln: gawk=' <<<"$said"
}
check 'a wrong choice is found' fails_with
