/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/untar.h"

#include "base/alloc.h"
#include "base/limits.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <locale.h>

/* What is read at most from one entry's extended attributes, and of the pieces that a file with holes has. */
enum {
	XATTR_COUNT_MAX = 256,
	XATTR_BYTES_MAX = 64 * 1024, /* xattr(7): of one; file systems have less for all of a file */
	ACL_COUNT_MAX = 4096,
	EXTENT_COUNT_MAX = 1000000,
};

struct tar {
	struct archive *archive;
	tar_feed_fn *feed;
	void *context;
	struct archive_entry *entry; /* borrowed from ARCHIVE */
	locale_t names; /* owned; UTF-8, so that libarchive hands on the bytes of names as they are */
	uint64_t entry_count;
	uint64_t entry_max;
	struct arena scratch; /* the current entry's ACLs */
	struct entry_xattr *xattrs;
	size_t xattr_count;
	int mask;                    /* of its access list, -1: none */
	struct tree_extent *extents; /* owned */
	size_t extent_count;
	struct error inner; /* what FEED said */
};

static la_ssize_t read_feed(struct archive *archive, void *context, const void **block)
{
	struct tar *tar = context;
	size_t len;
	int r = tar->feed(tar->context, block, &len, &tar->inner);

	if (r == 0)
		return 0;
	if (r > 0)
		return (la_ssize_t)len;
	archive_set_error(archive, EINVAL, "%s", "what it comes from ends early");
	return -1;
}

/* What FEED said, or libarchive: what lies below it knows better. */
static int tar_failure(struct tar *tar, struct error *e)
{
	const char *reason = archive_error_string(tar->archive);

	if (tar->inner.kind != ERROR_NONE) {
		*e = tar->inner;
		return -1;
	}
	if (archive_errno(tar->archive) == ENOMEM)
		abort();
	return error_set(e, ERROR_FORMAT, "malformed tar archive: %s", reason ? reason : "unknown reason");
}

int tar_open(tar_feed_fn *feed, void *context, uint64_t entry_max, struct tar **out, struct error *e)
{
	auto_tar struct tar *tar = xcalloc(1, sizeof *tar);

	tar->feed = feed;
	tar->context = context;
	tar->entry_max = entry_max;
	tar->names = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!tar->names)
		return error_sys(e, "this system has no locale 'C.UTF-8'");
	tar->archive = archive_read_new();
	if (!tar->archive)
		abort();
	archive_read_support_format_tar(tar->archive);
	if (archive_read_open2(tar->archive, tar, NULL, read_feed, NULL, NULL) != ARCHIVE_OK)
		return tar_failure(tar, e);
	*out = TAKE(tar, NULL);
	return 0;
}

static enum entry_type type_of(struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry) || archive_entry_hardlink_utf8(entry))
		return ENTRY_HARD_LINK;
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return ENTRY_FILE;
	case AE_IFLNK:
		return ENTRY_SYMLINK;
	case AE_IFDIR:
		return ENTRY_DIRECTORY;
	case AE_IFCHR:
		return ENTRY_CHARACTER_DEVICE;
	case AE_IFBLK:
		return ENTRY_BLOCK_DEVICE;
	case AE_IFIFO:
		return ENTRY_FIFO;
	default:
		return ENTRY_OTHER;
	}
}

static void add_xattr(struct tar *tar, const char *name, const void *value, size_t len)
{
	tar->xattrs = arena_grow(&tar->scratch, tar->xattrs, tar->xattr_count, sizeof *tar->xattrs);
	tar->xattrs[tar->xattr_count++] = (struct entry_xattr) { .name = name, .value = value, .len = len };
}

