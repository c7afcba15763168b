#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln lock, and builds by a lock: the same packages whatever has become of the archive.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 gpg dpkg-deb jq
python3 -c 'import yaml' 2>/dev/null || skip_all "needs python3-yaml (make setup)"
cd "$WORK" || exit 1
architecture=$(dpkg --print-architecture)

# k COMMAND [ARGUMENT...]: kiln with the cache of this test and no mirror of this host.
k() {
	"$KILN" "$@" --mirror none --cache "${C:-cache}" -o image.architecture="$architecture"
}
json() {
	python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)' "$1"
}
# Packages that were fetched since the log was emptied, and anything else.
requests() {
	sed -E 's/^GET ([^ ]*) .*/\1/' "$SERVER_LOG"
}

base_deb
deb app --field 'Depends: libapp (>= 1)' --file usr/bin/app=one
deb libapp --field 'Source: app-src (0.9)' --field 'Depends: helper'
deb libapp-data --field 'Source: app-src (0.9)'
deb helper --version 1:2+b --arch all
deb gone
deb extra --field 'Depends: libapp-data, gone'
archive www
mkdir -p r/files/deep
echo one >r/files/deep/a
echo two >r/files/b
ln -s b r/files/link
cp -r key r/key
serve www
cat >r/common.yaml <<-'R'
	image:
	  description: from a part
R
tiny_recipe r/t.yaml "$SERVER" app extra
cat >>r/t.yaml <<-'R'
	include: common.yaml
	files:
	- generator: copy
	  source: files
	  path: /opt/files
	- generator: template
	  source: files/../tpl/motd.tpl
	  name: motd.tpl
	  path: /etc/motd
	- generator: copy
	  source: away/../b
	  path: /opt/b
	actions:
	- trigger: post-unpack
	  action: |-
	    #!/bin/sh
	    true
R
mkdir r/tpl
echo 'of {{ instance.name }}' >r/tpl/motd.tpl
printf x >$'r/files/z\xff\n\\'
ln -s files/deep r/away # so that the folder above it is files

# ---- what is in a lock

run k lock r/t.yaml
is 'kiln lock' "$status $out" '0 '
[ "$status" = 0 ] || note "$err"
cp r/t.yaml.lock first.lock
cp -r r elsewhere
C=other-cache run env -C elsewhere "$KILN" lock t.yaml --mirror none -o image.architecture="$architecture" --cache "$WORK/other-cache" --quiet
is 'the same in another folder, with another cache' "$(cmp r/t.yaml.lock elsewhere/t.yaml.lock 2>&1)" ''
json r/t.yaml.lock >lock.json || give_up 'a lock is YAML' "$(cat r/t.yaml.lock)"
is 'files of the recipe' "$(jq -r '.recipe.files[].path' lock.json | paste -sd ' ')" \
	'away/../b common.yaml files/b files/deep/a files/z\xff\x0a\x5c key/public.asc t.yaml tpl/motd.tpl'
is 'with their digests' "$(jq -r '.recipe.files[] | select(.path | test("x5c") | not) | "\(.sha256)  r/\(.path)"' lock.json | sha256sum -c --quiet 2>&1)" ''
is 'options' "$(jq -c .recipe.overrides lock.json)" "[\"image.architecture=$architecture\"]"
is 'kiln itself' "kiln $(jq -r .kiln.version lock.json)" "$("$KILN" --version)"
is 'packages with all that it takes to fetch them' \
	"$(jq -r '.packages[] | "\(.sha256) \(.size) \(.url)"' lock.json)" \
	"$(for name in app base extra gone helper libapp libapp-data; do
		file=$(cd www && ls pool/main/${name}_*)
		echo "$(sha256sum <"www/$file" | cut -c -64) $(stat -c %s "www/$file") $SERVER/$(sed 's/%/%25/; s/+/%2b/' <<<"$file")"
	done)"
