/* SPDX-License-Identifier: Apache-2.0 */
#include "check/diff.h"

#include "base/file.h"
#include "base/limits.h"
#include "image/image.h"
#include "tree/walk.h"

#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

static int read_image(struct diff_side *side, const char *path, const char *rootfs_path, struct log *log,
		      struct error *e)
{
	auto_image struct image *image = NULL;
	const struct image_facts *facts;

	if (image_open(path, rootfs_path, log, &image, e) < 0)
		return -1;
	facts = image_facts(image);
	if (diff_side_add_metadata(side, facts->metadata, e) < 0)
		return error_wrap(e, "%s", path);
	for (size_t i = 0; i < facts->template_count; i++)
		diff_side_add_template(side, facts->templates[i].name,
				       (struct text) { facts->templates[i].data, facts->templates[i].len });
	return listing_read(image_root(image), &side->root, e);
}

/* The format whose files RECORD names: the first that is an image. */
static json_t *find_files(json_t *record)
{
	static const char *const formats[] = { "unified", "split", "squashfs" };
	json_t *artefact;
	size_t index;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		json_array_foreach (json_object_get(record, "artifacts"), index, artefact) {
			const char *format = json_string_value(json_object_get(artefact, "format"));

			if (format && strcmp(format, formats[i]) == 0)
				return json_object_get(artefact, "files");
		}
	return NULL;
}

/* The path of file number INDEX of FILES, which lies beside the record PATH; NULL when there is none. Malloc'ed. */
static char *file_beside(const char *path, json_t *files, size_t index)
{
	const char *name = json_string_value(json_object_get(json_array_get(files, index), "name"));
	const char *slash = strrchr(path, '/');

	if (!name || !*name || strchr(name, '/'))
		return NULL;
	return xasprintf("%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
}

static int read_record(struct diff_side *side, const char *path, struct log *log, struct error *e)
{
	auto_free char *text = NULL;
	auto_free char *first = NULL;
	auto_free char *second = NULL;
	json_t *record;
	json_t *files;

	if (file_read(AT_FDCWD, path, LIMIT_RECORD_BYTES, &text, NULL, e) < 0)
		return -1;
	record = json_loads(text, 0, NULL);
	files = find_files(record);
	first = file_beside(path, files, 0);
	second = file_beside(path, files, 1);
	json_decref(record);
	if (!first)
		return error_set(e, ERROR_FORMAT, "%s: no record of an image that can be compared", path);
	return read_image(side, first, second, log, e);
}

static int read_tree(struct diff_side *side, const char *path, int root_fd, struct log *log, struct error *e)
{
	struct tree_folder folder = tree_folder(root_fd, log);

	return listing_read(&folder.source, &side->root, e) < 0 ? error_wrap(e, "%s", path) : 0;
}

/* An image file, or the record of one. */
static int read_file(struct diff_side *side, const char *path, struct log *log, struct error *e)
{
	return is_suffix(path, ".json") ? read_record(side, path, log, e)
					: read_image(side, path, NULL, log, e);
}

static int read_path(struct diff_side *side, const char *path, struct log *log, struct error *e)
{
	auto_free char *record = xasprintf("%s/image.json", path);
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOTDIR)
		return read_file(side, path, log, e);
	if (fd < 0)
		return error_sys(e, "cannot open '%s'", path);
	if (faccessat(fd, "image.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return read_record(side, record, log, e);
	return read_tree(side, path, fd, log, e);
}

int diff_side_read(const char *path, struct log *log, struct diff_side *side, struct error *e)
{
	auto_diff_side struct diff_side new = DIFF_SIDE_INIT;

	new.name = path;
	if (read_path(&new, path, log, e) < 0)
		return -1;
	*side = TAKE(new, DIFF_SIDE_INIT);
	return 0;
}
