#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# recipes/ubuntu-precise.yaml, for i686 and amd64, from an archive in the formats of its age (tests/precise/make-archive)
# and through `make image`: metadata as published images of that release had them, a root as dpkg 1.16 wants it, and a
# real LXD that imports, starts and configures it.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"

become_root
require_programs gpg jq make perl python3 zstd
require_mirror
cd "$WORK" || exit 1

# ---- an archive of that age

python3 "$TOP/tests/precise/make-archive" served --mirror "$MIRROR" --cache "$(dirname "$CACHE")/precise" \
	>archive.log 2>&1 || give_up 'an archive of that age' "$(cat archive.log)"
suites=served/ubuntu/dists
has 'its Release file has MD5, too' "$(cat $suites/precise/Release)" '^MD5Sum:$'
is 'there is no InRelease' "$(find $suites -name InRelease)" ''
is 'nor by-hash' "$(find $suites -name by-hash)" ''
is 'packages in every codec of that age' "$(find served/ubuntu/pool -name '*.deb' -exec sh -c 'ar t "$1" | tail -n 1' sh {} \; | sort -u | paste -sd' ')" 'data.tar.bz2 data.tar.gz data.tar.lzma data.tar.xz'
serve "$WORK/served"

# ---- images

case $KILN in
*/asan/*) sanitize=1 ;;
*) sanitize= ;;
esac

# image ARCH: as the README says
image() {
	SOURCE_DATE_EPOCH=1458040200 XDG_CACHE_HOME=$WORK/cache make -s -C "$TOP" image RECIPE=ubuntu-precise ARCH="$1" \
		SANITIZE=$sanitize MIRROR="$SERVER/ubuntu" OPTIONS="source.keys.0=$WORK/served/key.asc" OUT="$WORK/$1" \
		>"$1.log" 2>&1 </dev/null
}

# values FILE: "a.b.0 value" for every scalar of a YAML file, sorted
values() {
	perl -MCPAN::Meta::YAML=LoadFile -MJSON::PP -e 'print encode_json(LoadFile($ARGV[0]))' "$1" |
		jq -r 'paths(scalars) as $p | [($p | map(tostring) | join(" ")), (getpath($p) | tostring | @json)] | join(" = ")' |
		sort
}

published() {
	local path
	cat <<-'V'
		architecture = "i686"
		creation_date = "1458040200"
		properties architecture = "i686"
		properties description = "Ubuntu 12.04 LTS server (20160315)"
		properties os = "ubuntu"
		properties release = "precise"
		templates /var/lib/cloud/seed/nocloud-net/meta-data template = "cloud-init-meta.tpl"
		templates /var/lib/cloud/seed/nocloud-net/meta-data when 0 = "start"
		templates /var/lib/cloud/seed/nocloud-net/user-data properties default = "#cloud-config\n{}\n"
		templates /var/lib/cloud/seed/nocloud-net/user-data template = "cloud-init-user.tpl"
		templates /var/lib/cloud/seed/nocloud-net/user-data when 0 = "start"
		templates /var/lib/cloud/seed/nocloud-net/vendor-data properties default = "#cloud-config\n{}\n"
		templates /var/lib/cloud/seed/nocloud-net/vendor-data template = "cloud-init-vendor.tpl"
		templates /var/lib/cloud/seed/nocloud-net/vendor-data when 0 = "start"
	V
	for path in console tty1 tty2 tty3 tty4; do
		echo "templates /etc/init/$path.override template = \"upstart-override.tpl\""
		echo "templates /etc/init/$path.override when 0 = \"create\""
	done
}

look_at_metadata() {
	local ours theirs
	ours=$(values "$root/metadata.yaml")
	theirs=$(published | sort)
	is 'i686: every published value is there' "$(comm -13 <(echo "$ours") <(echo "$theirs"))" ''
	is 'i686: and these beside them' "$(comm -23 <(echo "$ours") <(echo "$theirs") | sed 's/ = .*//' |
		grep -v ' create_only$' | paste -sd,)" \
		'expiry_date,properties name,properties serial,properties variant'
}

