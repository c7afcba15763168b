#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a recipe says in words instead of in scripts, all of it in one image: looked at in the root, and in a container
# of a real LXD, where it has to be in force.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"

become_root
require_programs jq zstd getcap
require_mirror

key='ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx0b1lqZ2lZb0p5cHBhZGRlZGtleWZvcnRlc3Rz someone@example.org'
# shellcheck disable=SC2016 # a hash: of the word "kiln"
hash='$6$kilnkiln$taNxWk0apoz5H5cdcPTuT4W7tjnqH2D/InEgQpattCork6/ZKmFn1nwcytocIX6bo2rLEvBrf9Lz1vwNiE3g..'

small=$WORK/small
mkdir -p "$small"/usr/share/{doc/small,man/man1,small} "$small/DEBIAN"
touch "$small"/usr/share/doc/small/{copyright,README} "$small/usr/share/man/man1/small.1" "$small/usr/share/small/data"
printf '%s\n' 'Package: small' 'Version: 1' 'Architecture: all' 'Maintainer: Test <test@example.org>' \
	'Description: test' >"$small/DEBIAN/control"
dpkg-deb --root-owner-group -b "$small" "$WORK/small.deb" >/dev/null

minbase_recipe "$WORK/t.yaml" <<R
packages:
  manager: apt
  cleanup: true
  repositories:
  - name: sources.list
    url: deb http://ftp.debian.org/debian {{ image.release }} main
  sets:
  - action: install
    packages: [cron, dbus, init, iputils-ping, locales, openssh-server, procps, sudo, systemd-resolved, tzdata]

exclude_paths:
- exclude: /usr/share/doc/*
  keep: true
- include: /usr/share/doc/*/copyright
  keep: true
