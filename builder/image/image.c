/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "image/archive.h"
#include "stream/stream.h"

#include <fcntl.h>

struct image {
	struct arena arena;
	struct image_facts facts;
	struct image_text *templates; /* those of FACTS, while they are read */
	uint64_t template_bytes;
	int fds[IMAGE_FILE_MAX]; /* owned */
	struct archive_root archive;
	struct log *log;
};

void image_close(struct image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < IMAGE_FILE_MAX; i++)
		auto_close_(&image->fds[i]);
	arena_release(&image->arena);
	free(image);
}

const struct image_facts *image_facts(const struct image *image)
{
	return &image->facts;
}

const struct tree_source *image_root(const struct image *image)
{
	return &image->archive.source;
}

static int add_file(struct image *image, const char *path, struct error *e)
{
	struct image_file *file = &image->facts.files[image->facts.file_count];
	int *fd = &image->fds[image->facts.file_count];
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return error_sys(e, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERROR_USAGE, "'%s' is no image: it is no regular file", path);
	image->facts.file_count++;
	file->path = arena_strdup(&image->arena, path);
	file->size_bytes = (uint64_t)st.st_size;
	return 0;
}

/* The content of the current entry, which is small: a view into the arena. */
static int read_text(struct image *image, const struct reader *reader, uint64_t max_bytes, struct text *text,
		     struct error *e)
{
	int64_t size = reader->entry.size_bytes;
	const void *data;
	size_t len;
	int64_t offset;
	char *copy;
	int r;

	if (reader->entry.type != ENTRY_FILE)
		return error_set(e, ERROR_FORMAT, "it is no regular file");
	if (size < 0 || (uint64_t)size > max_bytes)
		return error_set(e, ERROR_FORMAT, "it has %lld bytes; the limit is %llu", (long long)size,
				 (unsigned long long)max_bytes);
	copy = arena_alloc(&image->arena, (size_t)size + 1);
	while ((r = tar_read(reader->tar, &data, &len, &offset, e)) > 0) {
		if (offset < 0 || offset > size || len > (uint64_t)(size - offset))
			return error_set(e, ERROR_FORMAT, "it holds more than it says");
		memcpy(copy + offset, data, len);
	}
	*text = (struct text) { copy, (size_t)size };
	return r;
}

static int add_template(struct image *image, const struct reader *reader, const char *name, struct error *e)
{
	size_t count = image->facts.template_count;
	struct image_text template;
	struct text text;

	if (!*name)
		return reader->entry.type == ENTRY_DIRECTORY ? 0
							     : error_set(e, ERROR_FORMAT, "it is no folder");
	/* The daemons look for names in this folder alone. */
	if (reader->entry.type == ENTRY_DIRECTORY && count < LIMIT_IMAGE_TEMPLATES)
		return 0;
	if (count >= LIMIT_IMAGE_TEMPLATES)
		return error_set(e, ERROR_FORMAT, "there are more than %d templates", LIMIT_IMAGE_TEMPLATES);
	for (size_t i = 0; i < count; i++)
		if (strcmp(image->templates[i].name, name) == 0)
			return error_set(e, ERROR_FORMAT, "it comes twice");
	if (read_text(image, reader, LIMIT_IMAGE_TEMPLATE_BYTES - image->template_bytes, &text, e) < 0)
		return -1;
	image->template_bytes += text.len;
	template = (struct image_text) { arena_strdup(&image->arena, name), text.ptr, text.len };
	ARENA_PUSH(&image->arena, image->templates, image->facts.template_count, template);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct image_text *)a)->name, ((const struct image_text *)b)->name);
}

/* As often as metadata.yaml may name a template: at least, as two paths may share one. */
static size_t count_named(struct text metadata)
{
	static const char word[] = "template:";
	const char *end = metadata.ptr + metadata.len;
	size_t count = 0;

	for (const char *at = metadata.ptr; (at = memmem(at, (size_t)(end - at), word, sizeof word - 1));
	     count++)
		at += sizeof word - 1;
	return count;
}

static int read_metadata(struct image *image, const struct reader *reader, struct error *e)
{
	if (image->facts.metadata.ptr)
		return error_set(e, ERROR_FORMAT, "it comes twice");
	return read_text(image, reader, LIMIT_IMAGE_METADATA_BYTES, &image->facts.metadata, e);
}

/* One entry of the first file; *root when it is the root's. */
static int read_head_entry(struct image *image, const struct reader *reader, bool root_before, bool *root,
			   struct error *e)
{
	enum archive_part part;
	const char *name;

	if (archive_part_of(reader->path, &part, &name, e) < 0)
		return -1;
	*root = part == PART_ROOT;
	if (root_before && (part == PART_METADATA || (part == PART_TEMPLATE && *name)))
		image->facts.metadata_first = false;
	if (part == PART_METADATA)
		return read_metadata(image, reader, e);
	return part == PART_TEMPLATE ? add_template(image, reader, name, e) : 0;
}

/*
 * Metadata and templates of the first file. When they stand in front, as kiln packs them, the root needs not be read
 * for them; LXD puts templates behind it, and others everything.
 */
