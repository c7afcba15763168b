/* SPDX-License-Identifier: Apache-2.0 */
#include "customize/home.h"

#include "base/root.h"
#include "base/scan.h"
#include "customize/entry.h"
#include "customize/setup.h"

#include <fcntl.h>

enum { LINK_TEXT_MAX = 4096 };

/* A copy of /etc/skel on its way. */
struct skeleton {
	const struct home *home;
	int home_fd;
};

static int copy_link(const struct skeleton *skeleton, const struct scan_entry *entry, int parent_fd,
		     const char *name, struct error *e)
{
	char target[LINK_TEXT_MAX];
	ssize_t len = readlinkat(entry->dir_fd, entry->name, target, sizeof target);

	if (len < 0 || (size_t)len >= sizeof target)
		return error_set(e, ERROR_FORMAT, "its target cannot be read");
	target[len] = '\0';
	if (symlinkat(target, parent_fd, name) < 0 ||
	    fchownat(parent_fd, name, skeleton->home->uid, skeleton->home->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot create it");
	return 0;
}

/* The folder is new and nobody else's, so a path of the skeleton leads nowhere else in it. */
static int copy_entry(void *context, const struct scan_entry *entry, struct error *e)
{
	const struct skeleton *skeleton = context;
	const struct home *home = skeleton->home;
	auto_close int parent_fd = -1;
	auto_close int fd = -1;
	const char *name;

	if (!*entry->path)
		return 0;
	if (root_open_parent(skeleton->home_fd, entry->path, &parent_fd, &name, e) < 0)
		return -1;
	if (S_ISLNK(entry->st.st_mode))
		return copy_link(skeleton, entry, parent_fd, name, e);
	if (S_ISDIR(entry->st.st_mode)) {
		if (mkdirat(parent_fd, name, 0700) < 0 ||
		    fchownat(parent_fd, name, home->uid, home->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		    fchmodat(parent_fd, name, entry->st.st_mode & 07777, 0) < 0)
			return error_sys(e, "cannot create it");
		return 0;
	}
	if (!S_ISREG(entry->st.st_mode))
		return 0;
	fd = openat(entry->dir_fd, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open it");
	return root_copy(skeleton->home_fd, entry->path, fd, entry->st.st_mode & 0777, home->uid, home->gid,
			 e);
}

/* Create the folder PATH as the user's: 1, or 0 when there is one. */
static int make_folder(const struct home *home, const char *path, unsigned mode, struct error *e)
{
	auto_close int parent_fd = -1;
	const char *name;
	struct stat st;
	int r = root_lstat(home->root_fd, path, &st, e);

	if (r < 0)
		return -1;
	if (r > 0)
		return S_ISDIR(st.st_mode)
			       ? 0
			       : error_set(e, ERROR_RECIPE, "'%s' is no folder in the image", path);
	if (make_parents(home->root_fd, path, e) < 0 ||
	    root_open_parent(home->root_fd, path, &parent_fd, &name, e) < 0)
		return -1;
	if (mkdirat(parent_fd, name, 0700) < 0 ||
	    fchownat(parent_fd, name, home->uid, home->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(parent_fd, name, mode, 0) < 0)
		return error_sys(e, "cannot create folder '%s' in the root", path);
	return 1;
}

int home_create(const struct home *home, struct error *e)
{
	auto_free char *path = NULL;
	auto_close int skeleton_fd = -1;
	auto_close int home_fd = -1;
	struct skeleton skeleton = { .home = home };
	int r;

	if (path_normalise(home->path, &path, e) < 0)
		return error_wrap(e, "home");
	r = make_folder(home, path, home->mode, e);
	if (r <= 0)
		return r;
	r = root_try_open(home->root_fd, "/etc/skel", O_RDONLY | O_DIRECTORY, &skeleton_fd, e);
	if (r <= 0)
		return r;
	if (root_open(home->root_fd, path, O_RDONLY | O_DIRECTORY, 0, &home_fd, e) < 0)
		return -1;
	skeleton.home_fd = home_fd;
	return scan_tree(skeleton_fd, copy_entry, &skeleton, e) < 0 ? error_wrap(e, "copying /etc/skel") : 0;
}

static bool has_line(struct text text, const char *line)
{
	while (text.ptr)
		if (text_is(text_trim(text_cut(text, '\n', &text)), line))
			return true;
	return false;
}

int home_add_keys(const struct home *home, const struct string_list *keys, struct error *e)
{
	auto_free char *path = NULL;
	auto_free char *folder = NULL;
	auto_free char *file = NULL;
	auto_free char *old = NULL;
	auto_buffer struct buffer text = BUFFER_INIT;
	struct stat st;
	size_t len = 0;
	int r;

	if (path_normalise(home->path, &path, e) < 0)
		return error_wrap(e, "home");
	r = root_lstat(home->root_fd, path, &st, e);
	if (r == 0)
		return error_set(e, ERROR_RECIPE,
				 "'authorized_keys' needs a home folder, and '%s' is not there", path);
	folder = xasprintf("%s/.ssh", path);
	file = xasprintf("%s/authorized_keys", folder);
	if (r < 0 || make_folder(home, folder, 0700, e) < 0 ||
	    root_read(home->root_fd, file, &old, &len, e) < 0)
		return -1;
	if (len)
		buffer_add(&text, old, len);
	if (len && old[len - 1] != '\n')
		buffer_addc(&text, '\n');
	for (size_t i = 0; i < keys->count; i++)
		if (!has_line((struct text) { text.data, text.len }, keys->items[i]))
			buffer_addf(&text, "%s\n", keys->items[i]);
	return root_write(home->root_fd, file, text.data, text.len, 0600, home->uid, home->gid, e);
}

int sudo_allow(int root_fd, const char *user, const char *rule, struct error *e)
{
	auto_free char *path = xasprintf("/etc/sudoers.d/%s", user);
	auto_free char *text = xasprintf("%s %s\n", user, rule);
	int r = root_has(root_fd, "/etc/sudoers.d", e);

	if (r < 0)
		return -1;
	if (r == 0)
		return error_set(e, ERROR_RECIPE, "'sudo' needs the package sudo in the image");
	/* sudo passes over names with a dot or a '~'. */
	for (char *c = path + strlen("/etc/sudoers.d/"); *c; c++)
		if (*c == '.' || *c == '~' || *c == '$')
			*c = '_';
	return root_write(root_fd, path, text, strlen(text), 0440, 0, 0, e);
}
