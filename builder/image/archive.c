/* SPDX-License-Identifier: Apache-2.0 */
#include "image/archive.h"

#include "base/interrupt.h"
#include "image/names.h"

#include <limits.h>

struct visit {
	const struct archive_root *root;
	tree_fn *visit;
	void *context;
	bool refused; /* the visitor failed; it says itself what that was about */
	struct reader reader;
	struct names names;
	struct xattrs xattrs; /* of the current entry */
	char target[LIMIT_PATH_BYTES];
	size_t metadata_count;
	size_t template_count;
	uint64_t hole_bytes; /* of holes that were read as zeros */
	bool told_other;
};

static void visit_release(struct visit *visit)
{
	reader_close(&visit->reader);
	names_release(&visit->names);
	xattrs_release(&visit->xattrs);
}

int archive_part_of(const char *path, enum archive_part *part, const char **name, struct error *e)
{
	static const struct {
		const char *folder;
		size_t len;
		enum archive_part part;
	} folders[] = { { "templates", 9, PART_TEMPLATE }, { "rootfs", 6, PART_ROOT } };

	*part = strcmp(path, "metadata.yaml") == 0 ? PART_METADATA : PART_OTHER;
	*name = path;
	if (strcmp(path, "rootfs.img") == 0)
		return error_set(e, ERROR_FORMAT,
				 "this is the disk of a virtual machine, not of a container");
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		size_t len = folders[i].len;

		if (strncmp(path, folders[i].folder, len) != 0 || (path[len] && path[len] != '/'))
			continue;
		*part = folders[i].part;
		*name = path + len + (path[len] == '/');
	}
	return 0;
}

/* The content of the current entry, with its holes as zeros. */
struct archive_content {
	struct tree_content content;
	struct visit *visit;
	const char *piece; /* what the archive gave last, and has not been handed on */
	size_t piece_len;
	int64_t piece_at; /* where it belongs */
	int64_t at;
};

static int next_piece(struct archive_content *content, struct error *e)
{
	struct reader *reader = &content->visit->reader;
	const void *data;
	size_t len;
	int64_t offset;
	int r = tar_read(reader->tar, &data, &len, &offset, e);

	if (r < 0)
		return -1;
	if (r == 0) {
		content->piece_at = reader->entry.size_bytes;
		content->piece_len = 0;
		return 0;
	}
	if (offset < content->at || (int64_t)len > reader->entry.size_bytes ||
	    offset > reader->entry.size_bytes - (int64_t)len)
		return error_set(e, ERROR_FORMAT, "it holds more than it says");
	content->piece = data;
	content->piece_len = len;
	content->piece_at = offset;
	return 0;
}

static int read_hole(struct archive_content *content, void *data, size_t room, size_t *len, struct error *e)
{
	uint64_t left = (uint64_t)(content->piece_at - content->at);

	*len = left < room ? (size_t)left : room;
	content->visit->hole_bytes += *len;
	if (content->visit->hole_bytes > LIMIT_IMAGE_BYTES)
		return error_set(e, ERROR_FORMAT, "the holes of its files have more than %llu bytes",
				 (unsigned long long)LIMIT_IMAGE_BYTES);
	memset(data, 0, *len);
	content->at += (int64_t)*len;
	return 0;
}

static int read_content(struct tree_content *base, void *data, size_t room, size_t *len, struct error *e)
{
	struct archive_content *content = (struct archive_content *)base;

	if (interrupt_check(e) < 0)
		return -1;
	*len = 0;
	while (content->at < content->visit->reader.entry.size_bytes && *len == 0) {
		if (content->at < content->piece_at)
			return read_hole(content, data, room, len, e);
		if (content->piece_len == 0) {
			if (next_piece(content, e) < 0)
				return -1;
			continue;
		}
		*len = content->piece_len < room ? content->piece_len : room;
		memcpy(data, content->piece, *len);
		content->piece += *len;
		content->piece_len -= *len;
		content->piece_at += (int64_t)*len;
		content->at = content->piece_at;
	}
	return 0;
}

/* A key of a pax record cannot hold '=': GNU tar, and kiln, write "%3D" for it, and "%25" for '%'. */
static char *decode_name(const char *name)
{
	char *decoded = xstrdup(name);
	char *to = decoded;

	for (const char *from = name; *from; to++) {
		bool equals = is_prefix(from, "%3D");

		*to = equals ? '=' : *from;
		from += equals || is_prefix(from, "%25") ? 3 : 1;
	}
	*to = '\0';
	return decoded;
}

