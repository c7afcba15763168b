/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots as tar archives: tar → queue → codec → digests → file. Reading the tree, each compressor and its
 * hashing have threads of their own.
 */
#include "pack/packing.h"

#include "base/alloc.h"
#include "tree/tar.h"

int archive_add(struct sink *out, const struct pack_options *options, const char *path, const void *data,
		size_t len, struct error *e)
{
	struct tar_entry entry = {
		.path = path, .mode = S_IFREG | 0644, .size_bytes = len, .mtime_s = options->epoch_s
	};

	if (tar_entry(out, &entry, e) < 0 || sink_write(out, data, len, e) < 0)
		return -1;
	return tar_pad(out, len, e);
}

static int add_template(struct sink *out, const struct pack_options *options,
			const struct pack_template *template, struct error *e)
{
	auto_free char *path = xasprintf("templates/%s", template->name);

	return archive_add(out, options, path, template->content, template->len, e);
}

int archive_add_metadata(struct sink *out, const struct pack_options *options, struct error *e)
{
	const struct pack_metadata *metadata = options->metadata;
	struct tar_entry folder = { .path = "templates/",
				    .mode = S_IFDIR | 0755,
				    .mtime_s = options->epoch_s };

	if (archive_add(out, options, "metadata.yaml", metadata->yaml, metadata->yaml_len, e) < 0)
		return -1;
	if (metadata->template_count && tar_entry(out, &folder, e) < 0)
		return -1;
	for (size_t i = 0; i < metadata->template_count; i++)
		if (add_template(out, options, &metadata->templates[i], e) < 0)
			return -1;
	return 0;
}

/* "PREFIX" + PATH, with a slash after a folder; the root itself is PREFIX, or "./" where that is empty. */
static char *archive_path(const char *prefix, const char *path, bool folder)
{
	if (path[0] == '\0')
		return xstrdup(prefix[0] ? prefix : "./");
	return xasprintf("%s%s%s", prefix, path, folder ? "/" : "");
}

int archive_add_entry(struct archive_output *archive, const struct tree_entry *entry, struct error *e)
{
	const struct stat *st = &entry->st;
	auto_free char *path = archive_path(archive->prefix, entry->path, S_ISDIR(st->st_mode));
	auto_free char *link =
		entry->hard_link ? archive_path(archive->prefix, entry->hard_link, false) : NULL;
	struct tar_entry header = {
		.path = path,
		.link = link ? link : entry->link,
		.is_hard_link = link != NULL,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size_bytes = (uint64_t)st->st_size,
		.mtime_s = packing_time(archive->options, entry),
		.device = st->st_rdev,
		.xattrs = entry->xattrs,
		.extents = entry->extents,
		.extent_count = entry->extent_count,
	};

	return tar_entry(archive->sink, &header, e);
}

static int archive_entry(struct output *output, const struct tree_entry *entry, struct error *e)
{
	return archive_add_entry((struct archive_output *)output, entry, e);
}

static int archive_write(struct output *output, const void *data, size_t len, struct error *e)
{
	return sink_write(((struct archive_output *)output)->sink, data, len, e);
}

/* The header has said so. */
static int archive_hole(struct output *output, uint64_t len, struct error *e)
{
	(void)output;
	(void)len;
	(void)e;
	return 0;
}

static int archive_end_file(struct output *output, const struct tree_entry *entry, struct error *e)
{
	uint64_t bytes = entry->extents ? 0 : (uint64_t)entry->st.st_size;

	for (size_t i = 0; entry->extents && i < entry->extent_count; i++)
		bytes += entry->extents[i].len;
	return tar_pad(((struct archive_output *)output)->sink, bytes, e);
}

static int archive_finish(struct output *output, struct error *e)
{
	struct sink *sink = ((struct archive_output *)output)->sink;

	return tar_end(sink, e) < 0 ? -1 : sink_finish(sink, e);
}

static void archive_release(struct output *output)
{
	sink_release(((struct archive_output *)output)->sink);
	free(output);
}

const struct output_ops archive_ops = { archive_entry,    archive_write,  archive_hole,
					archive_end_file, archive_finish, archive_release };

int archive_open(struct packing *packing, struct archive_output *archive, struct packed *packed,
		 const char *prefix, const struct pack_compression *compression, bool combined,
		 struct error *e)
{
	struct sink *sink;
	int fd;

	if (delivery_add(packing->delivery, packed->file.name, &fd, e) < 0)
		return -1;
	archive->output.packed = packed;
	archive->options = packing->options;
	archive->prefix = prefix;
	sink = sink_sha256(sink_fd(fd), &packed->file.sha256, &packed->file.size_bytes);
	if (combined)
		sink = sink_sha256_after(sink, packing->meta.data, packing->meta.len, &packed->combined);
	/* Compressors have threads of their own; the digests get one. */
	sink = sink_thread(sink, &archive->output.cpu_s, e);
	archive->sink = codec_open(codec_find(text_of(compression->codec)), compression->level, sink,
				   &packing->memory, e);
	if (archive->sink)
		codec_remember(archive->sink, packing->options->memo, packed->file.name);
	return archive->sink ? 0 : error_wrap(e, "cannot pack '%s'", packed->file.name);
}
