/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image files of an earlier build. What is kept beside them says what they are, a line each:
 *
 *	split FINGERPRINT
 *	SIZE SHA256 NAME
 *	SIZE SHA256 NAME
 *
 * and behind an empty line, for later images, the blocks that the files consist of (stream/memo.h).
 */
#include "pack/pack.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "layer/key.h"
#include "pack/packing.h"
#include "stream/memo.h"
#include "stream/stream.h"

#include <fcntl.h>

#define BLOCK_BYTES (256 * KIB)

static void describe_files(const char *word, const struct pack_template *files, size_t count,
			   struct layer_key *key)
{
	for (size_t i = 0; i < count; i++) {
		key_text(key, word, files[i].name);
		key_bytes(key, "content", files[i].content, files[i].len);
	}
}

static void describe_lxc(const struct pack_lxc *lxc, struct layer_key *key)
{
	describe_files("lxc", lxc->files, lxc->file_count, key);
	describe_files("lxc root", lxc->replaced, lxc->replaced_count, key);
	key_number(key, "lxc cloud-init", lxc->no_cloud_init);
}

void pack_describe(const struct pack_options *options, struct layer_key *key)
{
	const struct pack_metadata *metadata = options->metadata;

	key_text(key, "name", metadata->name);
	key_bytes(key, "metadata", metadata->yaml, metadata->yaml_len);
	describe_files("template", metadata->templates, metadata->template_count, key);
	key_number(key, "epoch", options->epoch_s);
	key_number(key, "times", options->keep_times);
	for (size_t i = 0; i < PACK_FORMAT_COUNT; i++) {
		if (!(options->formats & ~(unsigned)PACK_DIR & 1U << i))
			continue;
		key_number(key, "format", i);
		key_text(key, "codec", options->compression[i].codec);
		key_number(key, "level", options->compression[i].level);
	}
	if (options->formats & PACK_LXC)
		describe_lxc(&metadata->lxc, key);
}

char *artefacts_print(const struct artefacts *artefacts, const struct memo *memo)
{
	auto_free char *blocks = memo ? memo_print(memo) : NULL;
	struct buffer out = BUFFER_INIT;

	for (size_t i = 0; i < artefacts->count; i++) {
		const struct artefact *artefact = &artefacts->items[i];

		if (artefact->files[0].is_folder)
			continue;
		buffer_addf(&out, "%s %s\n", artefact->format, digest_hex(&artefact->fingerprint).text);
		for (size_t k = 0; k < artefact->file_count; k++)
			buffer_addf(&out, "%llu %s %s\n", (unsigned long long)artefact->files[k].size_bytes,
				    digest_hex(&artefact->files[k].sha256).text, artefact->files[k].name);
	}
	if (blocks && *blocks)
		buffer_addf(&out, "\n%s", blocks);
	return buffer_take(&out);
}

void pack_learn(struct memo *memo, int kept_fd, const char *printed)
{
	const char *end = strstr(printed, "\n\n");

	if (end)
		(void)memo_learn(memo, text_of(end + 2), kept_fd);
}

static bool parse_file(struct text line, struct artefact *artefact)
{
	struct artefact_file file = { .name = NULL };

	if (artefact->file_count == ARTEFACT_FILE_MAX ||
	    !text_to_u64(text_cut(line, ' ', &line), &file.size_bytes) ||
	    !digest_parse(text_cut(line, ' ', &line), &file.sha256) || line.len == 0 ||
	    memchr(line.ptr, '/', line.len))
		return false;
	file.name = xstrndup(line.ptr, line.len);
	artefact->files[artefact->file_count++] = file;
	return true;
}

