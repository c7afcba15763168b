/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack/deb_file.h"

#include "base/limits.h"
#include "base/meter.h"
#include "base/root.h"
#include "stream/quick.h"

/* Either a .deb, or a payload. */
struct deb_file {
	int fd;                /* owned; -1 for a payload */
	struct ar *ar;         /* owned */
	struct member *member; /* owned; that is being read */
	struct derived derived;
	struct quick *quick;           /* owned; the part that is being read */
	struct quick *data;            /* owned; verified, and not begun yet */
	struct derived_writer *writer; /* owned; NULL: nothing is kept */
	enum derived_part part;
	struct budget *memory; /* borrowed; may be NULL */
	uint64_t in_bytes;
	double decoder_s; /* processor time */
};

enum { VERSION_MEMBER_MAX = 4096, NAME_BYTES_MAX = 255 };

/* The decoders alone: what is done with their bytes is not theirs. */
static int decode(struct deb_file *file, const void **data, size_t *len, struct error *e)
{
	double begin_s = meter_thread_cpu_s();
	int r = file->quick ? quick_next(file->quick, data, len, e) : member_next(file->member, data, len, e);

	file->decoder_s += meter_thread_cpu_s() - begin_s;
	return r;
}

/* What the tar archives are read from. */
static int feed(void *context, const void **data, size_t *len, struct error *e)
{
	struct deb_file *file = context;
	int r = decode(file, data, len, e);

	if (file->quick) {
		/* It was right when it was opened. Next time it is made anew. */
		if (r < 0 && file->derived.fd >= 0)
			derived_remove(&file->derived);
		return r < 0 ? error_wrap(e, "its payload in the cache") : r;
	}
	if (r > 0)
		derived_write(file->writer, file->part, *data, *len);
	return r;
}

/* deb(5): members before those that are wanted, and with '_' in front of their names, may be passed over. */
static int next_member(struct ar *ar, const char *prefix, const char **name, struct error *e)
{
	int r;

	while ((r = ar_next(ar, name, e)) > 0 && (*name)[0] == '_')
		;
	if (r < 0)
		return -1;
	if (r == 0)
		return error_set(e, ERROR_FORMAT, "member '%s' is missing", prefix);
	if (!is_prefix(*name, prefix))
		return error_set(e, ERROR_FORMAT, "member '%s' stands where '%s' belongs", *name, prefix);
	return 0;
}

static int check_format(struct ar *ar, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	const char *name;
	int r = ar_next(ar, &name, e);

	if (r < 0)
		return -1;
	if (r == 0 || strcmp(name, "debian-binary") != 0)
		return error_set(e, ERROR_FORMAT, "not a Debian package: member 'debian-binary' is missing");
	if (ar_read(ar, VERSION_MEMBER_MAX, &text, e) < 0)
		return -1;
	if (!text.data || !is_prefix(text.data, "2."))
		return error_set(e, ERROR_FORMAT, "a version of the package format that is not known");
	return 0;
}

/* The package's own, but what dpkg is about to run it makes executable. It does so with others when it runs them. */
static unsigned mode_of(const struct entry *entry, const char *name)
{
	return strcmp(name, "preinst") == 0 && (entry->mode & 0555) != 0555 ? 0755 : entry->mode & 07777;
}

static int read_file(struct tar *tar, const struct entry *entry, uint64_t *room, struct buffer *text,
		     struct error *e)
{
	const void *data;
	size_t len;
	int64_t offset;
	int r;

	if (entry->size_bytes < 0 || (uint64_t)entry->size_bytes > *room)
		return error_set(e, ERROR_FORMAT, "control data of more than %llu MiB",
				 LIMIT_CONTROL_BYTES / MIB);
	*room -= (uint64_t)entry->size_bytes;
	while ((r = tar_read(tar, &data, &len, &offset, e)) > 0) {
		if (text->len + len > (uint64_t)entry->size_bytes)
			return error_set(e, ERROR_FORMAT, "'%s' holds more than it says", entry->path);
		buffer_add(text, data, len);
	}
	return r;
}

/* dpkg installs no member with a dot in its name, and lists and digests are its own. */
static bool is_kept(const char *name)
{
	return !strchr(name, '.') && strcmp(name, "list") != 0;
}

static int read_member(struct tar *tar, const struct entry *entry, uint64_t *room, struct buffer *stanza,
		       struct deb_control *control, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	const char *path;
	struct deb_member member;

	if (entry->type == ENTRY_DIRECTORY)
		return 0;
	if (deb_file_path(&control->arena, entry->path, &path, e) < 0)
		return -1;
	if (entry->type != ENTRY_FILE || strchr(path + 1, '/'))
		return error_set(e, ERROR_FORMAT, "'%s' is no plain file", entry->path);
	if (read_file(tar, entry, room, &text, e) < 0)
		return -1;
	if (strcmp(path, "/control") == 0) {
		buffer_add(stanza, text.data, text.len);
		return 0;
	}
	if (!is_kept(path + 1))
		return 0;
	if (deb_control_member(control, path + 1))
		return error_set(e, ERROR_FORMAT, "'%s' is there twice", path + 1);
	member = (struct deb_member) {
		.name = path + 1,
		.data = arena_strndup(&control->arena, text.data ? text.data : "", text.len),
		.len = text.len,
		.mode = mode_of(entry, path + 1),
		.mtime_s = entry->mtime_s,
	};
	ARENA_PUSH(&control->arena, control->members, control->member_count, member);
	return 0;
}

