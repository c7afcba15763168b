/* SPDX-License-Identifier: Apache-2.0 */
/* Formats and how each is compressed, in the words of the command line. */
#include "pack/packing.h"

#include "tree/squash.h"

/* By position of the format's bit. */
static const char *const names[PACK_FORMAT_COUNT] = { "unified", "split", "squashfs", "lxc", "tar", "dir" };

const char *pack_format_word(struct text word)
{
	for (size_t i = 0; i < PACK_FORMAT_COUNT; i++)
		if (text_is(word, names[i]))
			return names[i];
	return NULL;
}

/* The position of a format, or -1 and *e. */
static int find(struct text word, struct error *e)
{
	auto_buffer struct buffer possible = BUFFER_INIT;

	for (int i = 0; i < PACK_FORMAT_COUNT; i++)
		if (text_is(word, names[i]))
			return i;
	for (int i = 0; i < PACK_FORMAT_COUNT; i++)
		buffer_addf(&possible, "%s%s", i ? ", " : "", names[i]);
	return error_set(e, ERROR_USAGE, "unknown format '%.*s' (possible: %s)", TEXT_ARG(word),
			 possible.data);
}

int pack_formats_parse(const char *words, unsigned *formats, struct error *e)
{
	struct text rest = text_of(words);
	unsigned found = 0;

	do {
		int position = find(text_cut(rest, ',', &rest), e);

		if (position < 0)
			return -1;
		found |= 1U << position;
	} while (rest.ptr);
	*formats = found;
	return 0;
}

static int unknown_squash(struct text name, struct error *e)
{
	auto_buffer struct buffer possible = BUFFER_INIT;
	size_t count;
	const struct squash_codec *all = squash_codec_all(&count);

	for (size_t i = 0; i < count; i++)
		buffer_addf(&possible, "%s%s", i ? ", " : "", all[i].name);
	return error_set(e, ERROR_USAGE, "unknown compression '%.*s' of squashfs (possible: %s)",
			 TEXT_ARG(name), possible.data);
}

static int parse_squash(struct text word, struct pack_compression *out, struct error *e)
{
	struct text level;
	struct text name = text_cut(word, '-', &level);
	const struct squash_codec *codec = squash_codec_find(name);
	uint64_t number;

	if (!codec)
		return unknown_squash(name, e);
	*out = (struct pack_compression) { codec->name, codec->level_default };
	if (!level.ptr)
		return 0;
	if (!codec->level_max)
		return error_set(e, ERROR_USAGE, "compression '%s' of squashfs has no levels", codec->name);
	if (!text_to_u64(level, &number) || number < (uint64_t)codec->level_min ||
	    number > (uint64_t)codec->level_max)
		return error_set(e, ERROR_USAGE, "no level '%.*s' in squashfs (possible: %s-%d to %s-%d)",
				 TEXT_ARG(level), codec->name, codec->level_min, codec->name,
				 codec->level_max);
	out->level = (int)number;
	return 0;
}

static int parse_codec(struct text word, struct pack_compression *out, struct error *e)
{
	auto_free char *copy = xstrndup(word.ptr, word.len);
	const struct codec *codec;

	if (codec_parse(copy, &codec, &out->level, e) < 0)
		return -1;
	out->codec = codec->name;
	return 0;
}

static int parse_one(unsigned format, struct text word, struct pack_compression *out, struct error *e)
{
	if (format == PACK_DIR)
		return error_set(e, ERROR_USAGE, "a folder is not compressed");
	if (format == PACK_SQUASHFS)
		return parse_squash(word, out, e);
	if (parse_codec(word, out, e) < 0)
		return -1;
	if (format == PACK_LXC && strcmp(out->codec, "xz") != 0)
		return error_set(e, ERROR_USAGE, "LXC reads nothing but xz, not '%s'", out->codec);
	return 0;
}

/* What the codec for all formats is to squashfs: the same, where there is such a one. */
static struct pack_compression for_squash(const struct pack_compression *all, bool has_level)
{
	const struct squash_codec *codec = squash_codec_find(text_of(all->codec));

