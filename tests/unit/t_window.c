/* SPDX-License-Identifier: Apache-2.0 */
/* What decoders will need, told by the first bytes; and that those who share memory do not take more than there is. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/pool.h"
#include "stream/stream.h"
#include "stream/window.h"

#include <endian.h>
#include <lzma.h>
#include <sys/mman.h>
#include <zstd.h>

enum { ROOM_BYTES = 64 * 1024, CONTENT_BYTES = 3000, ITEM_COUNT = 400 };

static void assert_about(uint64_t bytes, uint64_t least)
{
	if (bytes < least || bytes > least + 1 * MIB)
		fail_msg("%llu is not about %llu", (unsigned long long)bytes, (unsigned long long)least);
}

/* Bytes that do not compress to next to nothing. */
static void fill(char *content, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		content[i] = (char)(x >> 24);
	}
}

/* In the block header at BLOCK (xz-file-format, 3.1), which has one filter, LZMA2. */
static void set_dictionary(uint8_t *block, uint32_t mib)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block header = { .version = 0, .filters = filters, .check = LZMA_CHECK_CRC32 };
	lzma_options_lzma options;

	header.header_size = lzma_block_header_size_decode(block[0]);
	assert_int_equal(lzma_block_header_decode(&header, NULL, block), LZMA_OK);
	options = *(lzma_options_lzma *)filters[0].options;
	free(filters[0].options);
	options.dict_size = mib << 20;
	filters[0].options = &options;
	assert_int_equal(lzma_block_header_encode(&header, block), LZMA_OK);
}

/* A stream of two blocks, each of the same content, that claim to need dictionaries of so many MiB. */
static void add_stream(struct buffer *out, uint32_t first_mib, uint32_t second_mib)
{
	static uint8_t room[ROOM_BYTES];
	const uint32_t dictionaries_mib[] = { first_mib, second_mib };
	lzma_stream_flags flags = { .version = 0, .check = LZMA_CHECK_CRC32 };
	lzma_index *index = lzma_index_init(NULL);
	char content[CONTENT_BYTES];
	size_t len = LZMA_STREAM_HEADER_SIZE;

	fill(content, sizeof content);
	assert_int_equal(lzma_stream_header_encode(&flags, room), LZMA_OK);
	for (size_t i = 0; i < 2; i++) {
		lzma_options_lzma options;
		lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
		lzma_block block = { .version = 0, .filters = filters, .check = LZMA_CHECK_CRC32 };
		size_t begin = len;

		lzma_lzma_preset(&options, 0);
		assert_int_equal(lzma_block_buffer_encode(&block, NULL, (const uint8_t *)content,
							  sizeof content, room, &len, sizeof room),
				 LZMA_OK);
		set_dictionary(room + begin, dictionaries_mib[i]);
		assert_int_equal(lzma_index_append(index, NULL, lzma_block_unpadded_size(&block),
						   block.uncompressed_size),
				 LZMA_OK);
	}
	flags.backward_size = lzma_index_size(index);
	assert_int_equal(lzma_index_buffer_encode(index, room, &len, sizeof room), LZMA_OK);
	assert_int_equal(lzma_stream_footer_encode(&flags, room + len), LZMA_OK);
	lzma_index_end(index, NULL);
	buffer_add(out, room, len + LZMA_STREAM_HEADER_SIZE);
}

/* How many bytes DATA is decompressed to, and what is taken of a budget of BUDGET_BYTES before it is closed. */
static int decode(const struct buffer *data, uint64_t *len, uint64_t *taken, struct error *e)
{
	auto_close int fd = memfd_create("xz", MFD_CLOEXEC);
	struct budget budget;
	const struct decoder_limits limits = { MIB, 0, &budget };
	struct decoder *decoder = NULL;
	const void *piece;
	size_t piece_len;
	int r;

	*len = 0;
	*taken = 0;
	assert_true(fd >= 0);
	assert_int_equal(file_write_fd(fd, data->data, data->len, e), 0);
	budget_init(&budget, 128 * MIB);
	r = decoder_open(fd, limits, &decoder, e);
	if (r == 0) {
		while ((r = decoder_next(decoder, &piece, &piece_len, e)) > 0)
			*len += piece_len;
		*taken = budget.all_bytes - budget.free_bytes;
	}
	decoder_close(decoder);
	assert_true(budget.free_bytes == budget.all_bytes);
	budget_release(&budget);
	return r;
}