is 'versions are text' "$(jq -r '.packages[] | select(.name == "app") | .version' lock.json)" 1.0
is 'sources' "$(jq -r '.packages[] | select(.source) | .name + "=" + .source' lock.json | xargs)" 'libapp=app-src libapp-data=app-src'
index=dists/bookworm/main/binary-$architecture/Packages.xz
is 'the index' "$(jq -r '.archives[0].indexes[0] | "\(.url) \(.sha256) \(.size)"' lock.json)" \
	"$SERVER/$index $(sha256sum <"www/$index" | cut -c -64) $(stat -c %s "www/$index")"
is 'and the signed file that it comes from' "$(jq -r '.archives[0].release | "\(.url) \(.sha256)"' lock.json)" \
	"$SERVER/dists/bookworm/InRelease $(sha256sum <www/dists/bookworm/InRelease | cut -c -64)"
is 'of its date' "$(jq -r '.archives[0].date' lock.json)" \
	"$(date -u -d "$(sed -n 's/^Date: //p' www/dists/bookworm/Release)" +%Y-%m-%dT%H:%M:%SZ)"
is 'the date of the image' "$(jq -r .date lock.json)" "$(jq -r '.archives[0].date' lock.json)"
SOURCE_DATE_EPOCH=1000000000 run k lock r/t.yaml --output - --quiet
has 'which SOURCE_DATE_EPOCH sets' "$out" '^date: "2001-09-09T01:46:40Z"$'
has_no 'nothing of this host' "$(cat r/t.yaml.lock)" "$WORK|$(uname -n)"

# ---- builds by it

k plan r/t.yaml --json >plan.json 2>/dev/null
: >"$SERVER_LOG"
k plan r/t.yaml --json --locked >locked.json 2>/dev/null
check 'a plan by the lock is the plan' cmp plan.json locked.json
is 'for which no server is asked' "$(cat "$SERVER_LOG")" ''
C=cold run k build r/t.yaml --locked --until fetch
is 'a cold cache' "$status" 0
is 'gets the packages and nothing else' "$(requests | grep -vc '^/pool/main/') $(requests | wc -l)" '0 7'
# For what follows.
k build r/t.yaml --until fetch >/dev/null 2>&1
if as_root true 2>/dev/null; then
	run k build r/t.yaml --output plain
	is 'a build without a lock' "$status" 0
	: >"$SERVER_LOG"
	run k build r/t.yaml --output by-lock --locked --no-layers --offline
	is 'and one by the lock, offline' "$status $(cat "$SERVER_LOG")" '0 '
	is 'have the same fingerprints' "$(jq -c '[.artifacts[].fingerprint]' by-lock/image.json)" "$(jq -c '[.artifacts[].fingerprint]' plain/image.json)"
	is 'and the same record' "$(jq -S 'del(.timing, .evidence)' by-lock/image.json)" "$(jq -S 'del(.timing, .evidence)' plain/image.json)"
	is 'which has what the lock has' "$(jq -S '.inputs | {archives, packages, steps, date, merged_usr, image}' plain/image.json)" \
		"$(jq -S '{archives, packages, steps, date, merged_usr, image}' lock.json)"
	is 'and the libraries that compress' "$(jq -r '.inputs.kiln.libraries | keys | join(" ")' plain/image.json)" 'libbz2 liblzma libzstd zlib'
	is 'and what was asked for' "$(jq -c .inputs.parameters plain/image.json)" '{"formats":["unified","split"],"compression":"unified=zstd-3,split=zstd-3"}'
	C=cold run k build r/t.yaml --output of-record --locked=plain/image.json
	is 'a record does for a lock' "$(jq -c '[.artifacts[].fingerprint]' of-record/image.json)" "$(jq -c '[.artifacts[].fingerprint]' plain/image.json)"
	SOURCE_DATE_EPOCH=1000000000 run k build r/t.yaml --output dated --locked --format unified
	is 'SOURCE_DATE_EPOCH has the last word' "$(jq -r .inputs.date dated/image.json)" 2001-09-09T01:46:40Z
else
	skip 'whole builds' 'needs root, or subordinate ids'
fi

# ---- what may have become of the inputs

