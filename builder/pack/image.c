/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/pool.h"
#include "pack/packing.h"
#include "recipe/recipe.h"
#include "stream/memo.h"

#include <assert.h>

enum {
	READ_BYTES = 256 * 1024,
	NAME_BYTES_MAX = 200, /* suffixes and a temporary name must fit into a file name of 255 */
};

/* By position of the format's bit. */
static int (*const openers[PACK_FORMAT_COUNT])(struct packing *, const struct pack_compression *,
					       struct error *) = {
	unified_open, split_open, squashfs_open, lxc_open, tar_format_open, folder_open,
};

#define auto_packing AUTO(packing_release)

static void release_outputs(struct packing *packing)
{
	for (size_t i = 0; i < packing->output_count; i++)
		packing->outputs[i]->ops->release(packing->outputs[i]);
	packing->output_count = 0;
}

static void packing_release(struct packing *packing)
{
	/* Outputs first: their threads write to the files and share the memory. */
	release_outputs(packing);
	codec_memory_release(&packing->memory);
	buffer_release(&packing->meta);
	for (size_t i = 0; i < packing->packed_count; i++)
		free(packing->packed[i].file.name);
	free(packing->read_buffer);
}

void artefacts_release(struct artefacts *artefacts)
{
	for (size_t i = 0; i < artefacts->count; i++)
		for (size_t k = 0; k < artefacts->items[i].file_count; k++)
			free(artefacts->items[i].files[k].name);
	free(artefacts->items);
	*artefacts = ARTEFACTS_INIT;
}

struct packed *packing_add(struct packing *packing, const char *suffix, const char *codec_suffix)
{
	struct packed *packed = &packing->packed[packing->packed_count++];

	assert(packing->packed_count <= PACKED_MAX);
	packed->file.name = xasprintf("%s%s%s", packing->options->metadata->name, suffix, codec_suffix);
	return packed;
}

void packing_add_output(struct packing *packing, struct output *output)
{
	assert(packing->output_count < PACKED_MAX);
	packing->outputs[packing->output_count++] = output;
}

void packing_add_image(struct packing *packing, const char *format, struct packed *first,
		       struct packed *second)
{
	assert(packing->image_count < PACK_FORMAT_COUNT);
	packing->images[packing->image_count].format = format;
	packing->images[packing->image_count].files[0] = first;
	packing->images[packing->image_count++].files[1] = second;
}

int pack_image_name(const struct recipe *recipe, char **name, struct error *e)
{
	const struct place *place = &recipe->image.name_place;
	auto_free char *text = NULL;

	if (recipe_expand(recipe, recipe->image.name, place, &text, e) < 0)
		return error_wrap(e, "image.name");
	if (text[0] == '\0' || text[0] == '.')
		return error_at(e, ERROR_RECIPE, place,
				"the image's name '%s' cannot name a file: it is empty or starts with a dot",
				text);
	if (strlen(text) > NAME_BYTES_MAX)
		return error_at(e, ERROR_RECIPE, place,
				"the image's name '%s' has %zu bytes; a file name has room for %d", text,
				strlen(text), (int)NAME_BYTES_MAX);
	for (const char *c = text; *c; c++)
		if (*c == '/' || (unsigned char)*c < ' ' || *c == 0x7f)
			return error_at(e, ERROR_RECIPE, place,
					"the image's name '%s' cannot name a file: it has %s", text,
					*c == '/' ? "a '/'" : "a control character");
	*name = TAKE(text, NULL);
	return 0;
}

int64_t packing_time(const struct pack_options *options, const struct tree_entry *entry)
{
	int64_t mtime_s = entry->st.st_mtim.tv_sec;

	if (mtime_s < 0)
		return 0;
	/* No later than the image itself, so that what the build wrote does not tell when. */
	return mtime_s < options->epoch_s || options->keep_times ? mtime_s : options->epoch_s;
}

