/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees as text, so that two can be compared; and changes drawn at random, so that the same can be done to two.
 */
#ifndef TESTS_UNIT_TREES_H
#define TESTS_UNIT_TREES_H

#include "base/alloc.h"
#include "base/digest.h"
#include "base/map.h"
#include "base/root.h"
#include "base/scan.h"
#include "base/text.h"
#include "base/xattr.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* Times before this one were set by a test, later ones by the clock: these say only that something changed. */
enum { TREES_OLD_S = 1000000000 };

struct describe {
	struct buffer out;
	struct map first_names; /* inode → path */
	struct arena arena;
};

static inline void describe_xattrs(struct describe *d, const struct scan_entry *entry)
{
	auto_xattrs struct xattrs xattrs = XATTRS_INIT;
	struct error e = ERROR_INIT;

	assert_int_equal(xattrs_get(-1, entry->dir_fd, entry->name, NULL, &xattrs, &e), 0);
	for (size_t i = 0; i < xattrs.count; i++) {
		const struct xattr *x = &xattrs.items[i];

		buffer_addf(&d->out, " %s=", x->name);
		for (size_t k = 0; k < x->len; k++)
			buffer_addf(&d->out, "%02x", (unsigned char)x->value[k]);
	}
}

static inline void describe_content(struct describe *d, const struct scan_entry *entry)
{
	struct error e = ERROR_INIT;
	struct digest digest;

	if (S_ISLNK(entry->st.st_mode)) {
		char target[4096] = "";

		assert_true(readlinkat(entry->dir_fd, entry->name, target, sizeof target - 1) >= 0);
		buffer_addf(&d->out, " -> %s", target);
	}
	if (S_ISREG(entry->st.st_mode)) {
		auto_close int fd = openat(entry->dir_fd, entry->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(sha256_of_fd(fd, &digest, NULL, &e), 0);
		buffer_addf(&d->out, " %lld %.16s", (long long)entry->st.st_size, digest_hex(&digest).text);
	}
}

static inline int describe_entry(void *context, const struct scan_entry *entry, struct error *e)
{
	struct describe *d = context;
	const struct stat *st = &entry->st;
	struct {
		uint64_t dev;
		uint64_t ino;
	} *id = arena_alloc(&d->arena, sizeof *id);
	char *first;

	(void)e;
	id->dev = st->st_dev;
	id->ino = st->st_ino;
	buffer_addf(&d->out, "/%s %o %u:%u", entry->path, st->st_mode, st->st_uid, st->st_gid);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		buffer_addf(&d->out, " %u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (st->st_mtim.tv_sec < TREES_OLD_S)
		buffer_addf(&d->out, " %lld.%09ld", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (!S_ISDIR(st->st_mode)) {
		buffer_addf(&d->out, " %llu", (unsigned long long)st->st_nlink);
		first = map_get(&d->first_names, (struct text) { (const char *)id, sizeof *id });
		if (first)
			buffer_addf(&d->out, " = /%s", first);
		else
			map_put(&d->first_names, (struct text) { (const char *)id, sizeof *id },
				arena_strdup(&d->arena, entry->path));
	}
	describe_content(d, entry);
	describe_xattrs(d, entry);
	buffer_addc(&d->out, '\n');
	return 0;
}

/* One line per entry, malloc'ed. */
static inline char *tree_text(int root_fd)
{
	struct describe d = { .out = BUFFER_INIT, .first_names = MAP_INIT, .arena = ARENA_INIT };
	struct error e = ERROR_INIT;

	if (scan_tree(root_fd, describe_entry, &d, &e) < 0)
		fail_msg("%s", e.text);
	map_release(&d.first_names);
	arena_release(&d.arena);
	return buffer_take(&d.out);
}

/* Fail unless both trees are alike; the message has the first lines that differ. */
static inline void trees_compare(int expected_fd, int got_fd)
{
	auto_free char *expected = tree_text(expected_fd);
	auto_free char *got = tree_text(got_fd);
	struct text a = text_of(expected);
	struct text b = text_of(got);

	while (a.ptr && b.ptr) {
		struct text x = text_cut(a, '\n', &a);
		struct text y = text_cut(b, '\n', &b);

		if (!text_equal(x, y)) {
			print_message("expected: %.*s\n     got: %.*s\n", TEXT_ARG(x), TEXT_ARG(y));
			fail_msg("trees differ");
		}
	}
}

/* A random change: what, where, and numbers for the rest. */
struct change {
	unsigned what;
	char path[64];
	char other[64];
	unsigned n;
};

static inline unsigned draw(uint64_t *state, unsigned below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(*state >> 33) % below;
}

/* Few names on three levels, so that changes meet. */
static inline void draw_path(uint64_t *state, char path[64])
{
	unsigned depth = 1 + draw(state, 3);

	*path = '\0';
	for (unsigned i = 0; i < depth; i++)
		snprintf(path + strlen(path), 64 - strlen(path), "%s%c", i ? "/" : "",
			 "abcd"[draw(state, 4)]);
}

static inline struct change change_draw(uint64_t *state)
{
	struct change c = { .what = draw(state, 100) };

	draw_path(state, c.path);
	draw_path(state, c.other);
	c.n = draw(state, 1000000);
	return c;
}

static inline int change_file(int root_fd, const struct change *c)
{
	auto_close int fd = -1;
	char *mapped;
	struct stat st;

	/* Where devices lead somewhere is a matter of the mount. */
	if (fstatat(root_fd, c->path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
		return 0;
	fd = openat(root_fd, c->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return 0;
	switch (c->n % 4) {
	case 0:
		return pwrite(fd, &c->n, sizeof c->n, c->n % 7000) < 0 ? -1 : 0;
	case 1:
		return ftruncate(fd, c->n % 9000);
	case 2: /* a sparse one */
		return pwrite(fd, &c->n, sizeof c->n, 1 << 20) < 0 ? -1 : 0;
	default:
		if (st.st_size == 0)
			return 0;
		mapped = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (mapped == MAP_FAILED)
			return -1;
		mapped[c->n % (unsigned)st.st_size] ^= 1;
		munmap(mapped, (size_t)st.st_size);
		/* Some file systems set the time now, some later, some never. */
		return futimens(fd, NULL);
	}
}

static inline int change_xattr(int root_fd, const struct change *c)
{
	static const char *const names[] = { "user.k", "trusted.k", "security.capability",
					     "system.posix_acl_access", "system.posix_acl_default" };
	/* cap_net_raw=ep, and an ACL with one more user: capability.h, posix_acl_xattr.h */
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0, 0x20 };
	static const unsigned char acl[44] = {
		2, 0, 0,    0,    1,    0,    6,  0, 0xff, 0xff, 0xff, 0xff, 2,    0,    6,
		0, 1, 0,    0,    0,    4,    0,  4, 0,    0xff, 0xff, 0xff, 0xff, 16,   0,
		6, 0, 0xff, 0xff, 0xff, 0xff, 32, 0, 4,    0,    0xff, 0xff, 0xff, 0xff,
	};
	const char *name = names[c->n % ARRAY_LEN(names)];
	auto_free char *path = xasprintf("/proc/self/fd/%d/%s", root_fd, c->path);

	/* Removing an ACL that is not there: file systems say this or that. */
	if (c->n % 3 == 0)
		return lremovexattr(path, name) == 0 || errno == ENODATA ? 0 : -1;
	if (is_prefix(name, "system."))
		return lsetxattr(path, name, acl, sizeof acl, 0);
	if (is_prefix(name, "security."))
		return lsetxattr(path, name, capability, sizeof capability, 0);
	return lsetxattr(path, name, &c->n, c->n % 5, 0);
}

static inline int change_remove(int root_fd, const struct change *c)
{
	struct error e = ERROR_INIT;

	errno = 0;
	if (c->n % 3)
		return unlinkat(root_fd, c->path, 0) == 0 ? 0 : unlinkat(root_fd, c->path, AT_REMOVEDIR);
	return root_remove(root_fd, c->path, &e) == 0 ? 0 : -1;
}

static inline int change_make(int root_fd, const struct change *c)
{
	auto_close int fd =
		openat(root_fd, c->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	auto_free char *data = xmalloc(9000);

	if (fd < 0)
		return -1;
	memset(data, (int)c->n, 9000);
	return write(fd, data, c->n % 9000) < 0 ? -1 : 0;
}

static inline int change_node(int root_fd, const struct change *c)
{
	static const mode_t types[] = { S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK };

	return mknodat(root_fd, c->path, types[c->n % 4] | 0640, makedev(1, 3));
}

/* A rename that fails may touch the folders all the same: ext4 does so when overlayfs asks it for a whiteout too. */
static inline int change_rename(int root_fd, const struct change *c)
{
	const char *const paths[] = { c->path, c->other };
	int keep;

	if (renameat(root_fd, c->path, root_fd, c->other) == 0)
		return 0;
	keep = errno;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const char *slash = strrchr(paths[i], '/');
		auto_free char *parent =
			slash ? xstrndup(paths[i], (size_t)(slash - paths[i])) : xstrdup(".");

		utimensat(root_fd, parent, NULL, AT_SYMLINK_NOFOLLOW);
	}
	errno = keep;
	return -1;
}

/* Carry it out: 0, or errno. */
static inline int change_apply(int root_fd, const struct change *c)
{
	const struct timespec old[2] = { { c->n, 5 }, { c->n, c->n } };
	int r;

	if (c->what < 20)
		r = change_make(root_fd, c);
	else if (c->what < 32)
		r = mkdirat(root_fd, c->path, 0755);
	else if (c->what < 42)
		r = linkat(root_fd, c->path, root_fd, c->other, 0);
	else if (c->what < 57)
		r = change_rename(root_fd, c);
	else if (c->what < 67)
		r = change_remove(root_fd, c);
	else if (c->what < 73)
		r = change_file(root_fd, c);
	else if (c->what < 76)
		r = fchmodat(root_fd, c->path, c->n & 07777, 0);
	else if (c->what < 79)
		r = fchownat(root_fd, c->path, c->n % 7, c->n % 5, AT_SYMLINK_NOFOLLOW);
	else if (c->what < 83)
		r = symlinkat(c->other, root_fd, c->path);
	else if (c->what < 86)
		r = change_node(root_fd, c);
	else if (c->what < 91)
		r = change_xattr(root_fd, c);
	else
		r = utimensat(root_fd, c->n % 20 ? c->path : ".", old, AT_SYMLINK_NOFOLLOW);
	return r == 0 ? 0 : errno;
}

/*
 * For whoever is not root of the host overlayfs moves no folder of a lower tree; programs have to be prepared for
 * that, as for two file systems.
 */
static inline bool change_is_refused(int failure)
{
	return failure == EXDEV && privilege_is_confined();
}

#endif