rm debs/app_* debs/libapp* debs/gone_* debs/extra_*
deb app --version 2.0 --field 'Depends: libapp (>= 1)' --file usr/bin/app=two
deb libapp --version 1.1 --field 'Source: app-src' --field 'Depends: helper'
deb libapp-data --version 1.1 --field 'Source: app-src'
deb extra --field 'Depends: libapp-data, fresh' --file usr/share/extra=rebuilt
deb fresh --version 3
cp -r www/pool old-pool
find www/dists -name by-hash -prune -exec rm -r {} +
archive www --label Test-Security --date "$(date +%s)"
: >"$SERVER_LOG"
C=cold2 run k build r/t.yaml --locked --until fetch
has 'the archive has moved on, and one package has other bytes under its old name' "$err" \
	"^kiln: r/t\.yaml\.lock:[0-9]+: package 'extra' 1\.0: '$SERVER/pool/main/extra_1\.0_all\.deb': has .* the lock promises.*kiln lock --update"
is 'which is told as a wrong digest' "$(word_of "$status")" digest
is 'and was found without an index' "$(requests | grep -v '^/pool/')" ''
line=$(sed -nE 's/.*t\.yaml\.lock:([0-9]+):.*/\1/p' <<<"$err")
has 'at its place in the lock' "$(sed -n "${line}p" r/t.yaml.lock)" '^- name: extra$'
run k build r/t.yaml --locked --until fetch --offline
is 'a warm cache needs no archive' "$status" 0
cp old-pool/main/extra_* www/pool/main/
C=cold2 run k build r/t.yaml --locked --until fetch
is 'old versions still come from the pool' "$status" 0
rm www/pool/main/gone_*
C=cold3 fails 'a package that has vanished' fetch \
	"^kiln: r/t\.yaml\.lock:[0-9]+: package 'gone' 1\.0: cannot fetch '.*/gone_1\.0_all\.deb': HTTP 404; --mirror.*kiln lock --update" \
	k build r/t.yaml --locked --until fetch
C=cold4 fails 'nothing in the cache, and offline' fetch \
	"^kiln: r/t\.yaml\.lock:[0-9]+: package '[a-z]+' [0-9.]+: not in the cache, and --offline forbids to fetch it; .*--until fetch" \
	k build r/t.yaml --locked --until fetch --offline
cp -r old-pool www/mirrored
mkdir -p www/m && mv www/mirrored www/m/pool
C=cold3 run "$KILN" build r/t.yaml --locked --until fetch --cache cold3 -o image.architecture="$architecture" --mirror "$SERVER/m"
is 'a mirror that still has it' "$status" 0

# ---- what has changed

cp r/t.yaml.lock before.lock
fails 'an outdated lock' different 'the lock is outdated: kiln lock --update' k lock --check r/t.yaml --quiet
check '--check writes nothing' cmp before.lock r/t.yaml.lock
run k lock --update r/t.yaml --quiet
is '--update says what a changelog would' "$(grep -v '^\* archive: ' <<<"$out")" \
	'* security: app 1.0 → 2.0
* security: app-src 1.0 → 1.1 (libapp, libapp-data)
* rebuilt: extra 1.0, with other bytes
* added: fresh 3
* removed: gone 1.0'
has 'and of when the archive is' "$out" "^\* archive: bookworm of $SERVER/ [-0-9TZ:]+ → [-0-9TZ:]+$"
run k lock --check r/t.yaml
is 'then it is up to date' "$status $out" '0 '
cp before.lock r/t.yaml.lock
run k lock --update --json r/t.yaml --quiet
is 'the same as JSON' "$(jq -c '[.packages[] | [.kind, .source, .before, .after, .security, (.packages | length)]]' <<<"$out")" \
	'[["upgraded","app","1.0","2.0",true,1],["upgraded","app-src","1.0","1.1",true,2],["rebuilt","extra","1.0","1.0",true,1],["added","fresh",null,"3",true,1],["removed","gone","1.0",null,false,1]]'
