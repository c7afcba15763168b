#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# builder/ARCHITECTURE.md names every folder of builder/ and every file in it by its stem, and names none
# that does not exist. Every source begins with its licence.
set -u
cd "$(dirname "$0")/../.." || exit 1
errors=0

say() {
	echo "tree: $*" >&2
	errors=$((errors + 1))
}

# The picture: "folder/  words", and below it "  stem.c .h other.c  words", between two fences.
picture=$(awk '/^```tree$/ { on = 1; next } /^```$/ { on = 0 } on' builder/ARCHITECTURE.md)
[ -n "$picture" ] || say 'builder/ARCHITECTURE.md has no picture between ```tree and ```'

# folder/stem of everything that the picture names: "folder/", or files up to two blanks in a row.
drawn=$(awk '
	/^[a-z]+\// { folder = $1; print folder; next }
	/^[^ ]/ { folder = "" }
	NF {
		sub(/^ +/, "")
		sub(/  .*/, "")
		for (i = 1; i <= NF; i++)
			if ($i !~ /^\./) { stem = $i; sub(/\.[^.]*$/, "", stem); print folder stem }
	}' <<<"$picture" | sort -u)
there=$(cd builder && {
	find . -mindepth 1 -type d -printf '%P/\n'
	find . -type f ! -name '*.md' -printf '%P\n' | sed -E 's/\.[^./]*$//'
} | sort -u)

while read -r name; do
	say "builder/ARCHITECTURE.md does not name builder/$name"
done < <(comm -13 <(echo "$drawn") <(echo "$there"))
while read -r name; do
	say "builder/ARCHITECTURE.md names builder/$name, which is not there"
done < <(comm -23 <(echo "$drawn") <(echo "$there"))

for file in $(git ls-files -- 'builder/*.[ch]' 'tests/*.[ch]'); do
	[ "$(head -n 1 "$file")" = '/* SPDX-License-Identifier: Apache-2.0 */' ] ||
		say "$file: the first line should be its SPDX line"
done
for file in $(git ls-files -- 'tests/*.sh' tests/run tests/run-one tests/bench/run tests/tree/run .ci/run Makefile 'tests/*.py'); do
	head -n 2 "$file" | grep -qx '# SPDX-License-Identifier: Apache-2.0' || say "$file: no SPDX line"
done
[ "$errors" = 0 ]
