/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of unpacking that bring packages by a fetch_open_cached() of their own: a cache that has nothing else
 * and keeps nothing.
 */
#ifndef TESTS_UNIT_NO_CACHE_H
#define TESTS_UNIT_NO_CACHE_H

#include "base/alloc.h"
#include "fetch/derived.h"
#include "fetch/fetch.h"

#include <assert.h>

int fetch_files(struct fetcher *fetcher, const struct fetch_request *requests, size_t count, const char *one,
		const char *many, struct error *e)
{
	(void)fetcher;
	(void)count;
	(void)one;
	(void)many;
	return error_set(e, ERROR_FETCH, "%s: cannot be fetched in this test", requests[0].label);
}

char *fetch_join(const char *uri, const char *path)
{
	return xasprintf("%s/%s", uri, path);
}

bool fetch_derived_open(struct fetcher *fetcher, const struct digest *source, struct derived *derived)
{
	(void)fetcher;
	(void)source;
	(void)derived;
	return false;
}

int derived_open_part(struct derived *derived, enum derived_part part, struct quick **quick, struct error *e)
{
	(void)derived;
	(void)part;
	(void)quick;
	(void)e;
	assert(!"there is none");
	return 0;
}

void derived_remove(const struct derived *derived)
{
	(void)derived;
}

void derived_release(struct derived *derived)
{
	(void)derived;
}

struct derived_writer *fetch_derived_begin(struct fetcher *fetcher, const struct digest *source)
{
	(void)fetcher;
	(void)source;
	return NULL;
}

void derived_write(struct derived_writer *writer, enum derived_part part, const void *data, size_t len)
{
	(void)writer;
	(void)part;
	(void)data;
	(void)len;
}

void derived_commit(struct derived_writer *writer)
{
	(void)writer;
}

void derived_abort(struct derived_writer *writer)
{
	(void)writer;
}

#endif
