#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a build of recipes/debian-bookworm.yaml leaves: the files beside each other, the record, the archives
# from outside, and the tree in them from inside. What a daemon makes of it is lxd.sh's.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq tar zstd xz python3 dpkg
default_image
become_root
record=$IMAGE/image.json

field() {
	jq -r "$1" "$record"
}

name=$(field .name)
unified=$IMAGE/$name.tar.zst
meta=$IMAGE/$name.meta.tar.xz
rootfs=$IMAGE/$name.rootfs.tar.zst

# ---- beside each other

is 'the output folder has exactly the files of the image' \
	"$(find "$IMAGE" -mindepth 1 ! -name 'build.*' -printf '%f\n' | LC_ALL=C sort)" \
	"$(printf '%s\n' "$name.tar.zst" "$name.meta.tar.xz" "$name.rootfs.tar.zst" "$name".{manifest,{spdx,cdx,provenance}.json,log} \
		SHA256SUMS image.json | LC_ALL=C sort)"
check 'SHA256SUMS holds' sh -c "cd '$IMAGE' && sha256sum --strict -c SHA256SUMS"
is 'and names every file of the image but the log, which has clocks in it' "$(wc -l <"$IMAGE/SHA256SUMS")" 7

if [ -e "$IMAGE/build.out" ]; then
	is 'standard output has a line per artefact' "$(wc -l <"$IMAGE/build.out")" 2
	for file in "$unified" "$meta" "$rootfs"; do
		has "it names $(basename "$file" | sed "s/$name/NAME/")" "$(cat "$IMAGE/build.out")" "$(basename "$file")"
	done
	for format in unified split; do
		has "and the fingerprint of $format" "$(cat "$IMAGE/build.out")" \
			"^$format .*$(field ".artifacts[] | select(.format == \"$format\").fingerprint")\$"
	done
fi

# ---- the record

check 'image.json has its fields with their types' jq -e '
	(.name, .distribution, .release, .architecture, .variant, .serial | type) == "string" and
	(.creation_date | type) == "number" and (.timing | type) == "object" and
	([.artifacts[] | (.format, .fingerprint | type) == "string"] | all) and
	([.artifacts[].files[] | (.name, .sha256 | type) == "string" and (.size | type) == "number"] | all) and
	([.packages[] | (.name, .version, .architecture | type) == "string"] | all)' "$record"
is 'it says which image it is' "$(field '[.distribution, .release, .architecture, .variant] | join(" ")')" \
	'debian bookworm x86_64 default'
is 'it times every stage' "$(field '.timing | keys_unsorted | join(" ")')" \
	'recipe index plan fetch unpack configure customize pack evidence layers other total'
is 'fingerprint of unified: sha256 of the file' "$(sha256sum <"$unified" | cut -d ' ' -f 1)" \
	"$(field '.artifacts[] | select(.format == "unified").fingerprint')"
is 'fingerprint of split: sha256 of both, metadata first' "$(cat "$meta" "$rootfs" | sha256sum | cut -d ' ' -f 1)" \
	"$(field '.artifacts[] | select(.format == "split").fingerprint')"
is 'sizes and digests are those of the files' \
	"$(field '.artifacts[].files[] | "\(.sha256) \(.size) \(.name)"' | LC_ALL=C sort)" \
	"$(for file in "$unified" "$meta" "$rootfs"; do
		echo "$(sha256sum <"$file" | cut -d ' ' -f 1) $(stat -c %s "$file") $(basename "$file")"
	done | LC_ALL=C sort)"

# ---- the archives

zstd -qdc "$unified" | tar -tvf - --numeric-owner --full-time >"$WORK/unified.list"
zstd -qdc "$unified" | tar -tf - >"$WORK/unified.names"
zstd -qdc "$rootfs" | tar -tf - >"$WORK/rootfs.names"
xz -qdc "$meta" | tar -tf - >"$WORK/meta.names"
is 'unified: metadata.yaml is the first entry' "$(head -n 1 "$WORK/unified.names")" metadata.yaml
is 'unified: then templates/, then rootfs/, nothing else' \
	"$(cut -d / -f 1 "$WORK/unified.names" | uniq | paste -sd ' ')" 'metadata.yaml templates rootfs'
