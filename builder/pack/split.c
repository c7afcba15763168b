/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata in one archive and the root in another: of images in two files, for LXD and Incus. The archive of the
 * root is also a format of its own, for runtimes that know nothing of such metadata.
 */
#include "pack/packing.h"

#include "base/alloc.h"
#include "base/file.h"
#include "tree/tar.h"

static int make_meta(struct packing *packing, struct packed *packed, struct error *e)
{
	auto_sink struct sink *sink =
		codec_open(codec_find(TEXT("xz")), -1, sink_memory(&packing->meta), &packing->memory, e);
	int fd;

	if (!sink || archive_add_metadata(sink, packing->options, e) < 0 || tar_end(sink, e) < 0 ||
	    sink_finish(sink, e) < 0)
		return -1;
	if (delivery_add(packing->delivery, packed->file.name, &fd, e) < 0)
		return -1;
	packed->file.size_bytes = packing->meta.len;
	packed->file.sha256 = sha256_of(packing->meta.data, packing->meta.len);
	return file_write_fd(fd, packing->meta.data, packing->meta.len, e);
}

int packing_meta(struct packing *packing, struct packed **meta, struct error *e)
{
	if (!packing->meta_packed) {
		packing->meta_packed = packing_add(packing, META_SUFFIX, "");
		if (make_meta(packing, packing->meta_packed, e) < 0)
			return error_wrap(e, "cannot pack '%s'", packing->meta_packed->file.name);
	}
	*meta = packing->meta_packed;
	return 0;
}

/* One archive for both formats, unless they are compressed by different codecs. */
static int open_root(struct packing *packing, const struct pack_compression *compression,
		     struct packed **root, struct error *e)
{
	const struct pack_compression *other = &packing->root_compression;
	const struct codec *codec = codec_find(text_of(compression->codec));
	struct archive_output *archive;

	*root = packing->root;
	if (*root && strcmp(compression->codec, other->codec) == 0) {
		if (compression->level == other->level)
			return 0;
		return error_set(e, ERROR_USAGE,
				 "the formats split and tar share '%s': give both the same level of %s",
				 (*root)->file.name, codec->name);
	}
	*root = packing_add(packing, ".rootfs.tar", codec->suffix);
	packing->root = *root;
	packing->root_compression = *compression;
	archive = xcalloc(1, sizeof *archive);
	archive->output.ops = &archive_ops;
	packing_add_output(packing, &archive->output);
	return archive_open(packing, archive, *root, "", compression, packing->meta_packed != NULL, e);
}

int split_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
{
	struct packed *meta;
	struct packed *root;

	if (packing_meta(packing, &meta, e) < 0 || open_root(packing, compression, &root, e) < 0)
		return -1;
	packing_add_image(packing, "split", meta, root);
	return 0;
}

int tar_format_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
{
	struct packed *root;

	if (open_root(packing, compression, &root, e) < 0)
		return -1;
	packing_add_image(packing, "tar", root, NULL);
	return 0;
}
