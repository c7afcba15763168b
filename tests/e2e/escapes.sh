#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ways out of the sandbox (tests/escapes/escape.c), tried by a package's script and by an action, in builds by root and
# by an ordinary user. Every one must be shut, what it could have touched on the host must be as it was, and outside the
# sandbox it must be open, or the attempt proves nothing. A table says so row by row.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_root "it is compared with what a user gets, and becomes him"
require_programs cc jq losetup mke2fs newuidmap newgidmap python3 script setpriv unshare zstd

readonly CANARY=kiln-escape-canary USER_ID=54321
readonly PLACES='script-root action-root script-user action-user'

# The canaries: a file, a folder, a disk, a process with an environment and arguments, a server, a socket without a
# path, a key.
mkdir -p "$WORK/host" "$WORK/home" "$WORK/debs"
echo "$CANARY" >"$WORK/host/file"
chmod -R a+rwX "$WORK/host"
truncate -s 4M "$WORK/disk"
mke2fs -q -F "$WORK/disk"
loop=$(losetup --find --show "$WORK/disk") || give_up 'a loop device' "$loop"
at_exit losetup --detach "$loop"
disk_sum=$(sha256sum <"$loop")
KILN_ESCAPE=$CANARY bash -c "exec -a $CANARY sleep 600" &
victim=$!
at_exit kill "$victim"
python3 -c '
import socket, sys, time
server = socket.socket(socket.AF_UNIX)
server.bind("\0" + sys.argv[1])
server.listen(8)
print("ready", flush=True)
time.sleep(600)
' "kiln-escape-$$" >"$WORK/abstract" &
at_exit kill $!
cc -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$WORK/escape" "$TOP/tests/escapes/escape.c" ||
	give_up 'the program that tries' "$WORK/escape"
serve "$WORK/archive"
cat >"$WORK/settings" <<S
file=$WORK/host/file
victim=$victim
disk-major=$((0x$(stat -c %t "$loop")))
disk-minor=$((0x$(stat -c %T "$loop")))
port=${SERVER##*:}
abstract=kiln-escape-$$
S
within 10 test -s "$WORK/abstract" || give_up 'a socket' ''

# Without a sandbox, in a session with a terminal and with descriptors left open.
export SSH_AUTH_SOCK=$WORK/host/agent KILN_ESCAPE=$CANARY
before=$(date +%s)
script -qec "setpriv --no-new-privs true; exec 5<$WORK/host/file; $WORK/escape -c $WORK/settings" /dev/null </dev/null |
	tr -d '\r' >"$WORK/outside"
at_exit "$WORK/escape" -k

# The same in a build: a package that tries, and a recipe that does.
base_deb
# shellcheck disable=SC2016 # expanded in the sandbox
deb hostile --arch "$(dpkg --print-architecture)" --copy "$WORK/escape=/usr/bin/escape" \
	--file "/usr/share/escape/settings=$(cat "$WORK/settings")" \
	--script 'postinst=#!/bin/sh
/usr/bin/escape /usr/share/escape/settings >/usr/share/escape/script
'
archive "$WORK/archive" >"$WORK/archive.log" 2>&1 || give_up 'an archive' "$(cat "$WORK/archive.log")"
tiny_recipe "$WORK/hostile.yaml" "$SERVER" hostile
cat >>"$WORK/hostile.yaml" <<'R'
files:
- generator: hostname
  path: /etc/hostname
- generator: dump
  path: /etc/planted-file
  content: by kiln
- generator: dump
  path: /etc/planted-node
  content: by kiln
actions:
- trigger: post-packages
  action: |
    #!/bin/sh
    /usr/bin/escape /usr/share/escape/settings >/usr/share/escape/action
R

# as_user COMMAND...: as in e2e/rootless.
cp /etc/passwd /etc/group "$WORK/"
echo "somebody:x:$USER_ID:$USER_ID::$WORK/home:/bin/sh" >>"$WORK/passwd"
echo "somebody:x:$USER_ID:" >>"$WORK/group"
echo "somebody:700000:65536" | tee "$WORK/subuid" >"$WORK/subgid"
chown "$USER_ID:$USER_ID" "$WORK/home"
chmod -R a+rX "$WORK/key" "$WORK/hostile.yaml"
as_user() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private sh -c '
		for file in passwd group subuid subgid; do
			mount --bind "$0/$file" "/etc/$file" || exit
		done
		cd "$0/home" && exec "$@"
	' "$WORK" env HOME="$WORK/home" setpriv --reuid "$USER_ID" --regid "$USER_ID" \
		--init-groups --inh-caps=-all --ambient-caps=-all -- "$@"
}
as_user test -x "$KILN" || {
	cp "$KILN" "$WORK/home/kiln"
	KILN=$WORK/home/kiln
}

