/* SPDX-License-Identifier: Apache-2.0 */
/* decode_fd(): what the usual tools wrote, whole and broken. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "stream/stream.h"

#include <sys/mman.h>

static const char plain[] = "hello\nhello\nhello\n";

#define B(bytes) \
	{ \
		(bytes), sizeof(bytes) - 1 \
	}

/* "hello" three times, by gzip, xz, zstd, bzip2 and lzma */
static const struct text packed[] = {
	B("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\xca\x40\x22\x01\x3a\x37\x66\x3d"
	  "\x12\x00\x00\x00"),
	B("\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3"
	  "\xe0\x00\x11\x00\x0b\x5d\x00\x34\x19\x49\xee\x8d\xdd\x4e\xc5\x85\xe0\x00\x00\x00\xe5\x95\x5e\xbc"
	  "\xb6\xd0\xac\x09\x00\x01\x27\x12\x06\x76\xfa\x09\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a"),
	B("\x28\xb5\x2f\xfd\x04\x58\x65\x00\x00\x30\x68\x65\x6c\x6c\x6f\x0a\x01\x00\xe1\x4a\x11\xef\x08\x12"
	  "\xe1"),
	B("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x27\xbc\x66\x71\x00\x00\x04\x41\x00\x00\x10\x02\x44\xa0"
	  "\x00\x22\x3f\x54\x64\x19\xa0\xa8\xe4\x5c\x78\xbb\x92\x29\xc2\x84\x81\x3d\xe3\x33\x88"),
	B("\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x34\x19\x49\xee\x8d\xdd\x4e\xc6\xa5\xc5"
	  "\xa3\xff\xff\x78\xa4\x00\x00"),
};

/* Nothing, by the same */
static const struct text empty[] = {
	B("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	B("\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x00\x00\x00\x00\x1c\xdf\x44\x21\x1f\xb6\xf3\x7d"
	  "\x01\x00\x00\x00\x00\x04\x59\x5a"),
	B("\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00\x99\xe9\xd8\x51"),
	B("\x42\x5a\x68\x39\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00"),
	B("\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x83\xff\xfb\xff\xff\xc0\x00\x00\x00"),
};

/* The first of PACKED, through gzip once more */
static const struct text twice =
	B("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x93\xef\xe6\x60\x00\x03\xe6\xd3\x1e\x67\x4f\x9e\x7c\x7e"
	  "\xca\x41\x89\xd1\xca\x3c\xcd\x56\x08\x28\x0a\x00\xd1\x9c\xcd\xdb\x1c\x00\x00\x00");

static int decode(struct text data, uint64_t max_bytes, struct buffer *out, struct error *e)
{
	auto_close int fd = memfd_create("test", MFD_CLOEXEC);
	auto_sink struct sink *sink = sink_memory(out);

	*e = ERROR_INIT;
	buffer_reset(out);
	assert_int_equal(file_write_fd(fd, data.ptr, data.len, e), 0);
	return decode_fd(fd, max_bytes, NULL, sink, e);
}

static void assert_decodes(struct text data, struct text expected)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e;

	if (decode(data, 1000, &out, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(out.len, expected.len);
	if (expected.len)
		assert_memory_equal(out.data, expected.ptr, expected.len);
}

static void every_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(packed); i++)
		assert_decodes(packed[i], text_of(plain));
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		assert_decodes(empty[i], TEXT(""));
	assert_decodes(text_of(plain), text_of(plain));
	assert_decodes(TEXT(""), TEXT(""));
	assert_decodes(TEXT("B"), TEXT("B"));
}

/* Two compressed files behind each other are one, as for the tools. */
static void joined(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		auto_buffer struct buffer both = BUFFER_INIT;

		buffer_add(&both, packed[i].ptr, packed[i].len);
		buffer_add(&both, packed[i].ptr, packed[i].len);
		assert_decodes((struct text) { both.data, both.len },
			       TEXT("hello\nhello\nhello\nhello\nhello\nhello\n"));
	}
}

static void one_layer_only(void **state)
{
	(void)state;
	assert_decodes(twice, packed[0]);
}

static void cut_short(void **state)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e;

	(void)state;
	/* Of the magic bytes alone there is nothing to say what they begin. */
	for (size_t i = 0; i < ARRAY_LEN(packed); i++)
		for (size_t len = 6; len < packed[i].len; len++) {
			struct text part = { packed[i].ptr, len };

			if (decode(part, 1000, &out, &e) == 0)
				fail_msg("kind %zu passes with %zu of %zu bytes", i, len, packed[i].len);
			assert_int_equal(e.kind, ERROR_FORMAT);
		}
}

static void limits(void **state)
{
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(packed); i++) {
		assert_int_equal(decode(packed[i], sizeof plain - 1, &out, &e), 0);
		assert_int_equal(decode(packed[i], sizeof plain - 2, &out, &e), -1);
		assert_int_equal(e.kind, ERROR_FORMAT);
		assert_non_null(strstr(e.text, "more than the limit of 17 bytes"));
	}
	assert_int_equal(decode(text_of(plain), 5, &out, &e), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind), cmocka_unit_test(joined), cmocka_unit_test(one_layer_only),
		cmocka_unit_test(cut_short),  cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
