/* SPDX-License-Identifier: Apache-2.0 */
/* The root as a squashfs file system beside the archive of a split image's metadata, for LXD and Incus. */
#include "pack/packing.h"

#include "base/alloc.h"
#include "tree/squash.h"

enum { NAMED_MAX = 5 };

struct squashfs_output {
	struct output output;
	const struct packing *packing;
	struct squash *squash; /* owned */
	int fd;                /* borrowed */
	/* What is lost on the way to an instance. */
	struct buffer capable; /* the first files with capabilities, as text */
	size_t capable_count;
	struct buffer listed; /* and those with ACLs */
	size_t listed_count;
};

static void add_name(struct buffer *names, size_t *count, const char *path)
{
	if (*count < NAMED_MAX)
		buffer_addf(names, "%s/%s", *count ? ", " : "", path);
	else if (*count == NAMED_MAX)
		buffer_adds(names, ", …");
	(*count)++;
}

static void note_losses(struct squashfs_output *squashfs, const struct tree_entry *entry)
{
	bool capable = false;
	bool listed = false;

	for (size_t i = 0; !entry->hard_link && entry->xattrs && i < entry->xattrs->count; i++) {
		capable = capable || strcmp(entry->xattrs->items[i].name, "security.capability") == 0;
		listed = listed || !squash_keeps_xattr(entry->xattrs->items[i].name);
	}
	if (capable)
		add_name(&squashfs->capable, &squashfs->capable_count, entry->path);
	if (listed)
		add_name(&squashfs->listed, &squashfs->listed_count, entry->path);
}

static int squashfs_entry(struct output *output, const struct tree_entry *entry, struct error *e)
{
	struct squashfs_output *squashfs = (struct squashfs_output *)output;

	note_losses(squashfs, entry);
	if (squash_entry(squashfs->squash, entry, packing_time(squashfs->packing->options, entry), e) < 0)
		return error_wrap(e, "'/%s'", entry->path);
	return 0;
}

static int squashfs_write(struct output *output, const void *data, size_t len, struct error *e)
{
	return squash_write(((struct squashfs_output *)output)->squash, data, len, e);
}

static int squashfs_hole(struct output *output, uint64_t len, struct error *e)
{
	return squash_hole(((struct squashfs_output *)output)->squash, len, e);
}

static int squashfs_end_file(struct output *output, const struct tree_entry *entry, struct error *e)
{
	(void)entry;
	return squash_end_file(((struct squashfs_output *)output)->squash, e);
}

static void warn(const struct squashfs_output *squashfs)
{
	struct log *log = squashfs->packing->options->log;
	const char *name = squashfs->output.packed->file.name;

	if (squashfs->capable_count && log)
		log_warn(log,
			 "'%s': Incus from 6.12 on unpacks squashfs without file capabilities, which %zu "
			 "file%s "
			 "here %s (%s); the other formats keep them",
			 name, squashfs->capable_count, squashfs->capable_count == 1 ? "" : "s",
			 squashfs->capable_count == 1 ? "has" : "have", squashfs->capable.data);
	if (squashfs->listed_count && log)
		log_warn(log,
			 "'%s': squashfs has no room for ACLs and the like, which %zu file%s here %s (%s); "
			 "the other formats keep them",
			 name, squashfs->listed_count, squashfs->listed_count == 1 ? "" : "s",
			 squashfs->listed_count == 1 ? "has" : "have", squashfs->listed.data);
}

/* What the head of the file says is known at its end: it is hashed when it is whole. */
static int squashfs_finish(struct output *output, struct error *e)
{
	struct squashfs_output *squashfs = (struct squashfs_output *)output;
	const struct buffer *meta = &squashfs->packing->meta;

	if (squash_finish(squashfs->squash, e) < 0)
		return -1;
	warn(squashfs);
	return packed_digests(output->packed, squashfs->fd, meta->data, meta->len, e);
}

static void squashfs_release(struct output *output)
{
	struct squashfs_output *squashfs = (struct squashfs_output *)output;

	squash_close(squashfs->squash);
	buffer_release(&squashfs->capable);
	buffer_release(&squashfs->listed);
	free(squashfs);
}

int squashfs_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
{
	static const struct output_ops ops = { squashfs_entry,    squashfs_write,  squashfs_hole,
					       squashfs_end_file, squashfs_finish, squashfs_release };
	struct squash_options options = { .codec = squash_codec_find(text_of(compression->codec)),
					  .level = compression->level,
					  .epoch_s = packing->options->epoch_s,
					  .memory = &packing->memory };
	struct squashfs_output *squashfs;
	struct packed *meta;
	struct packed *root;

	if (packing_meta(packing, &meta, e) < 0)
		return -1;
	root = packing_add(packing, ".rootfs.squashfs", "");
	squashfs = xcalloc(1, sizeof *squashfs);
	squashfs->output.ops = &ops;
	squashfs->output.packed = root;
	squashfs->packing = packing;
	packing_add_output(packing, &squashfs->output);
	packing_add_image(packing, "squashfs", meta, root);
	if (delivery_add(packing->delivery, root->file.name, &squashfs->fd, e) < 0)
		return -1;
	options.fd = squashfs->fd;
	if (squash_open(&options, &squashfs->squash, e) < 0)
		return error_wrap(e, "cannot pack '%s'", root->file.name);
	return 0;
}
