/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of an answer, line by line as libcurl hands them on: what is kept of them fits and goes back in a request. */
#include "fetch/http.c" /* what is to be tried is private to it */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_job job = { .offset = 0 };
	struct http_try try = { .job = &job };
	struct text rest = { (const char *)data, size };

	while (rest.ptr) {
		struct text line = text_cut(rest, '\n', &rest);
		auto_free char *copy = xmalloc(line.len + 1);

		/* Not ended by NUL, as from libcurl. */
		if (line.len)
			memcpy(copy, line.ptr, line.len);
		copy[line.len] = '\n';
		assert(on_header(copy, 1, line.len + 1, &try) == line.len + 1);
		assert(memchr(job.etag, '\0', sizeof job.etag) &&
		       memchr(job.modified, '\0', sizeof job.modified));
		assert(!strpbrk(job.etag, "\r\n") && !strpbrk(job.modified, "\r\n"));
	}
	return 0;
}
