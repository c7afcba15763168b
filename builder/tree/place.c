/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/place.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "tree/plant.h"

enum { COPY_BYTES = 256 * 1024 };

struct placing {
	struct plant *plant; /* owned */
	char *buffer;        /* owned */
};

static void placing_release(struct placing *placing)
{
	plant_close(placing->plant);
	free(placing->buffer);
}

static int copy_bytes(struct placing *placing, struct tree_content *content, uint64_t len, struct error *e)
{
	while (len) {
		size_t part = len < COPY_BYTES ? (size_t)len : COPY_BYTES;
		size_t got;

		if (interrupt_check(e) < 0 || content->read(content, placing->buffer, part, &got, e) < 0)
			return -1;
		if (got == 0)
			return error_set(e, ERROR_FORMAT, "it is shorter than it says");
		if (plant_write(placing->plant, placing->buffer, got, e) < 0)
			return -1;
		len -= got;
	}
	return 0;
}

/* Not a byte of a hole is read, or written. */
static int copy_content(struct placing *placing, const struct tree_entry *entry, struct error *e)
{
	uint64_t size_bytes = (uint64_t)entry->st.st_size;
	uint64_t at = 0;

	if (!entry->extents)
		return copy_bytes(placing, entry->content, size_bytes, e);
	for (size_t i = 0; i < entry->extent_count; i++) {
		const struct tree_extent *extent = &entry->extents[i];

		if (entry->content->skip(entry->content, extent->offset - at, e) < 0 ||
		    plant_hole(placing->plant, extent->offset - at, e) < 0 ||
		    copy_bytes(placing, entry->content, extent->len, e) < 0)
			return -1;
		at = extent->offset + extent->len;
	}
	return at < size_bytes ? plant_hole(placing->plant, size_bytes - at, e) : 0;
}

static int place(struct placing *placing, const struct tree_entry *entry, struct error *e)
{
	if (interrupt_check(e) < 0 ||
	    plant_entry(placing->plant, entry, (int64_t)entry->st.st_mtim.tv_sec, e) < 0)
		return -1;
	if (!entry->content)
		return 0;
	return copy_content(placing, entry, e) < 0 ? -1 : plant_end_file(placing->plant, e);
}

static int visit(void *context, const struct tree_entry *entry, struct error *e)
{
	return place(context, entry, e) < 0 ? error_wrap(e, "'/%s'", entry->path) : 0;
}

int tree_place(const struct tree_source *source, int root_fd, struct error *e)
{
	AUTO(placing_release) struct placing placing = { .buffer = xmalloc(COPY_BYTES) };

	plant_open(root_fd, &placing.plant);
	if (tree_visit(source, visit, &placing, e) < 0)
		return -1;
	return plant_finish(placing.plant, e);
}
