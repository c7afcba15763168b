/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "base/process.h"
#include "stream/codec.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <time.h>

/* What stands for a level and its block size in the tests of edges. */
static const struct edge {
	const char *codec;
	int level;
	size_t block_bytes;
} edges[] = {
	{ "none", 0, 64 * 1024 },      { "gzip", 1, 1024 * 1024 },     { "bzip2", 1, 400 * 1000 },
	{ "xz", 0, 1024 * 1024 },      { "zstd", 1, 2 * 1024 * 1024 }, { "lzma", 0, 64 * 1024 },
	{ "lz4", 1, 4 * 1024 * 1024 },
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static char *random_bytes(size_t len, uint64_t seed)
{
	char *data = xmalloc(len + 8);

	for (size_t i = 0; i < len; i += 8) {
		uint64_t value = next_random(&seed);

		memcpy(data + i, &value, 8);
	}
	return data;
}

/* Text that repeats itself near and far, as a file tree does. */
static char *compressible_bytes(size_t len)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	uint64_t seed = 7;
	char start[64 * 1024];

	while (text.len < 64 * 1024)
		buffer_addf(&text, "usr/share/doc/package-%u/copyright %u\n",
			    (unsigned)(next_random(&seed) % 5000), (unsigned)(next_random(&seed) % 10));
	memcpy(start, text.data, sizeof start);
	while (text.len < len) {
		buffer_addf(&text, "%zu\n", text.len);
		buffer_add(&text, start, sizeof start);
	}
	return buffer_take(&text);
}

static size_t thread_count(void)
{
	auto_dir DIR *dir = opendir("/proc/self/task");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

/* Threads before the first test: one, or what a sanitizer has of its own. */
static int count_threads(void **state)
{
	static size_t count;

	count = thread_count();
	*state = &count;
	return 0;
}

/* A joined thread may be listed for a moment longer. */
static void assert_no_thread_left(void **state)
{
	size_t before = *(const size_t *)*state;

	for (int i = 0; i < 200 && thread_count() > before; i++)
		nanosleep(&(struct timespec) { .tv_nsec = 5 * 1000 * 1000 }, NULL);
	assert_int_equal(thread_count(), before);
}

static struct buffer encoded(const struct codec *codec, int level, size_t worker_count, const char *data,
			     size_t len, size_t step)
{
	struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;
	auto_sink struct sink *sink = codec->open_sink(sink_memory(&out), level, worker_count, NULL, &e);

	assert_non_null(sink);
	for (size_t at = 0; at < len; at += step)
		if (sink_write(sink, data + at, len - at < step ? len - at : step, &e) < 0)
			fail_msg("%s", e.text);
	if (sink_finish(sink, &e) < 0)
		fail_msg("%s", e.text);
	return out;
}

/* By libarchive, an implementation that is not ours. */
static struct buffer decoded(const struct buffer *data)
{
	struct buffer out = BUFFER_INIT;
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	char chunk[8192];
	la_ssize_t got;

	archive_read_support_filter_all(archive);
	archive_read_support_format_raw(archive);
	archive_read_support_format_empty(archive);
	assert_int_equal(archive_read_open_memory(archive, data->data, data->len), ARCHIVE_OK);
	if (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		while ((got = archive_read_data(archive, chunk, sizeof chunk)) > 0)
			buffer_add(&out, chunk, (size_t)got);
		assert_int_equal(got, 0);
	}
	assert_int_equal(archive_read_free(archive), ARCHIVE_OK);
	return out;
}

static void assert_round_trip(const struct codec *codec, int level, const char *data, size_t len, size_t step)
{
	auto_buffer struct buffer packed = encoded(codec, level, 2, data, len, step);
	auto_buffer struct buffer back = decoded(&packed);

	assert_int_equal(back.len, len);
	if (len)
		assert_memory_equal(back.data, data, len);
	if (codec->suffix[0])
		assert_true(packed.len > 0);
}

static void codecs_round_trip(void **state)
{
	auto_free char *data = random_bytes(8 * MIB, 1);

	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		const struct codec *codec = codec_find(text_of(edges[i].codec));
		size_t block = edges[i].block_bytes;
		size_t sizes[] = { 0, 1, block - 1, block, block + 1, 2 * block, 3 * MIB + 11 };

		for (size_t k = 0; k < ARRAY_LEN(sizes); k++)
			assert_round_trip(codec, edges[i].level, data, sizes[k], 100 * 1000);
		assert_round_trip(codec, edges[i].level, data, 70000, 3);
	}
	assert_no_thread_left(state);
}

