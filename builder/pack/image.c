/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/pool.h"
#include "pack/delivery.h"
#include "recipe/recipe.h"
#include "stream/stream.h"
#include "tree/tar.h"
#include "tree/tree.h"

#include <assert.h>

enum {
	READ_BYTES = 256 * 1024,
	NAME_BYTES_MAX = 200, /* suffixes and a temporary name must fit into a file name of 255 */
	CHAIN_MAX = 2,
};

/* The metadata archive of a split image: always this, as LXC's and the field's tools expect. */
#define META_SUFFIX ".meta.tar.xz"

/*
 * One archive on its way to disk: tar → queue → codec → digests → file. Reading the tree, each compressor and
 * its hashing have threads of their own.
 */
struct chain {
	struct sink *sink;            /* owned */
	struct artefact_file *result; /* borrowed */
	const char *prefix;           /* of the tree's paths in the archive: "rootfs/" or "" */
	double cpu_s;                 /* of its thread, without the compressor's */
};

struct packing {
	const struct pack_options *options;
	struct buffer meta; /* the metadata archive of a split image, compressed */
	struct delivery delivery;
	struct codec_memory memory;
	struct chain chains[CHAIN_MAX];
	size_t chain_count;
	char *read_buffer; /* owned */
	struct artefacts artefacts;
	struct meter_sum spent;
};

#define auto_packing AUTO(packing_release)

static void release_sinks(struct packing *packing)
{
	for (size_t i = 0; i < packing->chain_count; i++)
		sink_release(TAKE(packing->chains[i].sink, NULL));
}

