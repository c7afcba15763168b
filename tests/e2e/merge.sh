#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Recipes of several files: what they come to, where errors and file names lead, and files that mean harm.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs jq python3
cd "$WORK" || exit 1

mkdir -p r/base/deep r/keys r/base/keys
cp "$TOP"/recipes/keys/debian-archive-bookworm-automatic.asc r/keys/main.asc
cp "$TOP"/recipes/keys/debian-archive-bookworm-stable.asc r/base/keys/base.asc
cat >r/base/debian.yaml <<'R'
include: deep/common.yaml
image:
  distribution: debian
  expiry: 10d
source:
  downloader: debootstrap
  url: http://deb.example.org/debian
  keys: [keys/base.asc]
packages:
  manager: apt
  sets:
  - action: install
    packages: [init, nano]
R
cat >r/base/deep/common.yaml <<'R'
packages:
  cleanup: true
  sets:
  - action: install
    packages: [deep]
environment:
  variables:
  - key: A
    value: deep
R
cat >r/base/more.yaml <<'R'
include: deep/common.yaml
image: {expiry: 20d, variant: more}
files:
- generator: hostname
  path: /etc/hostname
R
cat >r/x.yaml <<'R'
extends: base/debian.yaml
include:
- base/more.yaml
image:
  release: bookworm
source:
  keys: [keys/main.asc]
packages:
  sets:
  - !remove {packages: [deep]}
environment:
  variables:
  - !replace {key: A, value: top}
files:
- generator: template
  name: note
  path: /etc/note
  source: note.tpl
R
echo text >r/note.tpl

# ---- what it comes to

# value PATH: of the merged recipe as JSON; origin PATH: its file and line
json() {
	run "$KILN" show r/x.yaml --json "$@"
	[ "$status" = 0 ] || not_ok "show --json" "$err"
}
value() {
	jq -c ".recipe.$1" <<<"$out"
}
origin() {
	jq -r --arg p "$1" '.origins[$p] | "\(.file):\(.line)"' <<<"$out"
}
json
is 'the files in their order, a file that is named twice once' "$(jq -c .files <<<"$out")" \
	'["r/base/deep/common.yaml","r/base/debian.yaml","r/base/more.yaml","r/x.yaml"]'
is 'mappings merge' "$(value image)" '{"distribution":"debian","expiry":"20d","variant":"more","release":"bookworm"}'
is 'of texts the nearer file counts' "$(origin image.expiry)" 'r/base/more.yaml:2'
is 'lists append; !remove takes an entry away' "$(value packages.sets)" '[{"action":"install","packages":["init","nano"]}]'
is '!replace takes its place' "$(value environment.variables)" '[{"key":"A","value":"top"}]'
is 'a flag is a flag' "$(value packages.cleanup) $(origin packages.cleanup)" 'true r/base/deep/common.yaml:2'
is 'names of files are as one file says them' "$(value source.keys)" '["base/keys/base.asc","keys/main.asc"]'
json -o image.expiry=3d -o packages.sets.0.packages.1=vim
is 'options go above all files' "$(value image.expiry) $(value packages.sets[0].packages) $(origin image.expiry)" \
	'"3d" ["init","vim"] -o image.expiry:null'

run "$KILN" show r/x.yaml
is 'show' "$status" 0
has 'with origins' "$out" '^  expiry: 20d  # r/base/more\.yaml:2$'
cp "$WORK/run.out" r/merged.yaml
check 'what show prints loads again' "$KILN" build r/merged.yaml --until recipe
is 'and shows the same' "$("$KILN" show r/merged.yaml --json | jq -S .recipe)" "$("$KILN" show r/x.yaml --json | jq -S .recipe)"
has 'from another folder as well' "$(cd / && "$KILN" show "$WORK/r/x.yaml")" "^  - base/keys/base\.asc  # $WORK/r/base/debian\.yaml:8$"
check 'file names start at the folder of their file' sh -c "cd r && '$KILN' build x.yaml --until recipe"
is 'a recipe from standard input starts here' \
	"$(cd r && "$KILN" show - --json <x.yaml | jq -c '[.files[0], .recipe.image.expiry]')" '["base/deep/common.yaml","20d"]'