static void codecs_large_input(void **state)
{
	auto_free char *data = compressible_bytes(20 * MIB);
	size_t count;
	const struct codec *all = codec_all(&count);

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_round_trip(&all[i], all[i].level_default, data, 20 * MIB, 256 * 1024);
	for (size_t i = 0; i < count; i++)
		assert_round_trip(&all[i], all[i].level_max, data, 1 * MIB, 1000);
}

static void workers_do_not_change_bytes(void **state)
{
	static const size_t workers[] = { 1, 2, 4 };
	auto_free char *data = compressible_bytes(7 * MIB);
	auto_free char *noise = random_bytes(1 * MIB, 3);

	(void)state;
	memcpy(data + 5 * MIB, noise, 1 * MIB);
	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		const struct codec *codec = codec_find(text_of(edges[i].codec));
		auto_buffer struct buffer first = BUFFER_INIT;

		for (size_t k = 0; k < ARRAY_LEN(workers); k++) {
			auto_buffer struct buffer out =
				encoded(codec, edges[i].level, workers[k], data, 7 * MIB, 10007 * (k + 1));

			if (k == 0)
				first = TAKE(out, BUFFER_INIT);
			else
				assert_true(out.len == first.len &&
					    memcmp(out.data, first.data, out.len) == 0);
		}
	}
}

static void pinned_headers(void **state)
{
	static const char gzip_head[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff";
	auto_buffer struct buffer gzip = encoded(codec_find(TEXT("gzip")), 6, 1, "a", 1, 1);
	auto_buffer struct buffer bzip2 = encoded(codec_find(TEXT("bzip2")), 9, 1, "a", 1, 1);
	auto_buffer struct buffer xz = encoded(codec_find(TEXT("xz")), 6, 1, "a", 1, 1);
	auto_buffer struct buffer zstd = encoded(codec_find(TEXT("zstd")), 3, 1, "a", 1, 1);

	(void)state;
	assert_memory_equal(gzip.data, gzip_head, 10);
	assert_memory_equal(bzip2.data, "BZh9", 4);
	assert_memory_equal(xz.data,
			    "\xfd"
			    "7zXZ\0\0\x04",
			    8); /* CRC64 */
	assert_memory_equal(zstd.data, "\x28\xb5\x2f\xfd", 4);
	assert_int_equal(zstd.data[4] & 4, 4); /* with checksum */
}

/* The low bits of a block header's second byte: how many filters there are but one (The .xz File Format, 3.1.2). */
static int xz_filter_count(const struct buffer *xz)
{
	enum { STREAM_HEADER_BYTES = 12 };

	return (xz->data[STREAM_HEADER_BYTES + 1] & 3) + 1;
}

static void xz_filters_programs(void **state)
{
	static const struct {
		size_t at;
		unsigned char machine;
		unsigned char machine_high;
		unsigned char order; /* 1: little endian */
		size_t cut;          /* from the end */
		int filter_count;
	} cases[] = {
		{ 0, 62, 0, 1, 0, 2 },               /* x86-64 */
		{ 512 * 77, 3, 0, 1, 0, 2 },         /* i386 */
		{ 512 * 77, 183, 0, 1, 0, 1 },       /* aarch64 */
		{ 512 * 77, 62, 1, 1, 0, 1 },        /* something else */
		{ 512 * 77, 62, 0, 2, 0, 1 },        /* of other byte order */
		{ 512 * 77 + 256, 62, 0, 1, 0, 1 },  /* not where a file begins */
		{ MIB - 512, 62, 0, 1, 0, 2 },       /* the last that has room */
		{ MIB - 512, 62, 0, 1, 512 - 8, 1 }, /* cut off in the header */
	};
	const struct codec *codec = codec_find(TEXT("xz"));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *data = compressible_bytes(MIB);
		char *head = data + cases[i].at;
		size_t len = MIB - cases[i].cut;
		auto_buffer struct buffer out = BUFFER_INIT;
		auto_buffer struct buffer back = BUFFER_INIT;

		memcpy(head, "\177ELF", 4);
		head[5] = (char)cases[i].order;
		head[18] = (char)cases[i].machine;
		head[19] = (char)cases[i].machine_high;
		/* Calls, which the filter rewrites. */
		for (size_t at = 64 * KIB; at + 512 < 128 * KIB; at += 16)
			memcpy(data + at, "\xe8\0\1\0\0", 5);
		out = encoded(codec, 0, 2, data, len, 4096);
		assert_int_equal(xz_filter_count(&out), cases[i].filter_count);
		back = decoded(&out);
		assert_int_equal(back.len, len);
		assert_memory_equal(back.data, data, len);
	}
}

