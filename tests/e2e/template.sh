#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln template beside a real LXD: every template of tests/table/templates.txt is rendered by both, for the same
# instance, and the bytes are compared; those that are marked there as refused must keep an instance from starting.
# Behind it the command line of kiln template.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"

# Each case into files: NAME.tpl, and NAME.want or NAME.refused with what kiln says.
split_cases() {
	mkdir -p "$1"
	awk -v folder="$1/" '
		function put(file, line) {
			# A backslash at the end of a line: the text goes on, or ends, there.
			if (sub(/\\$/, "", line)) printf "%s", line > file
			else print line > file
		}
		/^=== / { template = folder $2 ".tpl"; rest = folder $2 ($3 == "refused" ? ".refused" : ".want"); at = template; printf "" > template; next }
		/^---$/ { at = rest; printf "" > rest; next }
		at { put(at, $0) }
	' "$TOP/tests/table/templates.txt"
}

split_cases "$WORK/cases"
cd "$WORK/cases" || exit 1
rendered=$(basename -s .want -- *.want)
refused=$(basename -s .refused -- *.refused)

render() {
	"$KILN" template "$1" --instance "$2" --trigger create --path "/out/$3" \
		--config 'user.name=web server' --config 'user.list=b,a,c' --config $'user.multi=first\nsecond\n\n' \
		--config $'user.lines=one\ntwo\n\nthree' --config "user.html=<b>x & 'y' \"z\"</b>" --config user.empty= \
		--config $'user.user-data=#cloud-config\nusers: []\n' --config image.os=tiny \
		--device eth9.type=none --device root.path=/ --device root.pool=default --device root.type=disk \
		--property $'default=#cloud-config\n{}' --property owner=nobody --quiet
}

# With the instance that the recorded texts are of: needs no daemon.
alike=0
for name in $rendered; do
	render "$name.tpl" c1,architecture=x86_64 "$name" >"$WORK/got" 2>"$WORK/warnings"
	if cmp -s "$WORK/got" "$name.want"; then
		alike=$((alike + 1))
	else
		not_ok "$name: as recorded" "$(diff "$name.want" "$WORK/got")"
	fi
done
is 'all templates give what is recorded' "$alike" "$(wc -w <<<"$rendered")"
for name in $refused; do
	# The place alone: messages are the unit test's.
	place=$(cut -d : -f 1-2 "$name.refused")
	fails "$name: refused at $place" 'recipe|unsupported' "^kiln: $name.tpl:$place: " render "$name.tpl" c1 x
done

fails 'no such trigger' usage "'stop' is none of create" "$KILN" template utf-8.tpl --trigger stop
fails 'no such daemon' usage "'lxc' is neither" "$KILN" template utf-8.tpl --daemon lxc
fails 'a key without a value' usage "--config 'x' is not KEY=VALUE" "$KILN" template utf-8.tpl --config x
fails 'a device without a key' usage 'DEVICE.KEY=VALUE' "$KILN" template utf-8.tpl --device eth0=nic
fails 'no such fact of an instance' usage "'size=1' is none of" "$KILN" template utf-8.tpl --instance c1,size=1
fails 'no such file' system 'no-such.tpl' "$KILN" template no-such.tpl
printf '%s\n' '{{ config["user.x"] }}{{ "a" + "b" }}{{ "<"|e }}{{ "abcd"|slice:"-2:" }}' >incus.tpl
fails 'what Incus alone knows' recipe 'incus.tpl:1:10: .*known to Incus alone' "$KILN" template incus.tpl
run "$KILN" template incus.tpl --daemon incus --config user.x=1
is 'is rendered for Incus' "$out" '1ab&lt;cd'
has 'with a warning' "$err" '^kiln: warning: incus.tpl:1:10: LXD refuses it'
echo '{{ contaner.name }}' >typo.tpl
run "$KILN" template typo.tpl
has 'a name that no daemon gives is a warning' "$status $err" "^0 kiln: warning: typo.tpl:1:4: .*'contaner' \(did you mean 'container'\?\)"
is 'standard input' "$(printf '{{ instance.type }} {{ instance.privileged }}' |
	"$KILN" template - --instance v1,type=virtual-machine,privileged=true)" 'virtual-machine true'
is 'as JSON' "$("$KILN" template utf-8.tpl --json | jq -r .text)" "$(cat utf-8.want)"

# A build looks at its templates first. recipe CONTENT-OR-SOURCE-LINES
recipe() {
	printf '%s\n' 'image: {distribution: debian, release: bookworm}' \
		'source: {downloader: debootstrap, url: "http://ftp.debian.org/debian"}' 'packages: {manager: apt}' \
		'files:' '- generator: template' '  name: note' '  path: /etc/note' "$@" >r.yaml
}
recipe '  content: |-' '    name {{ instance.name }}' '    {% if x %}'
fails 'a broken template stops a build at its place' recipe "r.yaml:10:5: the '\{% if %\}' here has no '\{% endif %\}'" \
	"$KILN" build r.yaml --until recipe