/* Each block of each stream may say what it needs: all of them are asked, not the first alone. */
static void xz(void **state)
{
	static const struct {
		uint32_t mib[4]; /* of two blocks in each of two streams */
		unsigned good;   /* blocks that come out */
		uint32_t taken_mib;
	} cases[] = {
		{ { 1, 1, 1, 1 }, 4, 1 },   { { 1, 8, 1, 1 }, 4, 8 },    { { 64, 1, 1, 1 }, 4, 64 },
		{ { 1, 1, 8, 64 }, 4, 64 }, { { 512, 1, 1, 1 }, 0, 0 },  { { 1, 512, 1, 1 }, 1, 1 },
		{ { 8, 1, 512, 1 }, 2, 8 }, { { 1, 1, 1, 1024 }, 3, 1 }, { { 1, 256, 1, 1 }, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_buffer struct buffer data = BUFFER_INIT;
		struct error e = ERROR_INIT;
		uint64_t taken;
		uint64_t len;
		int r;

		add_stream(&data, cases[i].mib[0], cases[i].mib[1]);
		add_stream(&data, cases[i].mib[2], cases[i].mib[3]);
		r = decode(&data, &len, &taken, &e);
		assert_int_equal(r, cases[i].good == 4 ? 0 : -1);
		if (r < 0) {
			assert_int_equal(e.kind, ERROR_FORMAT);
			assert_non_null(strstr(e.text, "MiB of memory, more than the limit of 130"));
		}
		/* What the failing call itself had decoded is lost. */
		assert_true(r == 0 ? len == 4 * CONTENT_BYTES : len <= cases[i].good * CONTENT_BYTES);
		assert_about(taken, cases[i].taken_mib * MIB);
	}
}

static void lzma_alone(void **state)
{
	static const uint32_t dictionaries_mib[] = { 1, 64, 128, 512, 2048 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dictionaries_mib); i++) {
		static uint8_t room[ROOM_BYTES];
		auto_buffer struct buffer data = BUFFER_INIT;
		char content[CONTENT_BYTES];
		lzma_options_lzma options;
		lzma_stream stream = LZMA_STREAM_INIT;
		uint32_t dictionary = htole32(dictionaries_mib[i] << 20);
		struct error e = ERROR_INIT;
		uint64_t taken;
		uint64_t len;
		int r;

		fill(content, sizeof content);
		lzma_lzma_preset(&options, 0);
		assert_int_equal(lzma_alone_encoder(&stream, &options), LZMA_OK);
		stream.next_in = (const uint8_t *)content;
		stream.avail_in = sizeof content;
		stream.next_out = room;
		stream.avail_out = sizeof room;
		assert_int_equal(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
		memcpy(room + 1, &dictionary, sizeof dictionary);
		buffer_add(&data, room, sizeof room - stream.avail_out);
		lzma_end(&stream);
		r = decode(&data, &len, &taken, &e);
		assert_int_equal(r, dictionaries_mib[i] <= 128 ? 0 : -1);
		assert_int_equal(len, r < 0 ? 0 : CONTENT_BYTES);
		assert_about(taken, r < 0 ? 0 : dictionaries_mib[i] * MIB);
		assert_true(r == 0 || strstr(e.text, "MiB of memory, more than the limit of 130"));
	}
}

static void zstd(void **state)
{
	static const int logs[] = { 10, 17, 23, 27 };
	static const size_t lens[] = { 200, 255, 256, 1000, 65791, 65792, 100000 };
	size_t room = ZSTD_compressBound(100000);
	auto_free char *content = xmalloc(100000);
	auto_free char *out = xmalloc(room);

	(void)state;
	fill(content, 100000);
	for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
		ZSTD_CCtx *encoder = ZSTD_createCCtx();
		ZSTD_outBuffer to = { out, room, 0 };
		ZSTD_inBuffer from = { content, CONTENT_BYTES, 0 };

		/* In two steps: what is known to be small gets a smaller window. */
		ZSTD_CCtx_setParameter(encoder, ZSTD_c_windowLog, logs[i]);
		assert_false(ZSTD_isError(ZSTD_compressStream2(encoder, &to, &from, ZSTD_e_flush)));
		assert_int_equal(ZSTD_compressStream2(encoder, &to, &from, ZSTD_e_end), 0);
		ZSTD_freeCCtx(encoder);
		assert_true(window_bytes(out, to.pos) == 1ULL << logs[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		size_t len = ZSTD_compress(out, room, content, lens[i], 3);

		assert_false(ZSTD_isError(len));
		assert_true(out[4] & 0x20); /* a single segment */
		if (window_bytes(out, len) != lens[i])
			fail_msg("%zu: %llu", lens[i], (unsigned long long)window_bytes(out, len));
	}
}

static void others(void **state)
{
	char plain[WINDOW_HEAD_BYTES] = "Package: tiny";

	(void)state;
	assert_true(window_bytes("\x1f\x8b\x08", 3) <= MIB);
	assert_about(window_bytes("BZh91AY", 7), 4 * MIB);
	assert_true(window_bytes(plain, sizeof plain) == 0);
	assert_true(window_bytes(plain, 5) == UINT64_MAX);
	assert_true(window_bytes("", 0) == UINT64_MAX);
}

struct sharing {
	struct budget budget;
	pthread_mutex_t lock;
	uint64_t taken;
	uint64_t most;
};

static int share(void *context, size_t index, struct error *e)
{
	struct sharing *sharing = context;
	/* Every eighth wants more than there is. */
	uint64_t bytes = index % 8 == 7 ? UINT64_MAX : 10 + index % 30;
	uint64_t counted = bytes < 100 ? bytes : 100;

	(void)e;
	budget_take(&sharing->budget, bytes);
	pthread_mutex_lock(&sharing->lock);
	sharing->taken += counted;
	if (sharing->taken > sharing->most)
		sharing->most = sharing->taken;
	pthread_mutex_unlock(&sharing->lock);
	usleep(200);
	pthread_mutex_lock(&sharing->lock);
	sharing->taken -= counted;
	pthread_mutex_unlock(&sharing->lock);
	budget_give(&sharing->budget, bytes);
	return 0;
}

static void shared_memory(void **state)
{
	struct sharing sharing = { .taken = 0 };
	struct error e = ERROR_INIT;

	(void)state;
	pthread_mutex_init(&sharing.lock, NULL);
	budget_init(&sharing.budget, 100);
	assert_int_equal(pool_run(16, ITEM_COUNT, share, &sharing, &e), 0);
	assert_true(sharing.most <= 100 && sharing.most > 40);
	assert_int_equal(sharing.budget.free_bytes, 100);
	budget_release(&sharing.budget);
	budget_take(NULL, 5);
	budget_give(NULL, 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(xz),     cmocka_unit_test(lzma_alone),    cmocka_unit_test(zstd),
		cmocka_unit_test(others), cmocka_unit_test(shared_memory),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
