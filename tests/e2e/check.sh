#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kiln check: all that is wrong with a recipe at once, each with its place; as JSON; and the schema for editors, which
# a validator of JSON Schema takes, and which says the same of recipes as the checker.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cd "$WORK" || exit 1

# Mistakes of every kind, more than ten.
cat >ten.yaml <<'R'
image:
  distribution: debian
  relese: bookworm
  architecture: x86_65
  expiry: 30 days
source:
  downloader: debootstrap
  url: http://ftp.debian.org/{{ image.flavour }}
packages:
  manager: atp
  update: "yes"
  sets:
  - packages: [vim, vim-tiny]
    action: instal
  - packages: [nano]
    action: remove
    releases: [">=bokworm"]
files:
- generator: dump
  content: no path
- generator: dump
  path: /etc/motd
  mode: 0999
actions:
- action: |-
    #!/bin/sh
    true
- generator: x
  trigger: post-files
  action: |-
    #!/bin/sh
files2: []
R
cat >ten.expect <<'R'
ten.yaml:3:3: unknown key 'relese' in 'image' (did you mean 'release'?)
ten.yaml:4:17: unknown architecture 'x86_65' (did you mean 'x86_64'?)
ten.yaml:5:11: 'image.expiry' must be numbers, each with s, m, h, d or w, such as 30d, not '30 days'
ten.yaml:8:33: unknown name 'image.flavour' in a template
ten.yaml:10:12: unknown word 'atp' in 'packages.manager' (did you mean 'apk'?)
ten.yaml:11:11: 'packages.update' must be true or false without quotes, not the text 'yes'
ten.yaml:14:13: unknown word 'instal' in 'packages.sets[0].action' (did you mean 'install'?)
ten.yaml:17:15: 'releases: >=bokworm' cannot be decided: of 'bokworm' only the name is known (did you mean 'bookworm'?)
ten.yaml:19:3: missing key 'path' in 'files[0]' (the generator 'dump' needs it)
ten.yaml:23:9: 'files[1].mode' must be octal digits, such as 0644, not '0999'
ten.yaml:25:3: missing key 'trigger' in 'actions[0]'
ten.yaml:28:3: unknown key 'generator' in 'actions[1]'
ten.yaml:32:1: unknown key 'files2' at the top level (did you mean 'files'?)
R
run "$KILN" check ten.yaml
is 'a recipe with thirteen mistakes: each with its place' "$out" "$(cat ten.expect)"
is 'and the status of a mistake' "$status" "$(status_of recipe)"
is 'one line says how many' "$err" 'kiln: 13 mistakes in 1 of 1 recipe'
# What can be found is found: correct one after the other, and always one fewer is left.
fails 'a build names the first it finds, and how many more' recipe \
	"^kiln: ten.yaml:3:3: unknown key 'relese'.* \(and [0-9]+ more: kiln check shows all\)$" "$KILN" build ten.yaml --until recipe

run "$KILN" check --json ten.yaml
is 'JSON: file, line, column, level and message of each' \
	"$(jq -r '.[] | "\(.file):\(.line):\(.column): \(.message)"' <<<"$out")" "$(cat ten.expect)"
is 'JSON: their level' "$(jq -r '.[].level' <<<"$out" | sort -u)" mistake

# YAML's own mistakes, as far as reading can go on behind them.
cat >yaml.yaml <<'R'
image:
  distribution: debian
  distribution: ubuntu
  release: *nowhere
source:
  downloader: !word debootstrap
  url: http://ftp.debian.org/debian
packages:
  manager: apt
  ? [a, b]
  : c
  updat: true
R
run "$KILN" check yaml.yaml
is 'mistakes of YAML, and behind them' "$out" "$(cat <<'R'
yaml.yaml:3:3: duplicate key 'distribution' (its first value is on line 2)
yaml.yaml:4:12: the alias '*nowhere' has no anchor '&nowhere' above it
yaml.yaml:6:15: the tag '!word' has no meaning here
yaml.yaml:10:5: a key must be text
yaml.yaml:12:3: unknown key 'updat' in 'packages' (did you mean 'update'?)
R
)"
printf 'image:\n  distribution: debian\n bad: x\n' >syntax.yaml
run "$KILN" check syntax.yaml
has 'a file that is no YAML' "$out" '^syntax.yaml:3:2: not valid YAML: '

# Several files, one of them missing, one good.
minbase_recipe good.yaml <<'R'
packages:
  manager: apt
R
run "$KILN" check good.yaml
is 'nothing is said of a good recipe' "$status $out" '0 '
run "$KILN" check good.yaml ten.yaml yaml.yaml
is 'several files: their mistakes in their order' "$(cut -d : -f 1 <<<"$out" | uniq | xargs)" 'ten.yaml yaml.yaml'
is 'and how many of them are wrong' "$err" 'kiln: 18 mistakes in 2 of 3 recipes'
mkdir folder.yaml
run "$KILN" check folder.yaml ten.yaml
has 'what cannot be read is told like a mistake, and the next is checked' "$out" '^folder.yaml: cannot read the recipe'
is 'that is one more' "$(grep -c . <<<"$out")" 14
fails 'a file that is not there' usage "there is no file 'nowhere.yaml'" "$KILN" check nowhere.yaml
is 'standard input' "$("$KILN" check - <ten.yaml 2>/dev/null | sed 's/^standard input/ten.yaml/')" "$(cat ten.expect)"
run "$KILN" check good.yaml -o image.relese=sid -o packages.update=perhaps
is 'options are checked, too' "$out" "-o image.relese: unknown key 'relese' in 'image' (did you mean 'release'?)
-o packages.update: 'packages.update' must be true or false, not 'perhaps'"
(cd "$TOP" && "$KILN" check) >out 2>&1
has 'without an argument all recipes of the folder are checked' "$(cat out)" \
	"^$(find "$TOP/recipes" -maxdepth 1 -name '*.yaml' | wc -l) recipes?, no mistake\$"