# build WHO COMMAND...: an image, its root in $WORK/WHO/root, and what was tried in $WORK/script-WHO and action-WHO.
build() {
	local who=$1 image
	shift
	run "$@" "$KILN" build "$WORK/hostile.yaml" --cache "$WORK/home/cache-$who" --output "$WORK/home/$who" \
		--format unified --allow device-node -o "image.description=$CANARY" 5<"$WORK/host/file"
	[ "$status" = 0 ] || give_up "$who builds" "$err"
	ok "$who builds what tries to escape"
	image=$WORK/home/$who/$(jq -r .name "$WORK/home/$who/image.json").tar.zst
	mkdir -p "$WORK/$who"
	zstd -qdc "$image" | tar -xpf - -C "$WORK/$who" --exclude=planted-node
	mv "$WORK/$who/rootfs" "$WORK/$who/root"
	cp "$WORK/$who/root/usr/share/escape/script" "$WORK/script-$who"
	cp "$WORK/$who/root/usr/share/escape/action" "$WORK/action-$who"
	is "$who: what kiln writes behind links is in the image" \
		"$(cat "$WORK/$who/root/etc/planted-file" 2>/dev/null || cat "$WORK/$who/root$WORK/host/file")" 'by kiln'
}

build root
build user as_user

# The canaries.
is 'the file is as it was' "$(cat "$WORK/host/file")" "$CANARY"
is 'the folder is' "$(ls -A "$WORK/host")" file
is 'the disk is' "$(sha256sum <"$loop")" "$disk_sum"
check 'the process lives' kill -0 "$victim"
is 'no daemon does' "$(pgrep -f kiln-escape-daemon)" ''
has 'the clock goes on' "$(($(date +%s) - before))" '^[0-9]{1,2}$'

# outcome PLACE NAME: "open WHAT" or "shut WHY".
outcome() {
	sed -n "s/^$2 //p" "$WORK/$1"
}

# What is open in spite of all: an action has the network, and old kernels cannot tell apart whose sockets without
# paths are.
permitted() {
	case $1/$2 in
	action-*/loopback) return 0 ;;
	action-*/abstract-socket) ! has_scopes ;;
	*) return 1 ;;
	esac
}
has_scopes() {
	[ "$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')" -ge 6 ]
}

names=$(cut -d ' ' -f 1 "$WORK/script-root")
rows=0 attempts=0 shut=0 compared=0
# shellcheck disable=SC2086 # words
count "$(printf '%-20s %-12s %-12s %-12s %-12s %s' 'way out' $PLACES 'without sandbox')"
for name in $names; do
	line=$(printf '%-20s' "$name")
	rows=$((rows + 1))
	for place in $PLACES; do
		word=$(outcome "$place" "$name")
		attempts=$((attempts + 1))
		case $word in
		shut*)
			shut=$((shut + 1))
			line+=$(printf ' %-12s' shut)
			;;
		open*)
			if permitted "$place" "$name"; then
				line+=$(printf ' %-12s' allowed)
			else
				not_ok "$name is shut, $place" "$word"
				line+=$(printf ' %-12s' OPEN)
			fi
			;;
		*) not_ok "$name was tried, $place" "$(cat "$WORK/$place")" ;;
		esac
	done
	word=$(outcome outside "$name")
	case $word in
	open*)
		compared=$((compared + 1))
		line+=' open'
		;;
	shut*) line+=" ${word#shut }" ;;
	*) line+=' (seen by its traces)' ;;
	esac
	count "$line"
done
count "$(printf '%-20s %s' 'filling the disk' 'see e2e/limits')"
count "$(printf '%-20s %s' 'fork bomb' 'see e2e/limits')"
count "$rows ways out, $attempts attempts, $shut of them shut; $compared are open without the sandbox"
has 'there are at least twenty' "$rows" '^([2-9][0-9]|[0-9]{3,})$'
has 'most are open without the sandbox' "$((compared * 10 / rows))" '^([89]|10)$'
