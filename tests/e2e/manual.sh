#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The examples in kiln-recipe(5) are recipes that load, and the page documents every key of the schema, no more.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

page=$TOP/builder/kiln-recipe.5
cp -r "$TOP/recipes/keys" "$WORK/keys"

# Each example into a file of its own, as a reader would see it.
awk -v folder="$WORK" '
	/^\.\\" example$/ { n++; on = 1; next }
	/^\.\\" end of example$/ { on = 0 }
	on && !/^\.(Bd|Ed)/ { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\-/, "-"); print > (folder "/" n ".part") }
' "$page"
count=$(find "$WORK" -name '*.part' | wc -l)
[ "$count" -ge 9 ] || give_up 'the page has examples' "only $count"

# section FILE NAME: that top-level section of a file.
section() {
	awk -v name="$2:" '/^[a-z]/ { on = $1 == name } on' "$1"
}

for ((i = 1; i <= count; i++)); do
	cp "$WORK/$i.part" "$WORK/$i.yaml"
	for name in image source packages; do
		! grep -q '^extends: ' "$WORK/$i.part" || break
		[ -n "$(section "$WORK/$i.part" $name)" ] || section "$WORK/1.part" $name >>"$WORK/$i.yaml"
	done
	first=$(grep -m 1 -oE '^[a-z]+' "$WORK/$i.part")
	run "$KILN" build "$WORK/$i.yaml" --until recipe --quiet
	if grep -qx '# Checked, not run by this version:' "$WORK/$i.part"; then
		is "example $i ($first) is refused as not supported yet" "$status" "$(status_of unsupported)"
		run "$KILN" check "$WORK/$i.yaml"
		is 'and has no mistake' "$status" "$(status_of unsupported)"
		continue
	fi
	if [ "$first" = targets ] && [ "$status" = "$(status_of unsupported)" ]; then
		ok "example $i ($first) is understood, and refused as not supported yet"
		continue
	fi
	# What it is laid over, or looks for beside itself.
	if grep -q '^extends: base/' "$WORK/$i.part" && [ ! -e "$WORK/base" ]; then
		mkdir "$WORK/base"
		cp "$WORK/1.part" "$WORK/base/debian.yaml"
		cp -r "$WORK/keys" "$WORK/base/keys"
		printf 'files:\n- {generator: dump, path: /etc/motd, content: x}\nimage: {expiry: 1d}\n' >"$WORK/base/quiet.yaml"
		run "$KILN" build "$WORK/$i.yaml" --until recipe --quiet
	fi
	is "example $i ($first) loads" "$status $err" '0 '
done

# A table of the schema's own: { "key", SCHEMA_…
if [ -e "$TOP/builder/recipe/schema.c" ]; then
	keys=$(sed -nE 's/.*"([a-z0-9_]+)", SCHEMA_.*/\1/p' "$TOP"/builder/recipe/schema*.[ch] | sort -u)
	check 'the schema has keys' [ "$(wc -l <<<"$keys")" -gt 40 ]
	for key in $keys; do
		# Sections are named in headings, the others in .It or .Ic lines.
		grep -qE "^\.(It )?Ic .*\b$key\b|^\.Sh THE SECTION $key\$" "$page" || missing="${missing-} $key"
	done
	is 'the page documents every key of the schema' "${missing-}" ''
	for key in $keys; do
		grep -qE "(^|[[:space:]{,-])$key:" "$WORK"/*.part || without="${without-} $key"
	done
	is 'with an example' "${without-}" ''
	while read -r key; do
		grep -qx "$key" <<<"$keys" || extra="${extra-} $key"
	done < <(awk '/^\.It Ic/ {
		for (i = 2; i <= NF; i++)
			if ($i == "Ic") on = 1
			else if ($i == "Pq") on = 0
			else if (on && $i != ",") print $i
	}' "$page")
	is 'and no key that the schema does not have' "${extra-}" ''
	for word in $(awk '/^WORDS\(schema_(generators|triggers)/ { on = 1 } on; /;/ { on = 0 }' "$TOP/builder/recipe/schema.c" |
		grep -oE '"[a-z-]+"' | tr -d '"'); do
		grep -qE "^\.(It )?Cm .*\b$word\b" "$page" || words="${words-} $word"
	done
	is 'the page documents every generator and trigger' "${words-}" ''
fi

for manual in kiln.1 kiln-recipe.5; do
	if command -v groff >/dev/null; then
		is "$manual renders without a word of complaint" \
			"$(groff -mdoc -Tutf8 -Kutf8 -ww -z "$TOP/builder/$manual" 2>&1)" ''
	else
		skip "$manual renders" "needs 'groff'"
	fi
done
