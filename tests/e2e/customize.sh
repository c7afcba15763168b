#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Actions, files, environment and filters of a recipe, seen from inside and in the finished image.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

become_root
require_programs jq zstd
require_mirror

minbase_recipe "$WORK/t.yaml" <<'R'
packages:
  manager: apt
  cleanup: true
  repositories:
  - name: sources.list
    url: deb http://ftp.debian.org/debian {{ image.release }} main
  - name: extra.list
    url: deb http://ftp.debian.org/debian {{ image.release }}-updates main
    releases: [trixie]
  sets:
  - action: install
    packages: [hello]
  - action: install
    packages: [no-such-package]
    variants: [cloud]
environment:
  variables:
  - key: GREETING
    value: good  morning
  - key: OTHER
    value: never
    releases: [trixie]
files:
- generator: dump
  path: /etc/motd.d/one
  content: "{{ not.expanded }}"
  mode: "0600"
  uid: "33"
  gid: games
- generator: dump
  path: /etc/motd.d/two
  pongo: true
  content: |-
    {% if image.release == "bookworm" and image.variant != "cloud" %}release {{ image.release }}{% endif %}
- generator: copy
  source: from
  path: /opt/copied
- generator: remove
  path: /etc/motd.d/gone
- generator: hostname
  path: /etc/hostname
- generator: hosts
  path: /etc/hosts
- generator: template
  name: note
  path: /etc/note
  content: |-
    {{ container.name }} {{ properties.flavour }}
  template:
    properties:
      flavour: vanilla
    when: [create, rename]
- generator: cloud-init
  name: user-data
- generator: dump
  path: /etc/never
  content: x
  architectures: [arm64]
actions:
- trigger: post-files
  action: |-
    #!/bin/sh -eu
    echo "post-files $(test -e /etc/motd.d/one && echo sees files)" >> /order
- trigger: post-packages
  action: |-
    #!/bin/sh -eu
    echo "post-packages $(test -x /usr/bin/hello && echo sees hello)" >> /order
    touch /etc/motd.d-made-by-action; mkdir -p /etc/motd.d; touch /etc/motd.d/gone
- trigger: post-unpack
  action: |-
    #!/bin/sh -eu
    echo "post-unpack $(test -e /usr/bin/hello || echo no hello yet)" > /order
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list > /seen.sources 2>/dev/null || true
    env > /seen.env
    id -u > /seen.id
    hostname > /seen.hostname
    cat /proc/self/mountinfo > /seen.mounts
    ls /proc | grep -cE '^[0-9]+$' > /seen.processes
    touch /proc/sys/kernel/x /sys/x 2> /dev/null && echo yes > /seen.writable || echo no > /seen.writable
    readlink /proc/self/exe > /dev/null
    ls -l /proc/self/fd > /seen.fds
    cat > /dev/null && echo empty > /seen.stdin
- trigger: post-update
  action: |-
    #!/usr/bin/perl
    open(my $f, ">>", "/order"); print $f "post-update by perl\n";
- trigger: post-update
  pongo: true
  action: |-
    #!/bin/sh -eu
    echo "post-update in {{ image.release }}" >> /order
- trigger: post-packages
  action: |-
    #!/bin/sh
    echo "never" >> /order
  releases: [trixie, sid]
R
mkdir -p "$WORK/from/deep" && echo "a file of the host" >"$WORK/from/deep/file" && ln -s deep/file "$WORK/from/link"

run env SECRET_OF_THE_HOST=1 "$KILN" build "$WORK/t.yaml" --format unified --cache "$CACHE" --output "$WORK/out"
[ "$status" = 0 ] || give_up 'builds' "$err"
ok 'builds'
image_root "$WORK/out" "$WORK/image" || give_up 'unpacks'
root=$WORK/image/rootfs
seen() {
	cat "$root/$1" 2>&1
}

is 'actions run at their triggers, in the order of the recipe' "$(seen order)" \
	'post-unpack no hello yet
post-update by perl
post-update in bookworm
post-packages sees hello
post-files sees files'
has 'repositories are written before the first action' "$(seen seen.sources)" \
	'^deb http://ftp.debian.org/debian bookworm main$'
