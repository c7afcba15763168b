#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The recipes that come with kiln: they are without a mistake, and what the archives that can be reached have is enough
# for those of Debian. In the long run each image of these is built and boots in a real LXD.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"

require_rights
require_programs jq
require_mirror
cd "$WORK" || exit 1

recipes=$(cd "$TOP/recipes" && printf '%s\n' *.yaml | sed 's/\.yaml$//')
said=$(cd "$TOP" && "$KILN" check 2>&1)
has 'all recipes are checked, and have no mistake' "$said" "^$(wc -l <<<"$recipes") recipes, no mistake\$"
is 'make list shows them' "$(cd "$TOP" && "$KILN" list --json | jq -r '.[].name')" "$recipes"

images=0
planned=0
for recipe in $recipes; do
	for cell in $("$KILN" matrix "$TOP/recipes/$recipe.yaml" --json | jq -r '.[] | [.release, .architecture, .variant] | join("/")'); do
		IFS=/ read -r release arch variant <<<"$cell"
		images=$((images + 1))
		# The archives of others cannot be reached from everywhere, so no more is shown than that they hold together.
		case $recipe in
		debian-*) command=(plan) ;;
		*) command=(build --until recipe) ;;
		esac
		# A mirror may be a copy of some day.
		if "$KILN" "${command[@]}" "$TOP/recipes/$recipe.yaml" --cell "release=$release,architecture=$arch,variant=$variant" --cache "$CACHE" \
			-o source.check_valid_until=false -q >/dev/null 2>plan.log; then
			planned=$((planned + 1))
		else
			not_ok "$recipe $variant: can be planned" "$(cat plan.log)"
		fi
	done
done
check "every image of every recipe can be planned ($images)" [ "$planned/$((images >= 25))" = "$images/1" ]

bad=
for release in trusty xenial bionic focal jammy noble; do
	for arch in amd64 i386 arm64; do
		"$KILN" build "$TOP/recipes/ubuntu-$release.yaml" --until recipe -q -o "image.architecture=$arch" >/dev/null 2>&1 ||
			bad="$bad $release/$arch"
	done
done
is 'ubuntu: every release on every architecture' "$bad" ''

[ -n "${KILN_TEST_LONG-}" ] || {
	skip 'every image of Debian boots' 'takes minutes (make check-long)'
	exit 0
}

require_root 'an LXD runs as root'
require_programs lxd lxc unshare
lxd_start
cat >network-config <<'N'
version: 2
ethernets:
  eth0:
    addresses: [192.0.2.7/24]
N

# A link of its own, without anybody who would give it an address: cloud-init gives it one.
launch() {
	lxc init --quiet "$name" "$container" &&
		case $name in
		*-cloud)
			lxc config set "$container" user.network-config - <network-config &&
				lxc config device add "$container" eth0 nic nictype=p2p name=eth0
			;;
		esac &&
		lxc start "$container"
}

for recipe in debian-bullseye debian-bookworm debian-trixie debian-sid; do
	if "$KILN" build "$TOP/recipes/$recipe.yaml" --all --format unified --cache "$CACHE" --output images -o source.check_valid_until=false \
		>/dev/null 2>build.log </dev/null; then
		ok "$recipe: all its images"
	else
		not_ok "$recipe: all its images" "$(tail -n 30 build.log)"
	fi
	for folder in images/*; do
		name=$(basename "$folder")
		container=$mark-$name
		lxc image import "$folder"/*.tar.zst --alias "$name" >/dev/null 2>&1
		if launch >launch.log 2>&1 </dev/null && within 150 is_up; then
			is "$name: systemd says" "$state" running
			is "$name: no failed unit" "$(inside systemctl --failed --no-legend --plain)" ''
			is "$name: no package in a wrong state" "$(inside dpkg --audit)" ''
			case $name in
			*-cloud)
				has "$name: cloud-init" "$(inside cloud-init status --wait)" '^status: done'
				has "$name: has done as it was told" "$(inside ip -4 address show dev eth0)" 'inet 192\.0\.2\.7/24'
				;;
			*) is "$name: no cloud-init" "$(inside sh -c 'command -v cloud-init || true')" '' ;;
			esac
		else
			not_ok "$name: boots" "$(cat launch.log) $state $(inside systemctl --failed --no-legend --plain)"
		fi
		lxc delete --force "$container" >/dev/null 2>&1
	done
	rm -rf images
done
lxd_is_clean
