/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, ids and seeds: what is to be different on every machine, and whom instances let in. */
#include "check/lint_site.h"

#include <ctype.h>

static const struct lint_pattern patterns[] = {
	{ "etc/ssh/ssh_host_*_key", RULE_SSH_HOST_KEY, LINT_FILLED, "an SSH host key" },
	{ "etc/ssh/ssh_host_*_key.pub", RULE_SSH_HOST_KEY, LINT_FILLED,
	  "the public half of an SSH host key" },
	{ "etc/ssh/ssh_host_*_key-cert.pub", RULE_SSH_HOST_KEY, LINT_FILLED,
	  "the certificate of an SSH host key" },
	{ "etc/dropbear/dropbear_*_host_key", RULE_SSH_HOST_KEY, LINT_FILLED, "an SSH host key of dropbear" },

	{ "var/lib/systemd/random-seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "var/lib/urandom/random-seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "var/lib/misc/random-seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "var/lib/random-seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "var/lib/seedrng/seed.*", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "boot/loader/random-seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "boot/efi/loader/random-seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "etc/random-seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },
	{ "etc/urandom.seed", RULE_RANDOM_SEED, LINT_FILLED, "a random seed" },

	{ "etc/ssl/private/ssl-cert-snakeoil.key", RULE_PRIVATE_KEY, LINT_FILLED,
	  "the key that ssl-cert made" },
	{ "etc/pki/tls/private/localhost.key", RULE_PRIVATE_KEY, LINT_FILLED, "the key that mod_ssl made" },
	{ "var/lib/systemd/credential.secret", RULE_SHARED_SECRET, LINT_FILLED, "the key of systemd-creds" },
	{ "var/lib/NetworkManager/secret_key", RULE_SHARED_SECRET, LINT_FILLED, "a key of NetworkManager" },
	{ "var/lib/samba/private/secrets.tdb", RULE_SHARED_SECRET, LINT_FILLED, "secrets of samba" },
	{ "var/lib/rabbitmq/.erlang.cookie", RULE_SHARED_SECRET, LINT_FILLED, "the cookie of RabbitMQ" },
	{ "etc/munge/munge.key", RULE_SHARED_SECRET, LINT_FILLED, "the key of munge" },
	{ "etc/bind/rndc.key", RULE_SHARED_SECRET, LINT_FILLED, "the key that rules named" },
	{ "etc/rndc.key", RULE_SHARED_SECRET, LINT_FILLED, "the key that rules named" },
	{ "etc/krb5.keytab", RULE_SHARED_SECRET, LINT_FILLED, "a keytab of Kerberos" },

	{ "etc/hostid", RULE_UNIQUE_ID, LINT_FILLED, "a host id" },
	{ "etc/nvme/hostid", RULE_UNIQUE_ID, LINT_FILLED, "an NVMe host id" },
	{ "etc/nvme/hostnqn", RULE_UNIQUE_ID, LINT_FILLED, "an NVMe host name" },
	{ "var/lib/mysql/auto.cnf", RULE_UNIQUE_ID, LINT_FILLED, "the server id of MySQL" },

	{ "etc/apt/auth.conf.d/*", RULE_STORED_CREDENTIALS, LINT_FILLED, "a login for a package archive" },
	{ "etc/NetworkManager/system-connections/*", RULE_STORED_CREDENTIALS, LINT_FILLED,
	  "a network connection of the build machine" },
	{ "root/.pypirc", RULE_STORED_CREDENTIALS, LINT_FILLED, "a login for a package archive" },
	{ "root/.config/gh/hosts.yml", RULE_STORED_CREDENTIALS, LINT_FILLED, "a login for a code host" },

	{ "root/.*_history", RULE_SHELL_HISTORY, LINT_FILLED, "commands of root" },
	{ "home/*/.*_history", RULE_SHELL_HISTORY, LINT_FILLED, "commands of a user" },
	{ "root/.lesshst", RULE_SHELL_HISTORY, LINT_FILLED, "what root searched for" },
	{ "home/*/.lesshst", RULE_SHELL_HISTORY, LINT_FILLED, "what a user searched for" },
	{ "root/.viminfo", RULE_SHELL_HISTORY, LINT_FILLED, "what root edited" },
	{ "home/*/.viminfo", RULE_SHELL_HISTORY, LINT_FILLED, "what a user edited" },
	{ "root/.wget-hsts", RULE_SHELL_HISTORY, LINT_FILLED, "hosts that root fetched from" },
};

/* A key that a package ships is known to all anyway; below /usr it is there as an example or for tests. */
static void check_private_key(struct lint_site *site, const struct lint_file *file)
{
	if (!file->has_private_key || (site->has_dpkg && file->is_owned && is_prefix(file->path, "usr/")))
		return;
	lint_say(site, RULE_PRIVATE_KEY, file->path, "a private key");
}

static void check_openpgp(struct lint_site *site, const struct lint_file *file)
{
	if (!S_ISREG(file->mode) || file->size_bytes == 0)
		return;
	if (strstr(file->path, "/private-keys-v1.d/") || is_suffix(file->path, "/secring.gpg"))
		lint_say(site, RULE_OPENPGP_SECRET, file->path, "a secret key of GnuPG");
}

/* Whether any line of TEXT that is no comment begins with WORD (of whatever case) and has something behind it. */
static bool has_setting(struct text text, const char *word)
{
	struct text line;

	while (lint_line(&text, &line)) {
		struct text rest = text_trim(line);
		size_t len = strlen(word);

		if (rest.len > len && text_equal_anycase((struct text) { rest.ptr, len }, text_of(word)) &&
		    text_trim((struct text) { rest.ptr + len, rest.len - len }).len > 1)
			return true;
	}
	return false;
}

static bool has_key_line(struct text text)
{
	struct text line;

	while (lint_line(&text, &line)) {
		line = text_trim(line);
		if (line.len && line.ptr[0] != '#')
			return true;
	}
	return false;
}

/* What only the content tells. */
static void check_settings(struct lint_site *site, const struct lint_file *file)
{
	static const struct {
		const char *name; /* of the file, with the slash in front */
		const char *word;
		enum lint_rule_number rule;
		const char *what;
	} rows[] = {
		{ "/.netrc", "machine", RULE_STORED_CREDENTIALS, "a login for a server" },
		{ "/.git-credentials", "http", RULE_STORED_CREDENTIALS, "a login for a code host" },
		{ "/.aws/credentials", "aws_secret_access_key", RULE_STORED_CREDENTIALS,
		  "a key for a cloud" },
		{ "/.npmrc", "//", RULE_STORED_CREDENTIALS, "a token for a package archive" },
		{ "etc/apt/auth.conf", "machine", RULE_STORED_CREDENTIALS, "a login for a package archive" },
		{ "etc/mysql/debian.cnf", "password =", RULE_SHARED_SECRET,
		  "the password of Debian's MySQL account" },
		{ "etc/iscsi/initiatorname.iscsi", "InitiatorName=", RULE_UNIQUE_ID, "an iSCSI name" },
	};

	if (!file->text.ptr)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_suffix(file->path, rows[i].name) && has_setting(file->text, rows[i].word))
			lint_say(site, rows[i].rule, file->path, "%s", rows[i].what);
	if (is_suffix(file->path, "/.docker/config.json") &&
	    memmem(file->text.ptr, file->text.len, "\"auth\"", 6))
		lint_say(site, RULE_STORED_CREDENTIALS, file->path, "a login for a registry");
	if (is_prefix(file->path, "etc/wireguard/") && has_setting(file->text, "PrivateKey"))
		lint_say(site, RULE_PRIVATE_KEY, file->path, "a private key of WireGuard");
	if ((is_suffix(file->path, "/.ssh/authorized_keys") ||
	     is_suffix(file->path, "/.ssh/authorized_keys2")) &&
	    has_key_line(file->text))
		lint_say(site, RULE_AUTHORIZED_KEY, file->path, "an authorized key");
}

void lint_secrets_file(struct lint_site *site, const struct lint_file *file)
{
	if (!lint_apply_patterns(site, patterns, ARRAY_LEN(patterns), file))
		check_private_key(site, file);
	check_openpgp(site, file);
	check_settings(site, file);
}

/* 32 digits. Empty is right, and so is "uninitialized": machine-id(5). */
static void check_machine_id(struct lint_site *site, const char *path)
{
	struct text id = text_trim(lint_text(site, path));
	size_t digits = 0;

	while (digits < id.len && isxdigit((unsigned char)id.ptr[digits]))
		digits++;
	if (id.len == 32 && digits == id.len)
		lint_say(site, RULE_MACHINE_ID, path, "a machine id: %.*s…", 8, id.ptr);
	else if (id.len && !text_is(id, "uninitialized"))
		lint_say(site, RULE_MACHINE_ID, path, "neither empty nor 'uninitialized'");
}

void lint_secrets_end(struct lint_site *site)
{
	check_machine_id(site, "etc/machine-id");
	check_machine_id(site, "var/lib/dbus/machine-id");
}
