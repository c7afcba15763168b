#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# source.snapshot: archives as they were, from a loopback server in the place of Debian's and Ubuntu's.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 gpg dpkg-deb jq
cd "$WORK" || exit 1
stamp=20260101T000000Z
then=$(date -u -d '2026-01-01 00:00:00' +%s)

# An archive as it was, valid for a week of then; what it has become; and one of security updates.
deb old --arch amd64 --version 1.0 --field 'Essential: yes' --field 'Priority: required'
archive "web/archive/debian/$stamp" --date $((then - 86400)) --valid-until $((then + 518400))
archive "web/archive/debian-security/$stamp" --suite bookworm-security --date $((then - 3600)) --valid-until $((then + 518400))
archive "web/ubuntu/$stamp" --date $((then - 60))
archive "web/lag/debian/$stamp" --date $((then - 864000)) --valid-until $((then - 3600))
deb old --arch amd64 --version 2.0 --field 'Essential: yes' --field 'Priority: required'
rm debs/old_1.0_*
archive web/now/debian
archive web/other
serve web

# recipe ADDRESS [STAMP]
recipe() {
	tiny_recipe r.yaml "$1"
	sed -i "s/^  variant: minbase/&\n  snapshot: ${2:-$stamp}/" r.yaml
}
plan() {
	rm -rf cache
	: >"$SERVER_LOG"
	run "$KILN" plan r.yaml --cache cache -o image.architecture=amd64 --json "$@"
}
version() {
	jq -r '.. | .version? // empty' <<<"$out" | head -n 1
}
debian=http://snapshot.debian.org/archive

recipe http://ftp.debian.org/debian
plan --mirror "$debian/=$SERVER/archive/"
is 'the archive as it was' "$status $(version) $(grep -v '^using\|^fetched\| s  ' <<<"$err" | grep warning)" '0 1.0 '
has 'at the address of its snapshot' "$(cat "$SERVER_LOG")" "^GET /archive/debian/$stamp/dists/bookworm/InRelease 200"
has_no 'and nowhere else' "$(grep -v "/archive/debian/$stamp/" "$SERVER_LOG")" GET
has 'the image keeps its own' "$out" '"http://ftp\.debian\.org/debian'
has_no 'and nothing of the snapshot' "$out" 'snapshot|127\.0\.0\.1'
plan --mirror "$SERVER/archive/debian/$stamp"
is '--mirror without an address is for the main archive, as it was' "$status $(version)" '0 1.0'
http_proxy=$SERVER plan --mirror none
has 'without a mirror it is the snapshot' "$(cat "$SERVER_LOG")" "^GET http://snapshot\.debian\.org/archive/debian/$stamp/dists/bookworm/InRelease"
if [ -n "$(host_mirror)" ]; then
	http_proxy=$SERVER no_proxy='' plan
	has "also where this host has a mirror" "$(cat "$SERVER_LOG")" "^GET http://snapshot\.debian\.org/archive/debian/$stamp/"
	is 'which is not asked' "$(grep -v 'snapshot\.debian\.org' "$SERVER_LOG")" ''
fi
recipe https://ftp.debian.org/debian
plan --mirror "https://snapshot.debian.org/archive/=$SERVER/archive/"
is 'https stays https' "$status $(version)" '0 1.0'
recipe http://ftp.ch.debian.org/debian/
plan --mirror "$debian/=$SERVER/archive/"
is 'another of its addresses' "$status $(version)" '0 1.0'
recipe http://archive.ubuntu.com/ubuntu
plan --mirror "http://snapshot.ubuntu.com/=$SERVER/"
is "Ubuntu's" "$status $(version)" '0 1.0'
has 'is elsewhere' "$(cat "$SERVER_LOG")" "^GET /ubuntu/$stamp/dists/bookworm/InRelease 200"

recipe http://ftp.debian.org/debian
sed -i "s,^  manager: apt,&\n  repositories:\n  - name: sources.list\n    url: |-\n      deb http://security.debian.org/debian-security bookworm-security main\n      deb $SERVER/other bookworm main," r.yaml
plan --mirror "$debian/=$SERVER/archive/"
is 'security updates as they were' "$status $(grep -c "GET /archive/debian-security/$stamp/dists/bookworm-security/InRelease" "$SERVER_LOG")" '0 1'
is 'what has no snapshots is named once' "$(grep -c "^kiln: warning: '$SERVER/other/\?' has no snapshots" <<<"$err")" 1

# ---- what is wrong

refused() {
	local name=$1 kind=$2 pattern=$3
	shift 3
	rm -rf cache
	fails "$name" "$kind" "$pattern" "$KILN" plan r.yaml --cache cache -o image.architecture=amd64 "$@"
}
recipe http://ftp.debian.org/debian
refused 'a server that has what is now' trust "later than 'source\.snapshot': this is no server of snapshots" \
	--mirror "$debian/debian/$stamp/=$SERVER/now/debian"
refused 'one that lags behind' expired 'expired 1 hour ago' --mirror "$debian/debian/$stamp/=$SERVER/lag/debian/$stamp"
plan --mirror "$debian/debian/$stamp/=$SERVER/lag/debian/$stamp" -o source.check_valid_until=false
is 'which is accepted if the recipe says so' "$status $(version)" '0 1.0'
recipe http://ftp.debian.org/debian 20250101T000000Z
refused 'a snapshot that is not there' fetch "no such suite|404" --mirror "$debian/=$SERVER/archive/"
recipe "$SERVER/now/debian"
refused 'an archive without snapshots' unsupported "r\.yaml:[0-9]+:13: 'source\.snapshot': no snapshots are known of '$SERVER/now/debian"
recipe http://archive.debian.org/debian
refused 'an archive of old releases' unsupported 'no snapshots are known of'
recipe http://ftp.debian.org/debian 20990101T000000Z
refused 'a time to come' recipe "r\.yaml:[0-9]+:13: 'source\.snapshot': 20990101T000000Z is still to come"
for wrong in 2026-01-01 20260101 20260101T000000 yesterday; do
	recipe http://ftp.debian.org/debian "$wrong"
	refused "$wrong" recipe "r\.yaml:[0-9]+:13: 'source\.snapshot' must be a time in UTC"
done
for wrong in 20260230T000000Z 20261301T000000Z 20260101T250000Z 20260001T000000Z; do
	recipe http://ftp.debian.org/debian "$wrong"
	refused "$wrong" recipe "there is no such time as '$wrong'"
done