static int read_head(struct image *image, bool *has_root, struct error *e)
{
	auto_reader struct reader reader = READER_INIT;
	bool root = false;
	int r;

	*has_root = false;
	image->facts.metadata_first = true;
	if (reader_open(&reader, image->fds[0], image->facts.files[0].path, e) < 0)
		return -1;
	image->facts.files[0].codec = decoder_codec(reader.decoder);
	while ((r = reader_next(&reader, e)) > 0) {
		if (interrupt_check(e) < 0)
			return -1;
		if (read_head_entry(image, &reader, *has_root, &root, e) < 0)
			return reader_wrap(&reader, e);
		*has_root |= root;
		if (root && image->facts.metadata.ptr &&
		    image->facts.template_count >= count_named(image->facts.metadata))
			break;
	}
	if (image->templates)
		qsort(image->templates, image->facts.template_count, sizeof *image->templates, by_name);
	image->facts.templates = image->templates;
	return r < 0 ? -1 : 0;
}

/* PATH with what stands behind its folder replaced by NAME; NULL unless there is such a file. */
static char *beside(struct arena *arena, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *found = arena_printf(arena, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);

	return access(found, F_OK) == 0 ? found : NULL;
}

/* The root that belongs to the metadata archive PATH: NAME.meta.tar.xz and so on, or the names of the field. */
static const char *find_root(struct arena *arena, const char *path)
{
	static const char *const tails[] = {
		".rootfs.tar",     ".rootfs.tar.zst",  ".rootfs.tar.xz",  ".rootfs.tar.gz",
		".rootfs.tar.bz2", ".rootfs.tar.lzma", ".rootfs.tar.lz4", ".rootfs.squashfs",
		".squashfs",       ".root.tar.xz",
	};
	static const char *const names[] = { "rootfs.squashfs", "rootfs.tar.xz", "root.tar.xz",
					     "root.squashfs", "rootfs.tar" };
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *tail = strstr(name, ".meta.tar");
	const char *found = NULL;

	for (size_t i = 0; tail && i < ARRAY_LEN(tails) && !found; i++)
		found = beside(arena, path,
			       arena_printf(arena, "%.*s%s", (int)(tail - name), name, tails[i]));
	if (tail)
		return found;
	for (size_t i = 0; i < ARRAY_LEN(names) && !found; i++)
		found = beside(arena, path, names[i]);
	return found;
}

static int is_squashfs(int fd, bool *yes, struct error *e)
{
	char magic[4];
	ssize_t got = pread(fd, magic, sizeof magic, 0);

	if (got < 0)
		return error_sys(e, "cannot read it");
	*yes = got == sizeof magic && memcmp(magic, "hsqs", sizeof magic) == 0;
	return 0;
}

static int open_root(struct image *image, struct error *e)
{
	size_t last = image->facts.file_count - 1;
	const char *path = image->facts.files[last].path;

	if (is_squashfs(image->fds[last], &image->facts.is_squashfs, e) < 0)
		return error_wrap(e, "%s", path);
	if (image->facts.is_squashfs)
		return error_set(e, ERROR_UNSUPPORTED, "%s: a squashfs cannot be read yet", path);
	if (last > 0) {
		auto_reader struct reader reader = READER_INIT;

		if (reader_open(&reader, image->fds[last], path, e) < 0)
			return -1;
		image->facts.files[last].codec = decoder_codec(reader.decoder);
	}
	image->archive = archive_root(&image->facts, image->fds[last], image->log);
	return 0;
}

/* The second file of a pair: the one that is named, or the one that is found. */
static int add_root(struct image *image, const char *rootfs_path, bool has_root, struct error *e)
{
	const char *path = image->facts.files[0].path;

	if (rootfs_path && has_root)
		return error_set(e, ERROR_FORMAT, "%s: it has a root of its own, beside that in '%s'", path,
				 rootfs_path);
	if (!rootfs_path && has_root)
		return 0;
	if (!rootfs_path)
		rootfs_path = find_root(&image->arena, path);
	if (!rootfs_path)
		return error_set(e, ERROR_FORMAT,
				 "%s: there is no root in it, nor a file of it beside it; name that as well",
				 path);
	image->facts.kind = IMAGE_SPLIT;
	return add_file(image, rootfs_path, e);
}

static int open_files(struct image *image, const char *path, const char *rootfs_path, struct error *e)
{
	bool squashfs;
	bool has_root;

	if (add_file(image, path, e) < 0)
		return -1;
	if (is_squashfs(image->fds[0], &squashfs, e) < 0)
		return error_wrap(e, "%s", path);
	if (squashfs)
		return error_set(e, ERROR_FORMAT,
				 "%s: it is a root without metadata; name its metadata archive first", path);
	if (read_head(image, &has_root, e) < 0)
		return -1;
	if (!image->facts.metadata.ptr)
		return error_set(e, ERROR_FORMAT, "%s: there is no metadata.yaml in it", path);
	if (add_root(image, rootfs_path, has_root, e) < 0)
		return -1;
	return open_root(image, e);
}

int image_open(const char *path, const char *rootfs_path, struct log *log, struct image **out,
	       struct error *e)
{
	auto_image struct image *image = xcalloc(1, sizeof *image);

	image->log = log;
	for (size_t i = 0; i < IMAGE_FILE_MAX; i++)
		image->fds[i] = -1;
	if (open_files(image, path, rootfs_path, e) < 0)
		return -1;
	*out = TAKE(image, NULL);
	return 0;
}