/* In ascending order of name. An ACL may be there in two forms; the first one is the kernel's. */
static int add_xattr(struct xattrs *xattrs, const struct entry_xattr *given, struct error *e)
{
	auto_free char *name = decode_name(given->name);
	struct xattr xattr = { .len = given->len };
	size_t at = 0;

	if (!*name || strlen(name) > XATTR_NAME_MAX || given->len > XATTR_SIZE_MAX)
		return error_set(e, ERROR_FORMAT, "its attribute '%.100s' is too long", name);
	while (at < xattrs->count && strcmp(xattrs->items[at].name, name) < 0)
		at++;
	if (at < xattrs->count && strcmp(xattrs->items[at].name, name) == 0)
		return 0;
	xattr.value = xmalloc(xattr.len + 1);
	memcpy(xattr.value, given->value, xattr.len);
	xattr.name = TAKE(name, NULL);
	PUSH(xattrs->items, xattrs->count, xattr);
	memmove(&xattrs->items[at + 1], &xattrs->items[at], (xattrs->count - 1 - at) * sizeof xattr);
	xattrs->items[at] = xattr;
	return 0;
}

static int read_xattrs(struct visit *visit, struct error *e)
{
	const struct entry *entry = &visit->reader.entry;

	if (visit->xattrs.count)
		xattrs_release(&visit->xattrs);
	for (size_t i = 0; i < entry->xattr_count; i++)
		if (add_xattr(&visit->xattrs, &entry->xattrs[i], e) < 0)
			return -1;
	return 0;
}

static mode_t type_bits(enum entry_type type)
{
	switch (type) {
	case ENTRY_FILE:
		return S_IFREG;
	case ENTRY_SYMLINK:
		return S_IFLNK;
	case ENTRY_DIRECTORY:
		return S_IFDIR;
	case ENTRY_CHARACTER_DEVICE:
		return S_IFCHR;
	case ENTRY_BLOCK_DEVICE:
		return S_IFBLK;
	case ENTRY_FIFO:
		return S_IFIFO;
	default:
		return 0;
	}
}

static int fill_stat(const struct entry *entry, struct stat *st, struct error *e)
{
	*st = (struct stat) {
		.st_mode = type_bits(entry->type) | entry->mode,
		.st_uid = entry->uid,
		.st_gid = entry->gid,
		.st_mtim = { .tv_sec = entry->mtime_s, .tv_nsec = entry->mtime_ns },
	};
	if (!(st->st_mode & S_IFMT))
		return error_set(e, ERROR_FORMAT, "it is of a kind that no file system has");
	if (entry->type == ENTRY_FILE &&
	    (entry->size_bytes < 0 || (uint64_t)entry->size_bytes > LIMIT_IMAGE_FILE_BYTES))
		return error_set(e, ERROR_FORMAT, "it claims to have %lld bytes",
				 (long long)entry->size_bytes);
	if (entry->type == ENTRY_FILE)
		st->st_size = entry->size_bytes;
	if (entry->type == ENTRY_SYMLINK)
		st->st_size = (off_t)strlen(entry->target);
	if (entry->type == ENTRY_CHARACTER_DEVICE || entry->type == ENTRY_BLOCK_DEVICE)
		st->st_rdev = entry->device;
	return 0;
}

/* A hard link names its target as the archive would. */
static int fill_link(struct visit *visit, struct tree_entry *entry, struct error *e)
{
	enum archive_part part = PART_ROOT;
	const char *name = visit->target;

	if (names_normalise(visit->reader.entry.target, visit->target, sizeof visit->target, e) < 0 ||
	    (visit->root->facts->kind == IMAGE_UNIFIED &&
	     archive_part_of(visit->target, &part, &name, e) < 0))
		return error_wrap(e, "it is a hard link to '%.300s'", visit->reader.entry.target);
	if (part != PART_ROOT)
		return error_set(e, ERROR_FORMAT, "it is a hard link to '%.300s', which is not in the root",
				 visit->reader.entry.target);
	return names_link(&visit->names, entry->path, name, &entry->hard_link, &entry->st, e);
}