static void packing_release(struct packing *packing)
{
	/* Sinks first: their threads write to the files and share the memory. */
	release_sinks(packing);
	delivery_release(&packing->delivery);
	codec_memory_release(&packing->memory);
	buffer_release(&packing->meta);
	artefacts_release(&packing->artefacts);
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

static const struct {
	const char *name;
	enum pack_format format;
} formats_known[] = { { "unified", PACK_UNIFIED }, { "split", PACK_SPLIT } };

const char *pack_format_word(struct text word)
{
	for (size_t i = 0; i < ARRAY_LEN(formats_known); i++)
		if (text_is(word, formats_known[i].name))
			return formats_known[i].name;
	return NULL;
}

int pack_formats_parse(const char *words, unsigned *formats, struct error *e)
{
	struct text rest = text_of(words);
	unsigned found = 0;

	do {
		struct text word = text_cut(rest, ',', &rest);
		unsigned format = 0;

		for (size_t i = 0; i < ARRAY_LEN(formats_known); i++)
			if (text_is(word, formats_known[i].name))
				format = formats_known[i].format;
		if (!format)
			return error_set(e, ERROR_USAGE, "unknown format '%.*s' (possible: unified, split)",
					 TEXT_ARG(word));
		found |= format;
	} while (rest.ptr);
	*formats = found;
	return 0;
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

/* A small file of root, made now. */
static int write_text(struct sink *out, const struct pack_options *options, const char *path,
		      const char *text, size_t len, struct error *e)
{
	struct tar_entry entry = {
		.path = path, .mode = S_IFREG | 0644, .size_bytes = len, .mtime_s = options->epoch_s
	};

	if (tar_entry(out, &entry, e) < 0 || sink_write(out, text, len, e) < 0)
		return -1;
	return tar_pad(out, len, e);
}

static int write_template(struct sink *out, const struct pack_options *options,
			  const struct pack_template *template, struct error *e)
{
	auto_free char *path = xasprintf("templates/%s", template->name);

	return write_text(out, options, path, template->content, template->len, e);
}

/* metadata.yaml and templates/: first in the archive, so that a daemon finds them without reading it all. */
static int write_metadata(struct sink *out, const struct pack_options *options, struct error *e)
{
	const struct pack_metadata *metadata = options->metadata;
	struct tar_entry folder = { .path = "templates/",
				    .mode = S_IFDIR | 0755,
				    .mtime_s = options->epoch_s };

	if (write_text(out, options, "metadata.yaml", metadata->yaml, metadata->yaml_len, e) < 0)
		return -1;
	if (metadata->template_count && tar_entry(out, &folder, e) < 0)
		return -1;
	for (size_t i = 0; i < metadata->template_count; i++)
		if (write_template(out, options, &metadata->templates[i], e) < 0)
			return -1;
	return 0;
}

static struct artefact *add_artefact(struct packing *packing, const char *format)
{
	struct artefact *artefact = &packing->artefacts.items[packing->artefacts.count++];

	artefact->format = format;
	return artefact;
}

/* FINGERPRINT, if not NULL, becomes the digest of the metadata archive and FILE as one. */
static int open_chain(struct packing *packing, const char *prefix, struct artefact_file *file,
		      struct digest *fingerprint, struct error *e)
{
	const struct pack_options *options = packing->options;
	struct chain *chain = &packing->chains[packing->chain_count];
	struct sink *sink;
	int fd;

	if (delivery_add(&packing->delivery, file->name, &fd, e) < 0)
		return -1;
	packing->chain_count++;
	chain->prefix = prefix;
	chain->result = file;
	sink = sink_sha256(sink_fd(fd), &file->sha256, &file->size_bytes);
	if (fingerprint)
		sink = sink_sha256_after(sink, packing->meta.data, packing->meta.len, fingerprint);
	sink = codec_open(options->codec, options->level, sink, &packing->memory, e);
	chain->sink = sink_thread(sink, &chain->cpu_s, e);
	return chain->sink ? 0 : error_wrap(e, "cannot pack '%s'", file->name);
}

static int open_unified(struct packing *packing, struct error *e)
{
	struct artefact *artefact = add_artefact(packing, "unified");

	artefact->file_count = 1;
	artefact->files[0].name =
		xasprintf("%s.tar%s", packing->options->metadata->name, packing->options->codec->suffix);
	if (open_chain(packing, "rootfs/", &artefact->files[0], NULL, e) < 0)
		return -1;
	return write_metadata(packing->chains[packing->chain_count - 1].sink, packing->options, e);
}

/* The metadata archive goes first, as a whole: the fingerprint of a split image begins with its bytes. */
static int make_meta(struct packing *packing, struct artefact_file *file, struct error *e)
{
	auto_sink struct sink *sink =
		codec_open(codec_find(TEXT("xz")), -1, sink_memory(&packing->meta), &packing->memory, e);
	int fd;

	if (!sink || write_metadata(sink, packing->options, e) < 0 || tar_end(sink, e) < 0 ||
	    sink_finish(sink, e) < 0)
		return -1;
	if (delivery_add(&packing->delivery, file->name, &fd, e) < 0)
		return -1;
	file->size_bytes = packing->meta.len;
	file->sha256 = sha256_of(packing->meta.data, packing->meta.len);
	return file_write_fd(fd, packing->meta.data, packing->meta.len, e);
}

static int open_split(struct packing *packing, struct error *e)
{
	struct artefact *artefact = add_artefact(packing, "split");

	artefact->file_count = 2;
	artefact->files[0].name = xasprintf("%s" META_SUFFIX, packing->options->metadata->name);
	artefact->files[1].name = xasprintf("%s.rootfs.tar%s", packing->options->metadata->name,
					    packing->options->codec->suffix);
	if (make_meta(packing, &artefact->files[0], e) < 0)
		return error_wrap(e, "cannot pack '%s'", artefact->files[0].name);
	return open_chain(packing, "", &artefact->files[1], &artefact->fingerprint, e);
}

/* The same bytes into every archive. */
static int write_all(struct packing *packing, const void *data, size_t len, struct error *e)
{
	for (size_t i = 0; i < packing->chain_count; i++)
		if (sink_write(packing->chains[i].sink, data, len, e) < 0)
			return error_wrap(e, "cannot pack '%s'", packing->chains[i].result->name);
	return 0;
}

static int copy_content(struct packing *packing, const struct tree_entry *entry, struct error *e)
{
	uint64_t left = (uint64_t)entry->st.st_size;

	while (left) {
		size_t part = left < READ_BYTES ? (size_t)left : READ_BYTES;
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
		left -= got;
	}
	for (size_t i = 0; i < packing->chain_count; i++)
		if (tar_pad(packing->chains[i].sink, (uint64_t)entry->st.st_size, e) < 0)
			return error_wrap(e, "cannot pack '%s'", packing->chains[i].result->name);
	return 0;
}

/* No time stamp is later than the image itself, so that what the build wrote does not tell when. */
static int64_t clamp_time(int64_t mtime_s, const struct pack_options *options)
{
	if (mtime_s < 0)
		return 0;
	return mtime_s < options->epoch_s || options->keep_times ? mtime_s : options->epoch_s;
}

/* "PREFIX" + PATH, with a slash after a folder; the root itself is PREFIX, or "./" where that is empty. */
static char *archive_path(const char *prefix, const char *path, bool folder)
{
	if (path[0] == '\0')
		return xstrdup(prefix[0] ? prefix : "./");
	return xasprintf("%s%s%s", prefix, path, folder ? "/" : "");
}

static int write_entry(const struct packing *packing, const struct chain *chain,
		       const struct tree_entry *entry, struct error *e)
{
	const struct stat *st = &entry->st;
	auto_free char *path = archive_path(chain->prefix, entry->path, S_ISDIR(st->st_mode));
	auto_free char *link = entry->hard_link ? archive_path(chain->prefix, entry->hard_link, false) : NULL;
	struct tar_entry header = {
		.path = path,
		.link = link ? link : entry->link,
		.is_hard_link = link != NULL,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size_bytes = (uint64_t)st->st_size,
		.mtime_s = clamp_time(st->st_mtim.tv_sec, packing->options),
		.device = st->st_rdev,
		.xattrs = entry->xattrs,
	};

	return tar_entry(chain->sink, &header, e);
}

static int pack_entry(void *context, const struct tree_entry *entry, struct error *e)
{
	struct packing *packing = context;

	for (size_t i = 0; i < packing->chain_count; i++)
		if (write_entry(packing, &packing->chains[i], entry, e) < 0)
			return error_wrap(e, "cannot pack '%s'", packing->chains[i].result->name);
	packing->spent.item_count++;
	if (entry->content)
		packing->spent.in_bytes += (uint64_t)entry->st.st_size;
	return entry->content ? copy_content(packing, entry, e) : 0;
}

static int finish_chain(void *context, size_t index, struct error *e)
{
	struct chain *chain = &((struct packing *)context)->chains[index];

	if (tar_end(chain->sink, e) < 0 || sink_finish(chain->sink, e) < 0)
		return error_wrap(e, "cannot pack '%s'", chain->result->name);
	return 0;
}

/*
 * Reading the tree and hashing are done by threads that are known; what else this process used is the compressors'
 * threads, among them those that libzstd starts and tells nothing of.
 */
static void report(struct packing *packing, double process_cpu_s, double thread_cpu_s)
{
	struct meter_sum *spent = &packing->spent;

	if (packing->options->codec->level_max > 0) {
		spent->bound_s =
			meter_process_cpu_s() - process_cpu_s - (meter_thread_cpu_s() - thread_cpu_s);
		for (size_t i = 0; i < packing->chain_count; i++)
			spent->bound_s -= packing->chains[i].cpu_s;
		spent->bound_s /= (double)processor_count();
	}
	for (size_t i = 0; i < packing->artefacts.count; i++)
		for (size_t k = 0; k < packing->artefacts.items[i].file_count; k++)
			spent->out_bytes += packing->artefacts.items[i].files[k].size_bytes;
	meter_add(packing->options->meter, METER_PACK, spent);
}

static int run(struct packing *packing, struct error *e)
{
	const struct pack_options *options = packing->options;
	double process_cpu_s = meter_process_cpu_s();
	double thread_cpu_s = meter_thread_cpu_s();

	if ((options->formats & PACK_UNIFIED) && open_unified(packing, e) < 0)
		return -1;
	if ((options->formats & PACK_SPLIT) && open_split(packing, e) < 0)
		return -1;
	if (tree_visit(options->root, pack_entry, packing, e) < 0)
		return -1;
	/* Each at the same time: the last blocks of a slow compressor take seconds. */
	if (pool_run(packing->chain_count, packing->chain_count, finish_chain, packing, e) < 0)
		return -1;
	for (size_t i = 0; i < packing->artefacts.count; i++) {
		struct artefact *artefact = &packing->artefacts.items[i];

		if (artefact->file_count == 1)
			artefact->fingerprint = artefact->files[0].sha256;
	}
	report(packing, process_cpu_s, thread_cpu_s);
	release_sinks(packing);
	return delivery_commit(&packing->delivery, e);
}

int pack_image(const struct pack_options *options, struct artefacts *artefacts, struct error *e)
{
	auto_packing struct packing packing = { .options = options,
						.delivery.folder_fd = options->output_fd };

	assert(options->formats != 0 && options->epoch_s >= 0);
	memory_trim();
	codec_memory_init(&packing.memory, (options->formats & (options->formats - 1)) ? 2 : 1);
	packing.read_buffer = xmalloc(READ_BYTES);
	packing.artefacts.items = xcalloc(CHAIN_MAX, sizeof *packing.artefacts.items);
	if (run(&packing, e) < 0)
		return -1;
	*artefacts = TAKE(packing.artefacts, ARTEFACTS_INIT);
	return 0;
}