static void tools_accept(void **state)
{
	static const char *const tools[][2] = {
		{ "gzip", "gzip" }, { "bzip2", "bzip2" }, { "xz", "xz" }, { "zstd", "zstd" }
	};
	auto_free char *data = compressible_bytes(5 * MIB);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		const struct codec *codec = codec_find(text_of(tools[i][0]));
		auto_buffer struct buffer out = encoded(codec, codec->level_min, 2, data, 5 * MIB, 4096);
		auto_process_result struct process_result result = PROCESS_RESULT_INIT;
		struct error e = ERROR_INIT;
		char path[64];
		char name[] = "/tmp/kiln-unit-XXXXXX";
		auto_close int fd = mkstemp(name);

		assert_true(fd >= 0);
		snprintf(path, sizeof path, "%s%s", name, codec->suffix);
		assert_int_equal(rename(name, path), 0);
		assert_int_equal(file_write_fd(fd, out.data, out.len, &e), 0);
		const char *argv[] = { tools[i][1], "-t", path, NULL };
		struct process_options options = { .argv = argv,
						   .output_max_bytes = 4096,
						   .timeout_ms = 60000 };
		int ran = process_run(&options, &result, &e);

		unlink(path);
		if (ran < 0 && e.sys == ENOENT) {
			print_message("%s is not installed\n", tools[i][1]);
			continue;
		}
		assert_int_equal(ran, 0);
		assert_int_equal(result.status, 0);
	}
}

static void parse_words(void **state)
{
	static const struct {
		const char *word;
		const char *error;
	} bad[] = {
		{ "lz5", "unknown compression 'lz5' (possible: none, gzip, bzip2, xz, zstd, lzma, lz4)" },
		{ "", "unknown compression '' (possible: none, gzip, bzip2, xz, zstd, lzma, lz4)" },
		{ "zst-3", "unknown compression 'zst' (possible: none, gzip, bzip2, xz, zstd, lzma, lz4)" },
		{ "none-1", "compression 'none' has no levels, but 'none-1' gives one" },
		{ "zstd-20", "no level '20' in compression 'zstd-20' (possible: zstd-1 to zstd-19)" },
		{ "zstd-0", "no level '0' in compression 'zstd-0' (possible: zstd-1 to zstd-19)" },
		{ "xz-", "no level '' in compression 'xz-' (possible: xz-0 to xz-9)" },
		{ "xz--1", "no level '-1' in compression 'xz--1' (possible: xz-0 to xz-9)" },
		{ "gzip-6x", "no level '6x' in compression 'gzip-6x' (possible: gzip-1 to gzip-9)" },
	};
	static const struct {
		const char *word;
		const char *name;
		int level;
	} good[] = {
		{ "none", "none", 0 }, { "gzip", "gzip", 6 }, { "bzip2-1", "bzip2", 1 }, { "xz-0", "xz", 0 },
		{ "xz", "xz", 6 },     { "zstd", "zstd", 3 }, { "zstd-19", "zstd", 19 },
	};
	const struct codec *codec = NULL;
	int level = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct error e = ERROR_INIT;

		assert_int_equal(codec_parse(bad[i].word, &codec, &level, &e), -1);
		assert_int_equal(e.kind, ERROR_USAGE);
		assert_string_equal(e.text, bad[i].error);
		assert_null(codec);
		assert_int_equal(level, 77);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct error e = ERROR_INIT;

		assert_int_equal(codec_parse(good[i].word, &codec, &level, &e), 0);
		assert_string_equal(codec->name, good[i].name);
		assert_int_equal(level, good[i].level);
	}
}

static void sha256_counts(void **state)
{
	struct digest digest;
	struct digest both;
	struct digest expected = sha256_of("abc", 3);
	struct digest expected_both = sha256_of("headabc", 7);
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;
	uint64_t size_bytes = 0;
	auto_sink struct sink *sink =
		sink_sha256_after(sink_sha256(sink_memory(&out), &digest, &size_bytes), "head", 4, &both);

	(void)state;
	assert_int_equal(sink_write(sink, "ab", 2, &e), 0);
	assert_int_equal(sink_write(sink, "", 0, &e), 0);
	assert_int_equal(sink_write(sink, "c", 1, &e), 0);
	assert_int_equal(sink_finish(sink, &e), 0);
	assert_true(digest_equal(&digest, &expected));
	assert_true(digest_equal(&both, &expected_both));
	assert_int_equal(size_bytes, 3);
	assert_string_equal(out.data, "abc");
}

