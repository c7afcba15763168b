#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad input and bad luck, up to the stage fetch: each ends with its own exit status, one line that names
# what is wrong and where, and nothing in the output folder. Signals are signals.sh's, actions customize.sh's.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 gpg dpkg-deb
cd "$WORK" || exit 1

# kiln as everywhere below: with a cache of its own each time, so that no case helps another.
build() {
	rm -rf "$WORK/cache"
	"$KILN" build "$@" --cache "$WORK/cache" --output "$WORK/out"
}

# rejected NAME STATUS PATTERN ARGUMENT...: of a build; and nothing is left of it.
rejected() {
	local name=$1 before
	before=$failures
	mkdir -p "$WORK/out"
	fails "$name" "$2" "$3" build "${@:4}"
	if [ -n "$(find "$WORK/out" -mindepth 1 ! -name '*.log')" ]; then
		not_ok "$name: leaves nothing" "$(find "$WORK/out" -mindepth 1 ! -name '*.log')"
		rm -rf "$WORK/out"
	elif [ "$failures" -gt "$before" ]; then
		note "command: kiln build ${*:4}"
	fi
}

# ---- recipes

good() {
	tiny_recipe r.yaml http://127.0.0.1:9/ wanted
}
# bad NAME STATUS PATTERN SED-SCRIPT: the recipe above, changed.
bad() {
	good
	sed -i -E "$4" r.yaml
	rejected "$1" "$2" "$3" r.yaml --until recipe
}

mkdir -p key
echo '-----BEGIN PGP PUBLIC KEY BLOCK-----' >key/public.asc
python3 "$TOP/tests/make_archive.py" key key >/dev/null
good
check 'the good recipe is fine' "$KILN" build r.yaml --until recipe
bad 'unknown key' recipe "r\.yaml:[0-9]+:[0-9]+: unknown key 'managr' in 'packages' \(did you mean 'manager'\?\)" 's/manager/managr/'
bad 'unknown key in a list' recipe "unknown key 'pakages' in 'packages\.sets\[0\]' \(did you mean 'packages'\?\)" 's/^    packages/    pakages/'
bad 'wrong type' recipe "r\.yaml:[0-9]+:[0-9]+: .*'packages\.sets'" 's/^  sets:/  sets: none/; /^  - action/,$d'
bad 'missing mandatory key' recipe "distribution" '/distribution/d'
bad 'missing section' recipe "source" '/^source/,/keys/d'
bad 'bad word' recipe "instal" 's/action: install/action: instal/'
bad 'bad filter' recipe "containr" 's/^  - action: install/  - types: [containr]\n    action: install/'
bad 'bad template' recipe "r\.yaml:[0-9]+" 's/distribution: tiny/distribution: tiny\n  name: "{{ image.nothing }}"/; s/downloader/downloader/'
bad 'no template at all' recipe "r\.yaml:[0-9]+" 's/distribution: tiny/distribution: tiny\n  name: "{% if %}"/'
bad 'duplicate key' recipe "r\.yaml:[0-9]+:[0-9]+: .*release" 's/release: bookworm/release: bookworm\n  release: sid/'
bad 'other downloader' unsupported "alpinelinux-http" 's/debootstrap/alpinelinux-http/'
bad 'unknown downloader' recipe "debootstrp.*debootstrap" 's/debootstrap/debootstrp/'
bad 'other manager' unsupported "dnf" 's/manager: apt/manager: dnf/'
bad 'flags of the manager' unsupported "flags" 's/^  - action: install/  - flags: [--force]\n    action: install/'
bad 'unknown architecture' recipe "pdp11" 's/distribution: tiny/distribution: tiny\n  architecture: pdp11/'
bad 'a key file that is not there' recipe "key/other\.asc" 's,key/public,key/other,'
bad 'a file that is no key' recipe "r\.yaml" 's,key/public.asc,r.yaml,'
bad 'a tab for indentation' recipe "r\.yaml:[0-9]+:[0-9]+" 's/^  distribution/\tdistribution/'

