#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What lies beside an image: manifest, bills of materials, provenance, log, sums and signatures. Built from an archive so
# small that each build takes a second. What a validator says of them is evidence_schemas.sh's.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs python3 gpg gpgv ssh-keygen dpkg dpkg-deb ldd jq
cd "$WORK" || exit 1

architecture=$(dpkg --print-architecture)
format='Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
base_deb
deb apt --arch "$architecture" --version 2.0 --field 'Priority: important' --field 'Depends: base'
deb lib --version 1:1.0+b1 --field 'Source: libsource (1.0)' \
	--field 'Homepage: https://lib.example.org/' --field 'Depends: base' --file "/usr/share/doc/lib/copyright=$format

Files: *
Copyright: somebody
License: GPL-2+ or Artistic

Files: other
License: odd
 Do as you like.
"
deb app --version 3.0 --field 'Depends: lib' --file '/usr/share/doc/app/copyright=It may be copied.' \
	--script 'postinst=#!/bin/sh
echo "configured $1"' --script 'preinst=#!/bin/sh
true'
deb broken --version 4.0 --script 'postinst=#!/bin/sh
echo the last words; exit 3'
archive web/debian --arch "$architecture"
serve web
tiny_recipe r.yaml "$SERVER/debian/" app
cat >>r.yaml <<'R'
actions:
- trigger: post-packages
  action: |-
    #!/bin/sh
    echo done by an action
R

# build FOLDER [ARGUMENT...]
build() {
	local folder=$1
	shift
	"$KILN" build r.yaml --compression none --format unified,split --cache cache --output "$folder" "$@"
}
# good FOLDER [ARGUMENT...]: what is said goes to build.err.
good() {
	build "$@" >build.out 2>build.err </dev/null || give_up "builds into $1" "$(cat build.err)"
	name=$(jq -r .name "$1/image.json")
}
# there FOLDER: the files in it, without the image's, with NAME for its name.
there() {
	find "$1" -mindepth 1 -printf '%f\n' | grep -v '\.tar' | sed "s/$name/NAME/" | LC_ALL=C sort | paste -sd ' '
}

export SOURCE_DATE_EPOCH=1700000000
good one
all='NAME.cdx.json NAME.log NAME.manifest NAME.provenance.json NAME.spdx.json SHA256SUMS image.json'
is 'everything is there without being asked for' "$(there one)" "$all"
check 'the sums hold' sh -c 'cd one && sha256sum --strict --quiet -c SHA256SUMS'
is 'and are of all but the log and the record' "$(sed "s/.*  $name//" one/SHA256SUMS | paste -sd ' ')" \
	'.cdx.json .manifest .meta.tar.xz .provenance.json .rootfs.tar .spdx.json .tar'
is 'the manifest: name, version, architecture, sorted' "$(tr '\t' ' ' <"one/$name.manifest")" \
	"app 3.0 all
apt 2.0 $architecture
base 1.0 $architecture
lib 1:1.0+b1 all"
is 'image.json has their digests' \
	"$(jq -r '.evidence[] | select(.sha256) | "\(.sha256)  \(.name)"' one/image.json | LC_ALL=C sort -k 2)" \
	"$(grep -v '\.tar' one/SHA256SUMS)"
is 'and names the log' "$(jq -r '.evidence[] | select(.kind == "log").name' one/image.json)" "$name.log"

# ---- what they say

spdx=one/$name.spdx.json
of() {
	jq -r --arg name "$1" ".packages[] | select(.name == \$name) | $2" "$spdx"
}
is 'SPDX: the licence as an expression' "$(of lib .licenseDeclared)" \
	'(Artistic-1.0-Perl OR GPL-2.0-or-later) AND LicenseRef-odd-28a9fb26'
is 'SPDX: with the text of one that it does not know' \
	"$(jq -r '.hasExtractedLicensingInfos[] | "\(.licenseId) \(.extractedText)"' "$spdx")" \
	'LicenseRef-odd-28a9fb26 Do as you like.'
is 'SPDX: why there is none' "$(of app '"\(.licenseDeclared) \(.licenseComments)"')" \
	"NOASSERTION the package's copyright file is not machine-readable"
is 'SPDX: and where there is no file' "$(of apt .licenseComments)" 'the image has no copyright file of this package'
has 'which a warning counts' "$(cat build.err)" 'warning: 2 of 4 packages have no copyright file'
is 'SPDX: purl, with the archive, as it is not the distribution'"'"'s' "$(of lib '.externalRefs[0].referenceLocator')" \
	"pkg:deb/tiny/lib@1:1.0%2Bb1?arch=all&distro=bookworm&repository_url=${SERVER//\//%2F}%2Fdebian%2F"
is 'SPDX: source, supplier and homepage' "$(of lib '"\(.sourceInfo), \(.supplier), \(.homepage)"')" \
	'built from source package libsource 1.0, Person: Test (test@example.org), https://lib.example.org/'
