/* SPDX-License-Identifier: Apache-2.0 */
/* What decoders will need, told by the first bytes; and that those who share memory do not take more than there is. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/pool.h"
#include "stream/stream.h"
#include "stream/window.h"

#include <lzma.h>
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

static void xz(void **state)
{
	static const uint32_t dictionaries_mib[] = { 1, 8, 64, 256 };
	uint8_t out[ROOM_BYTES];
	char content[CONTENT_BYTES];

	(void)state;
	fill(content, sizeof content);
	for (size_t i = 0; i < ARRAY_LEN(dictionaries_mib); i++) {
		lzma_options_lzma options;
		lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
		size_t len = 0;

		lzma_lzma_preset(&options, 0);
		options.dict_size = dictionaries_mib[i] << 20;
		assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC64, NULL,
							   (const uint8_t *)content, sizeof content, out,
							   &len, sizeof out),
				 LZMA_OK);
		assert_about(window_bytes(out, len), dictionaries_mib[i] * MIB);
		assert_about(window_bytes(out, WINDOW_HEAD_BYTES), dictionaries_mib[i] * MIB);
		assert_true(window_bytes(out, WINDOW_HEAD_BYTES - 1) == UINT64_MAX);
		out[14] ^= 1; /* in the block's header */
		assert_true(window_bytes(out, len) == UINT64_MAX);
	}
}

static void lzma_alone(void **state)
{
	uint8_t head[WINDOW_HEAD_BYTES] = { 0x5d, 0, 0, 0, 4 }; /* 64 MiB */

	(void)state;
	assert_true(window_bytes(head, sizeof head) == 64 * MIB);
	assert_true(window_bytes(head, 4) == UINT64_MAX);
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
