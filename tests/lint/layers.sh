#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Includes point downwards, so that a part can be read without what stands above it:
#
#	base ← stream ← fetch, sandbox, layer, pongo, deb, tree ← image ← the stages ← chain, pipeline, record, family.c, doctor ← cmd ← main.c
#
# Beside what is below it a file includes its own folder. A stage may also include family.h and the
# product header <stage>/<stage>.h of another stage; what else it needs of one stands in "also".
set -u
cd "$(dirname "$0")/../../builder" || exit 1

declare -A level=([base]=0 [stream]=1 [fetch]=2 [sandbox]=2 [layer]=2 [pongo]=2 [deb]=2 [tree]=2 [image]=3
	[recipe]=4 [index]=4 [plan]=4 [unpack]=4 [configure]=4 [customize]=4 [pack]=4 [check]=4 [evidence]=4 [lock]=4
	[family]=5 [chain]=5 [chain_steps]=5 [pipeline]=5 [pipeline_index]=5 [pipeline_build]=5 [record]=5 [doctor]=5 [emulation_cost]=5 [cmd]=6 [main]=7)
# Who may include which further header of its own level.
also='
check recipe/yaml.h
configure unpack/deb*.h
index unpack/deb_file.h
lock recipe/emit.h
lock recipe/yaml.h
'
# A library's header is known to these folders alone.
libraries='
curl/curl.h	fetch
yaml.h		recipe pack image
pcre2.h		base
archive.h	stream tree
archive_entry.h	tree
openssl/*	base
seccomp.h	sandbox
crypt.h		check
sqfs/*		image tree
jansson.h	check evidence plan customize lock cmd record
lzma.h		stream
zstd.h		stream
zlib.h		stream
bzlib.h		stream
lz4frame.h	stream
sqfs/*		tree image
'
errors=0

say() {
	echo "layers: $*" >&2
	errors=$((errors + 1))
}

# The folder of a file, or its own stem when it stands beside the folders.
part() {
	case $1 in
	*/*) echo "${1%%/*}" ;;
	*) basename "${1%.*}" ;;
	esac
}

allowed_also() {
	local from pattern
	while read -r from pattern; do
		# shellcheck disable=SC2053 # a pattern
		[ "$from" = "$1" ] && [[ $2 == $pattern ]] && return 0
	done <<<"$also"
	return 1
}

for file in $(find . -name '*.[ch]' -printf '%P\n' | sort); do
	from=$(part "$file")
	if [ -z "${level[$from]-}" ]; then
		say "builder/$file: '$from' has no level; add it to tests/lint/layers.sh"
		continue
	fi
	while IFS=: read -r line header; do
		to=$(part "$header")
		place="builder/$file:$line"
		if [ ! -e "$header" ]; then
			say "$place: includes \"$header\", which is no path below builder/"
		elif [ -z "${level[$to]-}" ]; then
			say "$place: '$to' has no level"
		elif [ "$from" = "$to" ] || [ "${level[$to]}" -lt "${level[$from]}" ]; then
			:
		elif [ "${level[$from]}" = 4 ] &&
			{ [ "$header" = family.h ] || [ "$header" = "$to/$to.h" ] || allowed_also "$from" "$header"; }; then
			# Only products of the own level, never of one above.
			[ "$header" = family.h ] || [ "${level[$to]}" = 4 ] || say "$place: \"$header\" is above '$from'"
		elif [ "${level[$from]}" = 5 ] && [ "${level[$to]}" = 5 ]; then
			:
		else
			say "$place: '$from' must not know \"$header\""
		fi
	done < <(sed -nE 's/^\s*#\s*include\s*"([^"]+)".*/\1/;T;=;p' "$file" | paste -d: - -)

	while IFS=: read -r line header; do
		while read -r pattern folders; do
			# shellcheck disable=SC2053 # a pattern
			[[ -n $pattern && $header == $pattern && " $folders " != *" $from "* ]] &&
				say "builder/$file:$line: <$header> belongs to: $folders"
		done <<<"$libraries"
	done < <(sed -nE 's/^\s*#\s*include\s*<([^>]+)>.*/\1/;T;=;p' "$file" | paste -d: - -)
done
[ "$errors" = 0 ]
