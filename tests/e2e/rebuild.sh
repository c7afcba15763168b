#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln rebuild: an image once more from its record: identical, or what differs; inputs that changed are named.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq gpg dpkg-deb python3

cd "$WORK" || exit 1
base_deb
deb still --file /etc/still=still
deb clock --file /etc/clock=x --script 'postinst=#!/bin/sh
read -r up _ </proc/uptime; echo "$up" >/etc/uptime'
archive arc
serve arc
tiny_recipe still.yaml "$SERVER/" still
tiny_recipe clock.yaml "$SERVER/" clock

# rebuild RECORD [ARGUMENT...]: with nothing left behind.
rebuild() {
	TMPDIR=$WORK/tmp run "$KILN" rebuild "$@" --cache cache
	is "nothing of it is left ($1)" "$(ls "$WORK/tmp")" ''
}
mkdir tmp

"$KILN" build still.yaml -o image.variant=odd --format unified,split --compression xz-1 --cache cache --output still \
	--quiet >build.out 2>&1 </dev/null || give_up 'a build' "$(cat build.out)"
fingerprints=$(jq -r '.artifacts[].fingerprint' still/image.json)

# Everything is the record's: options, formats, compression, date. And the recipe is found by the name that it has.
export SOURCE_DATE_EPOCH=1
rebuild still/image.json
unset SOURCE_DATE_EPOCH
is 'identical, in each format' "$status $(awk '{ print $1, $2 }' <<<"$out" | paste -sd,)" \
	'0 identical unified,identical split'
is 'with its fingerprints' "$(awk '{ print $3 }' <<<"$out")" "$fingerprints"

run "$KILN" rebuild still/image.json still.yaml --cache cache --offline --output again --json
is '--json' "$status $(jq -c '[.identical, [.artifacts[].identical]]' <<<"$out")" '0 [true,[true,true]]'
is '--output keeps the same files' "$(cd again && sha256sum -- *.xz)" "$(cd still && sha256sum -- *.xz)"
fails 'the image itself is not overwritten' usage "'still' holds the image" \
	"$KILN" rebuild still/image.json still.yaml --cache cache --output still

"$KILN" build clock.yaml --format unified --compression none --cache cache --output clock --quiet >build.out 2>&1 \
	</dev/null || give_up 'another build' "$(cat build.out)"
rebuild clock/image.json
is 'what writes the clock down differs' "$(word_of "$status")" different
has 'both fingerprints are shown' "$out" "^different  unified   [0-9a-f]{64} -> [0-9a-f]{64}$"
has 'that is not because of the inputs' "$out" '^inputs: the same$'
has 'the file is named' "$out" '^  \* /etc/uptime: content '
TMPDIR=$WORK/tmp run "$KILN" rebuild clock/image.json --cache cache --json
is '--json names it, too' "$(jq -c '[.identical, .diff.files[].path]' <<<"$out")" '[false,"/etc/uptime"]'

# As if another kiln had made it.
jq '.inputs.kiln.build_id = "00" | .inputs.kiln.libraries.libzstd = "0.1"' clock/image.json >clock/other.json
rebuild clock/other.json clock.yaml
has 'another kiln is named' "$out" "^  \* kiln's build id 00 -> "
has 'another library is named' "$out" '^  \* libzstd 0.1 -> '

mkdir alone
cp clock/image.json alone/
rebuild alone/image.json clock.yaml
has 'without the image only fingerprints are compared' "$out" '^what differs inside cannot be shown: .*clock|^what differs .*\.tar'

# Inputs that changed.
cp still.yaml kept.yaml
echo '# changed' >>still.yaml
fails 'a recipe that changed is named' digest "'still.yaml' has changed" "$KILN" rebuild still/image.json --cache cache
mv kept.yaml still.yaml
mkdir elsewhere
cp still/image.json elsewhere/
fails 'a recipe that is not there' usage 'name the recipe' \
	env -C elsewhere "$KILN" rebuild image.json --cache "$WORK/cache"
rm -r arc/pool
fails 'a package that is nowhere is named' 'fetch|digest' "'?still|base" "$KILN" rebuild still/image.json --cache empty
fails 'a lock is no record' format 'image.json' "$KILN" rebuild still.yaml
