# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that the tests use
# What every shell test reads first. A test prints one line per case:
#	ok - NAME		not ok - NAME		ok - NAME # SKIP REASON
# and details of a failure in lines that begin with "# ". Its exit status says whether it came to its end.
#
#	$KILN	the program		$TOP	the checkout		$WORK	a folder of the test's own
#	$CACHE	a package cache that outlives the test, so that what was fetched once is fetched once
#
# Whatever the test starts, mounts or creates outside $WORK is undone by commands given to at_exit.

set -u -o pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KILN=${KILN:-$TOP/out/kiln}
CACHE=${KILN_TEST_CACHE:-$TOP/out/tests/cache}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/kiln-test.XXXXXX")
chmod 755 "$WORK"
mounts_before=$(cat /proc/mounts)
cleanup_commands=()
failures=0
unset KILN_MIRROR SOURCE_DATE_EPOCH http_proxy https_proxy all_proxy no_proxy
# Where programs of tests (mke2fs, getcap) are, which are not in every user's path.
PATH=$PATH:/usr/sbin:/sbin
umask 022

# at_exit COMMAND [ARGUMENT...]: run it when the test ends, in whatever way; the latest first.
at_exit() {
	cleanup_commands+=("$(printf '%q ' "$@")")
}

leave() {
	local status=$? i
	trap - EXIT
	trap '' INT TERM HUP
	for ((i = ${#cleanup_commands[@]} - 1; i >= 0; i--)); do
		eval "${cleanup_commands[i]}" || true
	done
	as_root rm -rf --one-file-system "$WORK" 2>/dev/null || rm -rf --one-file-system "$WORK"
	if [ "$status" = 0 ] && [ "$failures" -gt 0 ]; then
		status=1
	fi
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# count TEXT: what was counted, which `make check` prints also when all is well.
count() {
	printf '# count: %s\n' "$*"
}

ok() {
	printf 'ok - %s\n' "$1"
}

# not_ok NAME [DETAILS]
not_ok() {
	failures=$((failures + 1))
	printf 'not ok - %s\n' "$1"
	[ $# -lt 2 ] || note "$2"
}

# skip NAME REASON
skip() {
	printf 'ok - %s # SKIP %s\n' "$1" "$2"
}

# skip_all REASON: nothing of this test can run here.
skip_all() {
	skip "$(basename "$0" .sh)" "$1"
	exit 0
}

# give_up NAME DETAILS: what follows makes no sense without it.
give_up() {
	not_ok "$@"
	exit 1
}

# check NAME COMMAND [ARGUMENT...]: ok when the command succeeds, else what it said.
check() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "exit status $? of: $*
$said"
	fi
}

# is NAME ACTUAL EXPECTED
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "is:     $2
should: $3"
	fi
}

# has NAME TEXT PATTERN: an extended regular expression that one line of TEXT matches.
has() {
	if grep -qE -e "$3" <<<"$2"; then
		ok "$1"
	else
		not_ok "$1" "no line matches: $3
$2"
	fi
}

# has_no NAME TEXT PATTERN
has_no() {
	local found
	if found=$(grep -nE -e "$3" <<<"$2"); then
		not_ok "$1" "matches $3:
$found"
	else
		ok "$1"
	fi
}

# run COMMAND [ARGUMENT...]: sets $status, $out and $err.
run() {
	status=0
	"$@" >"$WORK/run.out" 2>"$WORK/run.err" </dev/null || status=$?
	out=$(tr -d '\0' <"$WORK/run.out")
	err=$(tr -d '\0' <"$WORK/run.err")
}

# fails NAME STATUS PATTERN COMMAND [ARGUMENT...]: it must fail with that status (the word for it in
# error.h; several with | between) and with one error line that matches.
fails() {
	local name=$1 want=$2 pattern=$3 line
	shift 3
	run "$@"
	line=$(grep '^kiln: ' "$WORK/run.err" | grep -v '^kiln: warning: ')
	if [[ "|$want|" != *"|$(word_of "$status")|"* ]]; then
		not_ok "$name" "exit status is $status ($(word_of "$status")), should be $want
$err"
	elif [ "$(wc -l <<<"$line")" != 1 ] || ! grep -qE -e "$pattern" <<<"$line"; then
		not_ok "$name" "the error should be one line that matches: $pattern
$err"
	else
		ok "$name"
	fi
}

# status_of WORD: the exit status that error.h gives for, say, "fetch".
status_of() {
	sed -nE "s/^\s*ERROR_${1^^} = ([0-9]+).*/\1/p" "$TOP/builder/base/error.h"
}

# word_of STATUS: the other way round.
word_of() {
	sed -nE "s/^\s*ERROR_([A-Z]+) = $1\b.*/\L\1/p" "$TOP/builder/base/error.h"
}

# What an ordinary user can do is tested as one. Only what follows asks for more:
#	require_rights		kiln can build here: by root, or by whoever has subordinate ids
#	become_root		the same, and from here on the test is root: of a user namespace where it is not the host's.
#				It begins anew there. Images that are to be built by the user himself are built before.
#	require_root REASON	root of the host: for daemons, and for device nodes

is_host_root() {
	[ "$(id -u)" = 0 ] && grep -qE '^ *0 +0 +4294967295$' /proc/self/uid_map
}

# as_root COMMAND...: as root, be it of a user namespace: to look at files of all owners that an image has, and to
# remove them.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		unshare --user --map-auto --map-root-user -- "$@"
	fi
}

require_rights() {
	as_root true 2>/dev/null || skip_all 'needs root, or subordinate ids (kiln doctor says why there are none)'
}

become_root() {
	require_rights
	[ "$(id -u)" != 0 ] || return 0
	rm -rf --one-file-system "$WORK"
	exec unshare --user --map-auto --map-root-user --mount --propagation private -- "$0"
}

require_root() {
	is_host_root || skip_all "needs root of the host: $1"
}

# make_node FILE b|c MAJOR MINOR: a device node, or what kiln has in its place where nobody may make any (base/device.h).
make_node() {
	local bytes type=$((0x2000))
	mknod "$@" 2>/dev/null && return
	[ "$2" = c ] || type=$((0x6000))
	bytes=$(python3 -c 'import struct, sys; print(struct.pack("=III", *map(int, sys.argv[1:])).hex())' "$type" "$3" "$4")
	(umask 066 && : >"$1") && setfattr -n user.kiln.device -v "0x$bytes" "$1"
}

# require_programs NAME...
require_programs() {
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || skip_all "needs '$p' (make setup)"
	done
}

# The build host's own mirror of the Debian archive, with a trailing slash; never to be written to a file
# that is kept.
host_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | sort -u | grep '/debian/$' | head -n 1
}

# require_mirror: tests that build from Debian's archive need one that answers.
require_mirror() {
	MIRROR=$(host_mirror)
	[ -n "$MIRROR" ] || skip_all 'the apt sources of this host name no Debian archive'
	curl -fsS -m 20 -o "$WORK/Release" "${MIRROR}dists/bookworm/Release" 2>/dev/null ||
		skip_all "the Debian mirror of this host does not answer"
}

# within SECONDS COMMAND...: repeat it until it succeeds.
within() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.2
	done
}