/* Everything but the content. */
static int fill_entry(struct visit *visit, struct tree_entry *entry, struct error *e)
{
	const struct entry *from = &visit->reader.entry;

	if (read_xattrs(visit, e) < 0)
		return -1;
	if (from->type == ENTRY_HARD_LINK)
		return fill_link(visit, entry, e);
	if (fill_stat(from, &entry->st, e) < 0)
		return -1;
	if (!*entry->path && from->type != ENTRY_DIRECTORY)
		return error_set(e, ERROR_FORMAT, "the root is no folder");
	if (from->type == ENTRY_SYMLINK) {
		if (strlen(from->target) >= LIMIT_PATH_BYTES)
			return error_set(e, ERROR_FORMAT, "its target has more than %llu bytes",
					 (unsigned long long)LIMIT_PATH_BYTES - 1);
		entry->link = from->target;
	}
	return names_add(&visit->names, entry->path, &entry->st, e);
}

static int call(struct visit *visit, const struct tree_entry *entry, struct error *e)
{
	if (visit->visit(visit->context, entry, e) == 0)
		return 0;
	visit->refused = true;
	return -1;
}

/* Those who pack the names in a folder, and not the folder itself, leave the root out. */
static int visit_absent_root(struct visit *visit, struct error *e)
{
	const struct xattrs none = XATTRS_INIT;
	struct tree_entry root = { .path = "", .xattrs = &none, .st.st_mode = S_IFDIR | 0755 };

	if (names_add(&visit->names, "", &root.st, e) < 0)
		return -1;
	return call(visit, &root, e);
}

static int visit_entry(struct visit *visit, const char *path, struct error *e)
{
	struct archive_content content = { .content.read = read_content, .visit = visit };
	struct tree_entry entry = { .path = path, .xattrs = &visit->xattrs };

	if (*path && visit->names.by_path.count == 0 && visit_absent_root(visit, e) < 0)
		return -1;
	if (fill_entry(visit, &entry, e) < 0)
		return -1;
	if (S_ISREG(entry.st.st_mode) && !entry.hard_link)
		entry.content = &content.content;
	return call(visit, &entry, e);
}

/* They were read when the image was opened; here they must be those, and no more. */
static int check_metadata(struct visit *visit, enum archive_part part, const char *name, struct error *e)
{
	const struct image_facts *facts = visit->root->facts;

	if (part == PART_METADATA && visit->metadata_count++)
		return error_set(e, ERROR_FORMAT, "it comes twice");
	if (part == PART_METADATA || !*name)
		return 0;
	for (size_t i = 0; i < facts->template_count; i++)
		if (strcmp(facts->templates[i].name, name) == 0)
			return ++visit->template_count > facts->template_count
				       ? error_set(e, ERROR_FORMAT, "it comes twice")
				       : 0;
	return error_set(e, ERROR_FORMAT, "it comes behind the root, other templates before it");
}

static int visit_unified(struct visit *visit, struct error *e)
{
	const struct reader *reader = &visit->reader;
	enum archive_part part;
	const char *name;

	if (archive_part_of(reader->path, &part, &name, e) < 0)
		return -1;
	if (part == PART_ROOT)
		return visit_entry(visit, name, e);
	if (part != PART_OTHER)
		return check_metadata(visit, part, name, e);
	if (*reader->path && visit->root->log && !visit->told_other)
		log_warn(visit->root->log,
			 "%s: '%s' is neither of the root nor of the metadata: it is left out", reader->name,
			 reader->entry.path);
	visit->told_other |= *reader->path != '\0';
	return 0;
}

static int visit_all(const struct tree_source *source, tree_fn *function, void *context, struct error *e)
{
	const struct archive_root *root = (const struct archive_root *)source;
	const char *name = root->facts->files[root->facts->file_count - 1].path;
	AUTO(visit_release) struct visit visit = { .root = root, .visit = function, .context = context };
	bool unified = root->facts->kind == IMAGE_UNIFIED;
	int r;

	if (reader_open(&visit.reader, root->fd, name, e) < 0)
		return -1;
	while ((r = reader_next(&visit.reader, e)) > 0) {
		if (interrupt_check(e) < 0)
			return -1;
		if ((unified ? visit_unified(&visit, e) : visit_entry(&visit, visit.reader.path, e)) < 0)
			return visit.refused ? -1 : reader_wrap(&visit.reader, e);
	}
	if (r == 0 && visit.names.by_path.count == 0)
		return error_set(e, ERROR_FORMAT, "%s: there is no root in it", name);
	return r;
}

struct archive_root archive_root(const struct image_facts *facts, int fd, struct log *log)
{
	return (struct archive_root) { { visit_all }, facts, fd, log };
}
