/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include "base/alloc.h"

struct memory_sink {
	struct sink sink;
	struct buffer *buffer; /* borrowed; may be NULL */
};

static int memory_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct buffer *buffer = ((struct memory_sink *)sink)->buffer;

	(void)e;
	if (buffer)
		buffer_add(buffer, data, len);
	return 0;
}

static int memory_finish(struct sink *sink, struct error *e)
{
	(void)sink;
	(void)e;
	return 0;
}

static void memory_release(struct sink *sink)
{
	free(sink);
}

struct sink *sink_memory(struct buffer *buffer)
{
	static const struct sink_ops ops = { memory_write, memory_finish, memory_release };
	struct memory_sink *out = xcalloc(1, sizeof *out);

	out->sink.ops = &ops;
	out->buffer = buffer;
	return &out->sink;
}