look_at_root() {
	local arch=$1 debian=$2 file said
	for file in cloud-init-meta cloud-init-user cloud-init-vendor upstart-override; do
		check "$arch: $file.tpl is that of templates/" cmp "$root/templates/$file.tpl" "$TOP/templates/$file.tpl"
	done
	is "$arch: /usr is not merged" "$(stat -c %F "$rootfs/bin" "$rootfs/sbin" "$rootfs/lib" | sort -u)" directory
	check "$arch: initctl is upstart's own again" cmp "$rootfs/sbin/initctl" "$TOP/tests/precise/initctl"
	is "$arch: nothing keeps services from starting" "$(ls "$rootfs/usr/sbin/policy-rc.d" 2>/dev/null)" ''
	is "$arch: no field that dpkg 1.16 does not know" \
		"$(grep -cE '^(Protected|Important|Static-Built-Using):' "$rootfs/var/lib/dpkg/status")" 0
	is "$arch: available is there for it" "$(stat -c %F "$rootfs/var/lib/dpkg/available")" 'regular empty file'
	is "$arch: info/ names the architecture of Multi-Arch: same alone" \
		"$(cd "$rootfs/var/lib/dpkg/info" && printf '%s\n' libc6*.list bash*.list dpkg.list | sort | paste -sd' ')" \
		"bash.list dpkg.list libc6:$debian.list"
	is "$arch: all packages are installed" \
		"$(grep '^Status:' "$rootfs/var/lib/dpkg/status" | sort -u)" 'Status: install ok installed'
	said=$(cat "$rootfs/etc/apt/sources.list")
	is "$arch: its sources" "$said" "$(printf 'deb http://old-releases.ubuntu.com/ubuntu %s main universe\n' \
		precise precise-updates precise-security)"
	is "$arch: no file knows the mirror" "$(grep -rlF "${SERVER#http://}" "$rootfs/etc" "$rootfs/var")" ''
	has "$arch: DHCP on eth0 by ifupdown" "$(cat "$rootfs/etc/network/interfaces")" '^iface eth0 inet dhcp$'
	for file in udev udevmonitor udevtrigger tty5 tty6; do
		is "$arch: $file does not start" "$(cat "$rootfs/etc/init/$file.override")" manual
	done
	is "$arch: newer versions came from the other suites" \
		"$(jq -r '.packages[] | select(.name == "rsyslog" or .name == "sudo").version' "$arch/image.json" |
			grep -c '~release')" 0
}

for arch in i686 amd64; do
	if image "$arch"; then
		ok "make image RECIPE=ubuntu-precise ARCH=$arch"
	else
		give_up "make image RECIPE=ubuntu-precise ARCH=$arch" "$(tail -n 30 "$arch.log")"
	fi
	root=$WORK/root-$arch rootfs=$WORK/root-$arch/rootfs
	image_root "$arch" "$root"
	[ "$arch" = amd64 ] || look_at_metadata
	look_at_root "$arch" "${arch/i686/i386}"
done
has_no 'nothing of by-hash was asked for' "$(cat "$SERVER_LOG")" by-hash
has 'InRelease was looked for first' "$(head -n 3 "$SERVER_LOG")" '/dists/precise[a-z-]*/InRelease 404'
has 'Release.gpg then' "$(cat "$SERVER_LOG")" '/dists/precise/Release.gpg 200'

# ---- what must not pass

# plan ARGUMENT...: with an empty cache
plan() {
	rm -rf fresh
	"$KILN" plan "$TOP/recipes/ubuntu-precise.yaml" --cache fresh --mirror "$SERVER/ubuntu" -o image.architecture=i686 "$@"
}
fails 'a key that nobody has given' trust 'is signed by keys that the recipe does not have: 0x' plan
fails 'SHA-1 alone is not enough' trust "'source.accept_sha1: true'" \
	plan -o "source.keys.0=$WORK/served/key.asc" -o source.accept_sha1=false
sed -i 's/^Label: Ubuntu/Label: Ubantu/' $suites/precise/Release
fails 'a changed Release file' trust 'bad signature' plan -o "source.keys.0=$WORK/served/key.asc"
sed -i 's/^Label: Ubantu/Label: Ubuntu/' $suites/precise/Release
mv $suites/precise/Release.gpg Release.gpg
fails 'without its signature' trust 'is not signed' plan -o "source.keys.0=$WORK/served/key.asc"
mv Release.gpg $suites/precise/Release.gpg
mv $suites/precise/main/binary-i386/Packages.gz Packages.gz
cp $suites/precise/main/binary-amd64/Packages.gz $suites/precise/main/binary-i386/Packages.gz
fails 'the index of another architecture' 'digest|fetch' 'Packages' plan -o "source.keys.0=$WORK/served/key.asc"
mv Packages.gz $suites/precise/main/binary-i386/Packages.gz

# A kernel without the page is what kiln takes this one for when its own mappings do not show it.
# shellcheck disable=SC2016 # expanded by the inner shell
unpage() {
	unshare --mount --propagation private sh -c 'mount --bind "$0" /proc/$$/maps && exec "$@"' "$WORK/maps" "$@"
}
grep -v vsyscall /proc/self/maps >maps
if grep -q vsyscall /proc/self/maps; then
	rm -rf fresh
	fails 'no vsyscall page: amd64 ends early' unsupported 'libc6 2\.15.*boot it with vsyscall=emulate' \
		unpage "$KILN" build "$TOP/recipes/ubuntu-precise.yaml" --cache "$WORK/cache/kiln" --offline --mirror "$SERVER/ubuntu" \
		-o image.architecture=amd64 -o "source.keys.0=$WORK/served/key.asc" --output none
	is 'and writes nothing' "$(find none -type f ! -name '*.log' 2>/dev/null)" ''
	check 'i386 does not need it' unpage "$KILN" build "$TOP/recipes/ubuntu-precise.yaml" --until unpack \
		--cache "$WORK/cache/kiln" --offline --mirror "$SERVER/ubuntu" -o image.architecture=i686 \
		-o "source.keys.0=$WORK/served/key.asc"
