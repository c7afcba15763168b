/* SPDX-License-Identifier: Apache-2.0 */
#include "image/squash.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "image/names.h"
#include "image/squash_file.h"
#include "tree/holes.h"

#include <sys/sysmacros.h>

/* A name in a folder, and where its inode is. */
struct child {
	uint64_t inode;
	size_t name_at; /* in the listing's names */
};

struct listing {
	struct child *children; /* owned */
	size_t count;
	size_t next;
	struct buffer names;
	size_t path_len; /* of the folder's own path */
};

/* What an inode was first seen as. */
struct seen {
	uint64_t inode;
	const char *path;
	bool is_folder;
};

struct visit {
	const struct squash_root *root;
	tree_fn *visit;
	void *context;
	bool refused;    /* the visitor failed; it says itself what that was about */
	bool is_content; /* because of what it asked for, which is the file's fault */
	struct squash_file file;
	struct buffer path;
	struct listing *levels; /* owned; the root first */
	size_t depth;
	struct names names;
	struct arena arena;
	struct map seen; /* inode → struct seen */
	struct squash_inode inode;
	struct xattrs xattrs;
	struct holes holes;
	struct squash_data data;
};

static void listing_release(struct listing *listing)
{
	free(listing->children);
	buffer_release(&listing->names);
}

static void visit_release(struct visit *visit)
{
	while (visit->depth)
		listing_release(&visit->levels[--visit->depth]);
	free(visit->levels);
	squash_inode_release(&visit->inode);
	squash_data_release(&visit->data);
	squash_file_close(&visit->file);
	buffer_release(&visit->path);
	names_release(&visit->names);
	map_release(&visit->seen);
	arena_release(&visit->arena);
	xattrs_release(&visit->xattrs);
	holes_release(&visit->holes);
}

static const char *path_of(const struct visit *visit)
{
	return visit->path.data ? visit->path.data : "";
}

static int call(struct visit *visit, const struct tree_entry *entry, struct error *e)
{
	if (visit->visit(visit->context, entry, e) == 0)
		return 0;
	visit->refused = true;
	return -1;
}

/* As the kernel would find it: in order, each once, and a name. */
static int check_name(const struct listing *listing, struct text name, struct error *e)
{
	const char *last =
		listing->count ? listing->names.data + listing->children[listing->count - 1].name_at : NULL;

	if (memchr(name.ptr, '/', name.len) || memchr(name.ptr, '\0', name.len) || text_is(name, ".") ||
	    text_is(name, ".."))
		return error_set(e, ERROR_FORMAT, "it holds an entry '%.*s'", TEXT_ARG(name));
	if (last && text_compare(name, text_of(last)) <= 0)
		return error_set(e, ERROR_FORMAT, "its entry '%.*s' is not in order", TEXT_ARG(name));
	return 0;
}

/* Read what is in the folder of the current inode, and make it the innermost level. */
static int enter(struct visit *visit, struct error *e)
{
	struct squash_folder folder = squash_folder(&visit->inode);
	struct listing listing = { .path_len = visit->path.len };
	struct text name;
	uint64_t inode;
	int r;

	while ((r = squash_folder_next(&visit->file, &folder, &inode, &name, e)) > 0) {
		struct child child = { inode, listing.names.len };

		if (check_name(&listing, name, e) < 0 ||
		    (listing.count >= LIMIT_IMAGE_ENTRIES &&
		     error_set(e, ERROR_FORMAT, "it holds more than %llu entries",
			       (unsigned long long)LIMIT_IMAGE_ENTRIES) < 0)) {
			r = -1;
			break;
		}
		buffer_add(&listing.names, name.ptr, name.len);
		buffer_addc(&listing.names, '\0');
		PUSH(listing.children, listing.count, child);
	}
	if (r < 0) {
		listing_release(&listing);
		return -1;
	}
	PUSH(visit->levels, visit->depth, listing);
	return 0;
}

/* A folder that is met again would be entered for ever; anything else is a hard link. */
static int find_first(struct visit *visit, struct tree_entry *entry, uint64_t inode, struct error *e)
{
	bool is_folder = S_ISDIR(entry->st.st_mode);
	struct seen *seen = map_get(&visit->seen, (struct text) { (const char *)&inode, sizeof inode });

	if (seen && is_folder)
		return error_set(e, ERROR_FORMAT, "it is the folder '%s' once more", seen->path);
	if (seen) {
		entry->hard_link = seen->path;
		return names_link(&visit->names, entry->path, seen->path, &entry->hard_link, &entry->st, e);
	}
	if (names_add(&visit->names, entry->path, &entry->st, e) < 0)
		return -1;
	seen = arena_alloc(&visit->arena, sizeof *seen);
	*seen = (struct seen) { inode, arena_strdup(&visit->arena, entry->path), is_folder };
	map_put(&visit->seen, (struct text) { (const char *)&seen->inode, sizeof seen->inode }, seen);
	return 0;
}

struct content {
	struct tree_content content;
	struct visit *visit;
};

static int read_content(struct tree_content *base, void *data, size_t room, size_t *len, struct error *e)
{
	struct visit *visit = ((struct content *)base)->visit;

	if (interrupt_check(e) < 0)
		return -1;
	if (squash_data_read(&visit->file, &visit->data, data, room, len, e) == 0)
		return 0;
	visit->is_content = e->kind == ERROR_FORMAT;
	return -1;
}