deb_file=$(find web -name 'lib_*.deb')
is 'SPDX: checksum and address of the package file' "$(of lib '"\(.checksums[0].checksumValue) \(.downloadLocation)"')" \
	"$(sha256sum <"$deb_file" | cut -d ' ' -f 1) $(jq -r '.inputs.packages[] | select(.name == "lib").url' one/image.json)"
is 'SPDX: dependencies' "$(jq -r '.relationships[] | select(.relationshipType == "DEPENDS_ON") |
	"\(.spdxElementId) \(.relatedSpdxElement)"' "$spdx" | sed 's/SPDXRef-Package-//g' | paste -sd ,)" \
	"app-all lib-all,apt-$architecture base-$architecture,lib-all base-$architecture"
is 'SPDX: fingerprints' "$(jq -r '.packages[] | select(.primaryPackagePurpose == "ARCHIVE").checksums[0].checksumValue' "$spdx")" \
	"$(jq -r '.artifacts[].fingerprint' one/image.json)"
cdx=one/$name.cdx.json
is 'CycloneDX: the same licence' "$(jq -r '.components[] | select(.name == "lib").licenses[0].expression' "$cdx")" \
	"$(of lib .licenseDeclared)"
is 'CycloneDX: the same packages' "$(jq -r '.components[].purl' "$cdx")" \
	"$(jq -r '.packages[].externalRefs[0].referenceLocator // empty' "$spdx")"
is 'CycloneDX: every reference is there' \
	"$(jq -r '(.metadata.component["bom-ref"], .components[]["bom-ref"]) as $r | .dependencies | map(select(.ref == $r)) | length' "$cdx" | sort -u)" 1

provenance=one/$name.provenance.json
is 'provenance: the subjects are the files, and the fingerprint of a pair' \
	"$(jq -r '.subject[] | "\(.digest.sha256)  \(.name)"' "$provenance" | LC_ALL=C sort)" \
	"$({ grep '\.tar' one/SHA256SUMS && jq -r '"\(.artifacts[1].fingerprint)  \(.name) (split)"' one/image.json; } | LC_ALL=C sort)"
is 'provenance: every package is a dependency' "$(jq -r '[.predicate.buildDefinition.resolvedDependencies[] |
	select(.name | startswith("pkg:")).digest.sha256] | sort | join(" ")' "$provenance")" \
	"$(jq -r '[.inputs.packages[].sha256] | sort | join(" ")' one/image.json)"
is 'provenance: and the recipe' "$(jq -r '.predicate.buildDefinition.resolvedDependencies[] |
	select(.name == "recipe: r.yaml").digest.sha256' "$provenance")" "$(sha256sum <r.yaml | cut -d ' ' -f 1)"
check 'provenance: and each index' jq -e '[.predicate.buildDefinition.resolvedDependencies[] |
	select(.name == "release" or .name == "index").uri] | length == 2' "$provenance"
is 'provenance: nobody in particular has built it' "$(jq -r .predicate.runDetails.builder.id "$provenance")" urn:kiln:builder
has_no 'none tells a time of the build or a path of this host' "$(cat one/"$name".{manifest,{spdx,cdx,provenance}.json})" \
	"$(date -u +%Y-%m-%d)|$WORK"

# ---- the log

log=one/$name.log
check 'the log: a JSON object in each line' jq -es 'all(type == "object")' "$log"
event() {
	jq -r "select($1) | $2" "$log"
}
is 'the log: every stage' "$(event '.event == "stage"' '"\(.name) \(.result)"' | paste -sd ,)" \
	'recipe done,index done,plan done,fetch done,unpack done,configure done,customize done,pack done,evidence done'
is 'the log: scripts of packages with their exit status' \
	"$(event '.event == "script"' '"\(.subject) \(.name) \(.status)"' | paste -sd ,)" 'app preinst 0,app postinst 0'
is 'the log: actions with their place' "$(event '.event == "action"' '"\(.subject) \(.name) \(.status)"')" \
	"r.yaml:$(($(grep -n 'post-packages' "$WORK/r.yaml" | cut -d: -f1) + 2)) post-packages 0"
check 'the log: seconds' jq -es 'map(select(.event == "stage" or .event == "script") | .seconds) | all(type == "number")' "$log"
is 'the log: how it ended' "$(tail -n 1 "$log" | jq -r '"\(.event) \(.result) \(.status)"')" 'build done 0'

# ---- the same bytes

