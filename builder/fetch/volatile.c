/* SPDX-License-Identifier: Apache-2.0 */
/* Answers without a promised digest: conditional requests against the copies in the cache. */
#include "fetch/fetcher.h"

#include "base/alloc.h"

struct answer_job {
	struct http_job job; /* first: the functions get a pointer to it */
	struct fetcher *fetcher;
	struct fetch_answer *answer;
	char *urls[FETCHER_URL_MAX]; /* owned; after mirror rules */
	struct cache_answer cached;  /* data is NULL when there is none */
	char *if_changed;            /* owned; request headers */
	char *if_newer;              /* owned */
	struct buffer body;
	uint64_t max_bytes;
};

static struct answer_job *answer_job_of(struct http_job *job)
{
	return (struct answer_job *)job;
}

static int answer_restart(struct http_job *job, struct error *e)
{
	(void)e;
	buffer_reset(&answer_job_of(job)->body);
	job->offset = 0;
	return 0;
}

static int answer_write(struct http_job *job, const void *data, size_t len, struct error *e)
{
	struct answer_job *answer = answer_job_of(job);

	if (len > answer->max_bytes - answer->body.len) {
		auto_free char *shown = fetch_shown_url(answer->fetcher, answer->answer->url);

		return error_set(e, ERROR_FORMAT, "'%s' has more than the limit of %llu bytes", shown,
				 (unsigned long long)answer->max_bytes);
	}
	buffer_add(&answer->body, data, len);
	job->offset += len;
	return 0;
}

static void give(struct fetch_answer *answer, char *data, size_t len)
{
	answer->found = true;
	answer->data = data;
	answer->len = len;
}

/* It is new, and what to ask with the next time. */
static void give_fresh(struct answer_job *job)
{
	struct fetch_answer *answer = job->answer;
	const char *url = job->urls[job->job.url_used];
	size_t len = job->body.len;

	give(answer, len ? buffer_take(&job->body) : xstrdup(""), len);
	answer->fresh = true;
	answer->from = sha256_of(url, strlen(url));
	answer->etag = job->job.etag[0] ? xstrdup(job->job.etag) : NULL;
	answer->modified = job->job.modified[0] ? xstrdup(job->job.modified) : NULL;
}

static int answer_end(struct http_job *job, enum http_end how, struct error *e)
{
	struct answer_job *answer = answer_job_of(job);

	if (how == HTTP_UNCHANGED) {
		if (!answer->cached.data)
			return error_set(e, ERROR_FETCH,
					 "the server says 'not modified' without being asked");
		give(answer->answer, TAKE(answer->cached.data, NULL), answer->cached.len);
	} else if (how == HTTP_WHOLE) {
		give_fresh(answer);
	}
	return HTTP_DONE;
}

/* Ask only whether it changed when the copy came from the very same place: dates of two mirrors do not compare. */
static void set_conditions(struct answer_job *answer)
{
	const char *url = answer->urls[answer->job.url_used];
	struct digest here = sha256_of(url, strlen(url));
	size_t used = 0;

	memset(answer->job.headers, 0, sizeof answer->job.headers);
	/* A proxy in between must ask the server too. */
	answer->job.headers[used++] = "Cache-Control: max-age=0";
	if (!answer->cached.data || !digest_equal(&here, &answer->cached.from))
		return;
	if (answer->if_changed)
		answer->job.headers[used++] = answer->if_changed;
	if (answer->if_newer)
		answer->job.headers[used++] = answer->if_newer;
}

/* Small, and it may have changed in between: each try begins anew. */
static int answer_begin(struct http_job *job, struct error *e)
{
	set_conditions(answer_job_of(job));
	return answer_restart(job, e) < 0 ? -1 : HTTP_GO;
}

static const struct http_job_ops answer_ops = { answer_begin, answer_restart, answer_write, answer_end };

static int prepare(struct answer_job *answer, struct error *e)
{
	if (cache_answer_read(&answer->fetcher->cache, answer->answer->url, answer->max_bytes,
			      &answer->cached, e) < 0)
		return -1;
	if (answer->fetcher->offline) {
		if (answer->cached.data)
			give(answer->answer, TAKE(answer->cached.data, NULL), answer->cached.len);
		return 0;
	}
	answer->job = (struct http_job) { .ops = &answer_ops, .urls = (const char *const *)answer->urls };
	answer->job.url_count =
		fetcher_urls(answer->fetcher, answer->answer->url, answer->urls, FETCHER_URL_MAX);
	if (answer->cached.etag)
		answer->if_changed = xasprintf("If-None-Match: %s", answer->cached.etag);
	if (answer->cached.modified)
		answer->if_newer = xasprintf("If-Modified-Since: %s", answer->cached.modified);
	return 0;
}

static void release_jobs(struct answer_job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		cache_answer_release(&jobs[i].cached);
		buffer_release(&jobs[i].body);
		for (size_t j = 0; j < FETCHER_URL_MAX; j++)
			free(jobs[i].urls[j]);
		free(jobs[i].if_changed);
		free(jobs[i].if_newer);
	}
	free(jobs);
}

static int run(struct fetcher *fetcher, struct answer_job *jobs, size_t count, struct error *e)
{
	auto_free struct http_job **list = xcalloc(count, sizeof *list);

	for (size_t i = 0; i < count; i++) {
		if (prepare(&jobs[i], e) < 0)
			return -1;
		list[i] = &jobs[i].job;
	}
	return fetcher->offline ? 0 : http_run(fetcher->http, list, count, NULL, NULL, e);
}

int fetch_answers(struct fetcher *fetcher, struct fetch_answer *answers, size_t count, uint64_t max_bytes,
		  struct error *e)
{
	struct answer_job *jobs = xcalloc(count, sizeof *jobs);
	int result;

	for (size_t i = 0; i < count; i++) {
		answers[i] = (struct fetch_answer) { .url = answers[i].url };
		jobs[i].fetcher = fetcher;
		jobs[i].answer = &answers[i];
		jobs[i].max_bytes = max_bytes;
	}
	result = run(fetcher, jobs, count, e);
	release_jobs(jobs, count);
	for (size_t i = 0; result < 0 && i < count; i++)
		fetch_answer_release(&answers[i]);
	return result;
}

void fetch_answer_release(struct fetch_answer *answer)
{
	free(answer->data);
	free(answer->etag);
	free(answer->modified);
	*answer = (struct fetch_answer) { .url = answer->url };
}

void fetch_keep_answers(struct fetcher *fetcher, const struct fetch_answer *answers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct fetch_answer *answer = &answers[i];
		struct error why = ERROR_INIT;
		struct cache_answer fresh = { .data = answer->data,
					      .len = answer->len,
					      .from = answer->from,
					      .etag = answer->etag,
					      .modified = answer->modified };

		if (answer->fresh && cache_answer_write(&fetcher->cache, answer->url, &fresh, &why) < 0)
			log_detail(fetcher->log, "not kept: %s", why.text);
	}
}

int fetch_volatile(struct fetcher *fetcher, const char *url, uint64_t max_bytes, char **data, size_t *len,
		   struct error *e)
{
	struct fetch_answer answer = { .url = url };

	if (fetch_answers(fetcher, &answer, 1, max_bytes, e) < 0)
		return -1;
	if (!answer.found)
		return 0;
	fetch_keep_answers(fetcher, &answer, 1);
	*data = TAKE(answer.data, NULL);
	*len = answer.len;
	fetch_answer_release(&answer);
	return 1;
}

void fetch_forget(struct fetcher *fetcher, const char *url)
{
	cache_answer_remove(&fetcher->cache, url);
}
