#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln lint of images and folders, and as the gate of every build.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
become_root
require_programs jq python3 dpkg-deb gpg zstd

# lint ARGUMENT...: sets $status, $out and $err.
lint() {
	run "$KILN" lint "$@"
}

# found FILE: rule and path of each finding in its JSON, without those that are allowed.
found() {
	jq -r '.findings[] | select(.allowed | not) | "\(.rule) \(.path)"' "$1"
}

# The table in the manual is the program's.
lint --rules --json
table=$(jq -r '.[] | "\(.id) (\(.severity))\n\(.reason)\n\(.fix)"' <<<"$out")
page=$(awk '/^\.Sh / { on = $0 == ".Sh RULES OF LINT"; next } on && /^\.It Cm / { sub(/^\.It Cm /, ""); rows = 1 }
	/^\.El/ { rows = 0 } on && rows' "$TOP/builder/kiln.1" |
	sed -E "s/^([a-z-]+) Pq ([a-z]+)$/\1 (\2)/; s/^\\\\&//; s/ \\\\\(em$//; s/\\\\e/\\\\/g" |
	awk 'NR % 3 == 2 { $0 = tolower(substr($0, 1, 1)) substr($0, 2) } NR % 3 == 0 { sub(/\.$/, "") } { print }')
is 'kiln(1) has the rules, with severity, reason and remedy' "$(tr '[:upper:]' '[:lower:]' <<<"$page")" \
	"$(tr '[:upper:]' '[:lower:]' <<<"$table")"
check 'there are more than 60' [ "$(wc -l <<<"$table")" -gt 180 ]
count "$(($(wc -l <<<"$table") / 3)) rules of lint"
lint --rules
is '--rules prints as many' "$(grep -c '^[a-z]' <<<"$out")" "$(($(wc -l <<<"$table") / 3))"

# The image of the shipped recipe, in each form.
default_image
name=$(jq -r .name "$IMAGE/image.json")
lint "$IMAGE/$name.tar.zst" --fail-on warning
is 'the default image has no error and no warning' "$status $err" '0 '
has 'and says so' "$out" '0 errors, 0 warnings'
lint "$IMAGE/$name.tar.zst" --json
unified=$(jq -S .findings <<<"$out")
lint "$IMAGE/$name.meta.tar.xz" "$IMAGE/$name.rootfs.tar.zst" --json
is 'a split image is found the same' "$(jq -S .findings <<<"$out")" "$unified"
lint "$IMAGE/$name.meta.tar.xz" --json
is 'also when the root is only beside the metadata' "$(jq -S .findings <<<"$out")" "$unified"
image_root "$IMAGE" "$WORK/image"
root=$WORK/image/rootfs
lint "$root" --json --fail-on warning
is 'so is the folder that it unpacks to, systemd-analyze included' "$status $(found "$WORK/run.out")" \
	"0 $(jq -r '.[] | "\(.rule) \(.path)"' <<<"$unified")"

# What the field has shipped, planted into that folder.
printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n' "$(head -c 60 /dev/zero | base64 -w 70)" >"$root/etc/ssh/ssh_host_ed25519_key"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
echo 'nameserver 192.0.2.1' >"$WORK/resolv.conf"
cp --remove-destination "$WORK/resolv.conf" "$root/etc/resolv.conf"
echo 'Acquire::http::Proxy "http://cache.example:3142";' >"$root/etc/apt/apt.conf.d/01proxy"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
sed -i 's/^root:[^:]*:/root::/' "$root/etc/shadow"
setfattr -x security.capability "$root/usr/bin/ping" 2>/dev/null
chmod 0700 "$root"
make_node "$root/opt/null" c 1 3
cp "$root/bin/true" "$root/usr/local/bin/helper"
chmod 4755 "$root/usr/local/bin/helper"
rm "$root/sbin/init"
sed -i '0,/^Status: install ok installed/s//Status: install ok half-configured/' "$root/var/lib/dpkg/status"
printf '[Service]\nType=wrong\nExecStart=/usr/bin/nothing\n' >"$root/etc/systemd/system/mine.service"
ln -s ../mine.service "$root/etc/systemd/system/multi-user.target.wants/mine.service"
lint "$root" --json
is 'errors: exit status' "$(word_of "$status")" lint
is 'and every one of them is found' "$(jq -r '.findings[] | select(.severity == "error") | .rule' "$WORK/run.out" | sort | xargs)" \
	'capabilities-lost device-node empty-password init-missing machine-id package-unfinished policy-rc-d proxy resolv-conf root-folder set-uid-unowned ssh-host-key unit-program'
if command -v systemd-analyze >/dev/null; then
	has 'systemd-analyze adds what it sees' "$(found "$WORK/run.out")" '^unit-verify /etc/systemd/system/mine.service'