sums=$(cat one/SHA256SUMS)
good two
is 'from layers: the same bytes' "$(cat two/SHA256SUMS)" "$sums"
log=two/$name.log
is 'from layers: the log says so' "$(event '.event == "step"' .result | sort | uniq -c | xargs)" "$(event '.event == "step"' .name | wc -l) layers"
(cd / && TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$KILN" build "$WORK/r.yaml" --compression none --format unified,split --cache "$WORK/cache" \
	--no-layers --output "$WORK/three") >/dev/null 2>&1
is 'without, from another folder: the same bytes' "$(cat three/SHA256SUMS)" "$sums"
is 'only the log differs, and the timing of the record' "$(diff -rq one three | sed 's/.* and three.\(.*\) differ/\1/' | sed "s/$name/NAME/" | sort | xargs)" \
	'NAME.log image.json'

# ---- what is asked for

good two --evidence manifest,log
is 'some of it; what lay there goes' "$(there two)" 'NAME.log NAME.manifest SHA256SUMS image.json'
good two --evidence sbom --builder-id https://ci.example.org/1
is 'both bills of materials' "$(there two)" 'NAME.cdx.json NAME.spdx.json SHA256SUMS image.json'
good two --evidence none
is 'nothing of it' "$(there two) $(jq 'has("evidence")' two/image.json)" 'SHA256SUMS image.json false'
fails 'an unknown kind' usage "unknown kind 'bom'" build two --evidence manifest,bom
good two --evidence provenance --builder-id https://ci.example.org/1
is 'who builds' "$(jq -r .predicate.runDetails.builder.id "two/$name.provenance.json")" https://ci.example.org/1
"$KILN" lock r.yaml --cache cache >/dev/null 2>&1 </dev/null || give_up 'locks'
good two --evidence provenance --locked
is 'the lock is among the dependencies' "$(jq -r '.predicate.buildDefinition.resolvedDependencies[0] |
	"\(.name) \(.digest.sha256)"' "two/$name.provenance.json")" "lock: r.yaml.lock $(sha256sum <r.yaml.lock | cut -d ' ' -f 1)"
cp r.yaml m.yaml
cat >>m.yaml <<'R'
matrix:
  variant: [one, two]
R
check 'of a matrix' "$KILN" build m.yaml --all --jobs 1 --format unified --cache cache --output matrix
is 'each image has its own' "$(find matrix -name '*.spdx.json' | wc -l) $(find matrix -name '*.log' | wc -l)" '2 2'

# ---- a build that fails

tiny_recipe f.yaml "$SERVER/debian/" broken
fails 'a script fails' script 'postinst failed with exit status 3' "$KILN" build f.yaml --cache cache --output failed
log=$(echo failed/*.log)
is 'nothing but the log is left' "$(find failed -type f | wc -l)" 1
is 'which names the script' "$(event '.event == "script" and .result == "failed"' '"\(.subject) \(.name) \(.status)"')" 'broken postinst 3'
has 'and has its last lines' "$(event '.event == "program" and .result == "failed"' .text)" '^the last words$'
is 'and the stage' "$(event '.event == "stage" and .result == "failed"' .name)" configure
is 'and the exit status' "$(tail -n 1 "$log" | jq -r '"\(.result) \(.status)"')" 'failed 11'
fails 'a recipe that is wrong' recipe 'relese' "$KILN" build f.yaml -o image.relese=x --output unmade
check 'makes no folder' [ ! -e unmade ]

# ---- signatures

export GNUPGHOME=$WORK/gnupg
mkdir -m 700 gnupg
at_exit gpgconf --homedir "$GNUPGHOME" --kill all
gpg --batch --quiet --passphrase '' --quick-generate-key 'Builder <builder@example.org>' ed25519 sign never 2>/dev/null
gpg --batch --quiet --passphrase '' --quick-generate-key 'Builder <other@example.org>' ed25519 sign never 2>/dev/null
gpg --export builder@example.org >keys.gpg
ssh-keygen -q -t ed25519 -N '' -C builder -f ssh_key
echo "builder@example.org namespaces=\"file\" $(cat ssh_key.pub)" >allowed
ssh_verify() {
	ssh-keygen -Y verify -f allowed -I builder@example.org -n file -s "$1/SHA256SUMS.sig" <"$1/SHA256SUMS"
}
good signed --sign builder@example.org --sign-ssh ssh_key
check 'gpgv takes the OpenPGP signature' gpgv --keyring ./keys.gpg signed/SHA256SUMS.asc signed/SHA256SUMS
check 'ssh-keygen takes the SSH signature' ssh_verify signed
is 'image.json names them' "$(jq -c .signatures signed/image.json)" '["SHA256SUMS.asc","SHA256SUMS.sig"]'
good signed
check 'the same image, not signed again: both stay' gpgv --keyring ./keys.gpg signed/SHA256SUMS.asc signed/SHA256SUMS
is 'and are named' "$(jq -c '.signatures | length' signed/image.json)" 2
good signed --sign-ssh ssh_key -o image.variant=other
check 'another image beside it: one signature is made anew' ssh_verify signed
check 'the other is gone, as it is of other sums' [ ! -e signed/SHA256SUMS.asc ]
has 'and that is said' "$(cat build.err)" "warning: removed 'SHA256SUMS.asc'"
fails 'an unknown key' usage "no secret key 'nobody@example.org'" build x --sign nobody@example.org
fails 'a name that fits two keys' usage "2 secret keys for 'Builder'; name one by its fingerprint" build x --sign Builder
fails 'a key that is not there' usage "cannot read the key 'absent'" build x --sign-ssh absent
fails 'a file that is no key' trust 'ssh-keygen cannot sign' build x --sign-ssh allowed
check 'nothing is said to be done then' [ ! -e x/image.json ]
