/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/renew.h"

#include "base/root.h"
#include "customize/entry.h"
#include "customize/setup.h"
#include "customize/unit.h"
#include "customize/walk.h"

#include <fnmatch.h>

/* Takes away what PATH stands for, or leaves it: 1 when it went. */
typedef int (*renew_fn)(const struct customize_site *site, const char *path, const struct stat *st,
			struct error *e);

/* The links by hash that make-ssl-cert makes for its certificate: another host name gets another one. */
static int remove_hash_link(void *context, const char *path, const struct stat *st, struct error *e)
{
	const struct customize_site *site = context;
	auto_free char *target = NULL;

	if (!S_ISLNK(st->st_mode) || root_read_link(site->root_fd, path, &target, e) < 0)
		return S_ISLNK(st->st_mode) ? -1 : 0;
	return target && strcmp(target, "ssl-cert-snakeoil.pem") == 0 ? root_remove(site->root_fd, path, e)
								      : 0;
}

static int remove_certificate(const struct customize_site *site, const char *path, const struct stat *st,
			      struct error *e)
{
	static const char certificate[] = "/etc/ssl/certs/ssl-cert-snakeoil.pem";
	struct customize_site copy = *site;

	if (!S_ISREG(st->st_mode) || recipe_writes(site->recipe, path) ||
	    recipe_writes(site->recipe, certificate))
		return 0;
	if (root_remove(site->root_fd, path, e) < 0 || root_remove(site->root_fd, certificate, e) < 0 ||
	    walk_paths(site->root_fd, "/etc/ssl/certs/*.[0-9]", remove_hash_link, &copy, e) < 0)
		return -1;
	return 1;
}

/* They went with what else a build leaves behind (clean.c). */
static int expect_host_keys(const struct customize_site *site, const char *path, const struct stat *st,
			    struct error *e)
{
	int own = root_has(site->root_fd, "/lib/systemd/system/sshd-keygen.service", e);

	(void)path;
	(void)st;
	return own < 0 ? -1 : !own;
}

/* PATH is a cluster's PG_VERSION. Every start of a server writes its command into postmaster.opts. */
static int remove_cluster(const struct customize_site *site, const char *path, const struct stat *st,
			  struct error *e)
{
	auto_free char *folder = xstrndup(path, strlen(path) - strlen("/PG_VERSION"));
	auto_free char *started = xasprintf("%s/postmaster.opts", folder);
	int r = root_has(site->root_fd, started, e);

	(void)st;
	if (r != 0)
		return r < 0 ? -1 : 0;
	return root_empty_dir(site->root_fd, folder, e) < 0 ? -1 : 1;
}

/* What a search among the databases of MariaDB finds. */
struct databases {
	const struct customize_site *site;
	bool used;
	bool removing;
};

/* Those that mariadb-install-db makes; and the file that postinst looks at to know an older version. */
static int visit_database(void *context, const char *path, const struct stat *st, struct error *e)
{
	static const char *const made[] = { "mysql", "performance_schema", "sys", "test" };
	struct databases *databases = context;
	const char *name = strrchr(path, '/') + 1;
	bool is_made = !S_ISDIR(st->st_mode);

	if (databases->removing)
		return fnmatch("debian-*.flag", name, 0) == 0
			       ? 0
			       : root_remove(databases->site->root_fd, path, e);
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		is_made = is_made || strcmp(name, made[i]) == 0;
	/* Every start of a server makes the latter. */
	if (!is_made || strcmp(name, "multi-master.info") == 0)
		databases->used = true;
	return 0;
}

static int remove_databases(const struct customize_site *site, const char *path, const struct stat *st,
			    struct error *e)
{
	static const char all[] = "/var/lib/mysql/*";
	struct databases databases = { site, false, false };

	(void)path;
	if (!S_ISDIR(st->st_mode) || walk_paths(site->root_fd, all, visit_database, &databases, e) < 0)
		return S_ISDIR(st->st_mode) ? -1 : 0;
	if (databases.used)
		return 0;
	databases.removing = true;
	return walk_paths(site->root_fd, all, visit_database, &databases, e) < 0 ? -1 : 1;
}

/*
 * PATH is one of walk_paths(), PROGRAM what makes it anew; without that the image keeps what it has. MISSING is a
 * pattern: while nothing fits it, the instance has to be given its own; NULL: the command sees for itself.
 */
struct renewal {
	const char *path;
	const char *program;
	renew_fn remove;
	const char *unit;
	const char *missing;
	const char *command;
	const char *reason;
};