- exclude: /usr/share/man/*
- pattern: ^/usr/share/locale/(?!de/|locale\.alias)

groups:
- name: makers
  gid: "4242"
  members: [daemon, ada]
- name: robots
  system: true

users:
- name: ada
  uid: "1815"
  comment: Ada Lovelace
  shell: /bin/bash
  password: $hash
  groups: [makers, sudo]
  authorized_keys:
  - $key
  sudo: ALL=(ALL) NOPASSWD:ALL
- name: bob
- name: robot
  system: true
  group: robots
  home: /var/lib/robot
- name: root
  password: locked
  shell: /bin/bash
- name: never
  releases: [trixie]

locales:
- name: de_DE.UTF-8
  default: true
- name: en_GB
  charset: ISO-8859-1

timezone: Europe/Berlin
keymap: de-nodeadkeys

files:
- generator: dump
  path: /etc/systemd/system/greeter@.service
  content: |
    [Unit]
    Description=Greets %i

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    User=ada
    ExecStart=/bin/sh -c 'echo hello %i, \$USER > /var/lib/robot/greeting'

    [Install]
    WantedBy=multi-user.target
    Alias=welcome@%i.service
- generator: dump
  path: /etc/motd
  content: |-
    first
    # second
    third
  uid: ada
- generator: template
  name: once
  path: /etc/once
  content: from the template
  template:
    when: [create, start]
    create_only: true
    uid: "1815"
    gid: "4242"
    mode: "0640"
- generator: template
  name: kept
  path: /etc/kept
  content: from the template
  template:
    when: [create]
    create_only: true
- generator: copy
  source: small.deb
  path: /small.deb
- generator: dump
  path: /etc/kept
  content: from the image

directories:
- path: /srv/data/in
  mode: "2775"
  uid: ada
  gid: makers
- path: /var/lib/robot
  uid: ada
links:
- path: /srv/latest
  target: data/in
lines:
- path: /etc/motd
  pattern: ^#\s*(.*)$
  action: replace
  line: \$1 was a comment
- path: /etc/motd
  line: fourth
- path: /etc/ssh/sshd_config
  pattern: ^#?\s*PasswordAuthentication
  line: PasswordAuthentication no
- path: /etc/pam.d/*
  pattern: pam_motd
  action: absent
permissions:
- path: /usr/bin/ping
  mode: "0755"
  capabilities: cap_net_raw=ep
- path: /srv
  uid: ada
  recursive: true

services:
- enable: [systemd-networkd, systemd-resolved, "greeter@world"]
  disable: [cron]
  mask: [systemd-firstboot, dev-hugepages.mount, systemd-journald-audit.socket, ssh.socket]
- enable: [no-such-service]
  variants: [cloud]
resolv_conf: stub
machine_id: uninitialized

actions:
- trigger: post-packages
  action: |
    #!/bin/sh -eu
    # Accounts and locales are there for the first actions that come behind packages.
    id ada > /seen.id
    locale -a > /seen.locales
- trigger: post-files
  action: |
    #!/bin/sh -eu
    systemctl is-enabled systemd-networkd > /seen.enabled
    systemctl disable ssh.service
    # The image's own dpkg leaves the same files out.
    dpkg -i /small.deb
    find /usr/share/doc/small /usr/share/man /usr/share/small -type f | sort > /seen.small
    rm /small.deb
R
python3 - "$WORK/t.yaml" <<'P'
import sys
path = sys.argv[1]
text = open(path).read().replace("  variant: minbase\n", "  variant: minbase\n", 1)
text = text.replace("  release: bookworm\n", """  release: bookworm
  properties:
    owner: Ada
    support: "{% if image.variant == 'cloud' %}paid{% endif %}"
    built-for: "{{ image.architecture_mapped }}"
  aliases: ["test/{{ image.release }}", plain]
  requirements:
    nesting: "false"
    secureboot: "{% if image.release == 'bookworm' %}false{% endif %}"
    cgroup: v2
""", 1)
open(path, "w").write(text)
P

# Twice: the second time the locales, and all before them, come from layers.
run "$KILN" build "$WORK/t.yaml" --no-lint --format unified --cache "$CACHE" --output "$WORK/out" --verbose
[ "$status" = 0 ] || give_up 'builds' "$(grep -v '^  ' <<<"$err" | tail -n 20)"
ok 'builds'
image_root "$WORK/out" "$WORK/image" || give_up 'unpacks'
root=$WORK/image/rootfs
seen() {
	cat "$root/$1" 2>&1
}
# owned PATH: mode, owner and group by number.
owned() {
	stat -c '%a %u:%g' "$root/$1" 2>&1
}
day=$(($(jq -r .creation_date "$WORK/out/image.json") / 86400))

# ---- accounts

is 'user: with number, comment, home and shell' "$(grep '^ada:' "$root/etc/passwd")" \
	'ada:x:1815:1815:Ada Lovelace:/home/ada:/bin/bash'
is 'user: password, and the day of the image' "$(grep '^ada:' "$root/etc/shadow")" "ada:$hash:$day:0:99999:7:::"
is 'user: without a password is locked' "$(grep '^bob:' "$root/etc/shadow")" "bob:!:$day:0:99999:7:::"
is 'user: the next number behind the highest' "$(grep '^bob:' "$root/etc/passwd")" \
	'bob:x:1816:1816::/home/bob:/bin/sh'
is 'user: of the system' "$(grep '^robot:' "$root/etc/passwd" | cut -d : -f 1,2,5-)" 'robot:x::/var/lib/robot:/usr/sbin/nologin'
check 'user: of the system has a number below 1000' [ "$(grep '^robot:' "$root/etc/passwd" | cut -d : -f 3)" -lt 1000 ]
is 'user: of the system has no limits in shadow' "$(grep '^robot:' "$root/etc/shadow")" "robot:!:$day::::::"
is 'user: one that was there is changed' "$(grep '^root:' "$root/etc/passwd") $(grep '^root:' "$root/etc/shadow" | cut -d : -f 2)" \
	'root:x:0:0:root:/root:/bin/bash *'
has_no 'user: filters keep one out' "$(seen etc/passwd)" '^never:'
is 'group: members' "$(grep '^makers:' "$root/etc/group") $(grep '^makers:' "$root/etc/gshadow")" \
	'makers:x:4242:ada,daemon makers:!::ada,daemon'
is 'group: of the package, with a member more' "$(grep '^sudo:' "$root/etc/group" | cut -d : -f 4)" ada
is 'subordinate ids, one range behind the other' "$(seen etc/subuid)" $'ada:100000:65536\nbob:165536:65536'
is 'the databases keep mode and owner' "$(owned etc/passwd), $(owned etc/shadow), $(owned etc/gshadow)" \
	'644 0:0, 640 0:42, 640 0:42'
is 'home: from the skeleton, as the user'\''s' "$(cmp "$root/etc/skel/.bashrc" "$root/home/ada/.bashrc") $(owned home/ada) $(owned home/ada/.bashrc)" \
	' 755 1815:1815 644 1815:1815'
is 'keys' "$(seen home/ada/.ssh/authorized_keys) $(owned home/ada/.ssh) $(owned home/ada/.ssh/authorized_keys)" \
	"$key 700 1815:1815 600 1815:1815"
is 'sudo' "$(seen etc/sudoers.d/ada) $(owned etc/sudoers.d/ada)" 'ada ALL=(ALL) NOPASSWD:ALL 440 0:0'
is 'accounts are there for actions' "$(seen seen.id)" \
	'uid=1815(ada) gid=1815(ada) groups=1815(ada),27(sudo),4242(makers)'

# ---- language, time, keyboard

is 'locales are there for actions' "$(grep -E '^(de|en)' "$root/seen.locales")" $'de_DE.utf8\nen_GB\nen_GB.iso88591'
has 'locale: default' "$(seen etc/default/locale)" '^LANG=de_DE\.UTF-8$'
is 'time zone' "$(readlink "$root/etc/localtime") $(seen etc/timezone)" '/usr/share/zoneinfo/Europe/Berlin Europe/Berlin'
has 'keyboard: of the console' "$(seen etc/vconsole.conf)" '^KEYMAP=de-nodeadkeys$'
has 'keyboard: layout' "$(seen etc/default/keyboard)" '^XKBLAYOUT="de"$'
has 'keyboard: variant' "$(seen etc/default/keyboard)" '^XKBVARIANT="nodeadkeys"$'

# ---- files

is 'folder' "$(owned srv/data/in)" '2775 1815:4242'
is 'link' "$(readlink "$root/srv/latest")" data/in
is 'lines: replaced, and added' "$(seen etc/motd)" $'first\nsecond was a comment\nthird\nfourth'
is 'lines: a file keeps its owner' "$(owned etc/motd)" '644 1815:0'
is 'lines: one that is changed' "$(grep -n PasswordAuthentication "$root/etc/ssh/sshd_config" | grep -v '# ' | cut -d : -f 2)" \
	'PasswordAuthentication no'
is 'lines: absent in every file of a pattern' "$(grep -rl pam_motd "$root/etc/pam.d")" ''
is 'capabilities' "$(getcap "$root/usr/bin/ping" | sed 's,.*/ping ,,')" 'cap_net_raw=ep'
is 'owner of a whole tree' "$(find "$root/srv" ! -user 1815)" ''

