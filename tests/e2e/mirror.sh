#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where a build fetches from, and that the image never says so; the cache, shared and alone.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 gpg dpkg-deb jq
cd "$WORK" || exit 1

deb tiny --arch amd64 --version 1.0 --field 'Essential: yes' --field 'Priority: required' --file /usr/share/tiny=x
deb apt --arch amd64 --version 2.0 --field 'Priority: important' --field 'Depends: tiny'
deb extra --version 3.0
archive web/debian
mkdir -p debs2 && mv debs debs-main && mkdir debs && mv debs-main/extra_* debs/
archive web/other
rm -rf debs && mv debs-main debs
serve web
tiny_recipe r.yaml http://archive.invalid/debian/
sed -i 's/^  manager: apt/&\n  repositories:\n  - name: sources.list\n    url: |-\n      deb http:\/\/archive.invalid\/debian bookworm main\n      deb http:\/\/other.invalid\/x bookworm main/' r.yaml

# plan ARGUMENT...: with a fresh cache
plan() {
	rm -rf cache
	: >"$SERVER_LOG"
	run "$KILN" plan r.yaml --cache cache "$@"
}
asked() {
	grep -c "^GET $1" "$SERVER_LOG"
}

fails 'without a mirror the recipe counts' fetch '(archive|other)\.invalid' "$KILN" plan r.yaml --cache cache
plan --mirror "$SERVER/debian" --mirror "http://other.invalid/x=$SERVER/other"
is '--mirror URL and --mirror FROM=TO' "$status $(grep '^kiln: ' <<<"$err")" '0 '
check 'the main archive came from the one' [ "$(asked /debian/dists)" -ge 2 ]
check 'the other from the other' [ "$(asked /other/dists)" -ge 2 ]
has_no 'what is printed names no mirror' "$out" '127\.0\.0\.1'
has 'but the repository of the recipe' "$("$KILN" plan r.yaml --cache cache --json --mirror "$SERVER/debian" \
	--mirror "http://other.invalid/x=$SERVER/other")" 'http://archive\.invalid/debian'
KILN_MIRROR="$SERVER/debian http://other.invalid/x=$SERVER/other" plan
is 'KILN_MIRROR' "$status $(grep '^kiln: ' <<<"$err")" '0 '
KILN_MIRROR="http://127.0.0.1:9/ http://other.invalid/x=$SERVER/other" plan --mirror "$SERVER/debian"
is 'the command line goes first' "$status $(grep '^kiln: ' <<<"$err")" '0 '
http_proxy=$SERVER/proxied plan
has 'http_proxy is asked for everything' "$(cat "$SERVER_LOG")" '^GET http://archive\.invalid/debian/dists/bookworm/InRelease 200'

# ---- the mirror of this host

if [ -n "$(host_mirror)" ] && [ -e "$TOP/recipes/debian-bookworm.yaml" ]; then
	host=$(host_mirror | sed -E 's,^[a-z]+://([^/]*).*,\1,')
	: >"$SERVER_LOG"
	rm -rf cache
	http_proxy=$SERVER no_proxy='' run "$KILN" plan "$TOP/recipes/debian-bookworm.yaml" --cache cache
	is 'Debian comes from the mirror of this host, which is said in one line' \
		"$(grep -c "host's mirror.*Debian" <<<"$err")" 1
	has 'and done' "$(cat "$SERVER_LOG")" "^GET http://$host/"
	: >"$SERVER_LOG"
	rm -rf cache
	http_proxy=$SERVER no_proxy='' run "$KILN" plan "$TOP/recipes/debian-bookworm.yaml" --cache cache --mirror none
	has '--mirror none keeps it out' "$(cat "$SERVER_LOG")" '^GET http://ftp\.debian\.org/debian/dists/bookworm/InRelease'
	has_no 'altogether' "$(cat "$SERVER_LOG")$err" "${host//./\\.}"
else
	skip 'the mirror of this host' 'the apt sources of this host name no Debian archive'
fi

# What is taken from apt's configuration, with one of our own. The archive says that it is Debian.
archive web/apt/debian --origin Debian --label Debian
archive web/apt/other/debian --origin Other --label Debian
tiny_recipe h.yaml http://ftp.debian.org/debian/
mkdir -p apt/parts apt/trusted.gpg.d apt/sources.list.d apt/lists/partial apt/prefs
cp key/public.gpg apt/trusted.gpg.d/test.gpg
: >apt/status
cat >apt/conf <<C
Dir "$WORK/apt";
Dir::State "$WORK/apt"; Dir::State::status "$WORK/apt/status"; Dir::State::lists "$WORK/apt/lists";
Dir::Cache "$WORK/apt"; Dir::Etc "$WORK/apt"; Dir::Etc::parts "$WORK/apt/parts";
Dir::Etc::preferencesparts "$WORK/apt/prefs"; Dir::Log "$WORK/apt";
APT::Sandbox::User ""; Acquire::Languages "none"; APT::Architectures { "amd64"; "arm64"; };
C
# host_rule NAME TIMES: how often the mirror in apt's configuration was asked; otherwise it was the proxy
host_rule() {
	APT_CONFIG=$WORK/apt/conf apt-get -qq update >"$WORK/apt.log" 2>&1 || note "$(cat "$WORK/apt.log")"
	rm -rf cache
	: >"$SERVER_LOG"
	APT_CONFIG=$WORK/apt/conf http_proxy=$SERVER no_proxy='' run "$KILN" plan h.yaml --cache cache
	is "$1" "$(grep -c "^GET $SERVER/apt/debian/dists/bookworm/InRelease" "$SERVER_LOG") $(
		grep -c '^GET http://ftp\.debian\.org/debian/dists/bookworm/InRelease' "$SERVER_LOG")" "$2"
}
# sources ONE-LINE DEB822
sources() {
	printf '%s\n' "$1" >apt/sources.list
	printf '%s\n' "$2" >apt/sources.list.d/x.sources
}
deb822="Types: deb
URIs: $SERVER/apt/debian
Suites: bookworm
Components: main"
if command -v apt-get >/dev/null && command -v apt-config >/dev/null; then
	sources "deb $SERVER/apt/debian bookworm main" ''
	host_rule "the host's mirror, from a line" '1 0'
	sources '' "$deb822"
	host_rule "the host's mirror, from a stanza" '1 0'
	sources "# deb $SERVER/apt/debian bookworm main" "$deb822
