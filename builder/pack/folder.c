/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unified archive holds, as a folder: the root for whatever starts containers, and metadata from which an image
 * can be made again. Its digest is that of the archive without compression, which no disk sees.
 */
#include "pack/packing.h"

#include "base/alloc.h"
#include "base/file.h"
#include "tree/plant.h"

#include <fcntl.h>

struct folder_output {
	struct archive_output archive; /* for the digest alone */
	struct plant *plant;           /* owned */
	int fd;                        /* borrowed */
	int root_fd;                   /* owned */
	uint64_t size_bytes;
};

static int folder_entry(struct output *output, const struct tree_entry *entry, struct error *e)
{
	struct folder_output *folder = (struct folder_output *)output;

	if (plant_entry(folder->plant, entry, packing_time(folder->archive.options, entry), e) < 0)
		return error_wrap(e, "'/%s'", entry->path);
	return archive_ops.entry(output, entry, e);
}

static int folder_write(struct output *output, const void *data, size_t len, struct error *e)
{
	struct folder_output *folder = (struct folder_output *)output;

	folder->size_bytes += len;
	return plant_write(folder->plant, data, len, e) < 0 ? -1 : archive_ops.write(output, data, len, e);
}

static int folder_hole(struct output *output, uint64_t len, struct error *e)
{
	return plant_hole(((struct folder_output *)output)->plant, len, e);
}

static int folder_end_file(struct output *output, const struct tree_entry *entry, struct error *e)
{
	struct folder_output *folder = (struct folder_output *)output;

	if (plant_end_file(folder->plant, e) < 0)
		return error_wrap(e, "'/%s'", entry->path);
	return archive_ops.end_file(output, entry, e);
}

static int folder_finish(struct output *output, struct error *e)
{
	struct folder_output *folder = (struct folder_output *)output;

	if (plant_finish(folder->plant, e) < 0 || archive_ops.finish(output, e) < 0)
		return -1;
	output->packed->file.size_bytes = folder->size_bytes;
	return 0;
}

static void folder_release(struct output *output)
{
	struct folder_output *folder = (struct folder_output *)output;

	plant_close(folder->plant);
	auto_close_(&folder->root_fd);
	archive_ops.release(output);
}

static int add_templates(const struct pack_metadata *metadata, int fd, struct error *e)
{
	auto_close int templates_fd = -1;

	if (metadata->template_count == 0)
		return 0;
	if (mkdirat(fd, "templates", 0755) < 0)
		return error_sys(e, "cannot create 'templates'");
	if (dir_open(fd, "templates", &templates_fd, e) < 0)
		return -1;
	for (size_t i = 0; i < metadata->template_count; i++)
		if (file_replace(templates_fd, metadata->templates[i].name, metadata->templates[i].content,
				 metadata->templates[i].len, 0644, e) < 0)
			return -1;
	return 0;
}

static int begin(struct packing *packing, struct folder_output *folder, struct error *e)
{
	const struct pack_metadata *metadata = packing->options->metadata;
	struct artefact_file *file = &folder->archive.output.packed->file;
	struct sink *sink;

	if (delivery_add_folder(packing->delivery, file->name, &folder->fd, e) < 0)
		return -1;
	if (mkdirat(folder->fd, "rootfs", 0755) < 0)
		return error_sys(e, "cannot create 'rootfs'");
	if (file_replace(folder->fd, "metadata.yaml", metadata->yaml, metadata->yaml_len, 0644, e) < 0 ||
	    add_templates(metadata, folder->fd, e) < 0 ||
	    dir_open(folder->fd, "rootfs", &folder->root_fd, e) < 0)
		return -1;
	folder->archive.options = packing->options;
	folder->archive.prefix = "rootfs/";
	sink = sink_sha256(sink_memory(NULL), &file->sha256, NULL);
	folder->archive.sink = sink_thread(sink, &folder->archive.output.cpu_s, e);
	if (!folder->archive.sink)
		return -1;
	plant_open(folder->root_fd, &folder->plant);
	return archive_add_metadata(folder->archive.sink, packing->options, e);
}

int folder_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
{
	static const struct output_ops ops = { folder_entry,    folder_write,  folder_hole,
					       folder_end_file, folder_finish, folder_release };
	struct folder_output *folder = xcalloc(1, sizeof *folder);
	struct packed *packed = packing_add(packing, ".dir", "");

	(void)compression;
	folder->archive.output.ops = &ops;
	folder->archive.output.packed = packed;
	folder->root_fd = -1;
	packed->file.is_folder = true;
	packing_add_output(packing, &folder->archive.output);
	packing_add_image(packing, "dir", packed, NULL);
	return begin(packing, folder, e) < 0 ? error_wrap(e, "cannot pack '%s'", packed->file.name) : 0;
}