printf 'a: [1, 2\nb: }\n' >y.yaml
rejected 'no YAML' recipe 'y\.yaml:[0-9]+:[0-9]+: ' y.yaml
: >y.yaml
rejected 'an empty file' recipe 'y\.yaml' y.yaml
head -c 4096 /dev/urandom >y.yaml
rejected 'random bytes' recipe 'y\.yaml' y.yaml
printf 'just words\n' >y.yaml
rejected 'a scalar' recipe 'y\.yaml' y.yaml
good
{ cat r.yaml; echo ---; cat r.yaml; } >y.yaml
rejected 'two documents' recipe 'y\.yaml:[0-9]+:[0-9]+: .*document' y.yaml
{ printf 'image: '; head -c 5000 /dev/zero | tr '\0' '['; } >y.yaml
rejected 'deep nesting' recipe 'y\.yaml:[0-9]+:[0-9]+: ' y.yaml
{
	echo 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]'
	for ((i = 1; i < 12; i++)); do
		echo "a$i: &a$i [*a$((i - 1)), *a$((i - 1)), *a$((i - 1)), *a$((i - 1)), *a$((i - 1)), *a$((i - 1)), *a$((i - 1))]"
	done
} >y.yaml
rejected 'a bomb of aliases' recipe 'y\.yaml' y.yaml
{ echo 'image: &a'; echo '  distribution: *a'; } >y.yaml
rejected 'an alias to itself' recipe 'y\.yaml' y.yaml
{ cat r.yaml; echo 'actions:'; echo '- trigger: post-files'; printf '  action: '; head -c 5000000 /dev/zero | tr '\0' x; } >y.yaml
rejected 'a file beyond the limit' recipe 'y\.yaml' y.yaml
rejected 'no such file' usage "no file './nothing\.yaml'" ./nothing.yaml
rejected 'a folder' 'usage|recipe|system' "$WORK|key|recipe" "$WORK/key/"
good
"$KILN" build - --until recipe --quiet <r.yaml >/dev/null 2>"$WORK/err"
is 'a recipe from standard input' "$? $(cat "$WORK/err")" '0 '

# ---- archives

require_rights

deb tiny --arch amd64 --version 1.0 --field 'Essential: yes' --field 'Priority: required' --file /usr/share/tiny=x
deb apt --arch amd64 --version 2.0 --field 'Priority: important' --field 'Depends: tiny (>= 1.0)'
deb wanted --version 3.0 --field 'Depends: tiny, middle' --file "/usr/share/wanted=$(head -c 3000 /dev/urandom | base64 -w 0)"
deb middle --field 'Depends: lower (>= 2)'
deb lower --version 2.1
deb broken --field 'Depends: half-broken'
deb half-broken --field 'Depends: lower (>= 5), nothing-has-this'
deb left --field 'Conflicts: right'
deb right
mkdir -p web
archive web/good
serve web
recipe() {
	tiny_recipe "$WORK/r.yaml" "$@"
}
# What the other cases compare with: the same, with nothing wrong.
recipe "$SERVER/good/" wanted
check 'the good archive is fine' build r.yaml --until fetch
run build r.yaml --until fetch --offline
is 'but not offline with an empty cache' "$status" "$(status_of fetch)"
has 'and says so' "$err" '^kiln: .*--offline'