# kiln_mounts: what kiln has mounted since the test began, and left. What tests mount in their folders is theirs.
kiln_mounts() {
	grep kiln /proc/mounts | grep -vE '^[^ ]+ [^ ]*/kiln-(run|test)\.' | grep -vF " $WORK" | grep -vxF "$mounts_before"
}

# default_image: sets $IMAGE to a folder with the image of recipes/debian-bookworm.yaml, both formats, and
# the log of its build in build.log. Built once for all tests of one run; KILN_TEST_IMAGE gives another.
default_image() {
	local lock
	IMAGE=${KILN_TEST_IMAGE:-${KILN_TEST_SHARED:-$WORK}/debian-bookworm}
	[ -e "$IMAGE/image.json" ] && return
	require_mirror
	mkdir -p "$IMAGE"
	# A test beside this one wants it, too.
	exec {lock}>"$IMAGE.lock"
	flock "$lock"
	# By its name, which means something in the checkout.
	if [ ! -e "$IMAGE/image.json" ] && ! (cd "$TOP" && exec "$KILN" build debian-bookworm --format unified,split \
		--cache "$CACHE" --output "$IMAGE") >"$IMAGE/build.out" 2>"$IMAGE/build.log" </dev/null {lock}>&-; then
		give_up 'kiln builds debian-bookworm' "$(tail -n 30 "$IMAGE/build.log")"
	fi
	exec {lock}>&-
}

