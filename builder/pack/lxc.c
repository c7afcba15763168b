/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair of archives that LXC's templates take: lxc-create -t local, and lxc-download from a server. They read xz and
 * nothing else. excludes-user names what an unprivileged LXC cannot make: it follows from the root, so the metadata is
 * written when the root has been.
 */
#include "pack/packing.h"

#include "base/alloc.h"
#include "base/file.h"
#include "tree/tar.h"

struct lxc_output {
	struct archive_output archive;
	struct packing *packing;
	struct packed *meta;
	int meta_fd; /* these two are borrowed */
	int root_fd;
	struct buffer excludes;
	bool skipping; /* the content of this entry is replaced */
};

static const struct pack_template *replacement(const struct pack_lxc *lxc, const struct tree_entry *entry)
{
	for (size_t i = 0; i < lxc->replaced_count; i++)
		if (S_ISREG(entry->st.st_mode) && strcmp(lxc->replaced[i].name, entry->path) == 0)
			return &lxc->replaced[i];
	return NULL;
}

/* What OpenRC would start of cloud-init: links in its runlevels. */
static bool is_cloud_init_link(const char *path)
{
	static const char *const services[] = { "cloud-init-local", "cloud-config", "cloud-init",
						"cloud-final" };
	const char *name = strrchr(path, '/');

	for (size_t i = 0; is_prefix(path, "etc/runlevels/") && i < ARRAY_LEN(services); i++)
		if (strcmp(name + 1, services[i]) == 0)
			return true;
	return false;
}

static int add_replacement(struct archive_output *archive, const struct tree_entry *entry,
			   const struct pack_template *content, struct error *e)
{
	struct tree_entry changed = *entry;

	changed.hard_link = NULL;
	changed.extents = NULL;
	changed.extent_count = 0;
	changed.st.st_size = (off_t)content->len;
	if (archive_add_entry(archive, &changed, e) < 0 ||
	    sink_write(archive->sink, content->content, content->len, e) < 0)
		return -1;
	return tar_pad(archive->sink, content->len, e);
}

static void note_device(struct lxc_output *lxc, const struct tree_entry *entry)
{
	struct log *log = lxc->packing->options->log;

	if (!S_ISCHR(entry->st.st_mode) && !S_ISBLK(entry->st.st_mode))
		return;
	if (strpbrk(entry->path, " \t\n\\*?[")) {
		if (log)
			log_warn(log, "LXC cannot leave out the device '/%s': its name is none for a shell",
				 entry->path);
		return;
	}
	buffer_addf(&lxc->excludes, "%s\n", entry->path);
}

/* systemd's way to switch cloud-init off: a file that is there. */
static int disable_cloud_init(struct archive_output *archive, const struct tree_entry *folder,
			      struct error *e)
{
	struct tree_entry entry = { .path = "etc/cloud/cloud-init.disabled", .st = folder->st };

	entry.st.st_mode = S_IFREG | 0644;
	entry.st.st_size = 0;
	return archive_add_entry(archive, &entry, e);
}

static int lxc_entry(struct output *output, const struct tree_entry *entry, struct error *e)
{
	struct lxc_output *lxc = (struct lxc_output *)output;
	const struct pack_lxc *how = &lxc->packing->options->metadata->lxc;
	const struct pack_template *content = replacement(how, entry);

	lxc->skipping = content != NULL;
	if (content)
		return add_replacement(&lxc->archive, entry, content, e);
	if (how->no_cloud_init &&
	    (is_cloud_init_link(entry->path) || strcmp(entry->path, "etc/cloud/cloud-init.disabled") == 0)) {
		lxc->skipping = true;
		return 0;
	}
	note_device(lxc, entry);
	if (archive_ops.entry(output, entry, e) < 0)
		return -1;
	if (how->no_cloud_init && S_ISDIR(entry->st.st_mode) && strcmp(entry->path, "etc/cloud") == 0)
		return disable_cloud_init(&lxc->archive, entry, e);
	return 0;
}

static int lxc_write(struct output *output, const void *data, size_t len, struct error *e)
{
	return ((struct lxc_output *)output)->skipping ? 0 : archive_ops.write(output, data, len, e);
}

static int lxc_hole(struct output *output, uint64_t len, struct error *e)
{
	return archive_ops.hole(output, len, e);
}

static int lxc_end_file(struct output *output, const struct tree_entry *entry, struct error *e)
{
	return ((struct lxc_output *)output)->skipping ? 0 : archive_ops.end_file(output, entry, e);
}

static int add_files(struct lxc_output *lxc, struct sink *out, struct error *e)
{
	const struct pack_options *options = lxc->packing->options;
	const struct pack_lxc *how = &options->metadata->lxc;
	bool excluded = false;

	for (size_t i = 0; i < how->file_count; i++) {
		const struct pack_template *file = &how->files[i];

		if (!excluded && strcmp(file->name, "excludes-user") > 0) {
			excluded = true;
			if (archive_add(out, options, "excludes-user", lxc->excludes.data, lxc->excludes.len,
					e) < 0)
				return -1;
		}
		if (archive_add(out, options, file->name, file->content, file->len, e) < 0)
			return -1;
	}
	return excluded
		       ? 0
		       : archive_add(out, options, "excludes-user", lxc->excludes.data, lxc->excludes.len, e);
}

static int write_meta(struct lxc_output *lxc, struct buffer *meta, struct error *e)
{
	auto_sink struct sink *sink =
		codec_open(codec_find(TEXT("xz")), -1, sink_memory(meta), &lxc->packing->memory, e);

	if (!sink || add_files(lxc, sink, e) < 0 || tar_end(sink, e) < 0 || sink_finish(sink, e) < 0)
		return -1;
	lxc->meta->file.size_bytes = meta->len;
	lxc->meta->file.sha256 = sha256_of(meta->data, meta->len);
	return file_write_fd(lxc->meta_fd, meta->data, meta->len, e);
}

static int lxc_finish(struct output *output, struct error *e)
{
	struct lxc_output *lxc = (struct lxc_output *)output;
	auto_buffer struct buffer meta = BUFFER_INIT;

	if (archive_ops.finish(output, e) < 0 || write_meta(lxc, &meta, e) < 0)
		return -1;
	return packed_digests(output->packed, lxc->root_fd, meta.data, meta.len, e);
}

static void lxc_release(struct output *output)
{
	buffer_release(&((struct lxc_output *)output)->excludes);
	archive_ops.release(output);
}

int lxc_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
{
	static const struct output_ops ops = { lxc_entry,    lxc_write,  lxc_hole,
					       lxc_end_file, lxc_finish, lxc_release };
	struct packed *meta;
	struct packed *root;
	struct lxc_output *lxc;

	if (!packing->options->metadata->lxc.given)
		return error_set(e, ERROR_USAGE,
				 "format lxc: nothing here says what LXC has to know of this image");
	meta = packing_add(packing, ".lxc" META_SUFFIX, "");
	root = packing_add(packing, ".lxc.rootfs.tar.xz", "");
	lxc = xcalloc(1, sizeof *lxc);
	lxc->archive.output.ops = &ops;
	lxc->packing = packing;
	lxc->meta = meta;
	packing_add_output(packing, &lxc->archive.output);
	packing_add_image(packing, "lxc", meta, root);
	if (delivery_add(packing->delivery, meta->file.name, &lxc->meta_fd, e) < 0 ||
	    archive_open(packing, &lxc->archive, root, "", compression, false, e) < 0)
		return -1;
	lxc->root_fd = delivery_fd(packing->delivery, root->file.name);
	return 0;
}