/* Takes LIMIT bytes, then fails; with LIMIT 0 only finish() fails. */
struct broken {
	struct sink sink;
	size_t limit;
	size_t taken;
	bool *released;
};

static int broken_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct broken *broken = (struct broken *)sink;

	(void)data;
	broken->taken += len;
	return broken->limit && broken->taken > broken->limit ? error_set(e, ERROR_SYSTEM, "broken") : 0;
}

static int broken_finish(struct sink *sink, struct error *e)
{
	return ((struct broken *)sink)->limit ? 0 : error_set(e, ERROR_SYSTEM, "broken at the end");
}

static void broken_release(struct sink *sink)
{
	*((struct broken *)sink)->released = true;
	free(sink);
}

static struct sink *sink_broken(size_t limit, bool *released)
{
	static const struct sink_ops ops = { broken_write, broken_finish, broken_release };
	struct broken *broken = xcalloc(1, sizeof *broken);

	*released = false;
	broken->sink.ops = &ops;
	broken->limit = limit;
	broken->released = released;
	return &broken->sink;
}

/* Write until it fails; the error has to come, at the latest from finish(). */
static void assert_fails(void **state, struct sink *sink, const char *data, size_t len, enum error_kind kind)
{
	struct error e = ERROR_INIT;
	int result = 0;

	assert_non_null(sink);
	for (size_t at = 0; result == 0 && at < len; at += 50000)
		result = sink_write(sink, data + at, len - at < 50000 ? len - at : 50000, &e);
	if (result == 0)
		result = sink_finish(sink, &e);
	assert_int_equal(result, -1);
	assert_int_equal(e.kind, kind);
	sink_release(sink);
	assert_no_thread_left(state);
}

static void errors_come_back(void **state)
{
	auto_free char *data = random_bytes(4 * MIB, 9);
	size_t limits[] = { 0, 1, 300 * 1000, 3 * MIB };

	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		const struct codec *codec = codec_find(text_of(edges[i].codec));

		for (size_t k = 0; k < ARRAY_LEN(limits); k++) {
			struct error e = ERROR_INIT;
			bool released;
			struct sink *next = sink_broken(limits[k], &released);

			assert_fails(state, codec->open_sink(next, edges[i].level, 2, NULL, &e), data,
				     4 * MIB, ERROR_SYSTEM);
			assert_true(released);
			next = codec->open_sink(sink_broken(limits[k], &released), edges[i].level, 2, NULL,
						&e);
			assert_fails(state, sink_thread(next, NULL, &e), data, 4 * MIB, ERROR_SYSTEM);
			assert_true(released);
		}
	}
}

static void full_device(void **state)
{
	auto_free char *data = random_bytes(5 * MIB, 4);

	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		auto_close int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
		struct error e = ERROR_INIT;
		const struct codec *codec = codec_find(text_of(edges[i].codec));

		assert_true(fd >= 0);
		assert_fails(state, sink_thread(codec_open(codec, -1, sink_fd(fd), NULL, &e), NULL, &e), data,
			     5 * MIB, ERROR_SPACE);
	}
}

static void release_without_finish(void **state)
{
	auto_free char *data = random_bytes(5 * MIB, 5);
	size_t amounts[] = { 0, 1, 5 * MIB };

	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		for (size_t k = 0; k < ARRAY_LEN(amounts); k++) {
			auto_buffer struct buffer out = BUFFER_INIT;
			struct error e = ERROR_INIT;
			const struct codec *codec = codec_find(text_of(edges[i].codec));
			struct sink *sink = sink_thread(
				codec->open_sink(sink_memory(&out), edges[i].level, 4, NULL, &e), NULL, &e);

			assert_int_equal(sink_write(sink, data, amounts[k], &e), 0);
			sink_release(sink);
			assert_no_thread_left(state);
		}
	}
}

static void thread_keeps_order(void **state)
{
	auto_free char *data = random_bytes(9 * MIB, 6);
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e = ERROR_INIT;
	auto_sink struct sink *sink = sink_thread(sink_memory(&out), NULL, &e);
	size_t at = 0;

	for (size_t step = 1; at < 9 * MIB; step = step * 2 % 1000003 + 1) {
		size_t part = 9 * MIB - at < step ? 9 * MIB - at : step;

		assert_int_equal(sink_write(sink, data + at, part, &e), 0);
		at += part;
	}
	assert_int_equal(sink_finish(sink, &e), 0);
	assert_int_equal(out.len, 9 * MIB);
	assert_memory_equal(out.data, data, 9 * MIB);
	assert_no_thread_left(state);
}

