/* SPDX-License-Identifier: Apache-2.0 */
#include "image/folder.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/root.h"
#include "base/temporary.h"
#include "tree/place.h"

#include <fcntl.h>

static const char prefix[] = ".kiln-unpack.";

/* A folder beside the one that is asked for, gone unless it took its place. */
struct target {
	char *parent; /* owned */
	char *path;   /* owned; the temporary one; NULL: there is none */
	int fd;       /* owned; it, locked */
};

static void target_release(struct target *target)
{
	struct error ignored = ERROR_INIT; /* another error is on its way, or none is due */
	auto_close int parent_fd = -1;

	if (target->path && dir_open(AT_FDCWD, target->parent, &parent_fd, &ignored) == 0 &&
	    root_remove(parent_fd, strrchr(target->path, '/') + 1, &ignored) < 0)
		error_clear(&ignored);
	auto_close_(&target->fd);
	free(target->path);
	free(target->parent);
}

/* The folder that holds PATH, malloc'ed. */
static char *parent_of(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len && path[len - 1] != '/')
		len--;
	return len ? xstrndup(path, len) : xstrdup(".");
}

/* What is at PATH may give way. */
static int check_free(const char *path, struct stat *st, bool *exists, struct error *e)
{
	auto_close int fd = -1;
	char **names;
	size_t count;

	*exists = lstat(path, st) == 0;
	if (!*exists)
		return errno == ENOENT ? 0 : error_sys(e, "cannot unpack to '%s'", path);
	if (!S_ISDIR(st->st_mode))
		return error_set(e, ERROR_USAGE, "cannot unpack to '%s': it is no folder", path);
	if (dir_open(AT_FDCWD, path, &fd, e) < 0 || dir_list(fd, &names, &count, e) < 0)
		return -1;
	names_free(names, count);
	return count ? error_set(e, ERROR_USAGE, "cannot unpack to '%s': it is not empty", path) : 0;
}

static int make_folder(int dir_fd, const char *name, int *fd, struct error *e)
{
	if (mkdirat(dir_fd, name, 0755) < 0)
		return error_sys(e, "cannot create the folder '%s'", name);
	return dir_open(dir_fd, name, fd, e);
}

static int write_template(int fd, const struct image_text *template, struct error *e)
{
	return root_write(fd, template->name, template->data, template->len, 0644, 0, 0, e) < 0
		       ? error_wrap(e, "template '%.200s'", template->name)
		       : 0;
}

static int write_metadata(const struct image_facts *facts, int dir_fd, struct error *e)
{
	auto_close int fd = -1;

	if (root_write(dir_fd, "metadata.yaml", facts->metadata.ptr, facts->metadata.len, 0644, 0, 0, e) < 0)
		return -1;
	if (facts->template_count == 0)
		return 0;
	if (make_folder(dir_fd, "templates", &fd, e) < 0)
		return -1;
	for (size_t i = 0; i < facts->template_count; i++)
		if (write_template(fd, &facts->templates[i], e) < 0)
			return -1;
	return 0;
}

static int unpack(const struct image *image, int dir_fd, struct error *e)
{
	auto_close int root_fd = -1;

	if (write_metadata(image_facts(image), dir_fd, e) < 0 ||
	    make_folder(dir_fd, "rootfs", &root_fd, e) < 0)
		return -1;
	return tree_place(image_root(image), root_fd, e);
}

int image_unpack(const struct image *image, const char *path, struct log *log, struct error *e)
{
	AUTO(target_release) struct target target = { .parent = parent_of(path), .fd = -1 };
	struct stat st;
	bool exists;

	if (check_free(path, &st, &exists, e) < 0)
		return -1;
	temporary_sweep(target.parent, prefix, log);
	if (temporary_make(target.parent, prefix, &target.path, &target.fd, e) < 0 ||
	    unpack(image, target.fd, e) < 0)
		return error_wrap(e, "cannot unpack to '%s'", path);
	/* A root has programs that run as root for everybody: nobody else gets at them, unless the folder said so. */
	if (exists &&
	    (fchown(target.fd, st.st_uid, st.st_gid) < 0 || fchmod(target.fd, st.st_mode & 07777) < 0))
		return error_sys(e, "cannot unpack to '%s'", path);
	if (rename(target.path, path) < 0)
		return error_sys(e, "cannot unpack to '%s'", path);
	free(TAKE(target.path, NULL));
	return 0;
}

void image_folder_release(struct image_folder *folder)
{
	auto_close_(&folder->root_fd);
	arena_release(&folder->arena);
	*folder = IMAGE_FOLDER_INIT;
}

/* A small file of a folder that others may have written: 1, or 0 when there is none. */
static int read_file(int dir_fd, const char *name, uint64_t max_bytes, struct image_folder *folder,
		     struct text *text, struct error *e)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_free char *data = NULL;
	struct stat st;
	size_t len;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "cannot read '%s'", name);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERROR_FORMAT, "'%s' is no regular file", name);
	if (file_read_fd(fd, max_bytes, &data, &len, e) < 0)
		return error_wrap(e, "'%s'", name);
	*text = (struct text) { arena_strndup(&folder->arena, data, len), len };
	return 1;
}

static int read_templates(int dir_fd, struct image_folder *folder, struct error *e)
{
	auto_close int fd = openat(dir_fd, "templates", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t left = LIMIT_IMAGE_TEMPLATE_BYTES;
	char **names = NULL;
	size_t count = 0;
	int result = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_sys(e, "cannot read 'templates'");
	if (dir_list(fd, &names, &count, e) < 0)
		return -1;
	if (count > LIMIT_IMAGE_TEMPLATES)
		result =
			error_set(e, ERROR_FORMAT, "there are more than %d templates", LIMIT_IMAGE_TEMPLATES);
	for (size_t i = 0; i < count && result == 0; i++) {
		struct image_text template = { .name = arena_strdup(&folder->arena, names[i]) };
		struct text text = { NULL, 0 };

		if (read_file(fd, names[i], left, folder, &text, e) < 0)
			result = error_wrap(e, "templates");
		template.data = text.ptr;
		template.len = text.len;
		left -= text.len;
		if (text.ptr)
			ARENA_PUSH(&folder->arena, folder->templates, folder->template_count, template);
	}
	names_free(names, count);
	return result;
}

static int read_folder(int dir_fd, struct image_folder *folder, struct error *e)
{
	folder->root_fd = openat(dir_fd, "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->root_fd < 0 && errno != ENOENT)
		return error_sys(e, "cannot read 'rootfs'");
	folder->is_bare = folder->root_fd < 0;
	if (folder->is_bare)
		return dir_open(dir_fd, ".", &folder->root_fd, e);
	if (read_file(dir_fd, "metadata.yaml", LIMIT_IMAGE_METADATA_BYTES, folder, &folder->metadata, e) < 0)
		return -1;
	return read_templates(dir_fd, folder, e);
}

int image_folder_read(const char *path, struct image_folder *out, struct error *e)
{
	auto_image_folder struct image_folder folder = IMAGE_FOLDER_INIT;
	auto_close int fd = -1;

	if (dir_open(AT_FDCWD, path, &fd, e) < 0)
		return -1;
	if (read_folder(fd, &folder, e) < 0)
		return error_wrap(e, "%s", path);
	*out = TAKE(folder, IMAGE_FOLDER_INIT);
	return 0;
}