static int skip_hole(struct tree_content *base, uint64_t len, struct error *e)
{
	return squash_data_skip(&((struct content *)base)->visit->data, len, e);
}

/* Where a file has holes there is a block of nothing: others need not be looked through. */
static int read_holes(struct visit *visit, struct tree_entry *entry, struct error *e)
{
	struct squash_data *data = &visit->data;
	const void *piece;
	size_t len;
	int r;

	if (!squash_data_is_sparse(data) || (uint64_t)entry->st.st_size < HOLE_BYTES)
		return 0;
	holes_start(&visit->holes);
	while ((r = squash_data_next(&visit->file, data, &piece, &len, e)) > 0) {
		if (interrupt_check(e) < 0)
			return -1;
		if (piece)
			holes_add(&visit->holes, piece, len);
		else
			holes_add_zeros(&visit->holes, len);
	}
	if (r < 0)
		return -1;
	holes_end(&visit->holes);
	squash_data_start(data, &visit->inode);
	if (visit->holes.found) {
		entry->extents = visit->holes.extents;
		entry->extent_count = visit->holes.count;
	}
	return 0;
}

static int visit_inode(struct visit *visit, uint64_t inode, struct error *e)
{
	struct content content = { { read_content, skip_hole }, visit };
	struct tree_entry entry = { .path = path_of(visit), .xattrs = &visit->xattrs };

	xattrs_release(&visit->xattrs);
	if (squash_inode_read(&visit->file, inode, &visit->inode, e) < 0)
		return -1;
	entry.st = visit->inode.st;
	if (!*entry.path && !S_ISDIR(entry.st.st_mode))
		return error_set(e, ERROR_FORMAT, "the root is no folder");
	if (S_ISSOCK(entry.st.st_mode)) {
		if (visit->root->log)
			log_warn(visit->root->log, "'/%s' is a socket and is left out", entry.path);
		return 0;
	}
	if (find_first(visit, &entry, inode, e) < 0)
		return -1;
	if (!entry.hard_link && squash_xattrs_read(&visit->file, &visit->inode, &visit->xattrs, e) < 0)
		return -1;
	entry.link = S_ISLNK(entry.st.st_mode) && !entry.hard_link ? visit->inode.target : NULL;
	if (S_ISREG(entry.st.st_mode) && !entry.hard_link) {
		entry.content = &content.content;
		squash_data_start(&visit->data, &visit->inode);
		if (read_holes(visit, &entry, e) < 0)
			return -1;
	}
	if (call(visit, &entry, e) < 0)
		return -1;
	return S_ISDIR(entry.st.st_mode) ? enter(visit, e) : 0;
}

static int push_name(struct visit *visit, const char *name, struct error *e)
{
	if (visit->path.len + strlen(name) + 2 > LIMIT_PATH_BYTES || visit->depth > LIMIT_IMAGE_DEPTH)
		return error_set(e, ERROR_FORMAT, "it lies too deep");
	if (visit->path.len)
		buffer_addc(&visit->path, '/');
	buffer_adds(&visit->path, name);
	return 0;
}

static int step(struct visit *visit, struct error *e)
{
	struct listing *listing = &visit->levels[visit->depth - 1];
	size_t depth = visit->depth;
	const struct child *child;

	if (interrupt_check(e) < 0)
		return -1;
	if (listing->next == listing->count) {
		listing_release(listing);
		visit->depth--;
		if (visit->depth)
			buffer_cut(&visit->path, visit->levels[visit->depth - 1].path_len);
		return 0;
	}
	child = &listing->children[listing->next++];
	if (push_name(visit, listing->names.data + child->name_at, e) < 0 ||
	    visit_inode(visit, child->inode, e) < 0)
		return -1;
	if (visit->depth == depth)
		buffer_cut(&visit->path, visit->levels[depth - 1].path_len);
	return 0;
}

static int wrap(const struct visit *visit, struct error *e)
{
	const char *name = visit->root->file->path;

	/* The visitor names the entry; the file is known here alone. */
	if (visit->refused)
		return visit->is_content ? error_wrap(e, "%s", name) : -1;
	return visit->path.len ? error_wrap(e, "%s: entry '%.300s'", name, path_of(visit))
			       : error_wrap(e, "%s", name);
}

static int visit_all(const struct tree_source *source, tree_fn *function, void *context, struct error *e)
{
	const struct squash_root *root = (const struct squash_root *)source;
	AUTO(visit_release) struct visit visit = { .root = root, .visit = function, .context = context };

	if (squash_file_open(&visit.file, root->fd, e) < 0)
		return error_wrap(e, "%s", root->file->path);
	if (visit_inode(&visit, visit.file.super.root_inode_ref, e) < 0)
		return wrap(&visit, e);
	while (visit.depth)
		if (step(&visit, e) < 0)
			return wrap(&visit, e);
	if (squash_file_check_end(&visit.file, e) < 0)
		return error_wrap(e, "%s", root->file->path);
	return 0;
}

struct squash_root squash_root(const struct image_file *file, int fd, struct log *log)
{
	return (struct squash_root) { { visit_all }, file, fd, log };
}

int squash_codec(int fd, const char **codec, struct error *e)
{
	struct squash_file file;
	int r = squash_file_open(&file, fd, e);

	if (r == 0) {
		*codec = sqfs_compressor_name_from_id(file.super.compression_id);
		squash_file_close(&file);
	}
	return r;
}