archive web/unsigned --sign none
recipe "$SERVER/unsigned/" wanted
rejected 'unsigned' trust 'not signed' r.yaml
archive web/detached --sign detached
recipe "$SERVER/detached/" wanted
check 'Release.gpg alone is fine' build r.yaml --until fetch
archive web/inline --sign inline
recipe "$SERVER/inline/" wanted
check 'InRelease alone is fine' build r.yaml --until fetch
python3 "$TOP/tests/make_archive.py" key other >/dev/null
archive web/stranger --key other --sign both
rm -rf web/stranger
python3 "$TOP/tests/make_archive.py" archive web/stranger --debs debs --key other
recipe "$SERVER/stranger/" wanted
rejected 'signed by another key' trust 'keys that the recipe does not have' r.yaml
cp -r web/inline web/changed
sed -i 's/^Label: Test/Label: Tost/' web/changed/dists/bookworm/InRelease
recipe "$SERVER/changed/" wanted
rejected 'changed behind its signature' trust 'bad signature|was changed' r.yaml
cp -r web/detached web/changed2
sed -i 's/^Label: Test/Label: Tost/' web/changed2/dists/bookworm/Release
recipe "$SERVER/changed2/" wanted
rejected 'changed, with a detached signature' trust 'bad signature|was changed' r.yaml
cp -r web/inline web/around
{ echo 'Suite: bookworm'; cat web/inline/dists/bookworm/InRelease; } >web/around/dists/bookworm/InRelease
recipe "$SERVER/around/" wanted
rejected 'text around what is signed' trust 'InRelease' r.yaml
archive web/weak --digest SHA1 2>/dev/null && {
	recipe "$SERVER/weak/" wanted
	rejected 'a signature over SHA-1' trust 'SHA-1|no longer counts' r.yaml
}
recipe "$SERVER/good/" wanted
sed -i '/keys:/d' r.yaml
rejected 'a recipe without keys' 'recipe|trust' 'keys' r.yaml
recipe "$SERVER/@text=login/good/" wanted
rejected 'a login page in place of the archive' trust 'clear-signed|login|not signed' r.yaml

now=$(date +%s)
archive web/expired --date $((now - 864000)) --valid-until $((now - 86400))
recipe "$SERVER/expired/" wanted
rejected 'expired' expired 'expired 1 day|expired 24 hours|Valid-Until' r.yaml
run build r.yaml --until fetch -o source.check_valid_until=false
is 'accepted when told so' "$status" 0
has 'but loudly' "$err" '^kiln: warning: .*(expired|Valid-Until)'
archive web/future --date $((now + 864000))
recipe "$SERVER/future/" wanted
rejected 'from the future' expired 'not valid yet' r.yaml

recipe "$SERVER/good/" wanted
rejected 'an unknown suite' 'fetch|plan' "no such suite 'bookwurm'" r.yaml -o image.release=bookwurm
cp -r web/good/dists/bookworm web/good/dists/stable-old
rejected 'a suite that says it is another' 'trust|format' "suite 'bookworm'|codename 'bookworm'" r.yaml -o image.release=stable-old
rejected 'an unknown component' 'fetch|plan|recipe' "component 'contrib'" r.yaml -o 'source.components[0]=contrib'
rejected 'another processor' 'fetch|plan' "no packages for architecture 'arm64', but for: .*amd64" r.yaml -o image.architecture=aarch64

recipe "$SERVER/good/" wantet
rejected 'an unknown package, with a near name' plan "r\.yaml:[0-9]+:[0-9]+: .*'wantet'.*wanted" r.yaml
recipe "$SERVER/good/" broken
rejected 'an uninstallable package, with the chain' plan "broken.*half-broken.*(lower|nothing-has-this)" r.yaml
recipe "$SERVER/good/" left right
rejected 'packages that exclude each other' plan 'left.*right|right.*left' r.yaml

recipe "$SERVER/@flip=100/good/" wanted
rejected 'a wrong byte in InRelease' 'trust|format' 'InRelease|signature' r.yaml
# Indexes and packages are spoilt one by one: all else comes from the good archive.
spoilt() {
	rm -rf web/spoilt
	cp -r web/good web/spoilt
	recipe "$SERVER/spoilt/" wanted
}
spoilt
find web/spoilt/dists -name 'Packages*' -o -path '*by-hash*' -type f | while read -r file; do
	printf x | dd of="$file" bs=1 seek=20 conv=notrunc status=none
