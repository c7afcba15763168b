/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetcher.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/limits.h"
#include "base/pool.h"
#include "fetch/derived.h"
#include "fetch/url.h"

#include <assert.h>

enum {
	PARALLEL_DEFAULT = 8,
	RETRY_DEFAULT = 4,
	CONNECT_DEFAULT_MS = 20 * 1000,
	STALL_DEFAULT_MS = 30 * 1000,
	BACKOFF_DEFAULT_MS = 500,
	READ_BYTES = 256 * 1024,
};

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

/*
 * What kiln's environment says goes before what apt's settings say: it is of this run. SSL_CERT_FILE is the variable
 * that OpenSSL has for it; libcurl does not look at it.
 */
static int find_route(struct fetcher *fetcher, struct http_route *route, struct error *e)
{
	struct error local = ERROR_INIT;

	if (fetcher->offline)
		return 0;
	if (auth_load(&fetcher->auth, e) < 0)
		return -1;
	route->auth = &fetcher->auth;
	if (apt_route_read(&fetcher->apt, &local) < 0) {
		if (local.kind == ERROR_INTERRUPTED) {
			*e = local;
			return -1;
		}
		/* A host without apt has no settings for it. */
		log_detail(fetcher->log, "this host's apt names no proxy: %s", local.text);
	}
	if (!is_set("http_proxy") && !is_set("all_proxy") && !is_set("ALL_PROXY"))
		route->http_proxy = fetcher->apt.http_proxy;
	if (!is_set("https_proxy") && !is_set("HTTPS_PROXY") && !is_set("all_proxy") && !is_set("ALL_PROXY"))
		route->https_proxy = fetcher->apt.https_proxy;
	route->ca_file = is_set("SSL_CERT_FILE") ? getenv("SSL_CERT_FILE") : fetcher->apt.ca_file;
	return 0;
}

static unsigned retries(const struct fetch_options *options)
{
	if (options->retry_max == FETCH_RETRY_NONE)
		return 0;
	return options->retry_max ? options->retry_max : RETRY_DEFAULT;
}

int fetcher_open(const struct fetch_options *options, struct fetcher **out, struct error *e)
{
	struct http_options http = {
		.parallel_max = options->parallel_max ? options->parallel_max : PARALLEL_DEFAULT,
		.retry_max = retries(options),
		.backoff_ms = options->backoff_ms ? options->backoff_ms : BACKOFF_DEFAULT_MS,
		.connect_timeout_ms =
			options->connect_timeout_ms ? options->connect_timeout_ms : CONNECT_DEFAULT_MS,
		.stall_timeout_ms = options->stall_timeout_ms ? options->stall_timeout_ms : STALL_DEFAULT_MS,
		.log = options->log,
		.meter = options->meter,
	};
	struct fetcher *fetcher = xcalloc(1, sizeof *fetcher);

	fetcher->mirrors = options->mirrors;
	fetcher->offline = options->offline;
	fetcher->log = options->log;
	fetcher->payload_max_bytes = options->payload_max_bytes;
	fetcher->cache_fd = -1;
	atomic_store(&fetcher->payload_fd, -1);
	pthread_mutex_init(&fetcher->transfer, NULL);
	if (cache_open(options->cache_dir, &fetcher->cache, e) < 0) {
		free(fetcher);
		return -1;
	}
	if (derived_open_store(fetcher, e) < 0 || find_route(fetcher, &http.route, e) < 0 ||
	    http_open(&http, &fetcher->http, e) < 0) {
		fetcher_close(fetcher);
		return -1;
	}
	*out = fetcher;
	return 0;
}

void fetcher_close(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	http_close(fetcher->http);
	auth_release(&fetcher->auth);
	apt_route_release(&fetcher->apt);
	derived_close_store(fetcher);
	cache_release(&fetcher->cache);
	pthread_mutex_destroy(&fetcher->transfer);
	free(fetcher);
}

bool fetch_is_offline(const struct fetcher *fetcher)
{
	return fetcher->offline;
}