recipe '  source: broken.tpl'
printf 'a\n  {%% include "x" %%}\n' >broken.tpl
fails 'one in a file too' unsupported "broken.tpl:2:6: the tag 'include' is refused" "$KILN" build r.yaml --until recipe
fails 'also from another folder' unsupported "cases/broken.tpl:2:6: " sh -c "cd / && '$KILN' build '$PWD/r.yaml' --until recipe"
recipe '  content: "{{ config[trigger] }}"'
run "$KILN" build r.yaml --until recipe
has 'what one daemon refuses is a warning' "$status $err" 'warning: r.yaml:8:22: LXD refuses it'
recipe '  content: "{{ properties.a|add:1 }}"' '  template: {properties: {a: b}}'
run "$KILN" build r.yaml --until recipe
has_no 'and nothing is said of one that is fine' "$err" 'warning'

require_root 'an LXD runs as root'
require_programs lxd lxc unshare jq

lxd_start

# The smallest system there is: an init that sleeps. A daemon renders when a container starts, before its init runs.
mkdir -p "$WORK/image/templates" "$WORK/image/rootfs"/{dev,proc,sys,sbin,bin,etc,run,tmp}
for program in sh sleep; do
	real=$(readlink -f "$(command -v $program)")
	cp "$real" "$WORK/image/rootfs/bin/$program"
	for library in $(ldd "$real" | grep -o '/[^ ]*'); do
		mkdir -p "$WORK/image/rootfs${library%/*}"
		cp "$(readlink -f "$library")" "$WORK/image/rootfs$library"
	done
done
printf '#!/bin/sh\nexec sleep 1000\n' >"$WORK/image/rootfs/sbin/init"
chmod 755 "$WORK/image/rootfs/sbin/init"

# metadata NAME...: with these templates, rendered when an instance is created.
metadata() {
	local name
	printf 'architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: tiny}\n'
	[ $# = 0 ] || echo 'templates:'
	for name; do
		printf '  /out/%s:\n    when: [create]\n    template: %s.tpl\n' "$name" "$name"
		printf '    properties: {default: "#cloud-config\\n{}", owner: nobody}\n'
	done
}

# shellcheck disable=SC2086 # words
metadata $rendered >"$WORK/image/metadata.yaml"
for name in $rendered; do
	cp "$name.tpl" "$WORK/image/templates/"
done
tar -C "$WORK/image" -cf "$WORK/image.tar" metadata.yaml templates rootfs
lxc image import "$WORK/image.tar" --alias all >/dev/null 2>&1 || give_up 'the image is imported' "$(cat "$WORK/lxd.log")"

container=$mark-all
root=$LXD_DIR/storage-pools/default/containers
# prepared IMAGE CONTAINER: stopped, with the configuration that render() has.
prepared() {
	lxc init "$1" "$2" -c 'user.name=web server' -c 'user.list=b,a,c' -c "user.html=<b>x & 'y' \"z\"</b>" -c user.empty= \
		>/dev/null 2>&1 </dev/null &&
		lxc config set "$2" user.multi=$'first\nsecond\n\n' user.lines=$'one\ntwo\n\nthree' \
			user.user-data=$'#cloud-config\nusers: []\n' &&
		lxc config device add "$2" eth9 none >/dev/null
}

prepared all "$container" || give_up 'a container' "$(tail "$WORK/lxd.log")"
timeout 120 lxc start "$container" >"$WORK/start.log" 2>&1 </dev/null || give_up 'the container with all templates starts' \
	"$(cat "$WORK/start.log"; tail -n 5 "$WORK/lxd.log"; lxc info "$container" --show-log 2>&1 | tail -n 20)"
alike=0
for name in $rendered; do
	render "$name.tpl" "$container" "$name" >"$WORK/got" 2>/dev/null
	if cmp -s "$WORK/got" "$root/$container/rootfs/out/$name"; then
		alike=$((alike + 1))
	else
		not_ok "$name: LXD gives the same" "$(diff "$root/$container/rootfs/out/$name" "$WORK/got")"
	fi
done
is 'all templates are rendered alike by LXD' "$alike" "$(wc -w <<<"$rendered")"
count "$alike templates rendered alike by kiln and a real LXD"
check 'at least 60 of them' [ "$alike" -ge 60 ]
timeout 60 lxc delete --force "$container" >/dev/null 2>&1

# What is refused stays refused when LXD meets it: no instance with it starts. All at once, for LXD takes ten seconds
# to give one up.
starting=()
for name in $refused; do
	container=$mark-$name
	prepared all "$container" || give_up "a container for $name" "$(tail -n 5 "$WORK/lxd.log")"
	metadata "$name" >"$root/$container/metadata.yaml"
	cp "$name.tpl" "$root/$container/templates/"
	timeout 120 lxc start "$container" >"$WORK/start-$name.log" 2>&1 </dev/null &
	starting+=("$name:$!")
done
alike=0
for pair in "${starting[@]}"; do
	name=${pair%%:*}
	if wait "${pair##*:}"; then
		not_ok "$name: LXD refuses it" "$(cat "$root/$mark-$name/rootfs/out/$name")"
	elif [ -s "$root/$mark-$name/rootfs/out/$name" ]; then
		not_ok "$name: LXD writes nothing" "$(cat "$root/$mark-$name/rootfs/out/$name" "$WORK/start-$name.log")"
	else
		alike=$((alike + 1))
	fi
done
is 'all that kiln refuses is refused by LXD' "$alike" "$(wc -w <<<"$refused")"
count "$alike templates refused by both"
lxd_is_clean
