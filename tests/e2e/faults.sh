#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Servers, networks, disks and clocks that fail, builds that are killed, caches that rot: whatever happens, a build says
# what it was, leaves nothing, and the next one makes the image that it should. The cases are in tests/faults; `make
# check` runs a few of each kind, KILN_TEST_LONG=1 (make check-long) all of them. KILN_TEST_SEED=N repeats what depends
# on chance, KILN_TEST_FAULTS=PATTERN runs the cases whose name it matches.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_root "file systems of the test's own are mounted, and moments of root's builds tried"
require_programs python3 gpg dpkg dpkg-deb ldd faketime unshare prlimit mount
cd "$WORK" || exit 1

architecture=$(dpkg --print-architecture)
base_deb
deb apt --arch "$architecture" --version 2.0 --field 'Priority: important' --field 'Depends: base'
deb noise --version 1.0 --file "/usr/share/noise=$(head -c 3000 /dev/urandom | base64)"
# extra VERSION: the package that archives have in different versions.
extra() {
	rm -f debs/extra_*
	deb extra --version "$1" --field 'Depends: noise' --script 'postinst=#!/bin/sh
echo "configured $1" >/var/lib/extra'
}

# The archive as it is, as it was, and both without by-hash.
extra 2.9
archive web/old/debian --arch "$architecture" --date 1690000000
archive web/flat-old/debian --arch "$architecture" --date 1690000000 --no-by-hash
extra 3.0
archive web/final/debian --arch "$architecture" --date 1700000000
archive web/flat/debian --arch "$architecture" --date 1700000000 --no-by-hash

# What an update that is under way, or broke off, looks like.
suite=debian/dists/bookworm
for name in mixed bare no-pool old-pool; do
	mkdir -p "web/$name/$suite"
done
cp -r web/old/debian web/mixed/
cp web/final/$suite/InRelease web/mixed/$suite/
cp web/final/$suite/InRelease web/bare/$suite/
cp -r web/final/debian/dists web/no-pool/debian/
cp -r web/old/debian/pool web/old-pool/debian/

tiny_recipe r.yaml http://archive.invalid/debian extra
cat >>r.yaml <<'R'
actions:
- trigger: post-unpack
  action: |-
    #!/bin/sh -eu
    echo 'an action' >/etc/action
- trigger: post-packages
  action: |-
    #!/bin/sh -eu
    read -r said </var/lib/extra
    [ "$said" = 'configured configure' ]
files:
- generator: dump
  path: /etc/dumped
  content: |-
    a file of the recipe
R

python3 "$TOP/tests/faults/run.py" "$WORK" ${KILN_TEST_LONG:+--long} ${KILN_TEST_SEED:+--seed "$KILN_TEST_SEED"} \
	${KILN_TEST_FAULTS:+--only "$KILN_TEST_FAULTS"}