done
rejected 'a wrong byte in the indexes' digest 'SHA-256' r.yaml
spoilt
find web/spoilt/dists \( -name 'Packages*' -o -path '*by-hash*' \) -type f -exec truncate -s -9 {} +
rejected 'indexes that are too short' 'fetch|digest' 'promises' r.yaml
spoilt
find web/spoilt/dists \( -name 'Packages*' -o -path '*by-hash*' \) -type f -delete
rejected 'indexes that are not there' fetch '404' r.yaml
spoilt
printf x | dd of="$(echo web/spoilt/pool/main/wanted_*)" bs=1 seek=300 conv=notrunc status=none
rejected 'a wrong byte in a package' digest "package 'wanted'.*SHA-256" r.yaml
spoilt
echo more >>"$(echo web/spoilt/pool/main/wanted_*)"
rejected 'a package that is too long' digest "package 'wanted'.*promises" r.yaml
spoilt
truncate -s -100 web/spoilt/pool/main/wanted_*
rejected 'a package that is too short' digest "package 'wanted'.*promises" r.yaml
spoilt
rm web/spoilt/pool/main/wanted_*
rejected 'a package that is not there' fetch "package 'wanted'.*404" r.yaml

recipe "http://127.0.0.1:9/" wanted
rejected 'a mirror that refuses' fetch "127\.0\.0\.1:9.*(refused|connect)" r.yaml
recipe "http://no-such-host.invalid/debian/" wanted
rejected 'a mirror whose name does not resolve' fetch "no-such-host\.invalid" r.yaml
recipe "$SERVER/@cut=600/good/" wanted
rejected 'a mirror that closes the connection' fetch "$SERVER" r.yaml
recipe "$SERVER/@status=500/good/" wanted
rejected 'a mirror that fails' fetch "500" r.yaml
recipe "$SERVER/@loop/good/" wanted
rejected 'a mirror that redirects for ever' fetch "redirect" r.yaml
recipe "$SERVER/@tofile/good/" wanted
rejected 'a mirror that redirects to files of the host' fetch "file" r.yaml
recipe "$SERVER/@fail=2/good/" wanted
check 'a mirror that fails twice and then does not' build r.yaml --until fetch
if [ -n "${KILN_TEST_LONG-}" ]; then
	recipe "$SERVER/@silent/good/" wanted
	rejected 'a mirror that never answers' fetch "$SERVER" r.yaml
	recipe "$SERVER/@stall=200/good/" wanted
	rejected 'a mirror that stalls' fetch "$SERVER" r.yaml
else
	skip 'a mirror that never answers' 'takes minutes: make check-long'
	skip 'a mirror that stalls' 'takes minutes: make check-long'
fi

# ---- the host

recipe "$SERVER/good/" wanted
if is_host_root; then
	cp "$KILN" "$WORK/kiln"
	rm -rf "$WORK/out"
	mkdir -m 777 "$WORK/out" "$WORK/theirs"
	fails 'without root' privilege 'root' setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$WORK/kiln" build "$WORK/r.yaml" --cache "$WORK/theirs/cache" --output "$WORK/out"
	is 'without root: nothing was fetched for it' "$(ls -A "$WORK/theirs")" ''
	check 'without root a plan can be made' setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$WORK/kiln" plan "$WORK/r.yaml" --cache "$WORK/theirs/cache"

	mkdir small
	mount -t tmpfs -o size=24k kiln-test "$WORK/small" && at_exit umount "$WORK/small"
	fails 'no room for the cache' space 'small' "$KILN" build r.yaml --until fetch --cache "$WORK/small/cache" --output "$WORK/out"
else
	skip 'without root' 'is without root already'
	skip 'no room for the cache' 'needs root'
fi
touch file
fails 'a cache folder that is none' system 'file' "$KILN" plan r.yaml --cache "$WORK/file/cache"
