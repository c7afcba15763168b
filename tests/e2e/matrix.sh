#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The images that one recipe is for: named, printed for CI systems, and built side by side.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# For what is built below, and nothing of it without rights.
! as_root true 2>/dev/null || become_root

require_programs jq python3
cd "$WORK" || exit 1
architecture=$(dpkg --print-architecture)

# ---- which images there are

mkdir key
cp "$TOP/recipes/keys/debian-archive-bookworm-stable.asc" key/public.asc
tiny_recipe m.yaml http://archive.invalid/debian
sed -i '/^  release:/d' m.yaml
cat >>m.yaml <<'R'
matrix:
  release: [bookworm, trixie]
  architecture: [amd64, arm64]
  variant: [default, cloud]
  exclude:
  - releases: [bookworm]
    architectures: [arm64]
  overrides:
  - releases: [trixie]
    variants: [cloud]
    set:
      image: {expiry: 7d}
R
run "$KILN" matrix m.yaml
is 'matrix: a line for each image' "$(awk '{ print $1 }' <<<"$out" | xargs)" \
	'bookworm-amd64-default bookworm-amd64-cloud trixie-amd64-default trixie-amd64-cloud trixie-arm64-default trixie-arm64-cloud'
has 'with its values' "$out" '^trixie-arm64-cloud +trixie +arm64 +cloud +container$'
is 'matrix --format json' "$("$KILN" matrix m.yaml --format json | jq -c '[length, .[1]]')" \
	'[6,{"name":"bookworm-amd64-cloud","release":"bookworm","architecture":"amd64","variant":"cloud","type":"container"}]'
is '--json is the same' "$("$KILN" matrix m.yaml --json)" "$("$KILN" matrix m.yaml --format json)"
github=$("$KILN" matrix m.yaml --format github)
is 'matrix --format github: one line' "$(wc -l <<<"$github")" 1
is 'with what a workflow expects' "$(jq -c '[keys, (.include | length), .include[5].name]' <<<"$github")" '[["include"],6,"trixie-arm64-cloud"]'
gitlab=$("$KILN" matrix m.yaml --format gitlab)
has 'matrix --format gitlab: a job for each' "$gitlab" "^      - KILN_CELL: 'trixie-arm64-cloud'\$"
is 'which are as many' "$(grep -c KILN_CELL: <<<"$gitlab")" 6
if python3 -c 'import yaml' 2>/dev/null; then
	is 'in YAML' "$(python3 -c 'import json, sys, yaml; d = yaml.safe_load(sys.stdin); print(json.dumps([d["variables"], len(d["build-image"]["parallel"]["matrix"]), d["build-image"]["script"][0].split()[:2]]))' <<<"$gitlab")" \
		'[{"KILN_RECIPE": "m.yaml"}, 6, ["kiln", "build"]]'
else
	skip 'in YAML' "needs python3's yaml"
fi
fails 'an unknown form' usage "unknown format 'travis' \(possible: json, github, gitlab\)" "$KILN" matrix m.yaml --format travis
is 'a recipe without a matrix is for one image' "$("$KILN" matrix "$TOP/recipes/ubuntu-precise.yaml" --json | jq length)" 1
cells() {
	"$KILN" matrix m.yaml "$@" | awk '{ print $1 }' | xargs
}
is '--cell: some' "$(cells --cell release=trixie,variant=cloud)" 'trixie-amd64-cloud trixie-arm64-cloud'
is '--cell: an architecture has many names' "$(cells --cell architecture=x86_64,release=trixie)" 'trixie-amd64-default trixie-amd64-cloud'
is '--cell: by name, and twice' "$(cells --cell trixie-arm64-default --cell variant=cloud,release=bookworm)" \
	'bookworm-amd64-cloud trixie-arm64-default'
fails '--cell: no such image' usage "no such image \(did you mean 'trixie-arm64-cloud'\?\)" "$KILN" matrix m.yaml --cell trixie-arm65-cloud
fails '--cell: nothing fits' usage 'no such image' "$KILN" matrix m.yaml --cell release=bookworm,architecture=arm64
fails '--cell: an unknown axis' usage "unknown axis 'relase' \(did you mean 'release'\?\)" "$KILN" matrix m.yaml --cell relase=trixie
fails '--cell: half a word' usage 'must be the name of an image, or AXIS=VALUE' "$KILN" matrix m.yaml --cell release=trixie,cloud
fails '--cell: one is wanted' usage 'fits 2 images, and one is wanted: trixie-amd64-cloud, trixie-arm64-cloud' \
	"$KILN" build m.yaml --cell release=trixie,variant=cloud
python3 - >many.yaml <<'P'
print("image: {distribution: debian}\nsource: {downloader: debootstrap}\npackages: {manager: apt}\nmatrix:\n  variant: ["
      + ", ".join(f"v{i}" for i in range(300)) + "]")