/* An ACL as the kernel stores it (linux/posix_acl_xattr.h), little-endian. */
struct acl_record {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

enum { ACL_VERSION = 2, ACL_NO_ID = -1 };

static uint16_t acl_tag(int tag)
{
	switch (tag) {
	case ARCHIVE_ENTRY_ACL_USER_OBJ:
		return 0x01;
	case ARCHIVE_ENTRY_ACL_USER:
		return 0x02;
	case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
		return 0x04;
	case ARCHIVE_ENTRY_ACL_GROUP:
		return 0x08;
	case ARCHIVE_ENTRY_ACL_MASK:
		return 0x10;
	default:
		return 0x20;
	}
}

static int compare_acl(const void *a, const void *b)
{
	const struct acl_record *x = a;
	const struct acl_record *y = b;
	uint32_t tags[2] = { le16toh(x->tag), le16toh(y->tag) };
	uint32_t ids[2] = { le32toh(x->id), le32toh(y->id) };

	if (tags[0] != tags[1])
		return tags[0] < tags[1] ? -1 : 1;
	return ids[0] < ids[1] ? -1 : ids[0] > ids[1];
}

/* The entry's ACL of KIND (access or default) as an attribute called NAME. */
static int add_acl(struct tar *tar, int kind, const char *name, struct error *e)
{
	int count = archive_entry_acl_reset(tar->entry, kind);
	size_t used = 0;
	uint32_t version = htole32(ACL_VERSION);
	char *bytes;
	int type;
	int permissions;
	int tag;
	int id;
	const char *who;

	/* The three plain entries alone are the mode bits once more. */
	if (count <= 0 || (kind == ARCHIVE_ENTRY_ACL_TYPE_ACCESS && count <= 3))
		return 0;
	if (count > ACL_COUNT_MAX)
		return error_set(e, ERROR_FORMAT,
				 "malformed tar archive: an access control list of %d entries", count);
	bytes = arena_alloc(&tar->scratch, sizeof version + (size_t)count * sizeof(struct acl_record));
	memcpy(bytes, &version, sizeof version);
	while (used < (size_t)count &&
	       archive_entry_acl_next(tar->entry, kind, &type, &permissions, &tag, &id, &who) == ARCHIVE_OK) {
		struct acl_record record = {
			.tag = htole16(acl_tag(tag)),
			.permissions = htole16((uint16_t)(permissions & 7)),
			.id = htole32((uint32_t)id),
		};

		if (kind == ARCHIVE_ENTRY_ACL_TYPE_ACCESS && tag == ARCHIVE_ENTRY_ACL_MASK)
			tar->mask = permissions & 7;
		if (tag != ARCHIVE_ENTRY_ACL_USER && tag != ARCHIVE_ENTRY_ACL_GROUP)
			record.id = (uint32_t)ACL_NO_ID;
		memcpy(bytes + sizeof version + used++ * sizeof record, &record, sizeof record);
	}
	/* The kernel refuses any other order than by tag, then id. */
	qsort(bytes + sizeof version, used, sizeof(struct acl_record), compare_acl);
	add_xattr(tar, name, bytes, sizeof version + used * sizeof(struct acl_record));
	return 0;
}

static int read_xattrs(struct tar *tar, struct error *e)
{
	int count = archive_entry_xattr_reset(tar->entry);
	size_t total = 0;
	const char *name;
	const void *value;
	size_t len;

	if (tar->xattrs)
		arena_release(&tar->scratch);
	tar->xattrs = NULL;
	tar->xattr_count = 0;
	tar->mask = -1;
	if (count > XATTR_COUNT_MAX)
		return error_set(e, ERROR_FORMAT, "malformed tar archive: an entry with %d attributes",
				 count);
	while (archive_entry_xattr_next(tar->entry, &name, &value, &len) == ARCHIVE_OK) {
		if (!name)
			continue;
		add_xattr(tar, name, value, len);
		total += len;
	}
	if (total > XATTR_BYTES_MAX)
		return error_set(e, ERROR_FORMAT,
				 "malformed tar archive: an entry with attributes of more than %d bytes",
				 XATTR_BYTES_MAX);
	if (add_acl(tar, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", e) < 0)
		return -1;
	return add_acl(tar, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", e);
}

/* Where the current entry has data, when it is stored with holes. */
static int read_extents(struct tar *tar, struct error *e)
{
	int count = archive_entry_sparse_reset(tar->entry);
	la_int64_t offset;
	la_int64_t len;

	tar->extent_count = 0;
	if (count <= 0)
		return 0;
	if (count > EXTENT_COUNT_MAX)
		return error_set(e, ERROR_FORMAT, "malformed tar archive: a file in %d pieces", count);
	tar->extents = xrealloc(tar->extents, (size_t)count * sizeof *tar->extents);
	while (tar->extent_count < (size_t)count &&
	       archive_entry_sparse_next(tar->entry, &offset, &len) == ARCHIVE_OK) {
		if (offset < 0 || len < 0)
			return error_set(e, ERROR_FORMAT, "malformed tar archive: a piece out of its file");
		tar->extents[tar->extent_count++] = (struct tree_extent) { (uint64_t)offset, (uint64_t)len };
	}
	return 0;
}

static const char *target_of(struct archive_entry *entry, enum entry_type type)
{
	if (type == ENTRY_HARD_LINK)
		return archive_entry_hardlink(entry);
	return type == ENTRY_SYMLINK ? archive_entry_symlink(entry) : NULL;
}

static int fill_entry(struct tar *tar, struct entry *entry, struct error *e)
{
	enum entry_type type = type_of(tar->entry);
	const char *path = archive_entry_pathname(tar->entry);
	int64_t uid = archive_entry_uid(tar->entry);
	int64_t gid = archive_entry_gid(tar->entry);

	if (!path || !*path)
		return error_set(e, ERROR_FORMAT, "malformed tar archive: an entry without a name");
	/* The highest number means "leave as it is" to chown(2). */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return error_set(e, ERROR_FORMAT, "malformed tar archive: '%s' has an owner out of range",
				 path);
	*entry = (struct entry) {
		.type = type,
		.path = path,
		.target = target_of(tar->entry, type),
		.mode = archive_entry_perm(tar->entry) & 07777,
		.uid = (uid_t)uid,
		.gid = (gid_t)gid,
		.user = archive_entry_uname(tar->entry),
		.group = archive_entry_gname(tar->entry),
		.mtime_s = archive_entry_mtime(tar->entry),
		.mtime_ns = archive_entry_mtime_nsec(tar->entry),
		.size_bytes = archive_entry_size(tar->entry),
		.device = archive_entry_rdev(tar->entry),
	};
	if ((type == ENTRY_HARD_LINK || type == ENTRY_SYMLINK) && (!entry->target || !*entry->target))
		return error_set(e, ERROR_FORMAT, "malformed tar archive: link '%s' leads nowhere", path);
	return 0;
}

static int next_entry(struct tar *tar, struct entry *entry, struct error *e)
{
	int r = archive_read_next_header(tar->archive, &tar->entry);

	if (r == ARCHIVE_EOF)
		return 0;
	/* ARCHIVE_WARN: a name that is no UTF-8. It is used as it is. */
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return tar_failure(tar, e);
	if (++tar->entry_count > tar->entry_max)
		return error_set(e, ERROR_FORMAT, "tar archive with more than %llu entries",
				 (unsigned long long)tar->entry_max);
	if (fill_entry(tar, entry, e) < 0 || read_xattrs(tar, e) < 0 || read_extents(tar, e) < 0)
		return -1;
	/* libarchive gives the list's own entry for the group, where the system, and the archive, have the mask. */
	if (tar->mask >= 0)
		entry->mode = (entry->mode & ~(mode_t)070) | (mode_t)tar->mask << 3;
	entry->extents = tar->extent_count ? tar->extents : NULL;
	entry->extent_count = tar->extent_count;
	entry->xattrs = tar->xattrs;
	entry->xattr_count = tar->xattr_count;
	return 1;
}

int tar_next(struct tar *tar, struct entry *entry, struct error *e)
{
	locale_t before = uselocale(tar->names);
	int r = next_entry(tar, entry, e);

	uselocale(before);
	return r;
}

int tar_read(struct tar *tar, const void **data, size_t *len, int64_t *offset, struct error *e)
{
	int r = archive_read_data_block(tar->archive, data, len, offset);

	if (r == ARCHIVE_OK)
		return 1;
	return r == ARCHIVE_EOF ? 0 : tar_failure(tar, e);
}

uint64_t tar_position(const struct tar *tar)
{
	la_int64_t at = archive_read_header_position(tar->archive);

	return at < 0 ? 0 : (uint64_t)at;
}

int tar_finish(struct tar *tar, struct error *e)
{
	const void *block;
	size_t len;
	int r;

	while ((r = tar->feed(tar->context, &block, &len, e)) > 0)
		;
	return r;
}

void tar_close(struct tar *tar)
{
	if (!tar)
		return;
	if (tar->archive)
		archive_read_free(tar->archive);
	if (tar->names)
		freelocale(tar->names);
	arena_release(&tar->scratch);
	free(tar->extents);
	free(tar);
}