int packed_digests(struct packed *packed, int fd, const void *head, size_t head_len, struct error *e)
{
	auto_hash struct hash alone = HASH_INIT;
	auto_hash struct hash combined = HASH_INIT;
	auto_free char *data = xmalloc(READ_BYTES);
	uint64_t offset = 0;
	ssize_t got;

	hash_start_sha256(&alone);
	hash_start_sha256(&combined);
	hash_add(&combined, head, head_len);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read it back");
	while ((got = file_read_some(fd, data, READ_BYTES, e)) > 0) {
		if (interrupt_check(e) < 0)
			return -1;
		hash_add(&alone, data, (size_t)got);
		hash_add(&combined, data, (size_t)got);
		offset += (uint64_t)got;
	}
	if (got < 0)
		return -1;
	packed->file.size_bytes = offset;
	packed->file.sha256 = hash_end_sha256(&alone);
	packed->combined = hash_end_sha256(&combined);
	return 0;
}

static int wrap(const struct output *output, struct error *e)
{
	return error_wrap(e, "cannot pack '%s'", output->packed->file.name);
}

/* The same bytes into every output. */
static int write_all(struct packing *packing, const void *data, size_t len, struct error *e)
{
	for (size_t i = 0; i < packing->output_count; i++)
		if (packing->outputs[i]->ops->write(packing->outputs[i], data, len, e) < 0)
			return wrap(packing->outputs[i], e);
	return 0;
}

/* The next LEN bytes of a file into every archive. */
static int copy_bytes(struct packing *packing, const struct tree_entry *entry, uint64_t len, struct error *e)
{
	while (len) {
		size_t part = len < READ_BYTES ? (size_t)len : READ_BYTES;
		size_t got;

		if (interrupt_check(e) < 0)
			return -1;
		if (entry->content->read(entry->content, packing->read_buffer, part, &got, e) < 0)
			return error_wrap(e, "'/%s'", entry->path);
		if (got == 0)
			return error_set(e, ERROR_SYSTEM, "'/%s' became shorter while it was being packed",
					 entry->path);
		if (write_all(packing, packing->read_buffer, got, e) < 0)
			return -1;
		len -= got;
	}
	return 0;
}

static int leave_hole(struct packing *packing, const struct tree_entry *entry, uint64_t len, struct error *e)
{
	if (len == 0)
		return 0;
	if (entry->content->skip(entry->content, len, e) < 0)
		return error_wrap(e, "'/%s'", entry->path);
	for (size_t i = 0; i < packing->output_count; i++)
		if (packing->outputs[i]->ops->hole(packing->outputs[i], len, e) < 0)
			return wrap(packing->outputs[i], e);
	return 0;
}

/* What lies in its extents, and what is between them. */
static int copy_extents(struct packing *packing, const struct tree_entry *entry, struct error *e)
{
	uint64_t at = 0;

	for (size_t i = 0; i < entry->extent_count; i++) {
		const struct tree_extent *extent = &entry->extents[i];

		if (leave_hole(packing, entry, extent->offset - at, e) < 0 ||
		    copy_bytes(packing, entry, extent->len, e) < 0)
			return -1;
		at = extent->offset + extent->len;
	}
	return leave_hole(packing, entry, (uint64_t)entry->st.st_size - at, e);
}

static int copy_content(struct packing *packing, const struct tree_entry *entry, struct error *e)
{
	if (entry->extents ? copy_extents(packing, entry, e) < 0
			   : copy_bytes(packing, entry, (uint64_t)entry->st.st_size, e) < 0)
		return -1;
	for (size_t i = 0; i < packing->output_count; i++)
		if (packing->outputs[i]->ops->end_file(packing->outputs[i], entry, e) < 0)
			return wrap(packing->outputs[i], e);
	return 0;
}

static int pack_entry(void *context, const struct tree_entry *entry, struct error *e)
{
	struct packing *packing = context;

	for (size_t i = 0; i < packing->output_count; i++)
		if (packing->outputs[i]->ops->entry(packing->outputs[i], entry, e) < 0)
			return wrap(packing->outputs[i], e);
	packing->spent.item_count++;
	if (entry->content)
		packing->spent.in_bytes += (uint64_t)entry->st.st_size;
	return entry->content ? copy_content(packing, entry, e) : 0;
}

static int finish_output(void *context, size_t index, struct error *e)
{
	struct output *output = ((struct packing *)context)->outputs[index];

	return output->ops->finish(output, e) < 0 ? wrap(output, e) : 0;
}

static bool is_compressed(const struct pack_options *options)
{
	for (size_t i = 0; i < PACK_FORMAT_COUNT; i++)
		if ((options->formats & 1U << i) && options->compression[i].codec &&
		    strcmp(options->compression[i].codec, "none") != 0)
			return true;
	return false;
}