for recipe in "$TOP"/recipes/*.yaml; do
	name=$(basename "$recipe" .yaml)
	"$KILN" show "$recipe" >"$TOP/recipes/.shown-$$.yaml"
	at_exit rm -f "$TOP/recipes/.shown-$$.yaml"
	is "recipe $name shows as one that says the same" \
		"$("$KILN" show "$TOP/recipes/.shown-$$.yaml" --json | jq -S .recipe)" "$("$KILN" show "$recipe" --json | jq -S .recipe)"
done
rm -f "$TOP/recipes/.shown-$$.yaml"

# ---- errors name the file that they are in

# bad NAME PATTERN <<TEXT: a file that x.yaml includes
bad() {
	cat >r/base/bad.yaml
	printf 'extends: base/debian.yaml\ninclude: base/bad.yaml\n' >r/b.yaml
	fails "$1" recipe "$2" "$KILN" build r/b.yaml --until recipe
}
bad 'a mistake in an included file' "^kiln: r/base/bad\.yaml:2:3: unknown key 'expiri' in 'image'" <<'R'
image:
  expiri: 1d
R
bad 'no YAML' '^kiln: r/base/bad\.yaml:2:1: not valid YAML' <<'R'
image: [
R
bad 'no mapping' '^kiln: r/base/bad\.yaml:1:1: a recipe must be a mapping' <<'R'
[a]
R
bad 'another kind of value' '^kiln: r/base/bad\.yaml:1:11: a list cannot be merged with a mapping from r/base/debian\.yaml:10' <<'R'
packages: [a]
R
bad 'a key file that is not there, beside the file that names it' "r/base/bad\.yaml:1:17: the key file 'keys/main\.asc'.*'r/base/keys/main\.asc'" <<'R'
source: {keys: [keys/main.asc]}
R
bad 'a template with a mistake' "^kiln: r/base/bad\.yaml:1:[0-9]+: unknown name 'image.relese' in a template" <<'R'
source: {url: "{{ image.relese }}"}
image: {release: x}
R
bad 'nothing to remove' "^kiln: r/base/bad\.yaml:1:12: there is no 'x' beneath" <<'R'
image: {x: !remove }
R

# ---- files that mean harm

# hostile NAME PATTERN NAME-OF-FILE
hostile() {
	printf 'extends: base/debian.yaml\ninclude: ["%s"]\n' "$3" >r/h.yaml
	fails "$1" recipe "^kiln: r/h\.yaml:2:11: .*$2" "$KILN" build r/h.yaml --until recipe
}
hostile 'an absolute name' 'relative to the folder of this one' /etc/passwd
hostile 'upwards' 'in the folder of this one, or below it' ../secret.yaml
hostile 'upwards on the way' 'in the folder of this one, or below it' base/../base/more.yaml
hostile 'a file that is not there' "'base/none\.yaml' cannot be read: .*No such file" base/none.yaml
hostile 'a folder' 'no regular file' base
hostile 'no name at all' 'in the folder of this one' ''
echo 'image: {release: secret}' >secret.yaml
ln -s ../secret.yaml r/up.yaml
ln -s /etc/passwd r/abs.yaml
ln -s "$WORK" r/dir
ln -s loop.yaml r/loop.yaml
ln -s /proc/self/fd/0 r/magic.yaml
mkfifo r/fifo.yaml
hostile 'a link upwards' 'leads out of the folder' up.yaml
hostile 'an absolute link' 'leads out of the folder' abs.yaml
hostile 'through a linked folder' 'leads out of the folder' dir/secret.yaml
hostile 'a link to itself' 'cannot be read' loop.yaml
hostile 'a magic link' 'cannot be read' magic.yaml
hostile 'a FIFO does not hang' 'no regular file' fifo.yaml
ln -s base/deep/common.yaml r/inside.yaml
printf 'extends: base/debian.yaml\ninclude: [inside.yaml, base/more.yaml]\nimage: {release: x}\n' >r/h.yaml
is 'a link inside the folder is fine, and the same file' \
	"$("$KILN" show r/h.yaml --json | jq -c '[(.files | length), (.recipe.packages.sets | length)]')" '[4,2]'
head -c 5000000 /dev/zero | tr '\0' '#' >r/huge.yaml
hostile 'a huge file' 'too large: all of a recipe together' huge.yaml
for i in 1 2 3; do
	{ head -c 1500000 /dev/zero | tr '\0' '#'; echo; echo '{}'; } >"r/big$i.yaml"
done
printf 'extends: base/debian.yaml\ninclude: [big1.yaml, big2.yaml, big3.yaml]\n' >r/h.yaml
fails 'files that are huge together' recipe 'r/h\.yaml:2:33: .*too large: all of a recipe together' "$KILN" build r/h.yaml --until recipe
ln -s huge.yaml r/link-to-huge.yaml
hostile 'a link to a huge file' 'too large' link-to-huge.yaml

echo 'include: b.yaml' >r/a.yaml
echo 'include: a.yaml' >r/b.yaml
fails 'a circle' recipe 'r/b\.yaml:1:10: files include each other in a circle: r/a\.yaml → r/b\.yaml → r/a\.yaml' \
	"$KILN" build r/a.yaml --until recipe
echo 'extends: self.yaml' >r/self.yaml
fails 'a file that extends itself' recipe 'r/self\.yaml:1:10: .*circle: r/self\.yaml → r/self\.yaml' "$KILN" show r/self.yaml
ln -s a.yaml r/alias.yaml
echo 'include: alias.yaml' >r/b.yaml
fails 'a circle through a link' recipe 'in a circle: r/a\.yaml → r/b\.yaml → r/alias\.yaml' "$KILN" build r/a.yaml --until recipe
mkdir r/chain
for i in $(seq 1 20); do
	echo "include: c$((i + 1)).yaml" >"r/chain/c$i.yaml"
done
fails 'too deep' recipe 'r/chain/c16\.yaml:1:10: more than 16 files include each other in a row' "$KILN" show r/chain/c1.yaml
mkdir r/wide
{
	echo include:
	for i in $(seq 1 70); do
		echo "- wide/$i.yaml"
		echo '{}' >"r/wide/$i.yaml"
	done
} >r/many.yaml
fails 'too many' recipe 'r/many\.yaml:65:3: a recipe of more than 64 files' "$KILN" show r/many.yaml
# Each file doubles what is beneath, if it were read more than once.
for i in $(seq 1 14); do
	printf 'include: [d%d.yaml, d%d.yaml]\nfiles: [{generator: dump, path: /%d}]\n' $((i + 1)) $((i + 1)) "$i" >"r/chain/d$i.yaml"
done
printf 'extends: ../base/debian.yaml\n' >r/chain/d15.yaml
fails 'a file below does not reach up' recipe "r/chain/d15\.yaml:1:10: .*in the folder of this one" "$KILN" show r/chain/d1.yaml
cp r/base/debian.yaml r/chain/d15.yaml
sed -i '1d; s,keys/base,../base/keys/base,' r/chain/d15.yaml
is 'a lattice of files stays small' "$("$KILN" show r/chain/d1.yaml --json | jq '.recipe.files | length')" 14
# One value in one file, as many as fit into each of many: the bound is for all together.
python3 - <<'P'
for i in range(1, 6):
    with open(f"r/wide/v{i}.yaml", "w") as f:
        f.write("files: [" + "a," * 60000 + "]\n")
with open("r/values.yaml", "w") as f:
    f.write("include: [" + ", ".join(f"wide/v{i}.yaml" for i in range(1, 6)) + "]\n")
P
fails 'too many values together' recipe 'more than 200000 values in all files together' "$KILN" show r/values.yaml
for value in '{a: b}' '[[a]]' '[{}]' '!remove x' '[!replace a]' '[~]'; do
	printf 'include: %s\n' "$value" >r/h.yaml
	fails "include: $value" recipe "r/h\.yaml:1:1[0-9]: .*include" "$KILN" show r/h.yaml
done
printf 'extends: [a]\n' >r/h.yaml
fails 'extends: a list' recipe "r/h\.yaml:1:10: 'extends' must be the name of a file" "$KILN" show r/h.yaml
fails 'an option that names a file' usage "read before options" "$KILN" build r/x.yaml --until recipe -o extends=base/more.yaml

# ---- keyrings and digests

cat >r/k.yaml <<'R'
extends: base/debian.yaml
image: {release: bookworm}
source:
  keyring: keys/main.asc
R
check 'source.keyring: one file' "$KILN" build r/k.yaml --until recipe
keyring() {
	printf 'extends: base/debian.yaml\nimage: {release: bookworm}\nsource:\n  keyring: %s\n' "$2" >r/k.yaml
	fails "$1" recipe "$3" "$KILN" build r/k.yaml --until recipe
}
keyring 'a keyring that is not there' '[keys/main.asc, keys/none.asc]' "r/k\.yaml:4:28: the key file 'keys/none\.asc' cannot be read"
keyring 'a keyring without a key' note.tpl "r/k\.yaml:4:12: the key file 'note\.tpl' holds no OpenPGP public key"
keyring 'a key instead of its file' '"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"' "'source\.keyring' names files"
keyring 'a mapping' '{a: b}' "'source\.keyring' must be text or a list, not a mapping"
sha256() {
	printf 'extends: base/debian.yaml\nimage: {release: bookworm}\nsource:\n  sha256: %s\n' "$2" >r/k.yaml
	fails "$1" "$3" "$4" "$KILN" build r/k.yaml --until recipe
}
sha256 'a digest that is none' abc recipe "r/k\.yaml:4:11: 'source\.sha256' must be the 64 hexadecimal digits"
sha256 'a digest where nothing is downloaded as a file' "$(printf '%064d' 0)" unsupported "r/k\.yaml:4:11: not supported yet: 'source\.sha256'"

# ---- what a layer is found by is what the values are, not where they came from

if as_root true 2>/dev/null; then
	require_programs gpg dpkg-deb
	base_deb
	archive web/debian --arch "$(dpkg --print-architecture)"
	serve web
	tiny_recipe tiny.yaml "$SERVER/debian"
	cat >>tiny.yaml <<-'R'
		files:
		- generator: copy
		  source: data/file
		  path: /srv/file
		- generator: template
		  name: t
		  path: /etc/t
		  source: data/t.tpl
		actions:
		- trigger: post-packages
		  action: |-
		    #!/bin/sh
		    exit 0
	R
	mkdir -p data split/part/data split/part/key
	echo content >data/file
	echo template >data/t.tpl
	cp -p data/* split/part/data/
	cp key/public.asc split/part/key/
	# The same in two files, elsewhere.
	sed -n '1,/^  keys:/p' tiny.yaml >split/part/source.yaml
	printf 'extends: part/source.yaml\ninclude: part/rest.yaml\n' >split/top.yaml
	sed '1,/^  keys:/d' tiny.yaml >split/part/rest.yaml
	export SOURCE_DATE_EPOCH=1700000000
	check 'a build' "$KILN" build tiny.yaml --cache cache --output one --format unified
	run "$KILN" build split/top.yaml --cache cache --output two --format unified
	is 'a build of the same in files elsewhere' "$status $(grep '^kiln: ' <<<"$err" | grep -v 'no copyright file')" '0 '
	has 'finds every layer' "$err" '^([0-9]+) of \1 steps from layers'
	is 'and is the same image' "$(jq -r '.artifacts[0].fingerprint' two/image.json)" "$(jq -r '.artifacts[0].fingerprint' one/image.json)"
	echo other >split/part/data/file
	run "$KILN" build split/top.yaml --cache cache --output two --format unified
	has_no 'what is read from a file counts' "$err" '^([0-9]+) of \1 steps from layers'
else
	skip 'layers' 'needs root'
fi