P
fails 'more than GitLab takes' usage 'GitLab takes at most 200 jobs' "$KILN" matrix many.yaml --format gitlab
fails 'more than GitHub takes' usage 'GitHub takes at most 256 jobs' "$KILN" matrix many.yaml --format github
is 'show --cell: the recipe of that image' \
	"$("$KILN" show m.yaml --cell trixie-amd64-cloud --json | jq -c '[.recipe.image, (.recipe | has("matrix"))]')" \
	'[{"distribution":"tiny","release":"trixie","architecture":"amd64","variant":"cloud","expiry":"7d"},false]'
"$KILN" show m.yaml >shown.yaml
is 'show: with its matrix, as the same one' "$("$KILN" matrix shown.yaml)" "$("$KILN" matrix m.yaml)"
is 'and what it sets is set once' "$("$KILN" show shown.yaml --cell trixie-amd64-cloud --json | jq -S .recipe)" \
	"$("$KILN" show m.yaml --cell trixie-amd64-cloud --json | jq -S .recipe)"

fails '--all with a release' usage "-o image.release=sid: --all and --cell set that themselves" "$KILN" build m.yaml --all -o image.release=sid
fails '--all from standard input' usage '--all is for recipes in files' "$KILN" build - --all
fails '--cell from standard input' usage '--cell is for recipes in files' "$KILN" build - --cell x
fails '--jobs without --all' usage '--jobs is for kiln build --all' "$KILN" build m.yaml --jobs 2
fails '--fail-fast without --all' usage '--fail-fast is for kiln build --all' "$KILN" build m.yaml --fail-fast
for jobs in 0 x 65 -1; do
	fails "--jobs $jobs" usage "'$jobs' is no number from 1 to 64" "$KILN" build m.yaml --all --jobs "$jobs"
done

# ---- side by side

require_rights
require_programs gpg dpkg-deb ldd
rm -r key
base_deb
archive web/debian --arch "$architecture"
serve web

# recipe VARIANTS: actions that last 2 seconds and fail in the variant bad
recipe() {
	tiny_recipe t.yaml "$SERVER/debian"
	cat >>t.yaml <<-R
		files:
		- {generator: copy, source: $(readlink -f /bin/sleep), path: /bin/sleep}
		actions:
		- trigger: post-files
		  action: |-
		    #!/bin/sh -eu
		    echo cell >/etc/cell
		    sleep 2
		- trigger: post-files
		  action: |-
		    #!/bin/sh
		    echo going wrong
		    exit 3
		  variants: [bad]
		- trigger: post-files
		  action: |-
		    #!/bin/sh
		    sleep 86397
		  variants: [slow, slower]
		matrix:
		  variant: [$1]
		  overrides:
		  - variants: [two]
		    set:
		      actions:
		      - trigger: post-files
		        action: |-
		          #!/bin/sh
		          echo two >/etc/two
	R
}
all() {
	run "$KILN" build t.yaml --all --format unified --compression none --cache cache --output out "$@"
}
recipe 'one, bad, two'
before=$(date +%s.%N)
all --jobs 3 --json
wall=$(echo "$(date +%s.%N) $before" | awk '{ print $1 - $2 }')
is 'the exit status is that of the image that failed' "$(word_of "$status")" action
is 'one line says so' "$(grep -c "^kiln: 1 of 3 images are missing: bookworm-$architecture-bad: .*t\.yaml.*exit status 3" <<<"$err")" 1
is 'the others are built' "$(jq -c '[.[] | [.variant, .result]]' <<<"$out")" '[["one","built"],["bad","failed"],["two","built"]]'
has 'its words have its name in front' "$err" "^\[bookworm-$architecture-bad\] .*going wrong|^\[bookworm-$architecture-bad\] .*exit status 3"
is 'each into a folder of its own' "$(cd out && echo */image.json)" \
	"bookworm-$architecture-one/image.json bookworm-$architecture-two/image.json"
is 'the one that failed leaves its log' "$(find out/*-bad -type f | sed 's/.*\.//')" log
check 'with a record' jq -e '.[0].record.variant == "one" and .[1].record == null and .[1].error.kind == "action"' <<<"$out"
check 'side by side' awk -v wall="$wall" -v sum="$(jq '[.[].seconds] | add' <<<"$out")" 'BEGIN { exit !(sum > 1.3 * wall) }'
check 'with sums' sh -c 'for d in out/*-one out/*-two; do (cd "$d" && sha256sum --quiet -c SHA256SUMS) || exit 1; done'
image_root "out/bookworm-$architecture-two" two 2>/dev/null || tar -xf "out/bookworm-$architecture-two/"*.tar -C two
is 'what the matrix sets is done' "$(cat two/rootfs/etc/two)" two
fingerprint() {
	jq -r '.artifacts[0].fingerprint' "$1/image.json"
}
check 'one cell by itself' "$KILN" build t.yaml --cell variant=two --format unified --compression none --cache cache --output single
is 'is the same image' "$(fingerprint single)" "$(fingerprint "out/bookworm-$architecture-two")"
check 'as by -o' "$KILN" build t.yaml -o image.variant=two --format unified --compression none --cache cache --output single
is 'which is the same image too' "$(fingerprint single)" "$(fingerprint "out/bookworm-$architecture-two")"
check 'make image builds a cell' make -s -C "$TOP" image "RECIPE=$WORK/t.yaml" CELL=variant=two FORMAT=unified COMPRESSION=none "OUT=$WORK/made" XDG_CACHE_HOME="$WORK/xdg"