/* Whether it is what artefacts_print() writes. */
static bool parse(struct text text, struct artefacts *artefacts)
{
	while (text.len) {
		struct text line = text_cut(text, '\n', &text);
		struct artefact *last = artefacts->count ? &artefacts->items[artefacts->count - 1] : NULL;
		struct artefact artefact = { .format = NULL };
		struct text digest;

		if (last && line.len == 0)
			return true;
		if (last && parse_file(line, last))
			continue;
		artefact.format = pack_format_word(text_cut(line, ' ', &digest));
		if (!artefact.format || !digest_parse(digest, &artefact.fingerprint))
			return false;
		PUSH(artefacts->items, artefacts->count, artefact);
	}
	return artefacts->count > 0;
}

/* Where the bytes of one file are on their way to. */
struct copy {
	char *block; /* owned */
	struct sink *sink;
	int fd;
};

static void copy_release(struct copy *copy)
{
	free(copy->block);
	auto_close_(&copy->fd);
	sink_release(copy->sink);
}

static int copy_bytes(struct copy *copy, struct error *e)
{
	ssize_t got;

	while ((got = file_read_some(copy->fd, copy->block, BLOCK_BYTES, e)) > 0)
		if (interrupt_check(e) < 0 || sink_write(copy->sink, copy->block, (size_t)got, e) < 0)
			return -1;
	return got < 0 ? -1 : sink_finish(copy->sink, e);
}

/* 0 when it is not the file that is promised. */
static int copy_file(struct delivery *delivery, int kept_fd, const struct artefact_file *file,
		     struct error *e)
{
	AUTO(copy_release) struct copy copy = { .fd = -1 };
	struct digest sha256;
	uint64_t size_bytes;
	int to;

	/* Formats may share one. */
	if (delivery_fd(delivery, file->name) >= 0)
		return 1;
	copy.fd = openat(kept_fd, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (copy.fd < 0)
		return 0;
	if (delivery_add(delivery, file->name, &to, e) < 0)
		return -1;
	copy.block = xmalloc(BLOCK_BYTES);
	copy.sink = sink_sha256(sink_fd(to), &sha256, &size_bytes);
	if (copy_bytes(&copy, e) < 0)
		return error_wrap(e, "cannot copy '%s' from the cache", file->name);
	return size_bytes == file->size_bytes && digest_equal(&sha256, &file->sha256);
}

static int copy_all(struct delivery *delivery, int kept_fd, const struct artefacts *artefacts,
		    struct error *e)
{
	for (size_t i = 0; i < artefacts->count; i++)
		for (size_t k = 0; k < artefacts->items[i].file_count; k++) {
			int r = copy_file(delivery, kept_fd, &artefacts->items[i].files[k], e);

			if (r <= 0)
				return r;
		}
	return 1;
}

static uint64_t total_bytes(const struct artefacts *artefacts)
{
	uint64_t total = 0;

	for (size_t i = 0; i < artefacts->count; i++)
		for (size_t k = 0; k < artefacts->items[i].file_count; k++)
			total += artefacts->items[i].files[k].size_bytes;
	return total;
}

int pack_kept(const struct pack_options *options, int kept_fd, const char *printed, struct artefacts *out,
	      struct error *e)
{
	auto_artefacts struct artefacts artefacts = ARTEFACTS_INIT;
	auto_delivery struct delivery own = DELIVERY_INIT;
	struct delivery *delivery = options->delivery ? options->delivery : &own;
	size_t before = delivery->count;
	struct pack_options folder = *options;
	int r;

	own.folder_fd = options->output_fd;
	folder.formats &= PACK_DIR;
	if (!parse(text_of(printed), &artefacts))
		return 0;
	r = copy_all(delivery, kept_fd, &artefacts, e);
	if (r <= 0) {
		delivery_drop(delivery, before);
		return r;
	}
	if ((folder.formats && pack_into(&folder, delivery, &artefacts, e) < 0) ||
	    delivery_sync(delivery, e) < 0 || (delivery == &own && delivery_commit(delivery, e) < 0))
		return -1;
	meter_add(options->meter, METER_PACK, &(struct meter_sum) { .out_bytes = total_bytes(&artefacts) });
	*out = TAKE(artefacts, ARTEFACTS_INIT);
	return 1;
}