is 'with where it was written' "$(jq -r '.file, .new, .same' <<<"$out" | xargs)" 'r/t.yaml.lock false false'
archive www --label Test --date "$(date +%s)"
run k lock --check r/t.yaml --quiet
is 'another date of the archive alone is no change' "$status $(grep -v '^\* archive' <<<"$out")" '0 '
echo changed >r/files/b
rm r/files/deep/a
echo '# more' >>r/common.yaml
run k lock --update r/t.yaml --quiet
is 'files of the recipe' "$(grep -v '^\* archive' <<<"$out")" '* recipe: away/../b changed
* recipe: common.yaml changed
* recipe: files/b changed
* recipe: files/deep/a removed'
rm r/t.yaml.lock
fails '--check without a lock' different "no lock 'r/t\.yaml\.lock'" k lock --check r/t.yaml --quiet
run k lock --update r/t.yaml --json --quiet
is '--update without a lock makes one' "$status $(jq -c '[.new, (.packages | length)]' <<<"$out")" '0 [true,0]'

# ---- a lock that is of something else

refused() {
	local name=$1 kind=$2 pattern=$3
	shift 3
	fails "$name" "$kind" "$pattern" "$@"
}
again() {
	k lock r/t.yaml --quiet
}
echo again >r/files/b
refused 'a file that is copied has changed' digest "t\.yaml\.lock: the recipe is not the one that was locked: 'away/\.\./b' has changed, and 1 other file; kiln lock --update" k plan r/t.yaml --locked
again
echo new >r/files/c
refused 'one has come' digest "'files/c' was no part of it; " k plan r/t.yaml --locked
again
rm r/files/c
echo '# again' >>r/t.yaml
refused 'one has gone, and the recipe has changed' digest "'files/c' is no part of it any more, and 1 other file; " k plan r/t.yaml --locked
again
refused 'other options' usage 'made with other options' k plan r/t.yaml --locked -o image.serial=1
refused 'no options' usage 'made with other options' "$KILN" plan r/t.yaml --locked --cache cache --mirror none
sed -i 's/^  variant: default$/  variant: other/' r/t.yaml.lock
refused 'another image' usage "its variant is 'other', not 'default'" k plan r/t.yaml --locked
again
sed -i '/^kiln:/,/version/s/version: .*/version: "0.0.9"/' r/t.yaml.lock
run k plan r/t.yaml --locked
has 'another kiln is warned of' "$status $err" 'warning: r/t\.yaml\.lock: made by kiln 0\.0\.9, this is '
head -n 40 r/t.yaml.lock >cut.lock
refused 'half a lock' format 'cut\.lock' k plan r/t.yaml --locked=cut.lock
refused 'none' system "cannot read the lock .*missing\.lock" k plan r/t.yaml --locked=missing.lock
refused 'a recipe' format 'r/t\.yaml: this is no lock' k plan r/t.yaml --locked=r/t.yaml
sed 's/^lock: 1/lock: 2/' r/t.yaml.lock >future.lock
refused 'a lock of a later kiln' unsupported 'future\.lock:2:1: a lock of another format' k plan r/t.yaml --locked=future.lock
refused 'a recipe from standard input' usage 'say --locked=FILE' sh -c "'$KILN' plan - --locked <r/t.yaml"
run sh -c "cd r && '$KILN' lock - --output ../stdin.lock --mirror none --cache ../cache --quiet <t.yaml && '$KILN' plan - --locked=../stdin.lock --mirror none --cache ../cache --quiet <t.yaml"
is 'but with a name it has one' "$status" 0
refused '--update to standard output' usage 'without --update' k lock --update --output - r/t.yaml
refused '--update and --check' usage 'exclude each other' k lock --update --check r/t.yaml

# ---- passwords, snapshots, a matrix

mkdir -p auth
cp -r r/key auth/key
tiny_recipe auth/t.yaml "http://me:secret@${SERVER#http://}/@auth=me:secret" app
run k lock auth/t.yaml --quiet -o "source.url=http://me:secret@${SERVER#http://}/@auth=me:secret"
is 'an archive behind a password' "$status $err" '0 '
has_no 'which is not in the lock' "$(cat auth/t.yaml.lock)" 'me:secret@'
C=cold5 run k build auth/t.yaml --locked --until fetch -o "source.url=http://me:secret@${SERVER#http://}/@auth=me:secret"
is 'and yet is used' "$status" 0

