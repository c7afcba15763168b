/* SPDX-License-Identifier: Apache-2.0 */
/* Links, folders and permissions that a recipe asks for. */
#include "base/root.h"
#include "base/scan.h"
#include "base/xattr.h"
#include "customize/entry.h"
#include "customize/setup.h"
#include "customize/walk.h"

#include <fcntl.h>
#include <sys/xattr.h>

#define CAPABILITY_ATTRIBUTE "security.capability"

int root_has(int root_fd, const char *path, struct error *e)
{
	struct stat st;

	return root_lstat(root_fd, path, &st, e);
}

int root_put_link(int root_fd, const char *path, const char *target, struct error *e)
{
	auto_close int parent_fd = -1;
	const char *name;
	struct stat st;

	if (make_parents(root_fd, path, e) < 0 || root_open_parent(root_fd, path, &parent_fd, &name, e) < 0)
		return -1;
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode))
			return error_set(e, ERROR_RECIPE, "'%s' is a folder in the image", path);
		if (unlinkat(parent_fd, name, 0) < 0)
			return error_sys(e, "cannot remove '%s' in the root", path);
	}
	if (symlinkat(target, parent_fd, name) < 0)
		return error_sys(e, "cannot create link '%s' in the root", path);
	return 0;
}

int apply_links(const struct customize_site *site, struct error *e)
{
	for (size_t i = 0; i < site->recipe->setup.link_count; i++) {
		const struct recipe_link *link = &site->recipe->setup.links[i];
		auto_free char *path = NULL;

		if (path_normalise(link->path, &path, e) < 0 ||
		    root_put_link(site->root_fd, path, link->target, e) < 0)
			return error_wrap_at(e, &link->place);
		log_detail(site->log, "link %s", path);
	}
	return 0;
}

/* Owner, mode and capabilities for one path; those of them that are asked for. */
struct change {
	int root_fd;
	struct access access;
	bool has_capabilities;
	struct capability_bytes capabilities;
	bool recursive;
};

static bool is_capability(const char *name)
{
	return strcmp(name, CAPABILITY_ATTRIBUTE) == 0;
}

static int set_capabilities(const struct change *change, int dir_fd, const char *name, struct error *e)
{
	struct capability_bytes bytes = change->capabilities;
	struct xattr xattr = { (char *)(uintptr_t)CAPABILITY_ATTRIBUTE, (char *)bytes.data, bytes.len };
	struct xattrs xattrs = { &xattr, 1 };
	auto_free char *path = NULL;

	if (bytes.len)
		return xattrs_set(-1, dir_fd, name, &xattrs, e);
	/* There is no call that takes a folder and a name. */
	path = xasprintf("/proc/self/fd/%d/%s", dir_fd, name);
	if (lremovexattr(path, CAPABILITY_ATTRIBUTE) < 0 && errno != ENODATA && errno != ENOTSUP)
		return error_sys(e, "cannot take its capabilities away");
	return 0;
}

/* chown(2) takes set-id bits and capabilities away; who asks for another owner does not ask for that. */
static int change_name(const struct change *change, int dir_fd, const char *name, const struct stat *st,
		       struct error *e)
{
	const struct access *access = &change->access;
	auto_xattrs struct xattrs old = XATTRS_INIT;
	bool owned = access->has_uid || access->has_gid;

