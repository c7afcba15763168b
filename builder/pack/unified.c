/* SPDX-License-Identifier: Apache-2.0 */
/* One archive with all of an image, for LXD and Incus. */
#include "pack/packing.h"

#include "base/alloc.h"

int unified_open(struct packing *packing, const struct pack_compression *compression, struct error *e)
{
	const struct codec *codec = codec_find(text_of(compression->codec));
	struct packed *packed = packing_add(packing, ".tar", codec->suffix);
	struct archive_output *archive = xcalloc(1, sizeof *archive);

	archive->output.ops = &archive_ops;
	packing_add_output(packing, &archive->output);
	packing_add_image(packing, "unified", packed, NULL);
	if (archive_open(packing, archive, packed, "rootfs/", compression, false, e) < 0)
		return -1;
	return archive_add_metadata(archive->sink, packing->options, e);
}
