/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include <assert.h>

int sink_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	assert(!sink->closed);
	if (len == 0)
		return 0;
	if (sink->ops->write(sink, data, len, e) == 0)
		return 0;
	assert(e->kind != ERROR_NONE);
	sink->closed = true;
	return -1;
}

int sink_finish(struct sink *sink, struct error *e)
{
	assert(!sink->closed);
	sink->closed = true;
	if (sink->ops->finish(sink, e) == 0)
		return 0;
	assert(e->kind != ERROR_NONE);
	return -1;
}

void sink_release(struct sink *sink)
{
	if (sink)
		sink->ops->release(sink);
}