is 'split: the metadata archive has the same' "$(cat "$WORK/meta.names")" \
	"$(grep -v '^rootfs' "$WORK/unified.names")"
# One names the root "rootfs/", the other "./" or nothing.
is 'split: the rootfs archive has the same entries in the same order' \
	"$(sed -E 's,^(\./|/),,; /^\.?\/?$/d' "$WORK/rootfs.names" | sha256sum)" \
	"$(sed -nE 's,^rootfs/(.+),\1,p' "$WORK/unified.names" | sha256sum)"
is 'entries are sorted within each folder' "$(python3 - "$WORK/unified.names" <<'P'
import sys
last = {}
for name in open(sys.argv[1], encoding="utf-8", errors="surrogateescape"):
    parts = name.rstrip("\n").rstrip("/").encode("utf-8", "surrogateescape").split(b"/")
    folder, leaf = b"/".join(parts[:-1]), parts[-1]
    if parts[0] == b"rootfs" and folder and leaf < last.get(folder, b""):
        print("%r after %r" % (name, last[folder]))
        break
    last[folder] = leaf
P
)" ''
is 'no time stamp is later than the creation date' \
	"$(awk -v latest="$(date -u -d "@$(field .creation_date)" '+%Y-%m-%d %H:%M:%S')" \
		'($4 " " $5) > latest' <(TZ=UTC0 tar --use-compress-program=zstd -tvf "$unified" --full-time) | head -n 3)" ''

image_root "$IMAGE" "$WORK/image" || give_up 'unified unpacks'
root=$WORK/image/rootfs
mkdir "$WORK/split"
xz -qdc "$meta" | tar -xf - -C "$WORK/split"
check 'both formats have the same metadata and templates' diff -r "$WORK/split/metadata.yaml" "$WORK/image/metadata.yaml"
check 'templates too' diff -r "$WORK/split/templates" "$WORK/image/templates"
has 'metadata: architecture' "$(cat "$WORK/image/metadata.yaml")" '^architecture: "?x86_64"?$'
has 'metadata: creation date' "$(cat "$WORK/image/metadata.yaml")" "^creation_date: $(field .creation_date)\$"
while read -r template; do
	check "metadata: template $template is there" test -f "$WORK/image/templates/$template"
done < <(sed -nE 's/^\s+template: "?([^"]+)"?$/\1/p' "$WORK/image/metadata.yaml")

# ---- nothing of the host or of the build