static int read_control(struct deb_file *file, struct deb_control *control, struct error *e)
{
	auto_tar struct tar *tar = NULL;
	auto_buffer struct buffer stanza = BUFFER_INIT;
	uint64_t room = LIMIT_CONTROL_BYTES;
	struct entry entry;
	struct text text;
	int r;

	if (tar_open(feed, file, LIMIT_PACKAGE_ENTRIES, &tar, e) < 0)
		return -1;
	while ((r = tar_next(tar, &entry, e)) > 0)
		if (read_member(tar, &entry, &room, &stanza, control, e) < 0)
			return -1;
	if (r < 0 || (file->writer && tar_finish(tar, e) < 0))
		return -1;
	if (!stanza.len)
		return error_set(e, ERROR_FORMAT, "file 'control' is missing");
	text = (struct text) { arena_strndup(&control->arena, stanza.data, stanza.len), stanza.len };
	return deb_control_parse(text, control, e);
}

int deb_file_open(int fd, struct derived_writer *writer, struct budget *memory, struct deb_file **out,
		  struct deb_control *control, struct error *e)
{
	auto_deb_file struct deb_file *file = xcalloc(1, sizeof *file);
	auto_deb_control struct deb_control found = DEB_CONTROL_INIT;
	const char *name;
	struct stat st;

	file->fd = fd;
	file->memory = memory;
	if (fstat(fd, &st) == 0)
		file->in_bytes = (uint64_t)st.st_size;
	file->derived = DERIVED_INIT;
	file->writer = writer;
	if (ar_open(fd, &file->ar, e) < 0 || check_format(file->ar, e) < 0 ||
	    next_member(file->ar, "control.tar", &name, e) < 0)
		return -1;
	if (member_open(file->ar, name, memory, &file->member, e) < 0 || read_control(file, &found, e) < 0)
		return error_wrap(e, "control data");
	*control = TAKE(found, DEB_CONTROL_INIT);
	*out = TAKE(file, NULL);
	return 0;
}

int deb_file_open_payload(struct derived *derived, bool whole, struct deb_file **out,
			  struct deb_control *control, struct error *e)
{
	auto_deb_file struct deb_file *file = xcalloc(1, sizeof *file);
	auto_deb_control struct deb_control found = DEB_CONTROL_INIT;
	int r;

	file->fd = -1;
	file->derived = DERIVED_INIT;
	r = derived_open_part(derived, DERIVED_CONTROL, &file->quick, e);
	if (r > 0 && whole)
		r = derived_open_part(derived, DERIVED_DATA, &file->data, e);
	if (r <= 0)
		return r;
	if (read_control(file, &found, e) < 0)
		return error_wrap(e, "control data in the cache");
	for (size_t i = 0; i < DERIVED_PARTS; i++)
		file->in_bytes += derived->parts[i].size_bytes;
	file->derived = TAKE(*derived, DERIVED_INIT);
	*control = TAKE(found, DEB_CONTROL_INIT);
	*out = TAKE(file, NULL);
	return 1;
}

int deb_file_data(struct deb_file *file, struct tar **tar, struct error *e)
{
	const char *name;

	file->part = DERIVED_DATA;
	if (file->data) {
		quick_close(file->quick);
		file->quick = TAKE(file->data, NULL);
		return tar_open(feed, file, LIMIT_PACKAGE_ENTRIES, tar, e);
	}
	member_close(TAKE(file->member, NULL));
	if (next_member(file->ar, "data.tar", &name, e) < 0 ||
	    member_open(file->ar, name, file->memory, &file->member, e) < 0)
		return -1;
	/* A payload would be larger, and hardly faster. */
	if (member_is_quick(file->member))
		derived_abort(TAKE(file->writer, NULL));
	return tar_open(feed, file, LIMIT_PACKAGE_ENTRIES, tar, e);
}

void deb_file_keep(struct deb_file *file)
{
	derived_commit(TAKE(file->writer, NULL));
}

void deb_file_add_spent(const struct deb_file *file, struct meter_sum *spent)
{
	spent->in_bytes += file->in_bytes;
	spent->bound_s += file->decoder_s;
}

void deb_file_close(struct deb_file *file)
{
	if (!file)
		return;
	derived_abort(file->writer);
	member_close(file->member);
	ar_close(file->ar);
	quick_close(file->quick);
	quick_close(file->data);
	derived_release(&file->derived);
	auto_close_(&file->fd);
	free(file);
}

int deb_file_path(struct arena *arena, const char *path, const char **out, struct error *e)
{
	struct text rest = text_of(path);
	char *clean;
	size_t len = 0;

	if (!path_is_safe(rest))
		return error_set(e, ERROR_FORMAT, "path '%.200s' is not allowed", path);
	for (size_t i = 0; i < rest.len; i++)
		if (path[i] == '\n')
			return error_set(e, ERROR_FORMAT, "path '%.200s' has a line end in it", path);
	clean = arena_alloc(arena, rest.len + 3);
	while (rest.ptr) {
		struct text part = text_cut(rest, '/', &rest);

		if (part.len == 0 || text_is(part, "."))
			continue;
		if (part.len > NAME_BYTES_MAX)
			return error_set(e, ERROR_FORMAT, "path '%.80s...' has a part of more than %d bytes",
					 path, NAME_BYTES_MAX);
		clean[len++] = '/';
		memcpy(clean + len, part.ptr, part.len);
		len += part.len;
	}
	if (len == 0)
		memcpy(clean, "/.", 2);
	*out = clean;
	return 0;
}
