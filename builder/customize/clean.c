/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a build leaves behind, as one table: where, what is done, and why; renew.c has what instances make anew.
 * Everything else that would differ from build to build is kept from it at its origin: pack clamps file times, and
 * useradd, pwconv, systemd-sysusers, update-passwd and Python follow SOURCE_DATE_EPOCH. tests/same proves it.
 */
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "customize/entry.h"
#include "customize/keystore.h"
#include "customize/renew.h"
#include "customize/walk.h"
#include "layer/key.h"

#include <ctype.h>
#include <fcntl.h>

enum { MACHINE_ID_LEN = 32, SECONDS_PER_DAY = 86400 };

typedef int (*clean_fn)(const struct customize_site *site, const char *path, const struct stat *st,
			struct error *e);

static int remove_file(const struct customize_site *site, const char *path, const struct stat *st,
		       struct error *e)
{
	return S_ISDIR(st->st_mode) ? 0 : root_remove(site->root_fd, path, e);
}

static int remove_all(const struct customize_site *site, const char *path, const struct stat *st,
		      struct error *e)
{
	(void)st;
	return root_remove(site->root_fd, path, e);
}

/*
 * The link that base-files makes needs its target. base-files makes that as well, but scripts see a /run of their
 * own.
 */
static int make_lock_folder(const struct customize_site *site, const char *path, const struct stat *st,
			    struct error *e)
{
	static const char folder[] = "/run/lock";
	auto_close int fd = -1;
	struct stat run;
	int r = S_ISLNK(st->st_mode) ? root_lstat(site->root_fd, "/run", &run, e) : 0;

	if (r <= 0 || !S_ISDIR(run.st_mode))
		return r < 0 ? -1 : 0;
	if (root_make_dirs(site->root_fd, folder, 0755, e) < 0 ||
	    root_open(site->root_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e) < 0)
		return -1;
	/* Apart, since the umask does not count here. */
	if (fchmod(fd, 01777) < 0)
		return error_sys(e, "cannot set the mode of '%s', where '%s' leads to", folder, path);
	return 0;
}

/* An empty file that a package made on purpose, with its owner and mode, stays as it is. */
static int truncate_file(const struct customize_site *site, const char *path, const struct stat *st,
			 struct error *e)
{
	if (!S_ISREG(st->st_mode) || st->st_size == 0)
		return 0;
	return root_write(site->root_fd, path, "", 0, st->st_mode & 07777, st->st_uid, st->st_gid, e);
}

/* Whether DATA is what the build host has in its own PATH. A host without that file has nothing to leave. */
static bool is_of_host(const char *path, const char *data)
{
	auto_free char *host = NULL;
	struct error ignored = ERROR_INIT;
	struct text text = text_trim(text_of(data));

	if (text.len == 0 || file_read(AT_FDCWD, path, LIMIT_FILE_TEXT_BYTES, &host, NULL, &ignored) < 0)
		return false;
	return text_equal(text, text_trim(text_of(host)));
}

static int remove_of_host(const struct customize_site *site, const char *path, const struct stat *st,
			  struct error *e)
{
	auto_free char *data = NULL;

	if (!S_ISREG(st->st_mode) || recipe_writes(site->recipe, path))
		return 0;
	if (root_read(site->root_fd, path, &data, NULL, e) < 0)
		return -1;
	return data && is_of_host(path, data) ? root_remove(site->root_fd, path, e) : 0;
}

static int remove_unless_written(const struct customize_site *site, const char *path, const struct stat *st,
				 struct error *e)
{
	if (!S_ISREG(st->st_mode) || recipe_writes(site->recipe, path))
		return 0;
	return root_remove(site->root_fd, path, e);
}

/* An id becomes an empty file, as machine-id(5) asks of images; "uninitialized" is no id and stays. */
static int empty_machine_id(const struct customize_site *site, const char *path, const struct stat *st,
			    struct error *e)
{
	auto_free char *data = NULL;
	struct text id;

	if (!S_ISREG(st->st_mode) || recipe_writes(site->recipe, path))
		return 0;
	if (root_read(site->root_fd, path, &data, NULL, e) < 0)
		return -1;
	id = text_trim(text_of(data));
	for (size_t i = 0; i < id.len; i++)
		if (!isxdigit((unsigned char)id.ptr[i]))
			return 0;
	return id.len == MACHINE_ID_LEN ? truncate_file(site, path, st, e) : 0;
}

/* Copy one line of shadow(5); the day in its third field, if later than DAY, becomes DAY. */
static void add_shadow_line(struct buffer *out, struct text line, uint64_t day)
{
	struct text rest = line;
	uint64_t changed;

	text_cut(rest, ':', &rest);
	text_cut(rest, ':', &rest);

	struct text before = { line.ptr, rest.ptr ? (size_t)(rest.ptr - line.ptr) : line.len };
	struct text field = text_cut(rest, ':', &rest);

	if (!field.ptr || !text_to_u64(field, &changed) || changed <= day) {
		buffer_add(out, line.ptr, line.len);
		return;
	}
	buffer_add(out, before.ptr, before.len);
	buffer_addf(out, "%llu", (unsigned long long)day);
	buffer_add(out, field.ptr + field.len, line.len - before.len - field.len);
}