else
	skip 'systemd-analyze adds what it sees' 'there is none here'
fi
is 'the error is one line' "$(grep -c . <<<"$err")" 1
tar -C "$WORK/image" -cf "$WORK/bad.tar" --xattrs --xattrs-include='*' --exclude rootfs/opt/null metadata.yaml rootfs
python3 - "$WORK/bad.tar" <<'P'
import sys, tarfile
node = tarfile.TarInfo('rootfs/opt/null')
node.type, node.devmajor, node.devminor = tarfile.CHRTYPE, 1, 3
with tarfile.open(sys.argv[1], 'a') as archive:
    archive.addfile(node)
P
lint "$WORK/bad.tar" --sarif
is 'an image of it: exit status' "$(word_of "$status")" lint
is 'the same errors, as SARIF' "$(jq -r '.runs[0].results[] | select(.level == "error") | .ruleId' "$WORK/run.out" | sort -u | wc -l)" 13
has 'with their files' "$(jq -r '.runs[0].results[].locations[]?.physicalLocation.artifactLocation.uri' "$WORK/run.out")" '^etc/machine-id$'
allow=(--allow capabilities-lost --allow device-node='/opt/*' --allow empty-password --allow init-missing --allow machine-id=/etc/machine-id
	--allow package-unfinished --allow policy-rc-d --allow proxy --allow resolv-conf --allow root-folder
	--allow set-uid-unowned=/usr/local/* --allow ssh-host-key --allow unit-program)
lint "$WORK/bad.tar" "${allow[@]}"
is 'all of them allowed' "$status" 0
has 'and counted' "$out" ' 13 allowed$'
fails 'all but one place' lint 'device-node' "$KILN" lint "$WORK/bad.tar" "${allow[@]/%\/opt\/\*//srv/*}"
head -c 5000000 "$WORK/bad.tar" >"$WORK/cut.tar"
fails 'an image that is cut off' format 'cut.tar' "$KILN" lint "$WORK/cut.tar"
fails 'no image' system nowhere "$KILN" lint "$WORK/nowhere"
fails 'an unknown rule' usage "unknown rule 'machine-ids' \(did you mean 'machine-id'\?\)" "$KILN" lint "$root" --allow machine-ids
fails 'an unknown severity' usage "unknown severity 'fatal'" "$KILN" lint "$root" --fail-on fatal
rm -r "$WORK/image"

# As the gate of a build.
base_deb
archive "$WORK/archive" --suite bookworm >/dev/null
serve "$WORK/archive"
cd "$WORK" || exit 1
tiny_recipe r.yaml "$SERVER"
cat >>r.yaml <<'R'
files:
- {generator: dump, path: /srv/secret.pem, content: "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----"}
- {generator: dump, path: /etc/hostname, content: builder7}
R
build() {
	run "$KILN" build "$@" --cache "$WORK/cache" --output "$WORK/out" --mirror none
}
files() {
	find "$WORK/out" -type f ! -name "*.log" 2>/dev/null | wc -l
}
build r.yaml
is 'a root with an error: exit status' "$(word_of "$status")" lint
has 'the finding is named' "$err" "lint: /srv/secret.pem: a private key \[private-key, error\]"
has 'and what to do' "$err" "^kiln: 1 finding of kiln lint stops this image.*lint.allow.*--allow"
is 'no file is left' "$(files)" 0
build r.yaml --allow private-key=/srv/*
is 'it is built when that is allowed' "$status" 0
has 'a warning remains one' "$err" 'warning: lint: /etc/hostname: .* \[host-name, warning\]'
build r.yaml --allow private-key=/srv/*
has 'once more it is taken from its layer' "$err" 'image files from layers'
build r.yaml
is 'but not by a build that does not allow it' "$(word_of "$status")" lint
build r.yaml --no-lint
is '--no-lint' "$status" 0
has_no 'looks at nothing' "$err" 'lint:'
build r.yaml --allow private-key --fail-on warning
is '--fail-on warning' "$(word_of "$status")" lint
sed 's|allow: init-missing|allow: [init-missing, private-key=/srv/secret.pem, host-name]|' r.yaml >allowed.yaml
build allowed.yaml
is 'lint.allow of a recipe' "$status" 0
has_no 'which is quiet about it' "$err" 'host-name|private-key'
build allowed.yaml --no-layers
is 'also without layers' "$status" 0
sed 's|allow: init-missing|allow: privat-key|' r.yaml >wrong.yaml
fails 'an unknown rule in a recipe' recipe "wrong.yaml:[0-9]+:10: lint.allow: unknown rule 'privat-key' \(did you mean 'private-key'\?\)" \
	"$KILN" build wrong.yaml --until recipe
run "$KILN" check wrong.yaml
has 'kiln check finds it' "$out" "^wrong.yaml:[0-9]+:10: lint.allow: unknown rule"
