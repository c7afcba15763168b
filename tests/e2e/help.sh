#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What kiln says about itself, kiln(1) and error.h agree; and how the command line fails.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

page=$TOP/builder/kiln.1
cd "$TOP" || exit 1

section() {
	awk -v name=".Sh $1" '/^\.Sh / { on = $0 == name; next } on' "$page"
}

run "$KILN" --help
is '--help: exit status, and nothing on standard error' "$status $err" '0 '
help=$out
is '--help has at most 80 columns' "$(awk 'length > 80' <<<"$help")" ''
commands=$(sed -nE 's/^  ([a-z]+) .*/\1/p' <<<"$help" | sort)
is 'kiln(1) has the commands of --help' "$(section COMMANDS | sed -nE 's/^\.It Cm ([a-z]+).*/\1/p' | sort)" "$commands"
is 'and so has its synopsis' "$(section SYNOPSIS | sed -nE 's/^\.Cm ([a-z]+)$/\1/p' | sort)" "$commands"

options=--version
for command in $commands; do
	run "$KILN" "$command" --help
	is "$command --help: exit status, and nothing on standard error" "$status $err" '0 '
	options="$options $(grep -oE -e '--[a-z-]+' <<<"$out" | tr '\n' ' ')"
done
is 'kiln(1) has the options of the commands' \
	"$(section OPTIONS | sed -nE 's/^\.It Fl (. , )?(-[a-z-]+).*/-\2/p' | sort -u)" \
	"$(tr ' ' '\n' <<<"$options" | grep . | sort -u)"
run "$KILN" build --help
is 'letters too' "$(section OPTIONS | sed -nE 's/^\.It Fl ([a-z]) ,.*/-\1/p' | sort -u)" \
	"$(grep -oE '^ +-[a-z],' <<<"$out" | tr -d ' ,' | sort -u)"
stages=$(sed -nE 's/.*"stop after ([^"]*)".*/\1/p' "$TOP/builder/cmd/settings.c" | sed -E 's/,|\bor\b/ /g' | xargs -n 1)
is 'kiln(1) has the stages' "$(section STAGES | sed -n 's/^\.It Cm //p')" "$stages"

is 'kiln(1) has the exit statuses of error.h' \
	"$(section 'EXIT STATUS' | awk '/^\.It/ { n = $2; next } n != "" { sub(/:.*/, ""); print n, $0; n = "" }' | sed 's/^0 .*/0 none/')" \
	"$(sed -nE 's/^\s*ERROR_([A-Z]+) = ([0-9]+).*/\2 \L\1/p' "$TOP/builder/base/error.h")"

run "$KILN" --version
has '--version' "$out" '^kiln [0-9]+\.[0-9]'
run "$KILN" list
is 'list: exit status' "$status" 0
for file in recipes/*.yaml; do
	has "list names $(basename "$file" .yaml)" "$out" "^$(basename "$file" .yaml) +[A-Z]"
done

fails 'no command' usage 'a command is missing' "$KILN"
fails 'an unknown command' usage "unknown command 'biuld' \(did you mean 'build'\?\)" "$KILN" biuld
fails 'an unknown option' usage "unknown option '--ofline' \(did you mean '--offline'\?\)" "$KILN" build x --ofline
fails 'an unknown letter behind a known one' usage "unknown option '-x'" "$KILN" build -qx x
fails 'a flag with a value' usage "option '--quiet' takes no value" "$KILN" build x --quiet=yes
fails 'an empty value' usage "option '--cache' needs a value" "$KILN" plan x --cache ''
fails 'an option of another command' usage "kiln list has no option '--offline'" "$KILN" list --offline
fails 'a missing value' usage "option '--output' needs a value" "$KILN" build x --output
fails 'a missing argument' usage 'usage: kiln build RECIPE' "$KILN" build
fails 'an argument too many' usage "unexpected argument 'y'" "$KILN" build x y
fails 'an unknown recipe' usage "no recipe 'debian-bokworm' \(did you mean 'debian-bookworm'\?\)" "$KILN" build debian-bokworm
fails 'an unknown stage' usage "unknown stage 'unpak'" "$KILN" build debian-bookworm --until unpak
fails 'an unknown format' usage "format.*'zip'" "$KILN" build debian-bookworm --format zip
fails 'an unknown compression' usage "compression.*'lzo'|'lzo'" "$KILN" build debian-bookworm --compression lzo
fails 'a level that does not exist' usage "99" "$KILN" build debian-bookworm --compression zstd-99
fails 'a mirror that is no address' usage "--mirror" "$KILN" plan debian-bookworm --mirror nowhere
fails 'an override without a value' usage "image.release" "$KILN" plan debian-bookworm -o image.release
fails 'a name with a line end' usage 'no recipe .a.b.' "$KILN" plan $'a\nb'
has_no 'no password of an address that is refused' \
	"$("$KILN" plan debian-bookworm --mirror ftp://me:secret@host/ 2>&1)" secret
fails 'a full disk behind standard output' space 'standard output' sh -c "'$KILN' --help >/dev/full"
fails 'no standard output' system 'standard output' sh -c "'$KILN' --help >&-"
fails 'an override of an unknown key' recipe "relese.*release" "$KILN" plan debian-bookworm -o image.relese=sid