is 'filters keep a repository out' "$(find "$root/etc/apt/sources.list.d" -name 'extra*')" ''
has 'the environment has what the recipe says' "$(seen seen.env)" '^GREETING=good  morning$'
has 'and the defaults' "$(seen seen.env)" '^DEBIAN_FRONTEND=noninteractive$'
has_no 'but not what a filter keeps out' "$(seen seen.env)" '^OTHER='
has_no 'nor anything of the host' "$(seen seen.env)" 'SECRET_OF_THE_HOST|KILN|SSH_|SUDO_'
is 'actions run as root' "$(seen seen.id)" 0
check 'not under the name of the host' [ "$(seen seen.hostname)" != "$(hostname)" ]
has_no 'they see no mount of the host' "$(seen seen.mounts)" " $TOP| /home | /boot "
check 'and no process of it' [ "$(seen seen.processes)" -le 8 ]
is 'they cannot write to the kernel' "$(seen seen.writable)" no
has_no 'they hold no file of the host' "$(seen seen.fds)" "-> ($TOP|$WORK|/home)"
is 'they are asked nothing' "$(seen seen.stdin)" empty

is 'dump: content as it stands' "$(seen etc/motd.d/one)" '{{ not.expanded }}'
is 'dump: mode and owner, also by name' "$(stat -c '%a %u %g' "$root/etc/motd.d/one")" '600 33 60'
is 'dump: a template when it says so' "$(seen etc/motd.d/two)" 'release bookworm'
is 'copy: a folder with what is in it' "$(seen opt/copied/deep/file) $(readlink "$root/opt/copied/link")" \
	'a file of the host deep/file'
is 'remove' "$(find "$root/etc/motd.d" -name gone)" ''
is 'filters keep a file out' "$(find "$root/etc" -maxdepth 1 -name never)" ''

metadata=$(cat "$WORK/image/metadata.yaml")
for path in /etc/hostname /etc/hosts /etc/note /var/lib/cloud/seed/nocloud-net/user-data; do
	has "metadata: template of $path" "$metadata" "^  \"?$path\"?:\$"
done
has 'metadata: a property of a template' "$metadata" '^ +"?flavour"?: "?vanilla"?$'
is 'the template itself is not rendered' "$(cat "$WORK/image/templates/note.tpl")" \
	'{{ container.name }} {{ properties.flavour }}'
is 'only what was asked for is installed' \
	"$(jq -r '.packages[].name' "$WORK/out/image.json" | grep -cE '^(vim|systemd|recommended)$')" 0

# ---- a failing action

minbase_recipe "$WORK/bad.yaml" <<'R'
packages:
  manager: apt
actions:
- trigger: post-unpack
  action: |-
    #!/bin/sh
    for i in 1 2 3; do echo "line $i of the action"; done
    echo "a word to standard error" >&2
    sleep 4711 &
    exit 7
R
line=$(grep -n 'action: |-' "$WORK/bad.yaml" | cut -d : -f 1)
mkdir "$WORK/bad"
echo old >"$WORK/bad/image.json"
fails 'a failing action: its status, place and exit status' action \
	"bad\.yaml:$line(:[0-9]+)?: .*exit status 7|bad\.yaml:$((line + 1))(:[0-9]+)?: .*exit status 7" \
	"$KILN" build "$WORK/bad.yaml" --cache "$CACHE" --output "$WORK/bad"
has 'its last lines are shown' "$err" 'line 3 of the action'
has 'those to standard error too' "$err" 'a word to standard error'
is 'the output folder is as it was' "$(cd "$WORK/bad" && grep -r . --exclude='*.log' .)" './image.json:old'
is 'what it left running is gone' "$(pgrep -f 'sleep 4711')" ''

# ---- a network in actions, none in package scripts

minbase_recipe "$WORK/net.yaml" <<'R'
packages:
  manager: apt
actions:
- trigger: post-unpack
  action: |-
    #!/bin/sh -eu
    test "$(ls /sys/class/net | wc -l)" -ge 1
    cat /etc/resolv.conf > /seen.resolv
R
run "$KILN" build "$WORK/net.yaml" --format unified --compression none --cache "$CACHE" --output "$WORK/net" --json
is '--json prints the record' "$(jq -S . <<<"$out" 2>&1)" "$(jq -S . "$WORK/net/image.json")"
check '--compression none makes a plain tar' sh -c "tar -tf '$WORK'/net/*.tar | head -n 1 | grep -x metadata.yaml"
is 'the resolv.conf of the host is not in the image' \
	"$(tar -xOf "$WORK"/net/*.tar rootfs/etc/resolv.conf 2>/dev/null | grep -cF "$(grep -m1 nameserver /etc/resolv.conf)")" 0
