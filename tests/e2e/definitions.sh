#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every published definition, as it is, without a change: it loads, is checked without a mistake, and the steps of
# every image that its filters name, and of every image that lxc-ci builds of it, can be planned.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../definitions.sh
. "$(dirname "$0")/../definitions.sh"

published_definitions
cd "$DEFINITIONS" || exit 1

loaded=0 cells=0 jobs=0

# What cannot be known from the file alone: lxc-ci gives it on the command line.
declare -A further=([devuan]='-o image.release=daedalus' [mint]='-o image.release=xia -o source.suite=noble')

# Of each definition: only what this version does not run, or nothing; and where it stands.
for file in *.yaml; do
	name=${file%.yaml}
	run "$KILN" check "$file"
	if [ "$status" != 0 ] && [ "$status" != "$(status_of unsupported)" ]; then
		not_ok "$name is checked without a mistake" "exit status $status
$out"
		continue
	fi
	has_no "$name: all that is said is a note, or not supported yet" "$out" \
		"^$file:[0-9]+:[0-9]+: (n[^o]|no[^t]|[^n])"
	downloader=$(sed -nE 's/^  downloader: "?([a-z-]+)"?.*/\1/p' "$file")
	if [ "$downloader" = debootstrap ]; then
		is "$name: can be built" "$status" 0
	else
		has "$name: its source is not supported yet, at its place" "$out" \
			"^$file:$(grep -n '^  downloader:' "$file" | cut -d : -f 1):[0-9]+: not supported yet: 'source.downloader: $downloader'"
	fi
	loaded=$((loaded + 1))
	# shellcheck disable=SC2086 # words
	run "$KILN" plan "$file" --steps --cells --json ${further[$name]-}
	count=$(jq '[.[] | select(.steps | length >= 2)] | length' <<<"$out" 2>/dev/null)
	if [ "$status" = 0 ] && [ "${count:-0}" -gt 0 ]; then
		cells=$((cells + count))
		is "$name: the steps of its ${count} images" "$count" "$(jq length <<<"$out")"
	else
		not_ok "$name: the steps of every image that its filters name" "$err"
	fi
done

# plan NAME TYPES ARCHITECTURES RELEASES VARIANTS [OPTION...]: as one of lxc-ci's jobs.
plan() {
	local name=$1 types=$2 architectures=$3 releases=$4 variants=$5 type architecture release variant failed='' count=0
	shift 5
	for type in $types; do
		for architecture in $architectures; do
			for release in $releases; do
				for variant in $variants; do
					"$KILN" plan "$name.yaml" --steps --type "$type" -o "image.architecture=$architecture" \
						-o "image.release=$release" -o "image.variant=$variant" "$@" \
						>"$WORK/steps" 2>"$WORK/steps.err" || failed+="$(cat "$WORK/steps.err")
"
					grep -qE "^ +[0-9]+  image .* $variant $type\$" "$WORK/steps" ||
						failed+="$name $type $architecture $release $variant: $(head -n 1 "$WORK/steps")
"
					count=$((count + 1))
				done
			done
		done
	done
	jobs=$((jobs + count))
	is "$name: the $count images of its job${1:+ ($*)}" "$failed" ''
}

plan almalinux 'container vm' 'x86_64 aarch64' '8 9' 'default cloud' -o source.variant=boot
plan alpine 'container vm' 'x86_64 aarch64 armv7l' '3.18 3.19 3.20 3.21' 'default cloud'
plan alpine 'container vm' 'x86_64 aarch64' edge 'default cloud tinycloud' -o source.same_as=3.21
plan alt 'container vm' 'x86_64 aarch64' 'Sisyphus p11' default
plan amazonlinux container 'x86_64 aarch64' 2023 default -o source.url=https://cdn.amazonlinux.com/al2023/x.tar.xz
plan apertis container 'amd64 arm64 armhf' 'v2023 v2024' default
plan archlinux 'container vm' 'x86_64 aarch64' current 'default cloud desktop-gnome' \
	-o source.url=https://fl.us.mirror.archlinuxarm.org