/*
 * Reading the tree and hashing are done by threads that are known; what else this process used is the compressors'
 * threads, among them those that libraries start and tell nothing of.
 */
static void report(struct packing *packing, double process_cpu_s, double thread_cpu_s)
{
	struct meter_sum *spent = &packing->spent;
	size_t block_count;
	size_t reused_count;

	if (is_compressed(packing->options)) {
		spent->bound_s =
			meter_process_cpu_s() - process_cpu_s - (meter_thread_cpu_s() - thread_cpu_s);
		for (size_t i = 0; i < packing->output_count; i++)
			spent->bound_s -= packing->outputs[i]->cpu_s;
		spent->bound_s /= (double)processor_count();
	}
	for (size_t i = 0; i < packing->packed_count; i++)
		spent->out_bytes += packing->packed[i].file.size_bytes;
	meter_add(packing->options->meter, METER_PACK, spent);
	if (!packing->options->memo)
		return;
	memo_count(packing->options->memo, &block_count, &reused_count);
	log_detail(packing->options->log, "%zu of %zu compressed blocks from earlier images", reused_count,
		   block_count);
}

static int open_outputs(struct packing *packing, struct error *e)
{
	const struct pack_options *options = packing->options;

	for (size_t i = 0; i < PACK_FORMAT_COUNT; i++)
		if ((options->formats & 1U << i) && openers[i](packing, &options->compression[i], e) < 0)
			return -1;
	return 0;
}

static struct artefact_file copy_of(const struct artefact_file *file)
{
	struct artefact_file copy = *file;

	copy.name = xstrdup(file->name);
	return copy;
}

static void collect(const struct packing *packing, struct artefacts *artefacts)
{
	for (size_t i = 0; i < packing->image_count; i++) {
		struct packed *const *files = packing->images[i].files;
		struct artefact artefact = { .format = packing->images[i].format };

		artefact.fingerprint = files[1] ? files[1]->combined : files[0]->file.sha256;
		for (size_t k = 0; k < ARTEFACT_FILE_MAX && files[k]; k++)
			artefact.files[artefact.file_count++] = copy_of(&files[k]->file);
		PUSH(artefacts->items, artefacts->count, artefact);
	}
}

/* How many of the outputs have a compressor. */
static size_t chain_count(unsigned formats)
{
	size_t count = 0;

	/* An archive of the root alone, and that of a split image, are mostly one. */
	if (formats & PACK_SPLIT)
		formats &= ~(unsigned)PACK_TAR;
	for (formats &= ~(unsigned)PACK_DIR; formats; formats &= formats - 1)
		count++;
	return count;
}

static int run(struct packing *packing, struct error *e)
{
	double process_cpu_s = meter_process_cpu_s();
	double thread_cpu_s = meter_thread_cpu_s();

	if (open_outputs(packing, e) < 0 || tree_visit(packing->options->root, pack_entry, packing, e) < 0)
		return -1;
	/* Each at the same time: the last blocks of a slow compressor take seconds. */
	if (pool_run(packing->output_count, packing->output_count, finish_output, packing, e) < 0)
		return -1;
	report(packing, process_cpu_s, thread_cpu_s);
	return 0;
}

int pack_into(const struct pack_options *options, struct delivery *delivery, struct artefacts *artefacts,
	      struct error *e)
{
	auto_packing struct packing packing = { .options = options, .delivery = delivery };

	assert(options->formats != 0 && options->epoch_s >= 0);
	memory_trim();
	codec_memory_init(&packing.memory, chain_count(options->formats));
	packing.read_buffer = xmalloc(READ_BYTES);
	if (run(&packing, e) < 0)
		return -1;
	collect(&packing, artefacts);
	return 0;
}

int pack_image(const struct pack_options *options, struct artefacts *out, struct error *e)
{
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_delivery struct delivery own = DELIVERY_INIT;
	struct delivery *delivery = options->delivery ? options->delivery : &own;

	own.folder_fd = options->output_fd;
	if (pack_into(options, delivery, &artefacts, e) < 0 || delivery_sync(delivery, e) < 0 ||
	    (delivery == &own && delivery_commit(delivery, e) < 0))
		return -1;
	*out = TAKE(artefacts, ARTEFACTS_INIT);
	return 0;
}
