#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln verify and kiln inspect on images that are right but for one thing. Files that are wrong as such are
# hostile.sh's.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 zstd jq gpg ssh-keygen mksquashfs
cd "$WORK" || exit 1
python3 "$TOP/tests/hostile/make_images.py" --good-only corpus >/dev/null || give_up 'images are made'

sums() {
	(cd release && sha256sum -- *.tar* *.squashfs 2>/dev/null >SHA256SUMS)
}

# fresh: a folder "release" with a unified image and a pair.
fresh() {
	rm -rf release
	mkdir release
	cp corpus/good-unified-zstd.tar.zst corpus/good-split-zstd.* release/
	sums
}

# ---- what is right

for image in corpus/good-unified-*; do
	run "$KILN" verify "$image"
	is "$image: exit status, and nothing is said of it" "$status $(grep -c '^corpus' <<<"$out")" '0 1'
done
for pair in corpus/good-*.meta.tar.xz; do
	root=$(echo "${pair%.meta.tar.xz}".rootfs.*)
	check "$pair finds its root" "$KILN" verify "$pair"
	check "$pair with its root named" "$KILN" verify "$pair" "$root"
	is 'its fingerprint is that of both in a row' "$("$KILN" verify "$pair" --json 2>/dev/null | jq -r '.[0].fingerprint')" \
		"$(cat "$pair" "$root" | sha256sum | cut -d ' ' -f 1)"
done
image=release/good-unified-zstd.tar.zst
fresh
run "$KILN" verify release
is 'a folder: exit status' "$status" 0
is 'a folder: both images' "$(grep -c 'SHA256SUMS *good' <<<"$out")" 2
has 'its one line' "$err" '^2 images, nothing wrong$'

# ---- digests

print=$(sha256sum <"$image" | cut -d ' ' -f 1)
check 'the fingerprint is as promised' "$KILN" verify "$image" --fingerprint "$print"
fails 'or not' digest '1 mistake in 1 image' "$KILN" verify "$image" --fingerprint "${print//[0-7]/8}"
has 'with both' "$out" "the fingerprint is $print, and not "
fails 'a fingerprint that is none' usage '64 digits' "$KILN" verify "$image" --fingerprint abc
fails 'a fingerprint for a folder' usage 'folder' "$KILN" verify release --fingerprint "$print"

printf '{"artifacts":[{"files":[{"name":"good-unified-zstd.tar.zst"}],"fingerprint":"%s"}]}' "$print" >release/image.json
run "$KILN" verify "$image" --json
is 'image.json says so too' "$status $(jq -r '.[0].as_promised' <<<"$out")" '0 good'
sed -i "s/$print/${print//[0-7]/8}/" release/image.json
fails 'image.json says another' digest '1 mistake' "$KILN" verify "$image"
has 'and where' "$out" '^release/image.json: the fingerprint of'
echo '{' >release/image.json
fails 'an image.json that is none' format '1 mistake' "$KILN" verify "$image"
has 'with its place' "$out" '^release/image.json: [0-9]+:[0-9]+: no JSON'

fresh
sed -i "s/^$print/${print//[0-7]/8}/" release/SHA256SUMS
fails 'SHA256SUMS says another' digest '1 mistake' "$KILN" verify "$image"
has 'of that file' "$out" "^$image: its SHA-256 is $print; SHA256SUMS says"
sed -i '/unified/d' release/SHA256SUMS
fails 'SHA256SUMS does not name it' digest '1 mistake' "$KILN" verify "$image"
echo nonsense >>release/SHA256SUMS
fails 'a line that is none' 'digest' '2 mistakes' "$KILN" verify "$image"
has 'with its number' "$out" '^release/SHA256SUMS: 3: '
fresh
echo other >release/notes.tar.txt
(cd release && sha256sum notes.tar.txt >>SHA256SUMS)
check 'a file that is no image is hashed' "$KILN" verify release
echo changed >release/notes.tar.txt
fails 'and when it was changed' digest '1 mistake in 2 images' "$KILN" verify release
rm release/notes.tar.txt
fails 'or is not there' digest '1 mistake' "$KILN" verify release
has 'it is named' "$out" '^release/notes.tar.txt: .*not there'
sed -i 's,notes.tar.txt,../notes,' release/SHA256SUMS
fails 'a name of another folder' format '1 mistake' "$KILN" verify release

# ---- signatures

fresh
export GNUPGHOME=$WORK/gpg
mkdir -m 700 gpg
at_exit gpgconf --homedir "$WORK/gpg" --kill all
for who in one two; do
	gpg --batch --quiet --passphrase '' --quick-generate-key "$who@example.org" ed25519 sign never 2>/dev/null
	gpg --batch --quiet --armor --export "$who@example.org" >"$who.asc"
	ssh-keygen -q -t ed25519 -N '' -C "$who" -f "ssh-$who"
	printf '%s@example.org namespaces="file" %s\n' "$who" "$(cat "ssh-$who.pub")" >"$who.signers"