mirror=$(host_mirror)
host=${mirror#*://}
host=${host%%/*}
# It may be a host that packages name too, in an example say; those files are as their packages have them,
# which dpkg --verify shows below.
packaged=$WORK/packaged
cat "$root"/var/lib/dpkg/info/*.list | LC_ALL=C sort -u >"$packaged"
is 'the mirror of the build host is named nowhere' \
	"$(cd "$WORK/image" && grep -rlaF "${host:-no-such-host}" . | sed 's,^\./rootfs,,' | LC_ALL=C sort |
		LC_ALL=C comm -23 - "$packaged" | head -n 5)" ''
is 'nor the cache of the build' "$(cd "$WORK/image" && grep -rlaF "$CACHE" . | head -n 5)" ''
is 'nor the work folder' "$(cd "$WORK/image" && grep -rlaE 'kiln-(root|work|test|run)' . | head -n 5)" ''
absent() {
	local found
	found=$(cd "$root" && for pattern in "${@:2}"; do compgen -G "$pattern"; done | head -n 5)
	is "$1" "$found" ''
}
absent 'no policy-rc.d' usr/sbin/policy-rc.d
absent 'no stand-in for start-stop-daemon' 'usr/sbin/start-stop-daemon.*' 'usr/sbin/start-stop-daemon-*'
is 'no diversion of the build' "$(dpkg-divert --root "$root" --list 2>/dev/null | grep -E 'start-stop|policy|initctl')" ''
is 'no package index' "$(find "$root/var/lib/apt/lists" -type f ! -name lock 2>/dev/null | head -n 3)" ''
absent 'no downloaded package' 'var/cache/apt/archives/*.deb' 'var/cache/apt/*.bin'
is 'no log' "$(find "$root/var/log" -type f -size +0 | head -n 3)" ''
absent 'no backup of the user database' 'etc/passwd-' 'etc/shadow-' 'etc/group-' 'etc/gshadow-' 'etc/sub?id-'
absent 'no old dpkg database' 'var/lib/dpkg/*-old' 'var/lib/dpkg/updates/*'
absent 'no SSH host key' 'etc/ssh/ssh_host_*'
is 'machine-id as the recipe says' "$(tr -d '\n' <"$root/etc/machine-id")" uninitialized
absent 'no other machine-id' var/lib/dbus/machine-id
absent 'no random seed' var/lib/systemd/random-seed
is "resolv.conf is the image's own" "$(readlink "$root/etc/resolv.conf")" ../run/systemd/resolve/stub-resolv.conf
absent 'nothing in /tmp' 'tmp/*' 'tmp/.[!.]*' 'var/tmp/*'
is 'nothing in /run but where /var/lock leads to' "$(find "$root/run" -mindepth 1 -printf '%P %y %m\n')" 'lock d 1777'
absent 'nothing in /proc and /sys' 'proc/*' 'sys/*'
absent 'no history of a shell' 'root/.bash_history' 'root/.*hist*'
is 'no file of an unknown owner' "$(find "$root" -printf '%U %G\n' | sort -u | while read -r uid gid; do
	awk -F: -v id="$uid" '$3 == id { f = 1 } END { exit !f }' "$root/etc/passwd" || echo "uid $uid"
	awk -F: -v id="$gid" '$3 == id { f = 1 } END { exit !f }' "$root/etc/group" || echo "gid $gid"
done)" ''
has "apt's sources are the recipe's" "$(cat "$root/etc/apt/sources.list")" \
	'^deb (\[[^]]*\] )?http://security.debian.org/debian-security bookworm-security main'

# ---- the system in it

is 'dpkg --audit finds nothing' "$(dpkg --root="$root" --audit 2>&1)" ''
is 'dpkg --verify finds nothing' "$(dpkg --root="$root" --verify 2>&1)" ''
check 'apt-get check finds nothing' chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin apt-get -qq check
is 'image.json lists what dpkg has' \
	"$(field '.packages[] | "\(.name) \(.version) \(.architecture)"' | LC_ALL=C sort)" \
	"$(dpkg-query --admindir="$root/var/lib/dpkg" -W \
		-f '${db:Status-Status} ${Package} ${Version} ${Architecture}\n' | sed -n 's/^installed //p' | LC_ALL=C sort)"
is 'apt knows what was asked for and what followed' \
	"$(chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin apt-mark showmanual 2>/dev/null | grep -cxE 'vim|sudo|locales')" 3
has 'and would remove nothing by itself' \
	"$(chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin apt-get -s autoremove 2>&1)" ' 0 to remove'
is 'links of merged /usr' "$(readlink "$root/bin") $(readlink "$root/sbin") $(readlink "$root/lib")" \
	'usr/bin usr/sbin usr/lib'
is 'set-uid bits survive' "$(stat -c %a "$root/usr/bin/su")" 4755
has 'ping may send' "$(python3 -c '
import os, sys
path = sys.argv[1]
print("capability" if "security.capability" in os.listxattr(path) else "%o" % os.stat(path).st_mode)' "$root/usr/bin/ping")" \
	'^capability$|^104755$'
check 'locale en_US.UTF-8 is built' grep -qa en_US.utf8 "$root/usr/lib/locale/locale-archive"

# ---- nothing is left running or mounted

is 'no mount' "$(kiln_mounts)" ''
