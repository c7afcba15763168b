/* SPDX-License-Identifier: Apache-2.0 */
/* Where blocks end, and blocks of earlier files. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "stream/codec.h"
#include "unit/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

static const struct cut_sizes small = { 4 * KIB, 8 * KIB, 64 * KIB };

/* Files as in a tar: most records are like no other. */
static char *records(size_t len, uint64_t seed)
{
	char *data = xmalloc(len);

	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		/* A few letters, so that it can be compressed. */
		data[i] = (char)('a' + (seed >> 60));
	}
	return data;
}

/* The ends of all blocks of DATA, given in pieces of STEP bytes. */
static size_t *cut_all(const char *data, size_t len, size_t step, size_t *count)
{
	size_t *ends = NULL;
	size_t begin = 0;
	size_t seen = 0;

	*count = 0;
	while (begin + seen < len) {
		size_t more = len - begin - seen < step ? len - begin - seen : step;
		size_t end;

		if (seen + more > small.max_bytes)
			more = small.max_bytes - seen;
		end = cut_find(&small, data + begin, seen, seen + more);
		seen += more;
		if (!end)
			continue;
		begin += end;
		seen = 0;
		PUSH(ends, *count, begin);
	}
	return ends;
}

static void ends_have_limits(void **state)
{
	enum { LEN = 2 * 1024 * 1024 };
	auto_free char *data = records(LEN, 1);
	auto_free size_t *ends = NULL;
	size_t count;
	size_t at_max = 0;

	(void)state;
	ends = cut_all(data, LEN, LEN, &count);
	assert_true(count > LEN / small.max_bytes);
	for (size_t i = 0; i < count; i++) {
		size_t len = ends[i] - (i ? ends[i - 1] : 0);

		assert_true(len >= small.min_bytes && len <= small.max_bytes);
		assert_int_equal(len % CUT_RECORD_BYTES, 0);
		at_max += len == small.max_bytes;
	}
	/* min + spread on average */
	assert_true(count > LEN / (16 * KIB) && count < LEN / (9 * KIB));
	assert_true(at_max < count / 20);
}

static void ends_do_not_depend_on_writes(void **state)
{
	enum { LEN = 512 * 1024 };
	static const size_t steps[] = { 1, 511, 512, 513, 4096, 100000 };
	auto_free char *data = records(LEN, 2);
	auto_free size_t *expected = NULL;
	size_t count;

	(void)state;
	expected = cut_all(data, LEN, LEN, &count);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		size_t others;
		auto_free size_t *ends = cut_all(data, LEN, steps[i], &others);

		assert_int_equal(others, count);
		assert_memory_equal(ends, expected, count * sizeof *ends);
	}
}

/* Whoever chooses the content can do no more than this. */
static void ends_can_be_forced(void **state)
{
	enum { LEN = 512 * 1024 };
	auto_free char *data = records(LEN, 3);
	auto_free char *same = xcalloc(1, LEN);
	auto_free size_t *ends = NULL;
	size_t count;
	size_t end;

	(void)state;
	/* Nothing ends blocks of zeros, */
	ends = cut_all(same, LEN, 4096, &count);
	assert_int_equal(count, LEN / small.max_bytes);
	/* and a record that does, all over, ends each at its least size. */
	end = cut_find(&small, data, 0, small.max_bytes);
	assert_true(end >= small.min_bytes && end < small.max_bytes);
	for (size_t at = 0; at < LEN; at += CUT_RECORD_BYTES)
		memcpy(same + at, data + end - CUT_RECORD_BYTES, CUT_RECORD_BYTES);
	free(TAKE(ends, NULL));
	ends = cut_all(same, LEN, 4096, &count);
	assert_int_equal(count, LEN / small.min_bytes);
}

/* How many of the COUNT ends are not among those of the other, which is SHIFT bytes longer from AT on. */
static size_t count_new(const size_t *ends, size_t count, const size_t *others, size_t other_count,
			size_t shift)
{
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (size_t k = 0; k < other_count; k++)
			found = found || others[k] == ends[i] || others[k] + shift == ends[i];
		missing += !found;
	}
	return missing;
}