tiny_recipe r/snap.yaml http://ftp.debian.org/debian app
sed -i 's/^  distribution: tiny/  distribution: debian/' r/snap.yaml
snap() {
	"$KILN" "$@" --mirror "$SERVER" --mirror "http://snapshot.debian.org/=$SERVER/snapshots/" -o image.architecture="$architecture" --quiet
}
run snap lock r/snap.yaml --cache cache
is 'an archive that has snapshots' "$status $(grep -c "$SERVER" r/snap.yaml.lock)" '0 0'
later=$(date -u -d "$(sed -nE 's/^date: "(.*)"/\1/p' r/snap.yaml.lock) + 12 hours" +%Y%m%dT%H%M%SZ)
mkdir -p "www/snapshots/archive/debian/$later"
mv www/pool/main/app_2.0* .
mkdir -p "www/snapshots/archive/debian/$later/pool/main" && mv app_2.0* "www/snapshots/archive/debian/$later/pool/main/"
: >"$SERVER_LOG"
run snap build r/snap.yaml --locked --until fetch --cache cold6
is 'a package that is gone comes from there' "$status" 0
is 'after the archive was asked' "$(requests | grep /app_)" "/pool/main/app_2.0_all.deb
/snapshots/archive/debian/$later/pool/main/app_2.0_all.deb"
mv "www/snapshots/archive/debian/$later/pool/main"/app_* .
fails 'or from nowhere' fetch \
	"snap\.yaml\.lock:[0-9]+: package 'app' 2\.0: cannot fetch '$SERVER/pool/main/app_2\.0_all\.deb': HTTP 404; cannot fetch '$SERVER/snapshots/.*': HTTP 404; --mirror" \
	snap build r/snap.yaml --locked --until fetch --cache cold7
mv app_2.0* www/pool/main/

tiny_recipe r/m.yaml "$SERVER" app
printf 'matrix:\n  architecture: [%s]\n  variant: [default, cloud]\n' "$architecture" >>r/m.yaml
run "$KILN" lock r/m.yaml --all --mirror none --cache cache --quiet
is 'each image of a matrix has a lock' "$status $(cd r && echo m.yaml.*)" "0 m.yaml.bookworm-$architecture-cloud.lock m.yaml.bookworm-$architecture-default.lock"
run "$KILN" plan r/m.yaml --cell variant=cloud --locked --mirror none --cache cache --quiet
is 'which it takes' "$status" 0
run "$KILN" build r/m.yaml --all --locked --until fetch --mirror none --cache cache --quiet
is 'all of them side by side' "$status" 0
run "$KILN" lock r/m.yaml --all --check --json --mirror none --cache cache --quiet
is 'and are checked together' "$status $(jq -c 'map(.same)' <<<"$out")" '0 [true,true]'
fails 'no image has that of another' usage "its cell is" "$KILN" plan r/m.yaml --cell variant=cloud \
	--locked="r/m.yaml.bookworm-$architecture-default.lock" --mirror none --cache cache --quiet
fails 'one lock for all' usage 'with --all each image has a lock of its own' "$KILN" build r/m.yaml --all --locked=x --cache cache --quiet

# Packages that go again, and others that come when a script has run.
tiny_recipe r/s.yaml "$SERVER" app
cat >>r/s.yaml <<-'R'
	  - action: install
	    early: true
	    packages: [fresh]
	  - action: remove
	    packages: [fresh]
	actions:
	- trigger: post-update
	  action: |-
	    #!/bin/sh
	    true
R
run k lock r/s.yaml --quiet
is 'steps' "$(json r/s.yaml.lock | jq -c '[.steps[] | [.kind, .phase, (.packages | length)]]')" \
	'[["base","base",1],["install","base",1],["install","sets",3],["remove","sets",1]]'
k plan r/s.yaml --json >plan.json 2>/dev/null
k plan r/s.yaml --json --locked >locked.json 2>/dev/null
check 'as planned' cmp plan.json locked.json
[ "$failures" = 0 ]