	if (!codec)
		codec = squash_codec_find(TEXT("zstd"));
	else if (has_level && codec->level_max)
		return (struct pack_compression) { codec->name, all->level < codec->level_max
									? all->level
									: codec->level_max };
	return (struct pack_compression) { codec->name, codec->level_default };
}

/* What WORD, which is for all formats, is to each of them. */
static int spread(struct text word, struct pack_compression out[PACK_FORMAT_COUNT], struct error *e)
{
	const struct codec *xz = codec_find(TEXT("xz"));
	bool has_level = memchr(word.ptr, '-', word.len);
	struct pack_compression all;

	if (parse_codec(word, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < PACK_FORMAT_COUNT; i++) {
		unsigned format = 1U << i;

		out[i] = all;
		if (format == PACK_SQUASHFS)
			out[i] = for_squash(&all, has_level);
		else if (format == PACK_LXC && strcmp(all.codec, xz->name) != 0)
			out[i] = (struct pack_compression) { xz->name, xz->level_default };
		else if (format == PACK_DIR)
			out[i] = (struct pack_compression) { NULL, 0 };
	}
	return 0;
}

static int parse_word(struct text word, unsigned formats, struct pack_compression out[PACK_FORMAT_COUNT],
		      bool own[PACK_FORMAT_COUNT], struct error *e)
{
	struct text codec;
	struct text format = text_cut(word, '=', &codec);
	int position = find(format, e);

	if (position < 0)
		return -1;
	if (!(formats & 1U << position))
		return error_set(e, ERROR_USAGE, "compression '%.*s': the format %s is not written",
				 TEXT_ARG(word), names[position]);
	if (own[position])
		return error_set(e, ERROR_USAGE, "two compressions for the format %s", names[position]);
	own[position] = true;
	return parse_one(1U << position, codec, &out[position], e);
}

int pack_compression_parse(const char *words, unsigned formats,
			   struct pack_compression out[PACK_FORMAT_COUNT], struct error *e)
{
	bool own[PACK_FORMAT_COUNT] = { false };
	bool has_all = false;
	struct text rest;

	if (spread(TEXT("zstd"), out, e) < 0)
		return -1;
	/* The codec for all first, wherever it stands. */
	for (rest = text_of(words); rest.ptr;) {
		struct text word = text_cut(rest, ',', &rest);

		if (memchr(word.ptr, '=', word.len))
			continue;
		if (has_all)
			return error_set(e, ERROR_USAGE,
					 "two compressions for all formats: the second is '%.*s'",
					 TEXT_ARG(word));
		has_all = true;
		if (spread(word, out, e) < 0)
			return -1;
	}
	for (rest = text_of(words); rest.ptr;) {
		struct text word = text_cut(rest, ',', &rest);

		if (memchr(word.ptr, '=', word.len) && parse_word(word, formats, out, own, e) < 0)
			return -1;
	}
	return 0;
}

/* Whether the words "CODEC-LEVEL" are possible. */
static bool has_levels(unsigned format, const char *name)
{
	if (format == PACK_SQUASHFS)
		return squash_codec_find(text_of(name))->level_max != 0;
	return codec_find(text_of(name))->level_max != 0;
}

char *pack_compression_print(unsigned formats, const struct pack_compression compression[PACK_FORMAT_COUNT])
{
	auto_buffer struct buffer words = BUFFER_INIT;

	for (size_t i = 0; i < PACK_FORMAT_COUNT; i++) {
		const struct pack_compression *one = &compression[i];

		if (!(formats & 1U << i) || !one->codec)
			continue;
		buffer_addf(&words, "%s%s=%s", words.len ? "," : "", names[i], one->codec);
		if (has_levels(1U << i, one->codec))
			buffer_addf(&words, "-%d", one->level);
	}
	return words.data ? buffer_take(&words) : xstrdup("");
}

void pack_warn(const struct pack_options *options)
{
	for (size_t i = 0; options->log && i < PACK_FORMAT_COUNT; i++) {
		const char *codec = options->compression[i].codec;

		/* squashfs has its own readers. */
		if ((options->formats & 1U << i) && (1U << i) != PACK_SQUASHFS && codec &&
		    strcmp(codec, "lz4") == 0)
			log_warn(options->log,
				 "format %s: Incus alone reads archives compressed by lz4; LXD does not",
				 names[i]);
	}
}
