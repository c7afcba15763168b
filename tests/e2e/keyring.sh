#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Repositories may be signed by keys that the image has by itself, out of the package of keys on which apt depends; the
# main archive may not, and nothing is trusted that its signed index does not promise.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 gpg dpkg-deb jq
cd "$WORK" || exit 1

for name in key other third; do
	python3 "$TOP/tests/make_archive.py" key "$WORK/$name" --name "$name" >/dev/null
done

# main_archive FOLDER PATH [KEY]: with a package of keys that has the one of "other", or KEY, at PATH.
main_archive() {
	rm -rf "$WORK/debs" "$1"
	deb tiny --arch amd64 --field 'Essential: yes' --field 'Priority: required'
	deb apt --arch amd64 --field 'Essential: yes' --field 'Priority: required' --field 'Depends: tiny, test-keyring'
	deb test-keyring --field 'Priority: important' --file "$2=$(cat "$WORK/${3:-other}/public.asc")"
	archive "$1"
}

# second_archive FOLDER KEY
second_archive() {
	rm -rf "$WORK/debs" "$1"
	deb more --arch amd64
	python3 "$TOP/tests/make_archive.py" archive "$1" --debs "$WORK/debs" --suite bookworm-security --key "$WORK/$2"
}

# recipe FILE MAIN SECOND: below the server
recipe() {
	cat >"$1" <<-R
		image: {distribution: debian, release: bookworm, architecture: amd64}
		source:
		  downloader: debootstrap
		  url: $SERVER/$2
		  variant: minbase
		  keys: [key/public.asc]
		packages:
		  manager: apt
		  repositories:
		  - name: sources.list
		    url: deb $SERVER/$3 bookworm-security main
		  sets:
		  - {action: install, packages: [more]}
	R
}

mkdir web
serve web
plan() {
	"$KILN" plan "$1" --mirror none --cache "${2-cache}" "${@:3}"
}

main_archive web/main /etc/apt/trusted.gpg.d/other.asc
second_archive web/second other
recipe r.yaml main second
run plan r.yaml
is 'a repository that is signed by a key of the image' "$status" 0
has 'its packages are planned' "$out" '^more '
has 'and kiln says whose keys it takes' "$err" "^keys of the package 'test-keyring' are taken for repositories"
run plan r.yaml cache --offline
is 'offline, too' "$status" 0

second_archive web/second third
fails 'a key that nobody gave' trust "bookworm-security.*is signed by keys that the recipe does not have" plan r.yaml
# What the recipe trusts needs no package of keys.
second_archive web/second key
: >"$SERVER_LOG"
run plan r.yaml fresh
is 'a repository that is signed by a key of the recipe' "$status" 0
has_no 'no package of keys is fetched for it' "$(cat "$SERVER_LOG") $err" test-keyring

second_archive web/second other
rm -rf web/own
mkdir web/own
main_archive web/own /etc/apt/trusted.gpg.d/other.asc
rm -rf web/own/dists
python3 "$TOP/tests/make_archive.py" archive web/own --debs "$WORK/debs" --key "$WORK/other"
recipe own.yaml own second
fails 'the main archive cannot vouch for itself' trust "suite 'bookworm' at .*keys that the recipe does not have" plan own.yaml

main_archive web/shared /usr/share/keyrings/test-archive-keyring.gpg
recipe shared.yaml shared second
run plan shared.yaml
is 'a package whose keys are not for every archive by themselves' "$status" 0
main_archive web/removed /usr/share/keyrings/test-archive-removed-keys.gpg
recipe removed.yaml removed second
fails 'keys that were withdrawn' trust 'keys that the recipe does not have' plan removed.yaml
main_archive web/wrong /etc/apt/trusted.gpg.d/other.asc third
recipe wrong.yaml wrong second
fails 'a package with other keys' trust 'keys that the recipe does not have' plan wrong.yaml

main_archive web/tampered /etc/apt/trusted.gpg.d/other.asc third
main_archive web/evil /etc/apt/trusted.gpg.d/other.asc
cp web/evil/pool/main/t/test-keyring/*.deb "$(find web/tampered/pool -name 'test-keyring*.deb')" 2>/dev/null ||
	cp "$(find web/evil/pool -name 'test-keyring*.deb')" "$(find web/tampered/pool -name 'test-keyring*.deb')"
recipe tampered.yaml tampered second
fails 'a package of keys that is not what the index promises' digest "package 'test-keyring'" plan tampered.yaml

rm -rf debs web/none
deb tiny --arch amd64 --field 'Essential: yes' --field 'Priority: required'
deb apt --arch amd64 --field 'Essential: yes' --field 'Priority: required' --field 'Depends: tiny'
archive web/none
recipe none.yaml none second
fails 'no package of keys at all' trust 'keys that the recipe does not have' plan none.yaml
