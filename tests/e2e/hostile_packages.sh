#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whole builds with packages that mean harm, each under a limit of memory: refused with one line that says where, or
# placed in the image, and nothing else of the host is touched. More tricks are in tests/unit/t_unpack_escapes.c.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_root "devices are among what packages bring"
require_programs python3 gpg dpkg-deb jq zstd prlimit
cd "$WORK" || exit 1
memory_max=$((2 << 30))
resident_max_kib=$((400 << 10))
sanitized=$(grep -c __asan_init "$KILN")

mkdir -p debs outside
echo mine >outside/canary
before=$(stat -c '%i %s %h %a %Y %Z' outside/canary)
tricks=$(python3 "$TOP/tests/hostile/make_packages.py" debs "$WORK/outside") || give_up 'the packages are made' "$tricks"
base_deb
archive web
serve web

# build PACKAGE: with its errors in $err and its peak of memory in $resident
build() {
	tiny_recipe r.yaml "$SERVER/" "$1"
	rm -rf image
	status=0
	python3 - "$memory_max" "$sanitized" "$KILN" build r.yaml --cache cache --no-layers --format unified --output image \
		>resident 2>run.err <<-'P' || status=$?
		import os, resource, subprocess, sys
		limit, sanitized, *command = sys.argv[1:]
		def limits():
		    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
		    if sanitized == "0":
		        resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
		process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=limits)
		_, status, usage = os.wait4(process.pid, 0)
		print(usage.ru_maxrss)
		sys.exit(os.waitstatus_to_exitcode(status) & 255)
	P
	err=$(tr -d '\0' <run.err)
	resident=$(cat resident)
}

# untouched: what is outside the root is as it was
untouched() {
	[ "$(ls -A outside)" = canary ] && [ "$(cat outside/canary)" = mine ] &&
		[ "$(stat -c '%i %s %h %a %Y %Z' outside/canary)" = "$before" ]
}

count=0 refused=0 most=0
while read -r package want pattern; do
	build "$package"
	count=$((count + 1))
	line=$(grep '^kiln: ' <<<"$err" | grep -v '^kiln: warning: ')
	[ "$status" = 0 ] || refused=$((refused + 1))
	[ "$resident" -le "$most" ] || most=$resident
	if [ "$(word_of "$status")" != "$want" ] || { [ "$want" != none ] && ! grep -qE -e "$pattern" <<<"$line"; } ||
		[ "$(grep -c . <<<"$line")" -gt 1 ]; then
		not_ok "$package: $want" "exit status $status ($(word_of "$status"))
$err"
	elif ! untouched; then
		not_ok "$package: nothing outside is touched" "$(ls -lA outside)"
	elif [ "$sanitized" = 0 ] && [ "$resident" -gt "$resident_max_kib" ]; then
		not_ok "$package: bounded memory" "$((resident >> 10)) MiB"
	elif [ "$status" != 0 ] && [ -n "$(find image -name '*.tar*' 2>/dev/null)" ]; then
		not_ok "$package: no image is left" "$(ls -A image)"
	else
		ok "$package: $want"
	fi
done <<<"$tricks"
count "$count builds with hostile packages: $refused refused, $((count - refused)) placed, at most $((most >> 10)) MiB"

# The last one was the odd one: what a package may have is in the image as it was.
check 'what is odd makes an image that is right' "$KILN" verify image
zstd -qdc image/*.tar.zst >image.tar || give_up "the image can be read" "$(ls image)"
python3 - >members <<'P'
import tarfile
for member in tarfile.open("image.tar", errors="surrogateescape"):
    if "/srv/" in member.name:
        print(repr(member.name.split("/srv/")[1]), oct(member.mode), member.type, member.mtime < 1 << 40)
P
has 'set-uid stays' "$(cat members)" "^'set-uid' 0o6755|^'again' 0o6755"
has 'names that are no UTF-8 stay' "$(cat members)" 'udcff'
has 'a time that no file system has is brought down' "$(cat members)" "^'times' .* True"
has_no 'attributes of the layers do not come from packages' "$(tr -d "\0" <image.tar | grep -a -o trusted.overlay)" 'trusted.overlay'