else
	skip 'no vsyscall page' 'this kernel has none'
fi

# ---- LXD

require_root 'an LXD runs as root'
if ! command -v lxd >/dev/null || ! command -v lxc >/dev/null || ! command -v ip >/dev/null; then
	skip 'LXD imports and starts it' 'needs lxd, lxc and ip'
	exit 0
fi
lxd_start
lxd_inside ip link add kilnbr0 type bridge
lxd_inside ip address add 10.98.76.1/24 dev kilnbr0
lxd_inside ip link set kilnbr0 up
lxd_inside python3 "$TOP/tests/precise/dhcp" kilnbr0 10.98.76.1 10.98.76.54 >dhcp.log 2>&1 </dev/null &
lxc profile device add default eth0 nic nictype=bridged parent=kilnbr0 name=eth0 >/dev/null

is_started() {
	inside grep -qx 'event runlevel' /var/log/init.log
}

look_at_image() {
	local name
	name=$(jq -r '.artifacts[] | select(.format == "unified").files[0].name' "$arch/image.json")
	check "$arch: LXD imports it" lxc image import "$arch/$name" --alias "$arch"
	lxc image list --format json | jq ".[] | select(.aliases[].name == \"$arch\")" >shown.json
	is "$arch: LXD's fingerprint is ours" "$(jq -r .fingerprint shown.json)" \
		"$(jq -r '.artifacts[] | select(.format == "unified").fingerprint' "$arch/image.json")"
	is "$arch: LXD shows its architecture" "$(jq -r .architecture shown.json)" "${arch/amd64/x86_64}"
	is "$arch: LXD shows its properties" \
		"$(jq -r '.properties | [.os, .release, .description, .architecture] | join("|")' shown.json)" \
		"ubuntu|precise|Ubuntu 12.04 LTS server (20160315)|${arch/amd64/x86_64}"
	is "$arch: LXD shows its date" "$(jq -r '.created_at | fromdate' shown.json)" 1458040200
}

look_inside() {
	local said
	within 90 is_started || not_ok "$arch: its init comes to its end" "$(inside cat /var/log/init.log)"
	said=$(inside cat /var/log/init.log)
	for job in console tty1 tty2 tty3 tty4 tty5 tty6 udev udevmonitor udevtrigger; do
		has "$arch: $job is not started" "$said" "^$job manual\$"
	done
	is "$arch: no getty, no udev" "$(inside sh -c 'cat /var/log/getty.log /var/log/udev.log 2>/dev/null')" ''
	is "$arch: the template of the overrides" "$(inside cat /etc/init/tty4.override)" manual
	has "$arch: mountall has mounted all it was asked to" "$said" '^mountall ended 0$'
	is "$arch: without a complaint" "$(inside cat /var/log/mountall.log)" ''
	has "$arch: /run is a file system of its own" "$(inside cat /proc/mounts)" ' /run tmpfs '
	has "$arch: ifupdown" "$said" '^networking ended 0$'
	has "$arch: has an address by DHCP" "$(inside ip -4 -o address show eth0)" ' 10\.98\.76\.54/24 '
	is "$arch: its name from the seed" "$(inside cat /etc/hostname)" "$container"
	has "$arch: meta-data" "$(inside cat /var/lib/cloud/seed/nocloud-net/meta-data)" "^instance-id: $container\$"
	is "$arch: user-data of the instance" "$(inside cat /var/lib/cloud/instance/user-data.txt)" \
		"$(printf '#cloud-config\nhostname: other')"
	is "$arch: vendor-data by default" "$(inside cat /var/lib/cloud/instance/vendor-data.txt)" \
		"$(printf '#cloud-config\n{}')"
	is "$arch: processor" "$(inside dpkg --print-architecture)" "${arch/i686/i386}"
	is "$arch: no package in a wrong state" "$(inside dpkg --audit)" ''
	check "$arch: apt finds no broken dependency" inside apt-get -qq check
}

for arch in i686 amd64; do
	look_at_image
	container=$mark-$arch
	if lxc launch --quiet "$arch" "$container" --config user.user-data=$'#cloud-config\nhostname: other' \
		>launch.log 2>&1 </dev/null; then
		ok "$arch: LXD starts it"
		look_inside
		check "$arch: and stops it" timeout 60 lxc stop "$container" --timeout 30
	else
		not_ok "$arch: LXD starts it" "$(cat launch.log)
$(lxc info "$container" --show-log 2>&1 | tail -n 20)"
	fi
done
lxd_is_clean