# What this version does not run is no mistake.
cat >later.yaml <<'R'
image:
  distribution: alpinelinux
source:
  downloader: alpinelinux-http
packages:
  manager: apk
files:
- generator: fstab
- generator: incus-agent
  types: [vm]
- generator: hostname
  path: /etc/hostname
  architectures: [amd65]
R
run "$KILN" check later.yaml
is 'what is not supported yet, and notes, with their places' "$out" "$(cat <<'R'
later.yaml:4:15: not supported yet: 'source.downloader: alpinelinux-http' (this version runs: debootstrap)
later.yaml:6:12: not supported yet: 'packages.manager: apk' (this version runs: apt)
later.yaml:8:14: not supported yet: 'generator: fstab' (it belongs to virtual machines; 'types: [vm]' limits an entry to them)
later.yaml:9:14: note: not supported yet: 'generator: incus-agent'
later.yaml:13:18: note: no image has the architecture 'amd65' (did you mean 'amd64'?)
R
)"
is 'its status is its own' "$status" "$(status_of unsupported)"
is 'its levels in JSON' "$("$KILN" check later.yaml --json 2>/dev/null | jq -r '.[].level' | sort | uniq -c | xargs)" \
	'2 note 3 unsupported'

# A hostile file: bounded, and in no time.
for ((i = 0; i < 3000; i++)); do echo "key$i: x"; done >many.yaml
run timeout 20 "$KILN" check many.yaml
has 'a file with thousands of mistakes: there is an end' "$out$err" 'more than 500 problems'

# Templates that instances render.
mkdir -p beside
printf 'one\n{{ container.name|capfirst }} {%% if %%}\n' >beside/broken.tpl
cat >templates.yaml <<'R'
image: {distribution: debian, release: bookworm}
source: {downloader: debootstrap, url: "http://x.invalid/"}
packages: {manager: apt}
files:
- {generator: template, name: a, path: /a, source: beside/broken.tpl}
- {generator: template, name: b, path: /b, content: "{{ x|nosuch }}"}
R
run "$KILN" check templates.yaml
is 'mistakes in instance templates: the status' "$status" 3
has 'with the place in the file beside' "$out" '^beside/broken\.tpl:2:'
has 'and in the recipe' "$out" '^templates\.yaml:6:.*nosuch'

# The schema.
"$KILN" check --schema >schema.json
is 'the schema is JSON of that kind' "$(jq -r '."$schema"' schema.json)" 'http://json-schema.org/draft-07/schema#'
is 'and has the sections of the format' "$(jq -c '.definitions.recipe.required' schema.json)" '["image","source","packages"]'
fails 'with a recipe it makes no sense' usage 'takes no recipe' "$KILN" check --schema good.yaml
is 'each key of the table is in it' \
	"$(jq -r '.. | objects | select(.type == "object") | .properties // {} | keys[]' schema.json | sort -u)" \
	"$(grep -hoE '\{ ?"[a-z0-9_]+", SCHEMA_|^\s*"[a-z0-9_]+", SCHEMA_' "$TOP"/builder/recipe/schema*.[ch] | grep -oE '[a-z0-9_]+"' | tr -d '"' | sort -u)"
is 'each has a description' \
	"$(jq '[.. | objects | select(.type == "object") | .properties // {} | .[] | select(has("description") | not)] | length' schema.json)" 0

if ! python3 -c 'import jsonschema, yaml' 2>/dev/null; then
	skip 'the schema validates recipes' 'needs python3-jsonschema and python3-yaml (make setup check)'
	exit 0
fi
cat >validate.py <<'P'
import json, sys, warnings
warnings.simplefilter("ignore")
import jsonschema, yaml

class Loader(yaml.SafeLoader):
    """With kiln's two tags, as editors know them when they are told of them."""


def plain(loader, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


Loader.add_constructor("!replace", plain)
Loader.add_constructor("!remove", plain)
schema = json.load(open("schema.json"))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for name in sys.argv[1:]:
    try:
        recipe = yaml.load(open(name, encoding="utf-8"), Loader)
    except Exception:
        print("unreadable", name)
        continue
    print("valid" if validator.is_valid(recipe) else "invalid", name)
P
check 'the schema is one by the standard of its kind' python3 validate.py
cp -r "$TOP/tests/reject/recipe" reject
rm -f reject/*bomb* reject/billion* reject/deep* reject/many* # for which Python takes minutes
is 'recipes of this project are valid' "$(python3 validate.py good.yaml "$TOP"/recipes/*.yaml | grep -v '^valid')" ''
is 'recipes that are only not supported yet are valid' "$(python3 validate.py later.yaml)" 'valid later.yaml'
# No recipe that kiln takes is invalid by the schema; so whatever is invalid kiln refuses.
invalid=$(python3 validate.py ten.yaml yaml.yaml reject/*.yaml | sed -n 's/^invalid //p')
for file in $invalid; do
	[ ! -e "${file%.yaml}.options" ] || continue
	"$KILN" check "$file" >/dev/null 2>&1
	[ $? = "$(status_of recipe)" ] || accepted="${accepted-} $file"
done
is 'what the schema refuses, kiln refuses' "${accepted-}" ''
check 'the schema refuses the recipe with thirteen mistakes' grep -qx ten.yaml <<<"$invalid"
count=$(wc -w <<<"$invalid")
check 'and most of the corpus of wrong recipes' [ "$count" -ge 45 ]
count "$count wrong recipes are invalid by the JSON Schema, too"