size_t fetcher_urls(const struct fetcher *fetcher, const char *url, char **out, size_t max)
{
	if (fetcher->mirrors)
		return mirrors_rewrite_all(fetcher->mirrors, url, out, max);
	out[0] = xstrdup(url);
	return 1;
}

char *fetch_shown_url(const struct fetcher *fetcher, const char *url)
{
	auto_free char *real = fetcher->mirrors ? mirrors_rewrite(fetcher->mirrors, url) : xstrdup(url);

	return url_without_credentials(real);
}

char *fetch_join(const char *uri, const char *path)
{
	auto_buffer struct buffer url = BUFFER_INIT;

	buffer_adds(&url, uri);
	if (!is_suffix(uri, "/"))
		buffer_addc(&url, '/');
	for (; *path; path++) {
		bool plain = (*path >= 'A' && *path <= 'Z') || (*path >= 'a' && *path <= 'z') ||
			     (*path >= '0' && *path <= '9') || strchr("/._-~", *path);

		/* '+' too: some servers read it as a blank. */
		if (plain)
			buffer_addc(&url, *path);
		else
			buffer_addf(&url, "%%%02x", (unsigned char)*path);
	}
	return buffer_take(&url);
}

int fetch_open_cached(struct fetcher *fetcher, const struct digest *sha256, int *fd, struct error *e)
{
	return cache_get(&fetcher->cache, sha256, fd, e);
}

int fetch_store_begin(struct fetcher *fetcher, struct file_pending *pending, struct error *e)
{
	return cache_store_begin(&fetcher->cache, pending, e);
}

int fetch_store_commit(struct fetcher *fetcher, struct file_pending *pending, const struct digest *digest,
		       struct error *e)
{
	return cache_store_commit(&fetcher->cache, pending, digest, e);
}

/* One file that is not in the cache yet. */
struct file_job {
	struct http_job job; /* first: the functions get a pointer to it */
	struct fetcher *fetcher;
	const struct fetch_request *request;
	char *urls[FETCHER_URL_MAX]; /* owned */
	struct cache_partial partial;
	struct hash hash; /* of the bytes before job.offset */
	bool too_long;
};

static struct file_job *file_job_of(struct http_job *job)
{
	return (struct file_job *)job;
}

