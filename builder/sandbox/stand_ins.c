/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/stand_ins.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"

#include <fcntl.h>
#include <sys/mount.h>

enum { LINKS_MAX = 40 }; /* as the kernel follows */

/* In the sandbox's tmpfs; unlinked as soon as it is mounted elsewhere. */
static const char source_path[] = "/run/.stand-in";

static const char idle_daemon[] =
	"#!/bin/sh\necho 'start-stop-daemon: nothing is started while an image is built' >&2\nexit 0\n";

static const char idle_upstart[] =
	"#!/bin/sh\necho 'initctl: nothing is started while an image is built' >&2\nexit 0\n";

static const struct {
	const char *path;
	const char *content;
	bool placeholder;  /* also needed where the root has no such file */
	bool with_network; /* also for programs that may install packages themselves */
	const char *why;
} known[] = {
	{ "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", true, true,
	  "invoke-rc.d and deb-systemd-invoke ask it before they start a service; 101 forbids it" },
	/*
	 * dpkg cannot replace a file on which something is mounted, and these are dpkg's own: an action that
	 * upgrades dpkg has to do without them.
	 */
	{ "/usr/sbin/start-stop-daemon", idle_daemon, false, false,
	  "some maintainer scripts call it without asking policy-rc.d" },
	{ "/sbin/start-stop-daemon", idle_daemon, false, false, "the same where /usr is not merged" },
	/*
	 * start, stop, restart, reload and status are links to it. It asks upstart through a socket without a path,
	 * which is not there, or with the host's network the host's own. An action cannot upgrade upstart, therefore.
	 */
	{ "/sbin/initctl", idle_upstart, false, true, "scripts of upstart's age tell it about their jobs" },
};

/* Folders on which the sandbox mounts a tmpfs. */
static bool is_in_memory(const char *path)
{
	return is_prefix(path, "/run/") || is_prefix(path, "/tmp/");
}

/* Drop the last part of the path in RESOLVED. */
static void leave_folder(struct buffer *resolved)
{
	while (resolved->len && resolved->data[resolved->len - 1] != '/')
		resolved->len--;
	if (resolved->len)
		resolved->len--;
	if (resolved->data)
		resolved->data[resolved->len] = '\0';
}

/*
 * PATH as it is after all symbolic links inside the root, malloc'ed; parts that do not exist are kept as they
 * are. The kernel resolves what exists, but /run is only filled inside the sandbox.
 */
static int resolve(int root_fd, const char *path, char **out, struct error *e)
{
	auto_buffer struct buffer resolved = BUFFER_INIT;
	auto_free char *pending = xstrdup(path);
	struct text rest = text_of(pending);
	unsigned links = 0;

	while (rest.len) {
		struct text part = text_cut(rest, '/', &rest);
		auto_free char *target = NULL;
		size_t before = resolved.len;

		if (part.len == 0 || text_is(part, "."))
			continue;
		if (text_is(part, "..")) {
			leave_folder(&resolved);
			continue;
		}
		buffer_addf(&resolved, "/%.*s", TEXT_ARG(part));
		/* What the root has below these folders is not seen in the sandbox. */
		if (!is_in_memory(resolved.data) && root_read_link(root_fd, resolved.data, &target, e) < 0)
			return -1;
		if (!target)
			continue;
		if (++links > LINKS_MAX)
			return error_set(e, ERROR_FORMAT, "'%s' in the root: too many symbolic links", path);
		resolved.len = target[0] == '/' ? 0 : before;
		resolved.data[resolved.len] = '\0';
		free(TAKE(pending, xasprintf("%s/%.*s", target, TEXT_ARG(rest))));
		rest = text_of(pending);
	}
	*out = buffer_take(&resolved);
	return 0;
}