plan busybox container 'x86_64 aarch64' 1.36.1 default
plan centos 'container vm' 'x86_64 aarch64' '7 8-Stream 9-Stream' 'default cloud' -o source.variant=boot \
	-o source.skip_verification=true -o packages.manager=yum
plan debian 'container vm' 'amd64 arm64 armhf riscv64' 'buster bullseye bookworm trixie sid' 'default cloud' \
	-o source.url=http://ftp.us.debian.org/debian
plan devuan container 'amd64 arm64' 'chimaera daedalus excalibur' 'default cloud'
plan fedora 'container vm' 'x86_64 aarch64' '40 41 42' 'default cloud'
plan funtoo container x86_64 1.4 default
plan gentoo 'container vm' 'x86_64 aarch64' current 'openrc systemd cloud' -o source.variant=openrc
plan kali container 'amd64 arm64' kali-rolling 'default cloud'
plan mint container amd64 'vanessa vera victoria virginia' 'default cloud' -o source.suite=jammy
plan mint container amd64 'wilma xia' 'default cloud' -o source.suite=noble
plan nixos container 'x86_64 aarch64' 'unstable 24.11' default
plan openeuler 'container vm' 'x86_64 aarch64' '22.03 24.03' 'default cloud'
plan opensuse 'container vm' 'x86_64 aarch64' '15.5 15.6 tumbleweed' 'default cloud desktop-kde'
plan openwrt container 'x86_64 aarch64' '22.03 23.05 24.10 snapshot' default -o packages.manager=opkg
plan oracle 'container vm' 'x86_64 aarch64' '7 8 9' 'default cloud' \
	-o source.url=https://yum.oracle.com/ISOS/OracleLinux
plan plamo container x86_64 8.x default
plan rockylinux 'container vm' 'x86_64 aarch64' '8 9' 'default cloud' -o source.variant=boot
plan slackware container x86_64 '15.0 current' default
plan springdalelinux 'container vm' x86_64 '7 8 9' 'default cloud'
plan ubuntu 'container vm' 'amd64 arm64 armhf riscv64' 'focal jammy noble oracular' 'default cloud desktop' \
	-o source.url=http://ports.ubuntu.com/ubuntu-ports
plan voidlinux container 'x86_64 aarch64' current 'default musl' -o source.variant=default

# What a step plan has to be, looked at in one: templates expanded, filters applied, consecutive sets merged.
run "$KILN" plan debian.yaml --steps -o image.release=trixie -o image.variant=cloud -o image.architecture=arm64
is 'debian trixie cloud: its steps' "$(awk '{ print $2 }' <<<"$out" | uniq -c | awk '{ print $1 "*" $2 }' | xargs)" \
	'1*image 1*base 1*early 3*repository 1*post-unpack 1*install 3*post-packages 1*hostname 1*hosts 2*remove 1*dump 1*remove 4*cloud-init 1*post-files'
has 'its security archive' "$out" 'sources.list: deb http://[a-z]+\.debian\.org/debian-security/ trixie-security main contrib$'
has 'its sets are one' "$out" ' install +dialog init .* vim udev cloud-init gpg polkitd pkexec$'
run "$KILN" plan - --steps -o image.release=bookworm
is 'a definition on standard input that is empty is refused' "$status" "$(status_of recipe)"
is 'from standard input the steps are the same' \
	"$("$KILN" plan - --steps --cells <debian.yaml 2>/dev/null | sha256sum)" \
	"$("$KILN" plan debian.yaml --steps --cells 2>/dev/null | sha256sum)"

start=$(date +%s%N)
"$KILN" check ./*.yaml >/dev/null 2>&1
spent_ms=$((($(date +%s%N) - start) / 1000000))
check 'checking them all takes less than 2 s' [ "$spent_ms" -lt 2000 ]

check 'there are at least 24 definitions' [ "$loaded" -ge 24 ]
is 'all of them are loaded' "$loaded" "$(find . -name '*.yaml' | wc -l)"
check 'at least 500 cells are planned' [ "$cells" -ge 500 ]
count "$loaded definitions loaded, $cells cells planned by filters and $jobs as lxc-ci's jobs, checked in $spent_ms ms"
