#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A build that is interrupted, or killed, leaves no process, no mount and no half-done output; the next
# build succeeds.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq
require_mirror

minbase_recipe "$WORK/t.yaml" <<'R'
packages:
  manager: apt
actions:
- trigger: post-unpack
  action: |-
    #!/bin/sh
    (trap '' TERM INT HUP; exec setsid sleep 86399) &
    sleep 86398
R
minbase_recipe "$WORK/quick.yaml" <<'R'
packages:
  manager: apt
R

# The processes of the recipe above, wherever they are.
sleepers() {
	pgrep -x -f 'sleep 8639[89]'
}

start() {
	mkdir -p "$WORK/out"
	echo old >"$WORK/out/image.json"
	env --default-signal=HUP "$KILN" build "$WORK/t.yaml" --cache "$CACHE" --output "$WORK/out" "$@" >/dev/null 2>"$WORK/err" </dev/null &
	pid=$!
	at_exit kill -KILL $pid
	if ! within 120 sleepers; then
		kill -KILL $pid
		give_up 'a build that waits' "$(cat "$WORK/err")"
	fi
}

# gone NAME: nothing of the build is left.
gone() {
	within 5 sh -c "! pgrep -x -f 'sleep 8639[89]'"
	is "$1: no process" "$(sleepers)" ''
	is "$1: no mount" "$(kiln_mounts)" ''
	is "$1: the output folder is as it was" "$(cd "$WORK/out" && grep -r . --exclude='*.log' .)" './image.json:old'
}

for signal in INT TERM HUP; do
	start
	kill -$signal "$pid"
	code=0
	wait "$pid" || code=$?
	is "SIG$signal: exit status" "$code" "$(status_of interrupted)"
	is "SIG$signal: one line says so" "$(grep -c '^kiln: .*interrupted' "$WORK/err")" 1
	gone "SIG$signal"
done

start
kill -KILL "$pid"
wait "$pid" 2>/dev/null
gone SIGKILL

# With the root on disk it is the next build that sweeps what a killed one could not.
mkdir "$WORK/disk"
start --work "$WORK/disk"
check 'with --work the root is on disk' [ -n "$(ls -A "$WORK/disk")" ]
kill -KILL "$pid"
wait "$pid" 2>/dev/null
gone 'SIGKILL with --work'
check 'the next build succeeds' "$KILN" build "$WORK/quick.yaml" --until configure --cache "$CACHE" --work "$WORK/disk"
is 'and leaves nothing of the killed one' "$(ls -A "$WORK/disk")" ''
