#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hundreds of bad images through every command that reads one, under a limit of memory and one of time.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs python3 zstd mksquashfs prlimit

if ! count=$(python3 "$TOP/tests/hostile/make_images.py" "$WORK/corpus" 2>&1); then
	give_up 'the images are made' "$count"
fi
if [ "$count" -ge 200 ]; then
	ok 'there are at least 200'
else
	not_ok 'there are at least 200' "$count"
fi
mkdir "$WORK/scratch"
run python3 "$TOP/tests/hostile/run_images.py" --kiln "$KILN" --corpus "$WORK/corpus" --scratch "$WORK/scratch" \
	--errors "$TOP/builder/base/error.h"
while read -r line; do
	count "$line"
done < <(grep -v -e '^WRONG' -e '^ ' <<<"$out")
if [ "$status" = 0 ] && [ -z "$err" ]; then
	ok 'each ends as documented, within its limits and its folder'
else
	not_ok 'each ends as documented, within its limits and its folder' "$err
$(grep -A 2 '^WRONG' <<<"$out" | cut -c 1-400 | head -n 60)"
fi
