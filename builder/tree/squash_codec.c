/* SPDX-License-Identifier: Apache-2.0 */
/* The library's compressors, so that they can be stopped. */
#include "tree/squash_parts.h"

#include "base/interrupt.h"
#include "base/limits.h"

#include <sqfs/error.h>

/* With the levels that mksquashfs takes by itself. */
static const struct squash_codec codecs[] = {
	{ "xz", 0, 9, 6, SQFS_COMP_XZ, 0 },
	{ "zstd", 1, 19, 15, SQFS_COMP_ZSTD, 0 },
	{ "gzip", 1, 9, 9, SQFS_COMP_GZIP, 0 },
	{ "lz4", 0, 0, 0, SQFS_COMP_LZ4, SQFS_COMP_FLAG_LZ4_HC },
};

const struct squash_codec *squash_codec_all(size_t *count)
{
	*count = ARRAY_LEN(codecs);
	return codecs;
}

const struct squash_codec *squash_codec_find(struct text name)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (text_is(name, codecs[i].name))
			return &codecs[i];
	return NULL;
}

/* Stands in front of one of the library's, each thread with a copy of its own. */
struct guarded {
	sqfs_compressor_t compressor;
	sqfs_compressor_t *inner; /* owned */
	struct squash *squash;    /* borrowed */
};

static void guarded_destroy(sqfs_object_t *object)
{
	struct guarded *guarded = (struct guarded *)object;

	sqfs_destroy(guarded->inner);
	free(guarded);
}

static void get_configuration(const sqfs_compressor_t *base, sqfs_compressor_config_t *out)
{
	const struct guarded *guarded = (const struct guarded *)base;

	guarded->inner->get_configuration(guarded->inner, out);
}

static int write_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
	struct guarded *guarded = (struct guarded *)base;

	return guarded->inner->write_options(guarded->inner, file);
}

static int read_options(sqfs_compressor_t *base, sqfs_file_t *file)
{
	struct guarded *guarded = (struct guarded *)base;

	return guarded->inner->read_options(guarded->inner, file);
}

static sqfs_s32 do_block(sqfs_compressor_t *base, const sqfs_u8 *in, sqfs_u32 len, sqfs_u8 *out,
			 sqfs_u32 room)
{
	struct guarded *guarded = (struct guarded *)base;
	struct squash *squash = guarded->squash;
	sqfs_s32 result;

	/* As if it could not be made smaller: nobody is going to look at it. */
	if (atomic_load(&squash->stopped) || interrupt_requested())
		return 0;
	result = guarded->inner->do_block(guarded->inner, in, len, out, room);
	/* That for lz4 gives blocks out that are larger than they were, which readers refuse. */
	return result > 0 && (sqfs_u32)result >= len ? 0 : result;
}

static struct guarded *guard(struct squash *squash, sqfs_compressor_t *inner);

static sqfs_object_t *guarded_copy(const sqfs_object_t *object)
{
	const struct guarded *guarded = (const struct guarded *)object;
	sqfs_compressor_t *inner = sqfs_copy(guarded->inner);

	if (!inner)
		abort();
	return (sqfs_object_t *)guard(guarded->squash, inner);
}

static struct guarded *guard(struct squash *squash, sqfs_compressor_t *inner)
{
	struct guarded *guarded = xcalloc(1, sizeof *guarded);

	guarded->compressor = (sqfs_compressor_t) {
		.base = { .destroy = guarded_destroy, .copy = guarded_copy },
		.get_configuration = get_configuration,
		.write_options = write_options,
		.read_options = read_options,
		.do_block = do_block,
	};
	guarded->inner = inner;
	guarded->squash = squash;
	return guarded;
}

int squash_compressors(struct squash *squash, struct error *e)
{
	const struct squash_codec *codec = squash->options.codec;
	sqfs_compressor_config_t configuration;
	sqfs_compressor_t *inner;
	SQFS_COMPRESSOR id = (SQFS_COMPRESSOR)codec->id;

	if (sqfs_compressor_config_init(&configuration, id, SQUASH_BLOCK_BYTES, (sqfs_u16)codec->flags) != 0)
		return error_set(e, ERROR_INTERNAL, "libsquashfs does not know '%s'", codec->name);
	configuration.level = (sqfs_u32)squash->options.level;
	if (sqfs_compressor_create(&configuration, &inner) != 0)
		return error_set(e, ERROR_SYSTEM, "this libsquashfs was built without '%s'", codec->name);
	squash->compressor = &guard(squash, inner)->compressor;
	configuration.flags |= SQFS_COMP_FLAG_UNCOMPRESS;
	if (sqfs_compressor_create(&configuration, &squash->decompressor) != 0)
		return error_set(e, ERROR_SYSTEM, "this libsquashfs was built without '%s'", codec->name);
	if (sqfs_super_init(&squash->super, SQUASH_BLOCK_BYTES, (sqfs_u32)squash->options.epoch_s, id) != 0)
		return error_set(e, ERROR_INTERNAL, "libsquashfs refuses the size of blocks");
	return 0;
}