static int clamp_shadow_days(const struct customize_site *site, const char *path, const struct stat *st,
			     struct error *e)
{
	auto_buffer struct buffer clamped = BUFFER_INIT;
	auto_free char *data = NULL;
	struct text rest;
	size_t len = 0;

	if (!S_ISREG(st->st_mode) || site->epoch_s <= 0)
		return 0;
	if (root_read(site->root_fd, path, &data, &len, e) < 0)
		return -1;
	rest = (struct text) { data, len };
	while (rest.ptr) {
		add_shadow_line(&clamped, text_cut(rest, '\n', &rest),
				(uint64_t)(site->epoch_s / SECONDS_PER_DAY));
		if (rest.ptr)
			buffer_addc(&clamped, '\n');
	}
	if (text_equal((struct text) { clamped.data, clamped.len }, (struct text) { data, len }))
		return 0;
	return root_write(site->root_fd, path, clamped.data, clamped.len, st->st_mode & 07777, st->st_uid,
			  st->st_gid, e);
}

static int clamp_keystore(const struct customize_site *site, const char *path, const struct stat *st,
			  struct error *e)
{
	auto_free char *data = NULL;
	size_t len = 0;

	if (!S_ISREG(st->st_mode) || site->epoch_s <= 0 || recipe_writes(site->recipe, path))
		return 0;
	if (root_read(site->root_fd, path, &data, &len, e) < 0)
		return -1;
	if (!data || !keystore_clamp_times((unsigned char *)data, len, site->epoch_s))
		return 0;
	return root_write(site->root_fd, path, data, len, st->st_mode & 07777, st->st_uid, st->st_gid, e);
}

/*
 * Not removed but added: the one unit of systemd that a package's file makes fail in a container, where other units
 * that need the host's kernel have such a condition of their own. In a virtual machine it runs as ever.
 */
static int leave_formats_to_host(const struct customize_site *site, const char *path, const struct stat *st,
				 struct error *e)
{
	static const char text[] = "[Unit]\nConditionVirtualization=!container\n";
	static const char folder[] = "/etc/systemd/system/systemd-binfmt.service.d";
	static const char file[] = "/etc/systemd/system/systemd-binfmt.service.d/container.conf";
	struct stat other;
	int r = root_lstat(site->root_fd, "/lib/systemd/system/systemd-binfmt.service", &other, e);

	(void)path;
	(void)st;
	if (r > 0)
		r = root_lstat(site->root_fd, file, &other, e) > 0 ? 0 : 1;
	if (r <= 0)
		return r;
	if (root_make_dirs(site->root_fd, folder, 0755, e) < 0)
		return -1;
	return root_write(site->root_fd, file, text, strlen(text), 0644, 0, 0, e);
}

enum clean_when { ALWAYS, WITH_CLEANUP /* packages.cleanup */ };

/* The path is one of walk_paths(). */
struct clean_rule {
	const char *path;
	enum clean_when when;
	clean_fn clean;
	const char *reason;
};

struct cleaning {
	const struct customize_site *site;
	const struct clean_rule *rule;
};

