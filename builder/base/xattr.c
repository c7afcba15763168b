/* SPDX-License-Identifier: Apache-2.0 */
#include "base/xattr.h"

#include "base/alloc.h"
#include "base/text.h"

#include <sys/xattr.h>

/* The kernel's own limits (linux/limits.h): a list or a value is never longer. */
enum { XATTR_BYTES_MAX = 64 * 1024 };

bool xattr_is_of_tree(const char *name)
{
	static const char *const prefixes[] = {
		"security.apparmor", "security.evm",    "security.ima",     "security.selinux",
		"security.SMACK64",  "system.nfs4_acl", "trusted.overlay.", "user.overlay.",
		"user.kiln.",        "btrfs.",
	};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (is_prefix(name, prefixes[i]))
			return false;
	return true;
}

bool xattr_is_overlay_mark(const char *name)
{
	if (is_prefix(name, "trusted."))
		name += strlen("trusted.");
	else if (is_prefix(name, "user.")) /* in a user namespace */
		name += strlen("user.");
	else
		return false;
	return strcmp(name, "overlay.opaque") == 0 || strcmp(name, "overlay.redirect") == 0;
}

/* Where an entry's attributes are: behind a descriptor, or a path that is not followed. */
struct subject {
	int fd;
	char *path; /* owned; NULL: the descriptor */
};

static void subject_release(struct subject *subject)
{
	free(subject->path);
}

static struct subject subject_of(int fd, int dir_fd, const char *name)
{
	return (struct subject) { fd, fd < 0 ? xasprintf("/proc/self/fd/%d/%s", dir_fd, name) : NULL };
}

static ssize_t list(const struct subject *subject, char *names, size_t room)
{
	return subject->path ? llistxattr(subject->path, names, room) : flistxattr(subject->fd, names, room);
}

static ssize_t get(const struct subject *subject, const char *name, char *value, size_t room)
{
	return subject->path ? lgetxattr(subject->path, name, value, room)
			     : fgetxattr(subject->fd, name, value, room);
}

static int set(const struct subject *subject, const struct xattr *xattr)
{
	return subject->path ? lsetxattr(subject->path, xattr->name, xattr->value, xattr->len, 0)
			     : fsetxattr(subject->fd, xattr->name, xattr->value, xattr->len, 0);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct xattr *)a)->name, ((const struct xattr *)b)->name);
}

static int read_values(const struct subject *subject, const char *names, size_t len,
		       bool (*is_kept)(const char *), struct xattrs *xattrs, struct error *e)
{
	auto_free char *value = xmalloc(XATTR_BYTES_MAX);

	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		struct xattr xattr = { 0 };
		ssize_t got;

		if (is_kept && !is_kept(name))
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

int xattrs_get(int fd, int dir_fd, const char *name, bool (*is_kept)(const char *), struct xattrs *xattrs,
	       struct error *e)
{
	auto_xattrs struct xattrs found = XATTRS_INIT;
	AUTO(subject_release) struct subject subject = subject_of(fd, dir_fd, name);
	/* Nearly no file has any: do not take memory before one does. */
	ssize_t len = list(&subject, NULL, 0);

	if (len > 0) {
		auto_free char *names = xmalloc(XATTR_BYTES_MAX);

		len = list(&subject, names, XATTR_BYTES_MAX);
		if (len > 0 && read_values(&subject, names, (size_t)len, is_kept, &found, e) < 0)
			return -1;
	}
	if (len < 0 && errno != ENOTSUP)
		return error_sys(e, "cannot list its attributes");
	*xattrs = TAKE(found, XATTRS_INIT);
	return 0;
}

int xattrs_set(int fd, int dir_fd, const char *name, const struct xattrs *xattrs, struct error *e)
{
	AUTO(subject_release) struct subject subject = subject_of(fd, dir_fd, name);

	for (size_t i = 0; i < xattrs->count; i++)
		if (set(&subject, &xattrs->items[i]) < 0)
			return error_sys(e, "cannot set its attribute '%s'", xattrs->items[i].name);
	return 0;
}

bool xattrs_equal(const struct xattrs *a, const struct xattrs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct xattr *x = &a->items[i];
		const struct xattr *y = &b->items[i];

		if (strcmp(x->name, y->name) != 0 || x->len != y->len ||
		    memcmp(x->value, y->value, x->len) != 0)
			return false;
	}
	return true;
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