/* 1 when the empty file was made; 0 when the folder that would hold it does not exist. */
static int make_placeholder(int root_fd, struct stand_in *item, struct error *e)
{
	auto_close int fd = -1;
	auto_close int parent_fd = -1;
	const char *name = strrchr(item->path, '/') + 1;
	auto_free char *folder = xstrndup(item->path, (size_t)(name - item->path));
	int r = root_try_open(root_fd, folder, O_PATH | O_DIRECTORY, &parent_fd, e);

	if (r <= 0)
		return r;
	fd = openat(parent_fd, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_sys(e, "cannot create '%s' in the root", item->path);
	item->parent_fd = TAKE(parent_fd, -1);
	item->placeholder_fd = TAKE(fd, -1);
	item->name = name;
	return 1;
}

/* What has to be done for ITEM, whose path is resolved: 1, or 0 when there is nothing to stand in for. */
static int survey(int root_fd, const struct stand_ins *others, struct stand_in *item, bool placeholder,
		  struct error *e)
{
	int r;

	item->in_memory = is_in_memory(item->path);
	if (item->in_memory)
		return 1;
	r = root_lstat(root_fd, item->path, &item->seen, e);
	if (r < 0)
		return -1;
	if (r == 0)
		return placeholder ? make_placeholder(root_fd, item, e) : 0;
	if (!S_ISREG(item->seen.st_mode))
		return 0;
	for (size_t i = 0; i < others->count; i++)
		if (others->items[i].seen.st_ino == item->seen.st_ino &&
		    others->items[i].seen.st_dev == item->seen.st_dev)
			return 0; /* the same file under another name: merged /usr */
	return 1;
}

static void item_release(struct stand_in *item)
{
	if (item->parent_fd >= 0)
		close(TAKE(item->parent_fd, -1));
	if (item->placeholder_fd >= 0)
		close(TAKE(item->placeholder_fd, -1));
	free(TAKE(item->path, NULL));
}

static int add(int root_fd, struct stand_ins *stand_ins, struct stand_in item, bool placeholder,
	       struct error *e)
{
	int r;

	item.parent_fd = -1;
	item.placeholder_fd = -1;
	if (resolve(root_fd, item.path, &item.path, e) < 0)
		return -1;
	r = survey(root_fd, stand_ins, &item, placeholder, e);
	if (r > 0)
		PUSH(stand_ins->items, stand_ins->count, item);
	else
		item_release(&item);
	return r < 0 ? -1 : 0;
}

/* A copy of the host's file and not the file itself, so that no script can write to the host's. */
static int add_resolv_conf(int root_fd, struct stand_ins *stand_ins, struct error *e)
{
	struct error local = ERROR_INIT;
	size_t len;

	if (file_read(AT_FDCWD, "/etc/resolv.conf", LIMIT_FILE_TEXT_BYTES, &stand_ins->resolv_conf, &len,
		      &local) < 0) {
		if (local.sys == ENOENT)
			return 0; /* a host without name service: recipes may still use addresses */
		*e = local;
		return -1;
	}
	return add(root_fd, stand_ins,
		   (struct stand_in) { .path = (char *)(uintptr_t) "/etc/resolv.conf",
				       .content = stand_ins->resolv_conf,
				       .len = len,
				       .mode = 0644,
				       .writable = true },
		   true, e);
}

int stand_ins_prepare(int root_fd, bool network, struct stand_ins *stand_ins, struct error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		struct stand_in item = { .path = (char *)(uintptr_t)known[i].path,
					 .content = known[i].content,
					 .len = strlen(known[i].content),
					 .mode = 0755 };

		if (network && !known[i].with_network)
			continue;
		if (add(root_fd, stand_ins, item, known[i].placeholder, e) < 0)
			return error_wrap(e, "cannot put a stand-in at '%s'", known[i].path);
	}
	return network ? add_resolv_conf(root_fd, stand_ins, e) : 0;
}

static int write_file(const char *path, const struct stand_in *item)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t done = 0;

	if (fd < 0)
		return -1;
	while (done < item->len) {
		ssize_t put = write(fd, item->content + done, item->len - done);

		if (put < 0)
			return -1;
		done += (size_t)put;
	}
	return fchmod(fd, item->mode);
}

static int write_in_memory(const struct stand_in *item)
{
	char path[LIMIT_PATH_BYTES];
	size_t len = strlen(item->path);

	if (len >= sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, item->path, len + 1);
	for (size_t i = 1; i < len; i++) {
		if (path[i] != '/')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -1;
		path[i] = '/';
	}
	return write_file(path, item);
}

static int mount_over(const struct stand_in *item)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | (item->writable ? 0 : MS_RDONLY);

	if (write_file(source_path, item) < 0 || mount(source_path, item->path, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, item->path, NULL, flags, NULL) < 0)
		return -1;
	return unlink(source_path);
}

int stand_ins_mount(const struct stand_ins *stand_ins, const char **subject)
{
	for (size_t i = 0; i < stand_ins->count; i++) {
		const struct stand_in *item = &stand_ins->items[i];

		*subject = item->path;
		if ((item->in_memory ? write_in_memory(item) : mount_over(item)) < 0)
			return -1;
	}
	return 0;
}

/* Only the placeholder itself goes; what a script has put in its place stays. */
static void remove_placeholder(const struct stand_in *item)
{
	struct stat now;
	struct stat made;

	if (item->parent_fd < 0 || fstat(item->placeholder_fd, &made) < 0 ||
	    fstatat(item->parent_fd, item->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (now.st_ino == made.st_ino && now.st_dev == made.st_dev && now.st_size == 0)
		unlinkat(item->parent_fd, item->name, 0);
}

void stand_ins_release(struct stand_ins *stand_ins)
{
	for (size_t i = 0; i < stand_ins->count; i++) {
		remove_placeholder(&stand_ins->items[i]);
		item_release(&stand_ins->items[i]);
	}
	free(TAKE(stand_ins->items, NULL));
	stand_ins->count = 0;
	free(TAKE(stand_ins->resolv_conf, NULL));
}
