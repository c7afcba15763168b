#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file is read in one sitting, a function on one screen, a line without scrolling. Tests may list more cases.
set -u
cd "$(dirname "$0")/../.." || exit 1
file_lines=700 function_lines=70 columns=120

find builder tests -name '*.[ch]' -not -path '*/out/*' | sort | xargs awk \
	-v file_lines=$file_lines -v function_lines=$function_lines -v columns=$columns '
	function say(text) { printf "sizes: %s\n", text > "/dev/stderr"; bad = 1 }
	function end_file() { if (lines > most(file_lines)) say(file ": " lines " lines, at most " most(file_lines)) }
	function most(number) { return file ~ /^tests/ ? 2 * number : number }
	FNR == 1 { end_file(); file = FILENAME }
	{ lines = FNR }
	{
		shown = $0
		while ((tab = index(shown, "\t")) > 0)
			shown = substr(shown, 1, tab - 1) sprintf("%*s", 8 - (tab - 1) % 8, "") substr(shown, tab + 1)
		if (length(shown) > columns)
			say(file ":" FNR ": " length(shown) " columns, at most " columns)
	}
	/(^|[^a-z_"])goto[ \t]+[a-z_]+;/ && !/^[ \t]*(\/?\*|\/\/)/ { say(file ":" FNR ": goto") }
	# The house style puts the brace that opens a function, and the one that ends it, in the first column.
	/^{/ { begin = FNR }
	/^}/ && begin {
		if (FNR - begin - 1 > most(function_lines))
			say(file ":" begin ": a function of " FNR - begin - 1 " lines, at most " most(function_lines))
		begin = 0
	}
	END { end_file(); exit bad }'