static int file_restart(struct http_job *job, struct error *e)
{
	struct file_job *file = file_job_of(job);

	if (ftruncate(file->partial.fd, 0) < 0 || lseek(file->partial.fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot empty a file in the cache");
	hash_start_sha256(&file->hash);
	job->offset = 0;
	file->too_long = false;
	return 0;
}

/* Take over what an earlier try, or a builder that died, has left. */
static int take_over(struct file_job *file, struct error *e)
{
	auto_free char *data = NULL;

	if (lseek(file->partial.fd, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot read a file in the cache");
	hash_start_sha256(&file->hash);
	file->job.offset = 0;
	data = xmalloc(READ_BYTES);
	for (;;) {
		ssize_t got = file_read_some(file->partial.fd, data, READ_BYTES, e);

		if (got < 0)
			return error_wrap(e, "a file in the cache");
		if (got == 0)
			return 0;
		file->job.offset += (uint64_t)got;
		if (file->job.offset > file->request->size_bytes)
			return file_restart(&file->job, e);
		hash_add(&file->hash, data, (size_t)got);
	}
}

static int file_end(struct http_job *job, enum http_end how, struct error *e);

static int file_begin(struct http_job *job, struct error *e)
{
	struct file_job *file = file_job_of(job);
	struct cache *cache = &file->fetcher->cache;
	int fd = -1;
	int got = cache_partial_open(cache, &file->request->sha256, &file->partial, e);

	if (got <= 0)
		return got < 0 ? -1 : HTTP_BUSY;
	/* Another builder may have finished it while we waited for the lock. */
	got = cache_get(cache, &file->request->sha256, &fd, e);
	if (got < 0)
		return -1;
	if (got) {
		close(fd);
		job->offset = file->request->size_bytes;
		cache_partial_release(cache, &file->partial, false);
		return HTTP_SKIP;
	}
	if (take_over(file, e) < 0)
		return -1;
	if (job->offset < file->request->size_bytes)
		return HTTP_GO;
	/* It died just before it could give the file its name; or the bytes are wrong ones. */
	got = file_end(job, HTTP_WHOLE, e);
	if (got == HTTP_DONE)
		return HTTP_SKIP;
	return got < 0 ? -1 : HTTP_BUSY;
}

static const char *promise_of(const struct fetch_request *request)
{
	return request->promise ? request->promise : "its index";
}

static int file_write(struct http_job *job, const void *data, size_t len, struct error *e)
{
	struct file_job *file = file_job_of(job);

	if (len > file->request->size_bytes - job->offset) {
		file->too_long = true;
		return error_set(e, ERROR_DIGEST, "has more than the %llu bytes that %s promises",
				 (unsigned long long)file->request->size_bytes, promise_of(file->request));
	}
	if (file_write_fd(file->partial.fd, data, len, e) < 0)
		return error_wrap(e, "cache '%s'", file->fetcher->cache.path);
	hash_add(&file->hash, data, len);
	job->offset += len;
	return 0;
}

static int check(const struct fetch_request *request, uint64_t size_bytes, const struct digest *digest,
		 struct error *e)
{
	if (size_bytes != request->size_bytes)
		return error_set(e, ERROR_DIGEST, "has %llu bytes, but %s promises %llu",
				 (unsigned long long)size_bytes, promise_of(request),
				 (unsigned long long)request->size_bytes);
	if (!digest_equal(digest, &request->sha256))
		return error_set(e, ERROR_DIGEST, "has SHA-256 %s, but %s promises %s",
				 digest_hex(digest).text, promise_of(request),
				 digest_hex(&request->sha256).text);
	return 0;
}

static int file_end(struct http_job *job, enum http_end how, struct error *e)
{
	struct file_job *file = file_job_of(job);
	struct cache *cache = &file->fetcher->cache;
	struct digest digest;

	if (how != HTTP_WHOLE) {
		cache_partial_release(cache, &file->partial, !file->too_long);
		return how == HTTP_BROKEN ? HTTP_DONE : HTTP_BAD;
	}
	digest = hash_end_sha256(&file->hash);
	if (check(file->request, job->offset, &digest, e) < 0) {
		cache_partial_release(cache, &file->partial, false);
		job->offset = 0;
		return HTTP_BAD;
	}
	return cache_partial_commit(cache, &file->partial, e);
}

static const struct http_job_ops file_ops = { file_begin, file_restart, file_write, file_end };

/* All that one fetch_files() brings. */
struct batch {
	struct fetcher *fetcher;
	const char *one; /* what they are, in the progress */
	const char *many;
	const struct fetch_request *requests;
	bool *present; /* per request: in the cache, or a second one for the same digest */
	struct file_job *files;
	size_t file_count;
	uint64_t total_bytes;
	double tick_s;
};

static int look_up(void *context, size_t index, struct error *e)
{
	struct batch *batch = context;
	auto_derived struct derived derived = DERIVED_INIT;
	auto_close int fd = -1;
	int got;

	if (batch->requests[index].derived_will_do &&
	    fetch_derived_open(batch->fetcher, &batch->requests[index].sha256, &derived))
		batch->present[index] = true;
	if (batch->present[index])
		return 0;
	got = cache_get(&batch->fetcher->cache, &batch->requests[index].sha256, &fd, e);
	if (got > 0)
		batch->present[index] = true;
	return got < 0 ? -1 : 0;
}

static void mark_doubles(struct batch *batch, size_t count)
{
	auto_map struct map seen = MAP_INIT;

	for (size_t i = 0; i < count; i++) {
		const struct digest *digest = &batch->requests[i].sha256;
		struct text key = { (const char *)digest->bytes, DIGEST_BYTES };

		batch->present[i] = map_get(&seen, key) != NULL;
		map_put(&seen, key, batch);
	}
}

static void add_file(struct batch *batch, const struct fetch_request *request)
{
	struct file_job *file = &batch->files[batch->file_count++];
	size_t count = 0;

	assert(request->url_count > 0 && request->url_count <= FETCH_URL_MAX);
	*file = (struct file_job) { .fetcher = batch->fetcher,
				    .request = request,
				    .partial = CACHE_PARTIAL_INIT,
				    .hash = HASH_INIT };
	for (size_t i = 0; i < request->url_count && count < FETCHER_URL_MAX; i++)
		count += fetcher_urls(batch->fetcher, request->urls[i], &file->urls[count],
				      FETCHER_URL_MAX - count);
	file->job = (struct http_job) { .ops = &file_ops,
					.urls = (const char *const *)file->urls,
					.url_count = count,
					.label = request->label };
	batch->total_bytes += request->size_bytes;
}

static void tick(void *context)
{
	struct batch *batch = context;
	double now = monotonic_seconds();
	uint64_t done = 0;

	if (now - batch->tick_s < 0.1)
		return;
	batch->tick_s = now;
	for (size_t i = 0; i < batch->file_count; i++)
		done += batch->files[i].job.offset;
	log_progress(batch->fetcher->log, batch->many, done, batch->total_bytes, LOG_BYTES);
}

static int run_batch(struct batch *batch, struct error *e)
{
	auto_free struct http_job **jobs = xcalloc(batch->file_count, sizeof *jobs);
	struct log *log = batch->fetcher->log;
	double begin_s = monotonic_seconds();
	int r;

	for (size_t i = 0; i < batch->file_count; i++)
		jobs[i] = &batch->files[i].job;
	pthread_mutex_lock(&batch->fetcher->transfer);
	r = http_run(batch->fetcher->http, jobs, batch->file_count, tick, batch, e);
	pthread_mutex_unlock(&batch->fetcher->transfer);
	if (r < 0) {
		log_progress_end(log, NULL);
		return -1;
	}
	log_progress_end(log, "fetched %zu %s, %s in %.1f s", batch->file_count,
			 batch->file_count == 1 ? batch->one : batch->many,
			 human_size(batch->total_bytes).text, monotonic_seconds() - begin_s);
	return 0;
}

static void release_batch(struct batch *batch)
{
	for (size_t i = 0; i < batch->file_count; i++) {
		struct file_job *file = &batch->files[i];

		cache_partial_release(&batch->fetcher->cache, &file->partial, !file->too_long);
		hash_release(&file->hash);
		for (size_t j = 0; j < FETCHER_URL_MAX; j++)
			free(file->urls[j]);
	}
	free(batch->files);
	free(batch->present);
}

static int collect_missing(struct batch *batch, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		if (batch->present[i])
			continue;
		if (batch->fetcher->offline)
			return error_set(e, ERROR_FETCH,
					 "%s: not in the cache, and --offline forbids to fetch it",
					 batch->requests[i].label);
		if (batch->requests[i].size_bytes > LIMIT_PACKAGE_BYTES)
			return error_set(e, ERROR_FORMAT, "%s: has %llu bytes, more than the limit of %llu",
					 batch->requests[i].label,
					 (unsigned long long)batch->requests[i].size_bytes,
					 (unsigned long long)LIMIT_PACKAGE_BYTES);
		add_file(batch, &batch->requests[i]);
	}
	return 0;
}

int fetch_files(struct fetcher *fetcher, const struct fetch_request *requests, size_t count, const char *one,
		const char *many, struct error *e)
{
	AUTO(release_batch)
	struct batch batch = {
		.fetcher = fetcher,
		.one = one,
		.many = many,
		.requests = requests,
		.present = xcalloc(count, sizeof *batch.present),
		.files = xcalloc(count, sizeof *batch.files),
	};

	mark_doubles(&batch, count);
	if (pool_run(0, count, look_up, &batch, e) < 0 || collect_missing(&batch, count, e) < 0)
		return -1;
	if (batch.file_count == 0) {
		log_detail(fetcher->log, "%zu %s in the cache already", count, count == 1 ? one : many);
		return 0;
	}
	return run_batch(&batch, e);
}