/* clang-format off */
static const struct clean_rule rules[] = {
	/* The build host's. */
	{ "/etc/resolv.conf", ALWAYS, remove_of_host, "the build host's name servers" },
	{ "/etc/.resolv.conf.systemd-resolved.bak", ALWAYS, remove_file,
	  "the same, saved by systemd-resolved's postinst before it puts its link there" },
	{ "/etc/hostname", ALWAYS, remove_of_host, "the build host's name" },

	/* Identities and secrets: every instance must get its own. */
	{ "/etc/machine-id", ALWAYS, empty_machine_id, "an id made while building, shared by all instances" },
	{ "/var/lib/dbus/machine-id", ALWAYS, remove_unless_written,
	  "likewise, from dbus' postinst; systemd-tmpfiles puts a link to the former there" },
	{ "/etc/ssh/ssh_host_*_key", ALWAYS, remove_file, "one private key for all instances" },
	{ "/etc/ssh/ssh_host_*_key.pub", ALWAYS, remove_file, "its public half" },
	{ "/var/lib/systemd/random-seed", ALWAYS, remove_file, "a seed must never be used twice" },
	{ "/var/lib/systemd/credential.secret", ALWAYS, remove_file, "the key of systemd-creds(1)" },
	{ "/var/lib/urandom/random-seed", ALWAYS, remove_file, "as systemd's, from sysvinit" },

	/* What package tools leave. */
	{ "/var/cache/apt/archives/**/*", ALWAYS, remove_file, "downloaded packages and the lock" },
	{ "/var/cache/apt/*.bin", ALWAYS, remove_file, "holds times and inode numbers; apt makes it anew" },
	{ "/var/lib/apt/lists/**/*", WITH_CLEANUP, remove_file, "indexes that are old when the image is used" },
	{ "/var/lib/apt/lists/auxfiles", WITH_CLEANUP, remove_all, "likewise; a folder that no package ships" },
	{ "/var/lib/apt/periodic/*", ALWAYS, remove_file, "time stamps of apt's daily job" },
	{ "/etc/dpkg/dpkg.cfg.d/image-paths-build", ALWAYS, remove_file, "'exclude_paths' that are not to be kept" },
	{ "/var/lib/dpkg/*-old", ALWAYS, remove_file, "the database before its last change" },
	{ "/var/lib/dpkg/lock*", ALWAYS, remove_file, "locks of a dpkg that has ended; made anew when needed" },
	{ "/var/lib/dpkg/triggers/Lock", ALWAYS, remove_file, "likewise" },
	{ "/var/lib/dpkg/tmp.ci", ALWAYS, remove_all, "control files of a package that was being unpacked" },
	{ "/var/cache/debconf/*-old", ALWAYS, remove_file, "the database before its last change" },
	{ "/etc/*-", ALWAYS, remove_file, "passwd, group and the like before their last change" },
	{ "/etc/.pwd.lock", ALWAYS, remove_file, "lock of lckpwdf(3); made anew when needed" },

	/* What tells the time or the disk of this build. */
	{ "/etc/shadow", ALWAYS, clamp_shadow_days,
	  "pam_unix (chpasswd, passwd) writes today as the day of a change, whatever SOURCE_DATE_EPOCH says" },
	{ "/etc/ssl/certs/java/cacerts", ALWAYS, clamp_keystore,
	  "ca-certificates-java enters the time at which it read each certificate" },
	{ "/var/cache/ldconfig/aux-cache", ALWAYS, remove_file, "inode numbers and times of libraries" },
	{ "/var/log/alternatives.log", ALWAYS, remove_file, "log of the build" },
	{ "/var/log/apt/*", ALWAYS, remove_file, "log of the build" },
	{ "/var/log/bootstrap.log", ALWAYS, remove_file, "log of the build" },
	{ "/var/log/dpkg.log", ALWAYS, remove_file, "log of the build" },
	{ "/var/log/fontconfig.log", ALWAYS, remove_file, "log of the build" },
	{ "/var/log/**/*", ALWAYS, truncate_file,
	  "any other log, wtmp, btmp, lastlog and faillog: owner and mode are what their programs need" },
	{ "/root/.*_history", ALWAYS, remove_file, "commands typed in a shell of the build" },
	{ "/root/.lesshst", ALWAYS, remove_file, "likewise" },
	{ "/root/.viminfo", ALWAYS, remove_file, "likewise" },
	{ "/root/.wget-hsts", ALWAYS, remove_file, "likewise" },
	{ "/tmp/*", ALWAYS, remove_all, "temporary files of the build" },
	{ "/var/tmp/*", ALWAYS, remove_all, "temporary files of the build" },
	{ "/run/*", ALWAYS, remove_all, "a tmpfs in every instance" },
	{ "/var/lock", ALWAYS, make_lock_folder, "a link to /run/lock, which a chroot into the image needs" },
	{ "/usr/lib/binfmt.d/*.conf", ALWAYS, leave_formats_to_host,
	  "binary formats are the kernel's, and that is the host's: systemd-binfmt.service would fail" },
	{ "/dev/*", ALWAYS, remove_all, "the instance's own; daemons do not unpack it" },
};
/* clang-format on */

static int clean_path(void *context, const char *path, const struct stat *st, struct error *e)
{
	const struct cleaning *cleaning = context;

	return cleaning->rule->clean(cleaning->site, path, st, e);
}

int customize_clean(const struct customize_site *site, struct error *e)
{
	if (customize_renew(site, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		const struct clean_rule *rule = &rules[i];
		struct cleaning cleaning = { site, rule };

		if (rule->when == WITH_CLEANUP && !site->recipe->packages.cleanup)
			continue;
		if (walk_paths(site->root_fd, rule->path, clean_path, &cleaning, e) < 0)
			return error_wrap(e, "cannot clean '%s'", rule->path);
	}
	return 0;
}

/* What recipe_writes() looks at is described by the step of the files, which comes before. */
int customize_describe_clean(const struct customize_site *site, struct layer_key *key, struct error *e)
{
	(void)e;
	key_number(key, "cleanup", site->recipe->packages.cleanup);
	key_number(key, "epoch", site->epoch_s);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		auto_free char *host = NULL;
		struct error ignored = ERROR_INIT;

		if (rules[i].clean != remove_of_host)
			continue;
		if (file_read(AT_FDCWD, rules[i].path, LIMIT_FILE_TEXT_BYTES, &host, NULL, &ignored) < 0)
			host = NULL;
		key_text(key, rules[i].path, host);
	}
	return 0;
}
