#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln doctor: what it says of a host is so, and what it says mends a gap does mend it. Whatever is missing here is
# missing for the test's own user only, in namespaces of his; the host stays as it is.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../user.sh
. "$(dirname "$0")/../user.sh"

require_programs jq python3

# doctor ARGUMENT...: sets $status, $out (JSON), $err.
doctor() {
	run "$KILN" doctor --json "$@"
}
# row NAME FIELD: of what was said last.
row() {
	jq -r --arg name "$1" --arg field "$2" '.[] | select(.name == $name) | .[$field] // ""' <<<"$out"
}
# gap NAME STATE WHAT REMEDY STATUS: a row of what was said last: patterns of what was found and of what mends it, and
# how kiln ended, as a build would.
gap() {
	local name=$1 state=$2 what=$3 remedy=$4 want=$5
	if [ "$(row "$name" state)" = "$state" ] && [[ $(row "$name" found) =~ $what ]] && [[ $(row "$name" remedy) =~ $remedy ]] &&
		[ "$(word_of "$status")" = "$want" ]; then
		ok "$name: $what"
	else
		not_ok "$name: $what" "status $status ($(word_of "$status")), should be $want
$err
$out"
	fi
}

# ---- this host

doctor --offline --cache "$WORK/cache"
check 'it is a list of rows' jq -e 'length > 5 and all(.[]; .name and .purpose and .found and (.state | IN("ok", "warning", "missing")))' <<<"$out"
is 'every row that is not right says what mends it' "$(jq -r '.[] | select(.state != "ok" and (.remedy | not)) | .name' <<<"$out")" ''
run "$KILN" doctor --offline --cache "$WORK/cache"
check 'as words it is one screen' [ "$(wc -l <<<"$out")" -le 24 ]
is 'no line of it wraps far' "$(awk 'length > 200' <<<"$out")" ''
is 'no folder is made' "$(ls "$WORK")" "$(printf '%s\n' run.err run.out)"
is 'nothing is left of its trials' "$(find "$TMPDIR" -maxdepth 1 -name 'kiln-doctor*')" ''

# The table of programs: all that kiln calls, each in the package that has it.
programs=$(jq -r '.[] | select(.name == "programs").found' < <("$KILN" doctor --json --offline) | tr ',' '\n' | tr -d ' ')
called=$(grep -l 'base/process\.h' -r "$TOP/builder" --include=*.c | xargs grep -hoE '"[a-z][a-z-]+"' | tr -d '"' | sort -u |
	while read -r word; do [ -z "$(type -P "$word")" ] || echo "$word"; done)
for program in $called; do
	case $program in file | find-principals | true | verify | sign | install | shell | script | chroot) continue ;; esac
	has "it looks for $program, which kiln calls" "$programs" "^$program$"
done
if command -v dpkg-query >/dev/null; then
	wrong=
	while read -r program package; do
		file=$(readlink -f "$(type -P "$program" || echo /nowhere)")
		[ ! -e "$file" ] || dpkg -S "*${file#/usr}" 2>/dev/null | grep -q "^$package:" || wrong="$wrong $program"
	done < <(sed -nE 's/^\t\{ "([a-z-]+)", "([a-z-]+)", ".*/\1 \2/p' "$TOP/builder/base/program.c")
	is 'each program is in the package that is named' "$wrong" ''
fi

# ---- archives