/* clang-format off */
static const struct renewal renewals[] = {
	{ "/etc/ssl/private/ssl-cert-snakeoil.key", "/usr/sbin/make-ssl-cert", remove_certificate,
	  "renew-ssl-cert", "/etc/ssl/private/ssl-cert-snakeoil.key",
	  "/usr/sbin/make-ssl-cert generate-default-snakeoil",
	  "ssl-cert makes one private key, which all instances would share, with the date of the build" },
	{ "/usr/sbin/sshd", "/usr/bin/ssh-keygen", expect_host_keys,
	  "renew-ssh-host-keys", "/etc/ssh/ssh_host_*_key",
	  "/usr/bin/ssh-keygen -A",
	  "openssh-server makes host keys only while it is installed, and without them sshd does not start" },
	{ "/var/lib/postgresql/*/*/PG_VERSION", "/usr/bin/pg_createcluster", remove_cluster,
	  "renew-postgresql", NULL,
	  /* Configuration stays in /etc; what initdb writes of it beside the data would only mislead. */
	  "/bin/sh -ec 'o=; while read -r k _ v; do [ \"$k\" != initdb_options ] || { v=${v#?}; o=${v%?}; }; "
	  "done </etc/postgresql-common/createcluster.conf; "
	  "for c in /etc/postgresql/*/*/postgresql.conf; do "
	  "n=${c#/etc/postgresql/}; n=${n%/postgresql.conf}; d=/var/lib/postgresql/$n; l=; "
	  "[ -d \"$d\" ] && [ ! -e \"$d/PG_VERSION\" ] || continue; "
	  "while read -r k _ v _; do [ \"$k\" != lc_time ] || { v=${v#?}; l=${v%?}; }; done <\"$c\"; "
	  "setpriv --reuid postgres --regid postgres --init-groups "
	  "/usr/lib/postgresql/${n%/*}/bin/initdb -D \"$d\" --locale \"${l:-C}\" $o; "
	  "rm -f \"$d/postgresql.conf\" \"$d/pg_hba.conf\" \"$d/pg_ident.conf\"; "
	  "done'",
	  "initdb draws the identifier of a cluster, and notes times in its control file and log" },
	{ "/var/lib/mysql/mysql", "/usr/bin/mariadb-install-db", remove_databases,
	  "renew-mariadb", "/var/lib/mysql/mysql",
	  /* As postinst has it. */
	  "/bin/bash /usr/bin/mariadb-install-db --rpm --cross-bootstrap --user=mysql --disable-log-bin --skip-test-db",
	  "every table has an identifier and a time; the log of 96 MiB has them again" },
};
/* clang-format on */

/* '%' and '$' mean something to systemd. */
static void add_command(struct buffer *out, const char *command)
{
	for (; *command; command++) {
		if (*command == '%' || *command == '$')
			buffer_addc(out, *command);
		buffer_addc(out, *command);
	}
}

/* Before everything that might need it, and only once. */
static int add_unit(const struct customize_site *site, const struct renewal *renewal, struct error *e)
{
	auto_free char *path = xasprintf(UNIT_CONFIG_FOLDER "/%s.service", renewal->unit);
	auto_free char *link = xasprintf(UNIT_CONFIG_FOLDER "/basic.target.wants/%s.service", renewal->unit);
	auto_buffer struct buffer text = BUFFER_INIT;

	buffer_addf(&text,
		    "# %s;\n# so the image comes without it.\n"
		    "[Unit]\nDescription=Make what this instance must have of its own (%s)\n"
		    "DefaultDependencies=no\nAfter=sysinit.target\nBefore=basic.target shutdown.target\n"
		    "Conflicts=shutdown.target\n",
		    renewal->reason, renewal->unit);
	if (renewal->missing)
		buffer_addf(&text, "ConditionPathExistsGlob=!%s\n", renewal->missing);
	buffer_adds(&text, "\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=");
	add_command(&text, renewal->command);
	buffer_adds(&text, "\n");
	if (make_parents(site->root_fd, path, e) < 0 ||
	    root_write_text(site->root_fd, path, text.data, e) < 0)
		return -1;
	log_detail(site->log, "%s is made at the first start of an instance", renewal->path);
	return root_put_link(site->root_fd, link, path, e);
}

struct renewing {
	const struct customize_site *site;
	const struct renewal *renewal;
	bool removed;
};

static int renew_path(void *context, const char *path, const struct stat *st, struct error *e)
{
	struct renewing *renewing = context;
	int r = renewing->renewal->remove(renewing->site, path, st, e);

	renewing->removed = renewing->removed || r > 0;
	return r < 0 ? -1 : 0;
}

int customize_renew(const struct customize_site *site, struct error *e)
{
	/* Without it nobody would make it again. */
	int has_systemd = root_has(site->root_fd, "/lib/systemd/systemd", e);

	if (has_systemd <= 0)
		return has_systemd;
	for (size_t i = 0; i < ARRAY_LEN(renewals); i++) {
		struct renewing renewing = { site, &renewals[i], false };
		int r = root_has(site->root_fd, renewals[i].program, e);

		if (r > 0)
			r = walk_paths(site->root_fd, renewals[i].path, renew_path, &renewing, e);
		if (r == 0 && renewing.removed)
			r = add_unit(site, &renewals[i], e);
		if (r < 0)
			return error_wrap(e, "cannot leave '%s' to the instances", renewals[i].path);
	}
	return 0;
}