static void ends_come_back_behind_a_change(void **state)
{
	enum { LEN = 4 * 1024 * 1024, CHANGES = 20 };
	auto_free char *data = records(LEN, 4);
	auto_free size_t *before = NULL;
	size_t count;
	size_t sum = 0;

	(void)state;
	before = cut_all(data, LEN, 8192, &count);
	for (size_t i = 0; i < CHANGES; i++) {
		size_t at = (LEN / CHANGES * i + 77 * CUT_RECORD_BYTES) / CUT_RECORD_BYTES * CUT_RECORD_BYTES;
		size_t shift = (i % 40 + 1) * CUT_RECORD_BYTES;
		auto_free char *insert = records(shift, 100 + i);
		auto_free char *changed = xmalloc(LEN + shift);
		auto_free size_t *after = NULL;
		size_t others;

		memcpy(changed, data, at);
		memcpy(changed + at, insert, shift);
		memcpy(changed + at + shift, data + at, LEN - at);
		after = cut_all(changed, LEN + shift, 8192, &others);
		sum += count_new(after, others, before, count, shift);
	}
	/* Less than two ends are new, on average; one block more than that has other content. */
	assert_true(sum < 2 * CHANGES);
}

/* A folder with a file that was written through a codec, and the words about it. */
struct kept {
	struct scratch scratch;
	struct buffer bytes;
	char *words;
};

static struct buffer pack(const char *codec, int level, size_t workers, const char *data, size_t len,
			  struct memo *memo)
{
	struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;
	auto_sink struct sink *sink =
		codec_find(text_of(codec))->open_sink(sink_memory(&out), level, workers, NULL, &e);

	codec_remember(sink, memo, "image");
	assert_int_equal(sink_write(sink, data, len, &e), 0);
	assert_int_equal(sink_finish(sink, &e), 0);
	return out;
}

static void keep(struct kept *kept, const char *codec, int level, const char *data, size_t len)
{
	auto_memo struct memo *memo = memo_new();
	struct error e = ERROR_INIT;

	assert_int_equal(scratch_open(&kept->scratch), 0);
	kept->bytes = pack(codec, level, 2, data, len, memo);
	kept->words = memo_print(memo);
	assert_int_equal(
		file_replace(kept->scratch.folder_fd, "image", kept->bytes.data, kept->bytes.len, 0644, &e),
		0);
}

static void kept_release(struct kept *kept)
{
	assert_int_equal(scratch_close(&kept->scratch), 0);
	buffer_release(&kept->bytes);
	free(kept->words);
}

#define auto_kept AUTO(kept_release)

/* Pack DATA with what is kept at hand: it must be as without; how many of how many blocks were not compressed? */
static size_t pack_again(const struct kept *kept, const char *codec, int level, const char *data, size_t len,
			 size_t *block_count)
{
	auto_memo struct memo *memo = memo_new();
	auto_buffer struct buffer expected = pack(codec, level, 1, data, len, NULL);
	auto_buffer struct buffer out = BUFFER_INIT;
	size_t reused;

	(void)memo_learn(memo, text_of(kept->words), kept->scratch.folder_fd);
	out = pack(codec, level, 3, data, len, memo);
	assert_int_equal(out.len, expected.len);
	assert_memory_equal(out.data, expected.data, out.len);
	memo_count(memo, block_count, &reused);
	return reused;
}

static const struct {
	const char *name;
	int level;
	size_t len;
} codecs[] = {
	{ "gzip", 1, 6 * MIB }, { "bzip2", 1, 2 * MIB }, { "xz", 0, 10 * MIB }, { "zstd", 1, 35 * MIB }
};

static void blocks_are_used_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		size_t len = codecs[i].len;
		auto_free char *data = records(len, 5);
		auto_kept struct kept kept;
		size_t count;
		size_t reused;

		keep(&kept, codecs[i].name, codecs[i].level, data, len);
		reused = pack_again(&kept, codecs[i].name, codecs[i].level, data, len, &count);
		assert_int_equal(reused, count);
		assert_true(count > 3);
		/* What is behind a change is used as well: here all that follows the first megabyte or so. */
		data[KIB]++;
		reused = pack_again(&kept, codecs[i].name, codecs[i].level, data, len, &count);
		assert_true(reused < count && reused + 3 > count);
		/* Another level has other bytes. */
		reused = pack_again(&kept, codecs[i].name, codecs[i].level + 1, data, len, &count);
		assert_int_equal(reused, 0);
	}
}

static void none_has_no_blocks(void **state)
{
	auto_memo struct memo *memo = memo_new();
	auto_buffer struct buffer out = pack("none", 0, 1, "text", 4, memo);
	size_t count;
	size_t reused;

	(void)state;
	assert_int_equal(out.len, 4);
	memo_count(memo, &count, &reused);
	assert_int_equal(count, 0);
	codec_remember(NULL, memo, "nothing");
}