require_rights
doctor --mirror http://127.0.0.1:9/debian --cache "$WORK/cache"
gap mirror missing 'http://127.0.0.1:9/debian/' '--mirror URL' fetch
fails 'in words, too' fetch "a build of 'debian-bookworm' would fail here: mirror: " "$KILN" doctor --mirror http://127.0.0.1:9/debian
mkdir "$WORK/debs"
deb nothing
archive "$WORK/archive" >/dev/null 2>&1 || give_up 'an archive'
serve "$WORK/archive"
doctor --mirror "$SERVER" --cache "$WORK/cache"
gap mirror missing "suite 'bookworm' at '$SERVER" . trust
MIRROR=$(host_mirror)
if [ -n "$MIRROR" ] && curl -fsS -m 20 -o /dev/null "${MIRROR}dists/bookworm/Release" 2>/dev/null; then
	doctor --cache "$WORK/cache"
	is 'this host can build' "$status $(jq -r '.[] | select(.state == "missing").name' <<<"$out")" '0 '
	is 'the mirror is that of a build' "$(row mirror found | cut -d ' ' -f 1)" "$MIRROR"
	doctor --cache "$WORK/cache" --mirror none --mirror "$MIRROR"
	is 'also by the rules of the command line' "$(row mirror found | cut -d ' ' -f 1)" "$MIRROR"
	if command -v faketime >/dev/null && ! ldd "$KILN" | grep -q libasan; then
		run faketime '2020-01-01 12:00:00' "$KILN" doctor --json --cache "$WORK/cache"
		gap clock missing 'it is 2020-01-01 12:00 UTC here: suite .* is not valid yet' 'timedatectl set-ntp true' expired
		is 'a mirror with a wrong clock is a mirror' "$(row mirror state)" ok
	fi
else
	skip 'the mirror of this host' 'there is none that answers'
fi

# ---- programs

mkdir "$WORK/bin"
for program in $programs env sh; do
	ln -s "$(type -P "$program")" "$WORK/bin/$program"
done
for program in gpg systemd-analyze; do
	mv "$WORK/bin/$program" "$WORK/hidden"
	run env PATH="$WORK/bin" "$KILN" doctor --json --offline --cache "$WORK/cache"
	gap "$program" warning "'$program' is missing" "^as root: apt-get install [a-z]+$" none
	mv "$WORK/hidden" "$WORK/bin/$program"
done
mv "$WORK/bin/gpgv" "$WORK/hidden"
run env PATH="$WORK/bin" "$KILN" doctor --json --offline --cache "$WORK/cache"
gap gpgv missing "'gpgv' is missing" '^as root: apt-get install gpgv$' system
mv "$WORK/hidden" "$WORK/bin/gpgv"
run env PATH="$WORK/bin" "$KILN" doctor --json --offline --cache "$WORK/cache"
is 'it is there again' "$status $(row gpgv state)" '0 '

require_root 'the rest makes a user, and file systems'
require_programs setpriv newuidmap newgidmap unshare mount usermod sysctl

# ---- disks

mkdir "$WORK/small"
mount -t tmpfs -o size=8m kiln-test "$WORK/small"
at_exit umount "$WORK/small"
doctor --offline --cache "$WORK/small/cache"
gap disk missing "the default image needs about .*'$WORK/small' has 8" 'kiln cache trim --keep SIZE, or --cache DIR' space
doctor --offline --cache "$WORK/cache" --work "$WORK/small"
gap memory missing "the root needs about .*'$WORK/small' has 8" '--work DIR' space
mount -o remount,ro "$WORK/small"
doctor --offline --cache "$WORK/small/cache"
gap cache missing 'Read-only file system' '--cache DIR' system

# ---- an ordinary user

