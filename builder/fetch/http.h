/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many transfers side by side over http, https and file, with retries. Knows nothing of digests or the
 * cache: each job takes its bytes through its own functions. The only file that knows libcurl is http.c.
 * A server that was given up is not asked again while a job has an address elsewhere.
 */
#ifndef FETCH_HTTP_H
#define FETCH_HTTP_H

#include "base/error.h"
#include "base/log.h"
#include "base/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_job;

/* Whom to go through, and whom to believe; each NULL where nobody has said so. All borrowed. */
struct http_route {
	const char *http_proxy; /* these two: not for this host itself */
	const char *https_proxy;
	const char *ca_file; /* PEM: the certificates that may sign a server's */
	const struct auth *auth;
};

struct http_options {
	struct http_route route;
	unsigned parallel_max;
	unsigned retry_max;  /* further tries of one address */
	unsigned backoff_ms; /* before the first of them; doubled each time */
	int connect_timeout_ms;
	int stall_timeout_ms;
	struct log *log;     /* borrowed; told of servers that are given up; may be NULL */
	struct meter *meter; /* borrowed; may be NULL */
};

enum http_begin {
	HTTP_BUSY, /* someone else is at it: ask again later */
	HTTP_GO,   /* the bytes from job->offset on are wanted */
	HTTP_SKIP, /* nothing is left to do */
};

enum http_end {
	HTTP_WHOLE,     /* all bytes came */
	HTTP_UNCHANGED, /* the answer to a conditional request */
	HTTP_MISSING,   /* no address has such a file */
	HTTP_BROKEN,    /* this try failed; begin() comes again unless the run ends */
};

enum http_verdict {
	HTTP_DONE,
	HTTP_BAD, /* not what was promised (*e says so): another address may do better */
};

struct http_job_ops {
	/* Before each try, of the address url_used: enum http_begin, or -1. Sets job->offset; may set headers. */
	int (*begin)(struct http_job *job, struct error *e);
	/* Forget the bytes so far: the server sends from the start. */
	int (*restart)(struct http_job *job, struct error *e);
	/* Adds to job->offset. ERROR_DIGEST when there are too many bytes is as HTTP_BAD. */
	int (*write)(struct http_job *job, const void *data, size_t len, struct error *e);
	/* After each try: enum http_verdict, or -1. */
	int (*end)(struct http_job *job, enum http_end how, struct error *e);
};

enum { HTTP_HEADER_MAX = 3, HTTP_FIELD_MAX = 256 };

struct http_job {
	const struct http_job_ops *ops;
	const char *const *urls; /* borrowed; tried in this order */
	size_t url_count;
	const char *label;                    /* borrowed; for messages; may be NULL */
	const char *headers[HTTP_HEADER_MAX]; /* borrowed; to be sent, "Name: value" */
	uint64_t offset;                      /* bytes that are there */

	/* Of the last answer, "" when absent: */
	char etag[HTTP_FIELD_MAX];
	char modified[HTTP_FIELD_MAX];
	size_t url_used; /* which address is, or was, asked */
};

int http_open(const struct http_options *options, struct http **out, struct error *e) MUST_CHECK;
void http_close(struct http *http); /* NULL is fine */

/*
 * Run all jobs to their end, or until the first that fails for good. TICK (may be NULL) is called often.
 * Errors: ERROR_FETCH, those of the jobs' functions, ERROR_INTERRUPTED. Not for two threads at once.
 */
int http_run(struct http *http, struct http_job **jobs, size_t count, void (*tick)(void *context),
	     void *context, struct error *e) MUST_CHECK;

#endif