rm -r out
all --jobs 1 --fail-fast
is '--fail-fast: the exit status' "$(word_of "$status")" action
is 'the table: built, failed, not begun' "$(awk '{ print $2, $3 == "begun" }' <<<"$out" | xargs)" 'built 0 failed 0 not 1'
has 'the table has folder and fingerprint' "$out" "^bookworm-$architecture-one +built +[0-9.]+ s +[0-9.]+ MiB  [0-9a-f]{64}  out/bookworm-$architecture-one\$"
has 'and what went wrong' "$out" "^bookworm-$architecture-bad +failed +[0-9.]+ s  .*exit status 3"
all --jobs 2 --cell variant=one --cell variant=two
is '--all --cell: only those' "$status $(awk '{ print $2 }' <<<"$out" | xargs)" '0 built built'
recipe 'slow, bad, two'
rm -rf out
all --jobs 2 --fail-fast
is '--fail-fast: those at work are stopped' "$(word_of "$status") $(awk '{ print $2 }' <<<"$out" | xargs)" 'action stopped failed not'

# ---- ends

sleepers() {
	pgrep -x -f 'sleep 86397'
}
two_sleepers() {
	[ "$(sleepers | wc -l)" = 2 ]
}
recipe 'slow, slower'
for signal in TERM INT KILL; do
	rm -rf out
	env --default-signal=INT "$KILN" build t.yaml --all --jobs 2 --format unified --cache "$WORK/cache" --output out >signal.out 2>signal.err </dev/null &
	pid=$!
	at_exit kill -KILL $pid
	within 120 two_sleepers || give_up 'two builds that wait' "$(cat signal.err)"
	kill -$signal $pid
	code=0
	wait $pid 2>/dev/null || code=$?
	within 10 sh -c "! pgrep -x -f 'sleep 86397'"
	is "SIG$signal: no process is left" "$(sleepers)" ''
	within 10 sh -c "! pgrep -f '[-]-jobs 2 --format unified --cache $WORK/cache'"
	is "SIG$signal: nor of kiln's" "$(pgrep -f "[-]-jobs 2 --format unified --cache $WORK/cache")" ''
	is "SIG$signal: no mount" "$(kiln_mounts)" ''
	is "SIG$signal: no image" "$(find out -type f ! -name '*.log' 2>/dev/null)" ''
	[ "$signal" != KILL ] || continue
	is "SIG$signal: exit status" "$(word_of "$code")" interrupted
	is "SIG$signal: the table" "$(awk '{ print $2 }' signal.out | xargs)" 'stopped stopped'
	is "SIG$signal: one line" "$(grep -c '^kiln: ' signal.err)" 1
done

# ---- Debian itself

require_mirror
mkdir real
cp -r "$TOP/recipes/keys" real/keys
cat >real/d.yaml <<'R'
image:
  distribution: debian
source:
  downloader: debootstrap
  url: http://ftp.debian.org/debian
  variant: minbase
  keyring:
  - keys/debian-archive-{{ image.release }}-automatic.asc
  - keys/debian-archive-{{ image.release }}-stable.asc
packages:
  manager: apt
  cleanup: true
lint:
  allow: init-missing
matrix:
  release: [bookworm, trixie]
R
run "$KILN" build real/d.yaml --all --jobs 2 --format unified --cache "$CACHE" --output real/out
is 'two releases of Debian, side by side' "$status $(awk '{ print $2 }' <<<"$out" | xargs)" '0 built built'
[ "$status" = 0 ] || note "$err"
for release in bookworm trixie; do
	folder=real/out/$release-$architecture-default
	is "$release is what it says" "$(jq -r .release "$folder/image.json")" "$release"
	image_root "$folder" "real/$release"
	has "and what is in it" "$(cat "real/$release/rootfs/etc/os-release")" "^VERSION_CODENAME=$release$"
	rm -rf --one-file-system "real/$release"
done
check 'one of them alone' "$KILN" build real/d.yaml --cell release=trixie --format unified --cache "$CACHE" --output real/single
is 'is the same image' "$(fingerprint real/single)" "$(fingerprint "real/out/trixie-$architecture-default")"
