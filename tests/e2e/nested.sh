#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln inside an unprivileged container of a real LXD, started from an image that kiln has built: as its root, and as a
# user of it without any right. The images are those that root of the host gets, to the byte.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"

[ -n "${KILN_TEST_LONG-}" ] || skip_all 'takes minutes (make check-long)'
require_root 'an LXD runs as root'
require_programs lxd lxc unshare jq ldd dpkg-query
require_mirror

# An image with this very kiln, and with the libraries and programs that it needs.
packages=$(ldd "$KILN" | grep -o '/[^ ]*' | while read -r file; do
	dpkg-query -S "$(readlink -f "$file")" "*/${file##*/}" 2>/dev/null | head -n 1 | sed 's/:.*//'
done | sort -u | sed 's/^/    - /')
cp -r "$TOP/recipes" "$TOP/templates" "$WORK/"
cp "$KILN" "$WORK/recipes/kiln"
cat >"$WORK/recipes/host.yaml" <<R
extends: debian-bookworm.yaml
image:
  name: host
packages:
  sets:
  - action: install
    packages:
$packages
    - gpgv
    - uidmap
files:
- generator: copy
  source: kiln
  path: /usr/bin/kiln
  mode: "0755"
  uid: "0"
  gid: "0"
actions:
- trigger: post-files
  action: |
    #!/bin/sh
    set -e
    useradd --create-home --uid 1000 somebody
    echo somebody:100000:65536 >/etc/subuid
    echo somebody:100000:65536 >/etc/subgid
R
check 'an image with kiln in it' "$KILN" build "$WORK/recipes/host.yaml" --cache "$CACHE" --output "$WORK/host" --format unified

# What is built in there: the smallest Debian, from a cache of what it takes.
minbase_recipe "$WORK/small.yaml" <<<'packages: { manager: apt }'
check 'root of the host builds' "$KILN" build "$WORK/small.yaml" --cache "$WORK/cache" --output "$WORK/by-root" \
	--format unified --no-layers --payloads 0
wanted=$(jq -r '.artifacts[0].fingerprint' "$WORK/by-root/image.json")
tar -C "$WORK" -cf "$WORK/input.tar" cache small.yaml keys

# Enough for the container's own users to have subordinate ids.
LXD_IDS=200000
lxd_start
check 'LXD imports it' lxc image import "$WORK"/host/host*.tar.zst --alias host
container=$mark-host
for nesting in false true; do
	lxc launch --quiet host "$container" -c security.nesting=$nesting >"$WORK/launch.log" 2>&1 </dev/null ||
		give_up "a container with nesting $nesting" "$(cat "$WORK/launch.log")"
	within 150 is_up
	timeout 60 lxc exec "$container" -- tar -xf - -C /root <"$WORK/input.tar"
	said=$(inside kiln build /root/small.yaml --offline --cache /root/cache --output /root/out --format unified --json)
	is "nesting $nesting: its root gets the same image" \
		"$(jq -er '.artifacts[0].fingerprint' 2>/dev/null <<<"$(sed -n '/^{/,$p' <<<"$said")" ||
			tail -n 20 <<<"$said")" "$wanted"
	inside sh -c 'mv /root/cache /root/small.yaml /root/keys /home/somebody/ && chown -R somebody: /home/somebody'
	said=$(inside su - somebody -c 'kiln build small.yaml --offline --cache cache --output out --format unified --json')
	is "nesting $nesting: so does a user of it" \
		"$(jq -er '.artifacts[0].fingerprint' 2>/dev/null <<<"$(sed -n '/^{/,$p' <<<"$said")" || tail -n 20 <<<"$said")" \
		"$wanted"
	lxc delete --force "$container"
done
lxd_is_clean