# ---- services

unit=/lib/systemd/system
is 'service: enabled' "$(readlink "$root/etc/systemd/system/multi-user.target.wants/systemd-networkd.service")" \
	"$unit/systemd-networkd.service"
is 'service: its alias' "$(readlink "$root/etc/systemd/system/dbus-org.freedesktop.network1.service")" \
	"$unit/systemd-networkd.service"
is 'service: what it names beside itself' "$(readlink "$root/etc/systemd/system/sockets.target.wants/systemd-networkd.socket")" \
	"$unit/systemd-networkd.socket"
is 'service: an instance of a template' "$(readlink "$root/etc/systemd/system/multi-user.target.wants/greeter@world.service") $(readlink "$root/etc/systemd/system/welcome@world.service")" \
	'/etc/systemd/system/greeter@.service /etc/systemd/system/greeter@.service'
is 'service: disabled' "$(find "$root/etc/systemd/system" -name 'cron.service')" ''
is 'service: disabled as script, too' "$(find "$root"/etc/rc[2-5].d -name '*cron' -printf '%f\n' | cut -c 1 | sort | uniq -c | xargs)" '4 K'
has 'service: disabled for the first start' "$(seen etc/systemd/system-preset/00-image.preset)" '^disable cron\.service$'
is 'service: masked' "$(readlink "$root/etc/systemd/system/dev-hugepages.mount")" /dev/null
is 'services are switched before the last actions' "$(seen seen.enabled)" enabled
is 'resolv.conf' "$(readlink "$root/etc/resolv.conf")" ../run/systemd/resolve/stub-resolv.conf
is 'machine id' "$(seen etc/machine-id)" uninitialized

