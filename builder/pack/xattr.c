/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/walk.h"

#include "base/text.h"

#include <sys/xattr.h>

/* The kernel's own limits (linux/limits.h): a list or a value is never longer. */
enum { XATTR_BYTES_MAX = 64 * 1024 };

/* What belongs to the file system or the machine that the tree lies on, not to the tree. */
static const char *const left_out[] = {
	"security.apparmor", "security.evm",     "security.ima",  "security.selinux", "security.SMACK64",
	"system.nfs4_acl",   "trusted.overlay.", "user.overlay.", "btrfs.",
};

static bool is_kept(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
		if (is_prefix(name, left_out[i]))
			return false;
	return true;
}

/* Where an entry's attributes are asked for: by descriptor, or by a path that is not followed. */
struct subject {
	int fd;
	const char *path;
};

static ssize_t list(const struct subject *subject, char *names, size_t room)
{
	return subject->path ? llistxattr(subject->path, names, room) : flistxattr(subject->fd, names, room);
}

static ssize_t get(const struct subject *subject, const char *name, char *value, size_t room)
{
	return subject->path ? lgetxattr(subject->path, name, value, room)
			     : fgetxattr(subject->fd, name, value, room);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static int read_values(const struct subject *subject, const char *names, size_t len, struct xattrs *xattrs,
		       struct error *e)
{
	auto_free char *value = xmalloc(XATTR_BYTES_MAX);

	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		struct xattr xattr = { 0 };
		ssize_t got;

		if (!is_kept(name))
			continue;
		got = get(subject, name, value, XATTR_BYTES_MAX);
		if (got < 0)
			return error_sys(e, "cannot read its attribute '%s'", name);
		xattr.name = xstrdup(name);
		xattr.len = (size_t)got;
		xattr.value = xmalloc(xattr.len + 1);
		memcpy(xattr.value, value, xattr.len);
		PUSH(xattrs->items, xattrs->count, xattr);
	}
	if (xattrs->count)
		qsort(xattrs->items, xattrs->count, sizeof *xattrs->items, compare);
	return 0;
}

int xattrs_read(int fd, int dir_fd, const char *name, struct xattrs *xattrs, struct error *e)
{
	auto_xattrs struct xattrs found = XATTRS_INIT;
	auto_free char *path = fd < 0 ? xasprintf("/proc/self/fd/%d/%s", dir_fd, name) : NULL;
	struct subject subject = { fd, path };
	/* Nearly no file has any: do not take memory before one does. */
	ssize_t len = list(&subject, NULL, 0);

	if (len > 0) {
		auto_free char *names = xmalloc(XATTR_BYTES_MAX);

		len = list(&subject, names, XATTR_BYTES_MAX);
		if (len > 0 && read_values(&subject, names, (size_t)len, &found, e) < 0)
			return -1;
	}
	if (len < 0 && errno != ENOTSUP)
		return error_sys(e, "cannot list its attributes");
	*xattrs = TAKE(found, XATTRS_INIT);
	return 0;
}

void xattrs_release(struct xattrs *xattrs)
{
	for (size_t i = 0; i < xattrs->count; i++) {
		free(xattrs->items[i].name);
		free(xattrs->items[i].value);
	}
	free(xattrs->items);
	*xattrs = XATTRS_INIT;
}
