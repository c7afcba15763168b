#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What every instance has to make itself: an image with servers in it, which has neither keys nor clusters nor
# databases, and two containers of it in a real LXD, which have their own, and whose servers answer.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=../lxd.sh
. "$(dirname "$0")/../lxd.sh"

[ -n "${KILN_TEST_LONG-}" ] || skip_all 'takes minutes (make check-long)'
require_root "an LXD runs"
require_programs lxd lxc unshare jq
require_mirror

cp -r "$TOP/recipes" "$TOP/templates" "$WORK/"
cat >"$WORK/recipes/server.yaml" <<R
extends: debian-bookworm.yaml
image:
  name: server
packages:
  sets:
  - action: install
    packages: [openssh-server, postgresql, mariadb-server, nginx, ssl-cert]
R
check 'built' "$KILN" build "$WORK/recipes/server.yaml" --format unified --cache "$CACHE" --output "$WORK/image"
[ -e "$WORK/image/server.tar.zst" ] || exit 1
unpack_list=$(tar --list --zstd -f "$WORK/image/server.tar.zst")
is 'the image has no host key' "$(grep -c 'rootfs/etc/ssh/ssh_host_.*_key$' <<<"$unpack_list")" 0
is 'the image has no key of ssl-cert' "$(grep -c 'ssl-cert-snakeoil.key$' <<<"$unpack_list")" 0
is 'the image has no cluster' "$(grep -c 'PG_VERSION$' <<<"$unpack_list")" 0
is 'the image has no database' "$(grep -c 'var/lib/mysql/mysql/.' <<<"$unpack_list")" 0

# psql COMMAND: in $container.
psql() {
	inside sh -c 'cd / && setpriv --reuid postgres --regid postgres --init-groups psql -Atc "$0"' "$1"
}

lxd_start
check 'imported' lxc image import "$WORK/image/server.tar.zst" --alias server
for number in 1 2; do
	container=$mark-$number
	check "$number: started" lxc launch server "$container"
	if within 200 is_up && [ "$state" = running ]; then
		ok "$number: systemd says running"
	else
		not_ok "$number: systemd says running" "it says: $state
$(inside systemctl --failed --no-legend --plain)
$(inside journalctl -b -p warning --no-pager | tail -n 40)"
	fi
	for unit in renew-ssl-cert renew-ssh-host-keys renew-postgresql renew-mariadb ssh nginx postgresql@15-main \
		mariadb; do
		is "$number: $unit" "$(inside systemctl is-active "$unit")" active
	done
	is "$number: PostgreSQL answers" "$(psql 'select 6 * 7')" 42
	is "$number: MariaDB answers" "$(inside mariadb -BNe 'select 6 * 7')" 42
	is "$number: MariaDB has its accounts" "$(inside mariadb -BNe "select user from mysql.user order by user" |
		tr '\n' ' ')" 'mariadb.sys mysql root '
	check "$number: sshd takes its configuration" inside sshd -t
	has "$number: sshd speaks" "$(inside bash -c 'read -r line </dev/tcp/127.0.0.1/22; echo "$line"')" '^SSH-2.0-'
	has "$number: nginx speaks" "$(inside bash -c \
		'exec 3<>/dev/tcp/127.0.0.1/80; printf "HEAD / HTTP/1.0\r\n\r\n" >&3; head -n 1 <&3')" ' 200 '
	inside cat /etc/ssh/ssh_host_ed25519_key.pub >"$WORK/$number.ssh"
	inside sh -c 'openssl x509 -in /etc/ssl/certs/ssl-cert-snakeoil.pem -noout -fingerprint 2>/dev/null ||
		sha256sum /etc/ssl/certs/ssl-cert-snakeoil.pem' >"$WORK/$number.ssl"
	psql 'select system_identifier from pg_control_system()' >"$WORK/$number.pg"
done
for what in ssh ssl pg; do
	is "$what: the two have others" "$(cmp -s "$WORK/1.$what" "$WORK/2.$what" && echo same)" ''
done
container=$mark-1
inside mariadb -e 'create database mine'
check 'restarted' lxc restart "$container"
within 200 is_up
is 'they are made once: the key stays' "$(inside cat /etc/ssh/ssh_host_ed25519_key.pub)" "$(cat "$WORK/1.ssh")"
is 'they are made once: the cluster stays' "$(psql 'select system_identifier from pg_control_system()')" "$(cat "$WORK/1.pg")"
is 'they are made once: the database stays' "$(inside mariadb -BNe "show databases like 'mine'")" mine
lxd_is_clean