static size_t tiny_block_bytes(int level)
{
	(void)level;
	return 100;
}

static uint64_t tiny_encoder_bytes(int level)
{
	(void)level;
	return 1;
}

/* Copies, and takes its time for blocks that begin with 's'. */
static int copy_encode(struct block *block, struct error *e)
{
	(void)e;
	if (block->data[0] == 's')
		nanosleep(&(struct timespec) { .tv_nsec = 50 * 1000 * 1000 }, NULL);
	buffer_add(&block->out, block->data, block->len);
	return 0;
}

/* The ring fills up behind a slow block while those after it are done. */
static void slow_blocks_keep_order(void **state)
{
	static const struct block_format format = { .block_bytes = tiny_block_bytes,
						    .encoder_bytes = tiny_encoder_bytes,
						    .encode = copy_encode };

	for (size_t workers = 1; workers <= 4; workers++) {
		auto_buffer struct buffer in = BUFFER_INIT;
		auto_buffer struct buffer out = BUFFER_INIT;
		struct error e = ERROR_INIT;
		auto_sink struct sink *sink = sink_blocks(&format, sink_memory(&out), 1, workers, NULL, &e);

		for (size_t i = 0; i < 150; i++)
			buffer_addf(&in, "%s%099zu", i % 37 == 0 ? "s" : "f", i);
		assert_int_equal(sink_write(sink, in.data, in.len - 7, &e), 0);
		assert_int_equal(sink_finish(sink, &e), 0);
		assert_int_equal(out.len, in.len - 7);
		assert_memory_equal(out.data, in.data, out.len);
	}
	assert_no_thread_left(state);
}

static void constructors_pass_failure_on(void **state)
{
	struct error e = ERROR_INIT;
	struct digest digest;
	size_t count;
	const struct codec *all = codec_all(&count);

	(void)state;
	error_set(&e, ERROR_SYSTEM, "first");
	assert_null(sink_sha256(NULL, &digest, NULL));
	assert_null(sink_thread(NULL, NULL, &e));
	for (size_t i = 0; i < count; i++)
		assert_null(codec_open(&all[i], -1, NULL, NULL, &e));
	assert_string_equal(e.text, "first");
	sink_release(NULL);
}

/* Two compressors that need more than there is take turns, and both end. */
static void memory_is_shared(void **state)
{
	auto_free char *data = compressible_bytes(3 * MIB);
	struct codec_memory memory;
	const struct codec *xz = codec_find(TEXT("xz"));
	struct error e = ERROR_INIT;

	(void)state;
	codec_memory_init(&memory, 2);
	{
		auto_buffer struct buffer one = BUFFER_INIT;
		auto_buffer struct buffer two = BUFFER_INIT;
		auto_sink struct sink *a =
			sink_thread(codec_open(xz, 9, sink_memory(&one), &memory, &e), NULL, &e);
		auto_sink struct sink *b =
			sink_thread(codec_open(xz, 9, sink_memory(&two), &memory, &e), NULL, &e);

		assert_int_equal(sink_write(a, data, 3 * MIB, &e), 0);
		assert_int_equal(sink_write(b, data, 3 * MIB, &e), 0);
		assert_int_equal(sink_finish(a, &e), 0);
		assert_int_equal(sink_finish(b, &e), 0);
		assert_int_equal(one.len, two.len);
		assert_memory_equal(one.data, two.data, one.len);
	}
	assert_int_equal(memory.budget.free_bytes, CODEC_MEMORY_BYTES);
	codec_memory_release(&memory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(codecs_round_trip),
		cmocka_unit_test(codecs_large_input),
		cmocka_unit_test(workers_do_not_change_bytes),
		cmocka_unit_test(pinned_headers),
		cmocka_unit_test(xz_filters_programs),
		cmocka_unit_test(tools_accept),
		cmocka_unit_test(parse_words),
		cmocka_unit_test(sha256_counts),
		cmocka_unit_test(errors_come_back),
		cmocka_unit_test(full_device),
		cmocka_unit_test(release_without_finish),
		cmocka_unit_test(thread_keeps_order),
		cmocka_unit_test(slow_blocks_keep_order),
		cmocka_unit_test(constructors_pass_failure_on),
		cmocka_unit_test(memory_is_shared),
	};

	return cmocka_run_group_tests_name("stream", tests, count_threads, NULL);
}