accounts 65536
user_settles
doctor_of_user() {
	run as_user "$KILN" doctor --json --offline --cache "$USER_HOME/cache"
}
# mend NAME: what the row says is for root to run; what follows "; or" are other ways.
mend() {
	local remedy
	remedy=$(row "$1" remedy)
	remedy=${remedy#as root: }
	printf '%s\n' "${remedy%%;*}"
}
doctor_of_user
is 'a user with subordinate ids can build' "$status $(row rights found)" "0 somebody, by a user namespace"
is 'as well as root' "$(row sandbox state) $(row mounts state) $(row overlayfs state)" 'ok ok ok'

accounts
doctor_of_user
gap 'subordinate ids' missing "user 'somebody' has 0 subordinate ids in /etc/subuid" '^as root: usermod --add-subuids' privilege
mkdir -p "$WORK/prefix/etc"
cp "$WORK"/{passwd,group,subuid,subgid} "$WORK/prefix/etc/"
cp /etc/login.defs /etc/shadow "$WORK/prefix/etc/" 2>/dev/null
command=$(mend 'subordinate ids')
check 'the command that it names is one' sh -c "usermod --prefix '$WORK/prefix' ${command#usermod}"
cp "$WORK"/prefix/etc/sub[ug]id "$WORK/"
doctor_of_user
is 'and gives them' "$status $(row 'subordinate ids' state)" '0 ok'
accounts 65534
doctor_of_user
gap 'subordinate ids' missing 'has 65534 subordinate ids in /etc/subuid' usermod privilege
accounts 65535
: >"$WORK/subgid"
doctor_of_user
gap 'subordinate ids' missing 'has 0 subordinate ids in /etc/subgid' usermod privilege

# What a host forbids, in a user namespace around the user, which has switches of its own.
accounts 65536
mkdir "$WORK/kernel"
shut='echo 0 >/proc/sys/user/max_user_namespaces'
CONFINED=1
PREPARE=$shut doctor_of_user
gap 'user namespace' missing 'user\.max_user_namespaces|user/max_user_namespaces' '^as root: sysctl -w user.max_user_namespaces=' privilege
PREPARE="$shut; $(mend 'user namespace') >/dev/null" doctor_of_user
is 'that command opens them' "$status $(row 'user namespace' state)" '0 ok'
# Switches that this kernel has not are shown to it: refused it is by the one above.
echo 1000 >"$WORK/many"
while read -r switch value; do
	rm -f "$WORK"/kernel/*
	echo "$value" >"$WORK/kernel/$switch"
	PREPARE="$shut; mount --bind '$WORK/many' /proc/sys/user/max_user_namespaces; mount --bind '$WORK/kernel' /proc/sys/kernel" \
		doctor_of_user
	gap 'user namespace' missing "kernel.$switch is $value" "^as root: sysctl -w kernel.$switch=$((1 - value));" privilege
done <<<'unprivileged_userns_clone 0
apparmor_restrict_unprivileged_userns 1'
rm -f "$WORK"/kernel/*
PREPARE="$shut; mount --bind '$WORK/many' /proc/sys/user/max_user_namespaces; mount --bind '$WORK/kernel' /proc/sys/kernel" \
	doctor_of_user
gap 'user namespace' missing 'may not have a user namespace of its own .there are as many as allowed.' 'sysctl -w user.max_user_namespaces=' privilege
CONFINED=0

# What gives him his ids.
rm "$WORK/bin/newuidmap"
BIN=$WORK/bin ONLY_BIN=1 doctor_of_user
gap rights missing "'newuidmap' is missing" 'as root: apt-get install uidmap' privilege
cp "$(type -P newuidmap)" "$WORK/bin/newuidmap"
chmod 755 "$WORK/bin" "$WORK/bin/newuidmap"
BIN=$WORK/bin doctor_of_user
gap rights missing "'$WORK/bin/newuidmap' has neither the set-uid bit nor capabilities" 'apt-get install --reinstall uidmap' privilege
chmod 4755 "$WORK/bin/newuidmap"
BIN=$WORK/bin doctor_of_user
is 'with the bit it works' "$status $(row rights state)" '0 ok'
BIN=$WORK/bin PREPARE="mount --bind '$WORK/bin' '$WORK/bin'; mount -o remount,bind,nosuid '$WORK/bin'" doctor_of_user
gap rights missing "'$WORK/bin/newuidmap' lies on a file system that is mounted with nosuid" 'mount -o remount,suid' privilege
PRIVILEGES=--no-new-privs doctor_of_user
gap rights missing 'no_new_privs is set' 'start kiln where privilege escalation is allowed' privilege

# A build says the same as the doctor.
accounts
base_deb
archive "$WORK/archive" >/dev/null 2>&1
tiny_recipe "$WORK/t.yaml" "$SERVER"
chmod -R a+rX "$WORK/key" "$WORK/t.yaml"
doctor_of_user
said="$(row rights found); $(row rights remedy)"
run as_user "$KILN" build "$WORK/t.yaml" --cache "$USER_HOME/cache" --output "$USER_HOME/out"
is 'a build ends with the words of the row' "$(grep '^kiln: ' <<<"$err")" "kiln: $said"
