#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Maintainer scripts and actions that fail, in every way and at every moment: one line that names the package, the
# script, how it ended and what it said last. Built from an archive whose base system is a few programs of this host.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs python3 gpg dpkg-deb ldd
cd "$WORK" || exit 1

arch=$(dpkg --print-architecture)
says=$'#!/bin/sh\necho first line\necho last line >&2\n'

base() {
	deb dpkg --arch "$arch" --version 1.21.22 --compress none --field 'Essential: yes' --field 'Priority: required' \
		--copy /usr/bin/dash=/usr/bin/sh --copy /usr/bin/dpkg --copy /usr/bin/dpkg-deb --copy /usr/bin/dpkg-query \
		--copy /usr/bin/dpkg-split --copy /usr/bin/tar --copy /usr/bin/rm --copy /usr/bin/diff \
		--copy /sbin/ldconfig=/usr/sbin/ldconfig --copy /sbin/start-stop-daemon=/usr/sbin/start-stop-daemon
	deb usr-is-merged # that it exists means that /bin, /lib and /lib64 are links
	deb apt --arch "$arch" --version 2.0 --field 'Priority: important' --field 'Depends: dpkg'
}
base
for script in preinst postinst; do
	deb "$script-fails" --script "$script=${says}exit 3"
	deb "$script-is-killed" --script "$script=${says}kill -SEGV \$\$"
	deb "$script-has-killed" --script "$script=${says}sh -c 'kill -SEGV \$\$'"
	deb "$script-cannot-run" --script "$script=#!/usr/bin/absent"
	deb "$script-floods" --script "$script=#!/bin/sh
i=0; while [ \$i -lt 5000 ]; do i=\$((i + 1)); echo line \$i \"\$0 and a longer line than is of interest\"; done; exit 1"
	deb "$script-is-silent" --script "$script=#!/bin/sh
exit 1"
	deb "$script-steers" --script "$script=#!/bin/sh
printf 'red \\033[31m and\\r'; printf 'gone\\n\\n\\n'; exit 1"
done
deb waits --script $'triggers=interest-noawait /usr/share/waited\n' --script "postinst=#!/bin/sh
[ \"\$1\" = configure ] || { echo \"\$1 by \$2\"; exit 5; }"
# Its preinst makes the other be configured before it is unpacked: only then there is a trigger to process.
deb pulls --field 'Pre-Depends: waits' --script "preinst=$says" --file /usr/share/waited/x=x
deb stays --script "prerm=${says}exit 6"
deb lingers --script "postrm=${says}exit 7"
deb good --script "preinst=$says" --script "postinst=$says"
archive web/debian
serve web

# build RECIPE
build() {
	rm -rf out
	"$KILN" build "$1" --cache cache --output out
}
# of NAME STATUS PATTERN PACKAGE: an image with that package ends like that, and leaves nothing.
of() {
	tiny_recipe r.yaml "$SERVER/debian/" good "$4"
	fails "$1" "$2" "^kiln: $3\$" build r.yaml
	is "$1: no image" "$(find out -mindepth 1 ! -name '*.log' 2>/dev/null)" ''
}

tiny_recipe r.yaml "$SERVER/debian/" good waits
check 'scripts that print and do not fail' build r.yaml

for script in preinst postinst; do
	of "$script: exit status" script "package '$script-fails': $script failed with exit status 3: first line \| last line" \
		"$script-fails"
	of "$script: killed" script \
		"package '$script-is-killed': $script was killed by signal 11 \(SIGSEGV\): first line \| last line" \
		"$script-is-killed"
	of "$script: a program of it was killed" script \
		"package '$script-has-killed': $script failed with exit status 139 \(128 \+ SIGSEGV\): first line \| .*" \
		"$script-has-killed"
	of "$script: thousands of lines" script \
		"package '$script-floods': $script failed with exit status 1: line 49[89][0-9] .{500,1200} \| line 5000 [^|]*" \
		"$script-floods"
	of "$script: no lines" script "package '$script-is-silent': $script failed with exit status 1" "$script-is-silent"
	of "$script: lines that steer a terminal" script "package '$script-steers': $script failed with exit status 1: gone" \
		"$script-steers"
done
of 'preinst: no interpreter' script \
	"package 'preinst-cannot-run': preinst: cannot run '.*/preinst': interpreter '/usr/bin/absent': No such file or directory" \
	preinst-cannot-run
of 'postinst: no interpreter' script \
	"package 'postinst-cannot-run': postinst failed with exit status [0-9]+: .*unable to execute .*\.postinst\): No such file or directory" \
	postinst-cannot-run
of 'triggers' script \
	"package 'waits': postinst \(processing triggers\) failed with exit status 5: triggered by /usr/share/waited" pulls

# removed NAME PATTERN PACKAGE: what its removal says.
removed() {
	tiny_recipe r.yaml "$SERVER/debian/" "$3"
	printf '  - action: remove\n    packages:\n    - %s\n' "$3" >>r.yaml
	fails "$1" script "^kiln: $2\$" build r.yaml
}
removed 'prerm' "package 'stays': prerm failed with exit status 6: first line \| last line" stays
removed 'postrm' "package 'lingers': postrm failed with exit status 7: first line \| last line" lingers

# action NAME PATTERN SCRIPT
action() {
	tiny_recipe r.yaml "$SERVER/debian/" good
	printf 'actions:\n- trigger: post-packages\n  action: |\n' >>r.yaml
	printf '%s\n' "$3" | sed 's/^/    /' >>r.yaml
	fails "$1" action "^kiln: r\.yaml:[0-9]+:[0-9]+: action \(post-packages\)$2\$" build r.yaml
}
action 'action: exit status' ' failed with exit status 3: first line \| last line' "${says}exit 3"
action 'action: killed' ' was killed by signal 11 \(SIGSEGV\): first line \| last line' "${says}kill -SEGV \$\$"
action 'action: no interpreter' ": cannot run 'action': interpreter '/usr/bin/absent': No such file or directory" \
	'#!/usr/bin/absent'

# The base system: its preinst scripts run when all is unpacked, its postinst scripts after those.
for script in preinst postinst; do
	rm -rf debs web/base
	base
	deb essential --field 'Priority: required' --script "$script=${says}exit 8"
	archive web/base
	tiny_recipe r.yaml "$SERVER/base/"
	fails "$script of the base system" script \
		"^kiln: package 'essential': $script failed with exit status 8: first line \| last line\$" build r.yaml
done