# ---- paths that are left out

is 'left out, but for what is included' "$(find "$root/usr/share/doc" -type f -printf '%f\n' | sort -u)" copyright
check 'and that is there' [ -s "$root/usr/share/doc/locales/copyright" ]
is 'left out: manuals' "$(find "$root/usr/share/man" -type f)" ''
is 'left out by a regular expression' "$(find "$root/usr/share/locale" -type f | grep -v '/de/\|locale.alias')" ''
check 'which leaves what it says' [ -n "$(find "$root/usr/share/locale/de" -name '*.mo' | head -n 1)" ]
has 'dpkg knows of them all the same' "$(seen var/lib/dpkg/info/tzdata.list)" '^/usr/share/doc/tzdata/changelog'
is 'what a script installs goes by it, too' "$(seen seen.small | xargs)" \
	'/usr/share/doc/small/copyright /usr/share/small/data'
is 'the rules that are kept' "$(grep -v '#' "$root/etc/dpkg/dpkg.cfg.d/image-paths")" \
	$'path-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright'
is 'and no others' "$(find "$root/etc/dpkg/dpkg.cfg.d" -type f -printf '%f ')" 'image-paths '

# ---- metadata

text=$(cat "$WORK/image/metadata.yaml")
has 'property' "$text" '^  "?owner"?: "Ada"$'
has 'property: a template' "$text" '^  "?built-for"?: "amd64"$'
has_no 'property: one that expands to nothing is left out' "$text" 'support'
has 'requirement' "$text" '^  "?requirements.nesting"?: "false"$'
has 'requirement: a template' "$text" '^  "?requirements.secureboot"?: "false"$'
is 'aliases are in the record' "$(jq -c .aliases "$WORK/out/image.json")" '["test/bookworm","plain"]'
is 'template: owner and mode as Incus reads them' \
	"$(sed -n '/\/etc\/once/,/mode/p' "$WORK/image/metadata.yaml" | grep -E 'create_only|uid|gid|mode' | tr -d ' "' | xargs)" \
	'create_only:true uid:1815 gid:4242 mode:0640'

# ---- again

run "$KILN" build "$WORK/t.yaml" --no-lint --format unified --no-layers --cache "$CACHE" --output "$WORK/again"
is 'the same image without layers' "$status $(jq -r '.artifacts[].fingerprint' "$WORK/again/image.json")" \
	"0 $(jq -r '.artifacts[].fingerprint' "$WORK/out/image.json")"
sed -i 's|timezone: Europe/Berlin|timezone: Asia/Tokyo|' "$WORK/t.yaml"
run "$KILN" build "$WORK/t.yaml" --no-lint --format unified --compression none --cache "$CACHE" --output "$WORK/tokyo"
has 'a change of the system has its locales from layers' "$err" 'from layers, up to: .*(files|post-packages)'
is 'and is in the image' "$(tar -xOf "$WORK"/tokyo/*.tar rootfs/etc/timezone)" Asia/Tokyo