done
fails 'no signature' trust '1 mistake' "$KILN" verify "$image" --keyring one.asc
fails 'none by SSH' trust '1 mistake' "$KILN" verify "$image" --allowed-signers one.signers
gpg --batch --quiet --armor --local-user one@example.org --detach-sign release/SHA256SUMS
ssh-keygen -q -Y sign -f ssh-one -n file release/SHA256SUMS 2>/dev/null
run "$KILN" verify "$image" --keyring one.asc --allowed-signers one.signers --json
is 'both are good' "$status $(jq -r '.[0].signature' <<<"$out")" '0 good'
check 'of a folder, too' "$KILN" verify release --keyring one.asc --allowed-signers one.signers
run "$KILN" verify "$image"
is 'unasked, they are named' "$status $(grep -c 'note: not checked' <<<"$out")" '0 2'
fails 'another key' trust '1 mistake' "$KILN" verify "$image" --keyring two.asc
fails 'another SSH key' trust '1 mistake' "$KILN" verify "$image" --allowed-signers two.signers
has 'it is named' "$out" '^release/SHA256SUMS.sig: it is by no key of the allowed signers'
echo >>release/SHA256SUMS
fails 'changed behind its signature' trust '1 mistake' "$KILN" verify "$image" --keyring one.asc
fails 'changed behind that of SSH' trust '1 mistake' "$KILN" verify "$image" --allowed-signers one.signers
fails 'a keyring that is none' trust 'keys from' "$KILN" verify "$image" --keyring "$TOP/README.md"
fails 'a keyring that is not there' system 'nothing.asc' "$KILN" verify "$image" --keyring nothing.asc
fails 'signers that are not there' system 'nothing' "$KILN" verify "$image" --allowed-signers nothing
rm release/SHA256SUMS
fails 'nothing is signed' trust 'mistake' "$KILN" verify "$image" --keyring one.asc

# ---- all that is wrong, not the first only

mkdir -p bad/templates
printf 'architecture: pdp11\ncreation_date: 1\nexpiry_date: x\ntemplates:\n  /a: {when: [boot], template: a}\n' >bad/metadata.yaml
printf '{%% if %%}' >bad/templates/b
ln -s /etc/passwd bad/templates/c
tar -C bad -cf bad.tar metadata.yaml templates
fails 'many at once' format '[5-9] mistakes in 1 image' "$KILN" verify bad.tar
for pattern in "metadata.yaml:1:15: the architecture 'pdp11'" "metadata.yaml:3:14: 'expiry_date'" \
	"metadata.yaml:5:15: 'boot'" "metadata.yaml:5:3: the template 'a' of '/a' is not in templates/" \
	"entry 'templates/c': a template must be a regular file, and is a symbolic link" \
	'there is no root in it'; do
	has "that $pattern" "$out" "^bad.tar: $pattern"
done
run "$KILN" verify bad.tar --json
is 'as JSON: not valid' "$(jq -r '.[0].valid, .[0].mistakes == ([.[0].problems[] | select(.level == "mistake")] | length)' <<<"$out" | xargs)" \
	'false true'
fails 'a folder without images' usage 'no image' "$KILN" verify bad
fails 'nothing there' system 'nothing' "$KILN" verify nothing
fails 'a device' usage 'no regular file' "$KILN" verify /dev/null

# ---- inspect

run "$KILN" inspect corpus/good-unified-zstd.tar.zst
is 'inspect: exit status' "$status" 0
for pattern in 'unified, zstd' 'system +Tiny 1' 'architecture +x86_64' 'created +2023-11-14 22:13:20 UTC' \
	'os: tiny' '/etc/hostname: hostname.tpl; create, copy' 'packages +2, with 2.9 KiB' '2.9 KiB +12.0 KiB +one 1.0'; do
	has "inspect: $pattern" "$out" "$pattern"
done
for image in corpus/good-unified-none.tar corpus/good-split-zstd.meta.tar.xz corpus/good-squashfs-*.meta.tar.xz; do
	run "$KILN" inspect --json "$image"
	is "inspect $image: as of the other formats" "$status $(jq -c '[.system, .root.bytes, .packages[0].bytes, .packages[0].files,
		.properties.os, .biggest_files[0].bytes]' <<<"$out")" '0 ["Tiny 1",3313,3000,1,"tiny",3000]'
done
fails 'inspect: a bad image' format 'bad.tar' "$KILN" inspect bad.tar

# ---- a real one

[ -n "${KILN_TEST_IMAGE-}" ] || as_root true 2>/dev/null || skip_all 'the default image needs root, or subordinate ids'
default_image
name=$(jq -r .name "$IMAGE/image.json")
run "$KILN" verify "$IMAGE"
is 'the default image, both formats: exit status' "$status" 0
has_no 'and not a word' "$out" "^$IMAGE/.*(mistake|note)"
is 'as promised' "$(grep -c 'as promised *good' <<<"$out")" 2
run "$KILN" inspect --json "$IMAGE/$name.tar.zst"
is 'its packages' "$(jq -r '.packages | length' <<<"$out")" "$(jq -r '.packages | length' "$IMAGE/image.json")"
is 'their files are what dpkg says, but for a tenth' \
	"$(jq -r '[.packages[] | .bytes] | add as $a | $a > 150000000' <<<"$out")" true
cp "$IMAGE/$name.tar.zst" cut.tar.zst
truncate -s -1000 cut.tar.zst
fails 'a kilobyte is missing' format 'mistake' "$KILN" verify cut.tar.zst