/* The user has got a link to the file, and does as he likes with it. */
static void damaged_files_are_noticed(void **state)
{
	enum { LEN = 8 * 1024 * 1024 };
	auto_free char *data = records(LEN, 6);
	auto_kept struct kept kept;
	auto_close int fd = -1;
	size_t count;
	size_t reused;

	(void)state;
	keep(&kept, "gzip", 1, data, LEN);
	fd = openat(kept.scratch.folder_fd, "image", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, (off_t)kept.bytes.len / 2), 1);
	reused = pack_again(&kept, "gzip", 1, data, LEN, &count);
	assert_int_equal(reused, count - 1);
	assert_int_equal(ftruncate(fd, 100), 0);
	reused = pack_again(&kept, "gzip", 1, data, LEN, &count);
	assert_int_equal(reused, 0);
	assert_int_equal(unlinkat(kept.scratch.folder_fd, "image", 0), 0);
	reused = pack_again(&kept, "gzip", 1, data, LEN, &count);
	assert_int_equal(reused, 0);
	assert_int_equal(mkfifoat(kept.scratch.folder_fd, "image", 0600), 0);
	reused = pack_again(&kept, "gzip", 1, data, LEN, &count);
	assert_int_equal(reused, 0);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Words that nobody wrote. What they promise is looked for, and is not there. */
static void forged_words_are_passed_over(void **state)
{
	static const struct {
		const char *words;
		bool learned;
	} cases[] = {
		{ "", true },
		{ "file image\n", true },
		{ "file image\n0 10 0 " HEX " " HEX "\n", true },
		{ "file image\n9000000000 10 0 " HEX " " HEX, true },
		{ "0 10 0 " HEX " " HEX "\n", false },
		{ "file \n", false },
		{ "file nothing\n", false },
		{ "file ../image\n", false },
		{ "file /etc/passwd\n", false },
		{ "file link\n", false },
		{ "image\n", false },
		{ "file image\n0 0 0 " HEX " " HEX "\n", false },
		{ "file image\n0 99999999999 0 " HEX " " HEX "\n", false },
		{ "file image\n18446744073709551615 10 0 " HEX " " HEX "\n", false },
		{ "file image\n-1 10 0 " HEX " " HEX "\n", false },
		{ "file image\n0 10 0 " HEX "\n", false },
		{ "file image\n0 10 0 " HEX " " HEX " x\n", false },
		{ "file image\n0 10 0 " HEX " 0123\n", false },
		{ "file image\n\n", false },
	};
	struct scratch scratch;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	assert_int_equal(file_replace(scratch.folder_fd, "image", "0123456789", 10, 0644, &e), 0);
	assert_int_equal(symlinkat("image", scratch.folder_fd, "link"), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_memo struct memo *memo = memo_new();
		auto_buffer struct buffer out = BUFFER_INIT;
		struct memo_block block;
		struct digest key;

		assert_true(digest_parse(TEXT(HEX), &key));
		if (memo_learn(memo, text_of(cases[i].words), scratch.folder_fd) != cases[i].learned)
			fail_msg("'%s'", cases[i].words);
		assert_false(memo_read(memo, &key, &block, &out));
		assert_int_equal(out.len, 0);
	}
	assert_int_equal(scratch_close(&scratch), 0);
}

/* Words about an image of more blocks than anybody has. */
static void too_many_words_are_passed_over(void **state)
{
	auto_buffer struct buffer words = BUFFER_INIT;
	auto_memo struct memo *memo = memo_new();
	struct scratch scratch;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	assert_int_equal(file_replace(scratch.folder_fd, "image", "0123456789", 10, 0644, &e), 0);
	buffer_adds(&words, "file image\n");
	for (size_t i = 0; i < 20000; i++)
		buffer_adds(&words, "0 10 0 " HEX " " HEX "\n");
	assert_false(memo_learn(memo, text_of(words.data), scratch.folder_fd));
	assert_true(memo_learn(memo, TEXT("file image\n0 10 0 " HEX " " HEX "\n"), scratch.folder_fd));
	assert_int_equal(scratch_close(&scratch), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_have_limits),
		cmocka_unit_test(ends_do_not_depend_on_writes),
		cmocka_unit_test(ends_can_be_forced),
		cmocka_unit_test(ends_come_back_behind_a_change),
		cmocka_unit_test(blocks_are_used_again),
		cmocka_unit_test(none_has_no_blocks),
		cmocka_unit_test(damaged_files_are_noticed),
		cmocka_unit_test(forged_words_are_passed_over),
		cmocka_unit_test(too_many_words_are_passed_over),
	};

	return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