# ---- mistakes that only the root shows

mistake() {
	local name=$1 pattern=$2
	{
		echo 'packages: { manager: apt, cleanup: true }'
		cat
	} | minbase_recipe "$WORK/bad.yaml"
	fails "$name" recipe "$pattern" "$KILN" build "$WORK/bad.yaml" --format unified --cache "$CACHE" --output "$WORK/bad"
}
mistake 'a service that is not there' "bad\.yaml:[0-9]+:[0-9]+: there is no service 'nginx' in the image" <<-'R'
	services:
	- enable: [nginx]
R
mistake 'a shell that is not there' "user 'eve': shell '/bin/zsh' is not in the image" <<-'R'
	users:
	- {name: eve, shell: /bin/zsh}
R
mistake 'a locale that nothing can build' "nothing in the image can build locale 'de_DE.UTF-8'" <<-'R'
	locales:
	- name: de_DE.UTF-8
R

# ---- in force

require_root 'an LXD runs as root'
require_programs lxd lxc unshare
lxd_start
check 'LXD takes the image' lxc image import "$WORK/out/$(jq -r '.artifacts[0].files[0].name' "$WORK/out/image.json")" --alias steps
lxc query /1.0/images/"$(jq -r '.artifacts[0].fingerprint' "$WORK/out/image.json")" >"$WORK/shown.json"
is 'and shows what it requires' "$(jq -r '.properties | .["requirements.nesting"], .["requirements.secureboot"], .owner' "$WORK/shown.json" | xargs)" \
	'false false Ada'
container=$mark-steps
lxc launch --quiet steps "$container" >"$WORK/launch.log" 2>&1 </dev/null || give_up 'launches' "$(cat "$WORK/launch.log")"
within 150 is_up
is 'systemd is up, and no unit has failed' "$(inside systemctl --failed --no-legend --plain)" ''
is 'enabled services run' "$(inside systemctl is-active systemd-networkd systemd-resolved | xargs)" 'active active'
is 'so does the instance of a template, as its user' "$(inside cat /var/lib/robot/greeting)" 'hello world, ada'
is 'a disabled one is disabled behind the first start' "$(inside systemctl is-enabled cron)" disabled
is 'and does not run' "$(inside systemctl is-active cron)" inactive
is 'one that a script has disabled comes back, without a preset' "$(inside systemctl is-enabled ssh)" enabled
is 'a masked one is masked' "$(inside systemctl is-enabled dev-hugepages.mount)" masked
is 'the user is in the groups' "$(inside id -nG ada)" 'ada sudo makers'
is 'and may do as root what sudo allows' "$(inside su - ada -c 'sudo -n id -u')" 0
is 'the password is right' "$(inside perl -e '$p = (getpwnam("ada"))[1]; print crypt("kiln", $p) eq $p ? "right" : "wrong"')" \
	right
is 'accounts are consistent' "$(inside sh -c 'pwck -rq; grpck -rq' | grep -E 'ada|bob|robot|makers')" ''
has 'the language is in force' "$(inside systemctl show-environment)" '^LANG=de_DE\.UTF-8$'
has 'and speaks' "$(inside env LANG=de_DE.UTF-8 date -d 2026-01-01 +%B)" '^Januar$'
has 'the time zone is in force' "$(inside date -d 2026-07-01 +%Z)" '^CEST$'
has 'the machine has an id' "$(inside cat /etc/machine-id)" '^[0-9a-f]{32}$'
is 'resolv.conf leads to resolved' "$(inside readlink -f /etc/resolv.conf)" /run/systemd/resolve/stub-resolv.conf
is 'a template that creates only leaves what is there' "$(inside cat /etc/kept /etc/once | xargs)" \
	'from the image from the template'
is 'ping works by its capability' "$(inside su - ada -c 'ping -c 1 -q 127.0.0.1' | grep -c ' 0% packet loss')" 1
lxd_is_clean