# minbase_recipe FILE <<REST: a recipe of the smallest Debian 12, with what standard input adds to it. It has no init.
minbase_recipe() {
	local folder
	folder=$(dirname "$1")
	[ -e "$folder/keys" ] || cp -r "$TOP/recipes/keys" "$folder/keys"
	{
		cat <<-'R'
			image:
			  distribution: debian
			  release: bookworm
			lint:
			  allow: init-missing
			source:
			  downloader: debootstrap
			  url: http://ftp.debian.org/debian
			  variant: minbase
			  keys:
		R
		(cd "$folder" && printf '  - %s\n' keys/debian-archive-bookworm*)
		cat
	} >"$1"
}

# image_root FOLDER ROOT: unpack the unified image in FOLDER, so that its tree is ROOT/rootfs.
image_root() {
	mkdir -p "$2"
	zstd -qdc "$1/$(jq -r .name "$1/image.json").tar.zst" |
		tar -xpf - -C "$2" --numeric-owner --xattrs --xattrs-include='*'
}

# serve FOLDER: over HTTP on loopback; sets $SERVER, an address without a trailing slash, and $SERVER_LOG, a
# file with a line per request. What it can be told to do wrong stands in tests/server.py.
serve() {
	local pid
	SERVER_LOG=$WORK/server.log
	: >"$SERVER_LOG"
	python3 "$TOP/tests/server.py" "$1" --log "$SERVER_LOG" >"$WORK/server.port" 2>/dev/null </dev/null &
	pid=$!
	at_exit kill "$pid"
	within 10 test -s "$WORK/server.port" || give_up 'a server starts'
	SERVER=http://127.0.0.1:$(cat "$WORK/server.port")
}

# archive FOLDER [ARGUMENT...]: one suite with the packages in $WORK/debs, signed by the key in $WORK/key.
archive() {
	local folder=$1
	shift
	[ -e "$WORK/key" ] || python3 "$TOP/tests/make_archive.py" key "$WORK/key" >/dev/null
	python3 "$TOP/tests/make_archive.py" archive "$folder" --debs "$WORK/debs" --key "$WORK/key" "$@"
}

# deb NAME [ARGUMENT...]: a package for it.
deb() {
	local name=$1
	shift
	python3 "$TOP/tests/make_archive.py" deb "$WORK/debs" --name "$name" "$@" >/dev/null
}

# base_deb: a package for it with what a build runs in the root (dpkg, sh and their libraries), copied from this
# host, so that whole builds of a second need no mirror.
base_deb() {
	local folder=$WORK/base program real library architecture
	architecture=$(dpkg --print-architecture)
	mkdir -p "$folder/DEBIAN" "$folder/bin" "$folder/var/lib/dpkg" "$WORK/debs"
	for program in diff dpkg dpkg-deb dpkg-split ldconfig rm sh start-stop-daemon tar; do
		real=$(readlink -f "$(command -v "$program")")
		cp "$real" "$folder/bin/$program"
		for library in $(ldd "$real" | grep -o '/[^ ]*'); do
			mkdir -p "$folder${library%/*}"
			cp "$(readlink -f "$library")" "$folder$library"
		done
	done
	printf '%s\n' 'Package: base' 'Version: 1.0' "Architecture: $architecture" 'Essential: yes' \
		'Priority: required' 'Maintainer: Test <test@example.org>' 'Description: test' >"$folder/DEBIAN/control"
	find "$folder" -exec touch -h -d @1700000000 {} +
	dpkg-deb --root-owner-group -Zxz -z1 -b "$folder" "$WORK/debs/base_1.0_$architecture.deb" >/dev/null
	rm -r "$folder"
}

# tiny_recipe FILE ADDRESS [PACKAGE...]: a recipe for such an archive. Its images have no init.
tiny_recipe() {
	local file=$1 url=$2
	shift 2
	cat >"$file" <<-R
		image:
		  distribution: tiny
		  release: bookworm
		lint:
		  allow: init-missing
		source:
		  downloader: debootstrap
		  url: $url
		  variant: minbase
		  keys: [key/public.asc]
		packages:
		  manager: apt
	R
	[ $# = 0 ] || printf '  sets:\n  - action: install\n    packages:\n' >>"$file"
	[ $# = 0 ] || printf '    - %s\n' "$@" >>"$file"
}
