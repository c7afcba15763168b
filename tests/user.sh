# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that the tests use
# An ordinary user for one test, read behind lib.sh by tests that run as root: he exists in mount namespaces of the
# test's own only, and has nothing but what it gives him.
#
#	accounts [IDS]	the accounts of this host and "somebody", with so many subordinate ids; none: he has no line
#	as_user COMMAND	run by him, without any right of root's
#	user_settles	give him kiln's recipes, and copies of all where the checkout lies in a folder that he may not enter
#	$BIN		a folder of programs that come first; $ONLY_BIN=1: and no others
#	$PREPARE	commands for root of his namespaces, before he begins
#	$CONFINED=1	in a user namespace of his own, too, whose switches are not the host's
#	$PRIVILEGES	further arguments of setpriv
#	$USER_HOME	his home

readonly USER_ID=54321
USER_HOME=$WORK/home

accounts() {
	cp /etc/passwd /etc/group "$WORK/"
	echo "somebody:x:$USER_ID:$USER_ID::$USER_HOME:/bin/sh" >>"$WORK/passwd"
	echo "somebody:x:$USER_ID:" >>"$WORK/group"
	: >"$WORK/subuid"
	: >"$WORK/subgid"
	[ -z "${1-}" ] || echo "somebody:700000:$1" | tee "$WORK/subuid" >"$WORK/subgid"
	mkdir -p "$USER_HOME"
	chown "$USER_ID:$USER_ID" "$USER_HOME"
}

# All ids there are, as themselves, which only somebody outside can say. $1: a folder for two pipes; then a command.
in_confinement() {
	local folder
	folder=$(mktemp -d "$WORK/pipes.XXXXXX")
	mkfifo "$folder/go" "$folder/pid"
	(
		read -r pid <"$folder/pid"
		echo '0 0 4294967295' >"/proc/$pid/uid_map"
		echo '0 0 4294967295' >"/proc/$pid/gid_map"
		echo >"$folder/go"
	) &
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --user --mount --propagation private sh -c 'echo $$ >"$0/pid"; read -r _ <"$0/go"; exec "$@"' "$folder" "$@"
}

as_user() {
	local namespaces=(unshare --mount --propagation private)
	local path=${BIN:+$BIN:}$PATH
	[ "${CONFINED-0}" = 0 ] || namespaces=(in_confinement)
	[ "${ONLY_BIN-0}" = 0 ] || path=$BIN
	# shellcheck disable=SC2016,SC2086 # expanded by the inner shell; words
	"${namespaces[@]}" sh -c '
		for file in passwd group subuid subgid; do
			mount --bind "$0/$file" "/etc/$file" || exit
		done
		eval "$1" || exit
		shift
		cd "$0/home" && exec "$@"
	' "$WORK" "${PREPARE-:}" env -u XDG_CACHE_HOME HOME="$USER_HOME" TMPDIR="$USER_HOME" setpriv --reuid "$USER_ID" --regid "$USER_ID" \
		--init-groups --inh-caps=-all --ambient-caps=-all ${PRIVILEGES-} -- env PATH="$path" "$@"
}

user_settles() {
	RECIPES=$TOP/recipes
	ln -s "$TOP/recipes" "$USER_HOME/recipes"
	as_user test -x "$KILN" -a -r "$TOP/recipes/debian-bookworm.yaml" && return
	rm "$USER_HOME/recipes"
	cp -r "$KILN" "$TOP/recipes" "$TOP/templates" "$USER_HOME/"
	KILN=$USER_HOME/$(basename "$KILN")
	RECIPES=$USER_HOME/recipes
}