	if (owned && S_ISREG(st->st_mode) && xattrs_get(-1, dir_fd, name, is_capability, &old, e) < 0)
		return -1;
	if (owned && fchownat(dir_fd, name, access_uid(access, st->st_uid), access_gid(access, st->st_gid),
			      AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set its owner");
	if (S_ISLNK(st->st_mode))
		return 0;
	if ((owned || access->has_mode) &&
	    fchmodat(dir_fd, name, access_mode(access, st->st_mode & 07777), 0) < 0)
		return error_sys(e, "cannot set its mode");
	if (change->has_capabilities)
		return set_capabilities(change, dir_fd, name, e);
	return xattrs_set(-1, dir_fd, name, &old, e);
}

/* All below a folder gets its owner; modes and capabilities are no matter for a whole tree. */
static int change_below(void *context, const struct scan_entry *entry, struct error *e)
{
	const struct change *change = context;
	struct change owner = { .root_fd = change->root_fd, .access = change->access };

	owner.access.has_mode = false;
	return *entry->path ? change_name(&owner, entry->dir_fd, entry->name, &entry->st, e) : 0;
}

static int change_path(void *context, const char *path, const struct stat *st, struct error *e)
{
	struct change *change = context;
	auto_close int parent_fd = -1;
	auto_close int fd = -1;
	const char *name;

	if (S_ISLNK(st->st_mode) && (change->access.has_mode || change->has_capabilities))
		return error_set(e, ERROR_RECIPE, "'%s' is a link in the image; name what it leads to", path);
	if (!S_ISREG(st->st_mode) && change->has_capabilities)
		return error_set(e, ERROR_RECIPE, "'%s' is no file in the image that could have capabilities",
				 path);
	if (root_open_parent(change->root_fd, path, &parent_fd, &name, e) < 0)
		return -1;
	if (change_name(change, parent_fd, name, st, e) < 0)
		return error_wrap(e, "'%s'", path);
	if (!change->recursive || !S_ISDIR(st->st_mode))
		return 0;
	if (root_open(change->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, &fd, e) < 0)
		return -1;
	return scan_tree(fd, change_below, change, e);
}

int apply_permissions(const struct customize_site *site, struct error *e)
{
	for (size_t i = 0; i < site->recipe->setup.permission_count; i++) {
		const struct recipe_permission *permission = &site->recipe->setup.permissions[i];
		struct change change = { .root_fd = site->root_fd,
					 .has_capabilities = permission->capabilities,
					 .recursive = permission->recursive };
		auto_free char *path = NULL;

		if (path_normalise(permission->path, &path, e) < 0 ||
		    access_parse(site->root_fd, permission->mode, permission->uid, permission->gid,
				 &change.access, e) < 0 ||
		    (permission->capabilities &&
		     capability_parse(permission->capabilities, &change.capabilities, e) < 0) ||
		    walk_given(site->root_fd, path, false, change_path, &change, e) < 0)
			return error_wrap_at(e, &permission->place);
		log_detail(site->log, "permissions of %s", path);
	}
	return 0;
}

static int make_directory(const struct customize_site *site, const struct recipe_directory *directory,
			  const char *path, struct error *e)
{
	struct change change = { .root_fd = site->root_fd };
	auto_close int parent_fd = -1;
	const char *name;
	struct stat st;

	if (access_parse(site->root_fd, directory->mode, directory->uid, directory->gid, &change.access, e) <
		    0 ||
	    root_make_dirs(site->root_fd, path, 0755, e) < 0 ||
	    root_open_parent(site->root_fd, path, &parent_fd, &name, e) < 0)
		return -1;
	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot stat '%s' in the root", path);
	if (!S_ISDIR(st.st_mode)) {
		if (!change.access.has_mode && !change.access.has_uid && !change.access.has_gid)
			return 0; /* a link to a folder is as good */
		return error_set(e, ERROR_RECIPE, "'%s' is a link in the image; name what it leads to", path);
	}
	return change_name(&change, parent_fd, name, &st, e) < 0 ? error_wrap(e, "'%s'", path) : 0;
}

int apply_directories(const struct customize_site *site, struct error *e)
{
	for (size_t i = 0; i < site->recipe->setup.directory_count; i++) {
		const struct recipe_directory *directory = &site->recipe->setup.directories[i];
		auto_free char *path = NULL;

		if (path_normalise(directory->path, &path, e) < 0 ||
		    make_directory(site, directory, path, e) < 0)
			return error_wrap_at(e, &directory->place);
		log_detail(site->log, "folder %s", path);
	}
	return 0;
}