Enabled: no"
	host_rule 'switched off' '0 1'
	sources "deb-src $SERVER/apt/debian bookworm main" ''
	host_rule 'sources alone' '0 1'
	sources "deb $SERVER/apt/other/debian bookworm main" ''
	host_rule 'of another origin' '0 1'
	sources "deb $SERVER/apt/other/debian bookworm main
deb $SERVER/apt/debian bookworm main" ''
	host_rule 'behind one of another origin' '1 0'
	printf '%s\n' "$SERVER/apt/debian/" >mirrors
	sources "deb mirror+file:$WORK/mirrors bookworm main" ''
	host_rule 'a list of mirrors' '0 1'
	sources "deb $SERVER/apt/debian bookworm main" ''
	echo "Dir::State::lists \"$WORK/it's/else where\";" >apt/parts/x.conf
	mkdir -p "it's/else where/partial"
	host_rule "lists in a folder with a quote in its name" '0 1'
	echo "Dir::State::lists \"$WORK/else where\";" >apt/parts/x.conf
	mkdir -p 'else where/partial'
	host_rule "lists elsewhere" '1 0'
	rm apt/parts/x.conf
	echo 'no configuration' >apt/parts/y.conf
	host_rule 'a broken configuration' '0 1'
	rm apt/parts/y.conf
	find apt/lists -type f -delete
	rm -rf cache
	: >"$SERVER_LOG"
	APT_CONFIG=$WORK/apt/conf http_proxy=$SERVER no_proxy='' run "$KILN" plan h.yaml --cache cache
	is 'what apt has no lists of is not known' "$(grep -c "^GET $SERVER/apt/" "$SERVER_LOG")" 0
else
	skip "apt's configuration" 'no apt on this host'
fi

# ---- the cache

recipe_tiny() {
	tiny_recipe r.yaml "$SERVER/debian/" extra
}
recipe_tiny
deb extra --version 3.0
archive web/debian
rm -rf cache
run "$KILN" build r.yaml --until fetch --cache cache --json
is 'a build with an empty cache' "$status" 0
has 'one index is no indexes' "$err" '^fetched 1 package index,'
is '--json of a build that stops early prints what is known' \
	"$(jq -r '[.until, .name, (.packages | length), (.artifacts | length), .timing.total.seconds > 0] | @tsv' <<<"$out")" \
	"$(printf 'fetch\ttiny-bookworm-amd64-default-%s\t3\t0\ttrue' "$(jq -r .serial <<<"$out")")"
is 'also when nothing is known yet' "$("$KILN" build r.yaml --until recipe --cache cache --json -q | jq -c 'del(.timing)' 2>&1)" \
	'{"until":"recipe","distribution":"tiny","release":"bookworm","architecture":"x86_64","variant":"default","builder":"kiln '"$("$KILN" --version | sed 's/.* //')"'","artifacts":[]}'
fails '--mirror FROM=FOLDER' usage "'/srv/x' is no address; that of a folder is file:///srv/x" \
	"$KILN" plan r.yaml --mirror "$SERVER/debian=/srv/x"
packages=$(asked '/debian/pool')
is 'fetches each package once' "$packages" 3
: >"$SERVER_LOG"
check 'a second one' "$KILN" build r.yaml --until fetch --cache cache
is 'fetches no package again' "$(asked '/debian/pool')" 0
is 'and no index that has not changed' "$(grep -c 'Packages.* 200 ' "$SERVER_LOG")" 0
: >"$SERVER_LOG"
online=$("$KILN" plan r.yaml --cache cache --json)
: >"$SERVER_LOG"
is '--offline plans the same' "$("$KILN" plan r.yaml --cache cache --offline --json)" "$online"
check '--offline fetches packages from the cache' "$KILN" build r.yaml --until fetch --cache cache --offline
is '--offline asks no server' "$(wc -l <"$SERVER_LOG")" 0

# Damage: every file of the cache gets a wrong byte; what is not right any more is fetched again.
find cache -type f -size +0 | while read -r file; do
	chmod u+w "$file"
	printf '\377' | dd of="$file" bs=1 seek=0 conv=notrunc status=none
done
check 'a damaged cache is mended' "$KILN" build r.yaml --until fetch --cache cache
is 'and plans the same' "$("$KILN" plan r.yaml --cache cache --json)" "$online"

# Several builders at once: each succeeds, and nothing is fetched by all of them.
rm -rf cache
: >"$SERVER_LOG"
pids=
for i in 1 2 3 4; do
	"$KILN" build r.yaml --until fetch --cache cache >"$WORK/$i.log" 2>&1 </dev/null &
	pids="$pids $!"
done
bad=
for pid in $pids; do
	wait "$pid" || bad="$bad $pid"
done
is 'four builds share an empty cache' "$bad$(cat "$WORK"/[1-4].log | grep '^kiln: ')" ''
is 'nothing temporary stays in it' "$(find cache -name '*.tmp*' -o -name '.*.??????' | head -n 3)" ''
