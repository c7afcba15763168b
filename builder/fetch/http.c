/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/interrupt.h"
#include "base/version.h"
#include "fetch/auth.h"
#include "fetch/servers.h"
#include "fetch/url.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/random.h>

enum {
	POLL_MS = 100,
	BUSY_MS = 200,
	BACKOFF_MAX_MS = 60 * 1000,
	REDIRECT_MAX = 8,
	BUFFER_BYTES = 128 * 1024,
	STALL_BYTES_PER_S = 16,   /* a server that drips slower than this counts as stalled */
	PROGRESS_BYTES = 1 << 18, /* a try that brought so much was no vain one */
};

enum try_state { TRY_WAITING, TRY_RUNNING, TRY_FINISHED };

/* What http.c knows about one job while http_run() lasts. */
struct http_try {
	struct http_job *job;
	enum try_state state;
	double not_before; /* on the monotonic clock */
	size_t url;        /* position of the address that is tried */
	unsigned failures; /* of that address */
	bool restarted;    /* this address cannot continue: do not ask it for a range again */
	bool bad;          /* an address sent something else than was promised */
	CURL *easy;        /* owned; while running */
	struct curl_slist *headers;
	uint64_t start; /* offset when this try began */
	bool answered;  /* the first bytes of the body came */
	bool headed;    /* the empty line behind the headers came */
	double alive_s; /* when the last bytes came, or the try began */
	struct error write_error;
	char text[CURL_ERROR_SIZE];
	struct error last;   /* why the last try failed */
	struct error before; /* why the first address was given up */
};

struct http {
	struct http_options options;
	CURLM *multi;
	struct servers given_up;
	struct meter_sum spent; /* by one http_run(), for the meter */
};

int http_open(const struct http_options *options, struct http **out, struct error *e)
{
	struct http *http;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(e, ERROR_SYSTEM, "cannot start libcurl");
	http = xcalloc(1, sizeof *http);
	http->options = *options;
	http->multi = curl_multi_init();
	if (!http->multi) {
		http_close(http);
		return error_set(e, ERROR_SYSTEM, "cannot start libcurl");
	}
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)options->parallel_max * 2);
	*out = http;
	return 0;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	if (http->multi)
		curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	servers_release(&http->given_up);
	free(http);
}

static const char *url_of(const struct http_try *try)
{
	return try->job->urls[try->url];
}

/* Set try->last; the address stands in it without its credentials. */
static void PRINTF(3, 4) say_failed(struct http_try *try, enum error_kind kind, const char *fmt, ...)
{
	auto_free char *shown = url_without_credentials(url_of(try));
	char cause[1024];
	va_list args;

	if (try->bad) /* that one address sent something else is the better explanation */
		return;
	va_start(args, fmt);
	vsnprintf(cause, sizeof cause, fmt, args);
	va_end(args);
	error_set(&try->last, kind, "cannot fetch '%s': %s", shown, cause);
}

static void copy_field(char field[HTTP_FIELD_MAX], struct text value)
{
	size_t len = 0;

	value = text_trim(value);
	/* Also a carriage return alone would end the header that it goes back in. */
	while (len < value.len && (unsigned char)value.ptr[len] >= ' ' && value.ptr[len] != 0x7f)
		len++;
	/* One that is longer than any server's is not worth asking with. */
	if (len < value.len || len >= HTTP_FIELD_MAX)
		len = 0;
	memcpy(field, value.ptr, len);
	field[len] = '\0';
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	struct http_try *try = context;
	struct text value;
	struct text name = text_cut((struct text) { data, size * count }, ':', &value);

	try->alive_s = monotonic_seconds();
	try->headed = text_trim((struct text) { data, size * count }).len == 0;
	if (text_starts(name, "HTTP/")) { /* a new answer: the one before was a redirect */
		try->job->etag[0] = '\0';
		try->job->modified[0] = '\0';
	} else if (value.ptr && text_is_anycase(name, "etag")) {
		copy_field(try->job->etag, value);
	} else if (value.ptr && text_is_anycase(name, "last-modified")) {
		copy_field(try->job->modified, value);
	}
	return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct http_try *try = context;
	size_t len = size * count;

	try->answered = true;
	try->alive_s = monotonic_seconds();
	if (try->job->ops->write(try->job, data, len, &try->write_error) < 0)
		return CURL_WRITEFUNC_ERROR;
	return len;
}

/* Values that curl_easy_setopt() refuses would be bugs of this file. */
#define SET(easy, option, value) \
	do { \
		CURLcode code_ = curl_easy_setopt((easy), (option), (value)); \
		assert(code_ == CURLE_OK); \
		(void)code_; \
	} while (0)

static void set_limits(const struct http_options *options, CURL *easy, const char *url)
{
	/* Silence ends a try sooner (is_silent); this is for a server that drips. */
	long slow_s = (options->stall_timeout_ms + 999) / 1000 * 4;

	SET(easy, CURLOPT_PROTOCOLS_STR, "http,https,file");
	/* Whoever asked for https gets nothing less; and no server can point into this machine's files. */
	SET(easy, CURLOPT_REDIR_PROTOCOLS_STR, strncasecmp(url, "https:", 6) == 0 ? "https" : "http,https");
	SET(easy, CURLOPT_FOLLOWLOCATION, 1L);
	SET(easy, CURLOPT_MAXREDIRS, (long)REDIRECT_MAX);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
	SET(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
	SET(easy, CURLOPT_LOW_SPEED_TIME, slow_s > 0 ? slow_s : 1L);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_FAILONERROR, 1L);
	SET(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	SET(easy, CURLOPT_USERAGENT, "kiln/" KILN_VERSION);
	SET(easy, CURLOPT_PIPEWAIT, 1L); /* rather one more HTTP/2 stream than one more connection */
}

/*
 * Where the environment names a proxy, libcurl has seen it. A host's name goes to that host alone: libcurl keeps name
 * and password to itself when a server sends it on to another.
 */
static void set_route(const struct http_route *route, CURL *easy, const char *url)
{
	bool https = strncasecmp(url, "https:", 6) == 0;
	const char *proxy = https ? route->https_proxy : route->http_proxy;
	const char *without = getenv("no_proxy");
	const struct auth_entry *entry = route->auth ? auth_find(route->auth, url) : NULL;

	SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (route->ca_file)
		SET(easy, CURLOPT_CAINFO, route->ca_file);
	if (proxy) {
		SET(easy, CURLOPT_PROXY, proxy);
		SET(easy, CURLOPT_NOPROXY, without && *without ? without : "localhost,127.0.0.1,::1");
	}
	SET(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);
	if (entry) {
		SET(easy, CURLOPT_USERNAME, entry->login);
		SET(easy, CURLOPT_PASSWORD, entry->password);
	}
}

static int start_transfer(struct http *http, struct http_try *try, struct error *e)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return error_set(e, ERROR_SYSTEM, "cannot start libcurl");
	try->easy = easy;
	try->text[0] = '\0';
	try->answered = false;
	try->headed = false;
	try->alive_s = monotonic_seconds();
	try->write_error = ERROR_INIT;
	try->start = try->job->offset;
	set_limits(&http->options, easy, url_of(try));
	set_route(&http->options.route, easy, url_of(try));
	for (size_t i = 0; i < HTTP_HEADER_MAX && try->job->headers[i]; i++)
		try->headers = curl_slist_append(try->headers, try->job->headers[i]);
	SET(easy, CURLOPT_HTTPHEADER, try->headers);
	SET(easy, CURLOPT_URL, url_of(try));
	SET(easy, CURLOPT_ERRORBUFFER, try->text);
	SET(easy, CURLOPT_PRIVATE, try);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, try);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, try);
	if (try->start)
		SET(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)try->start);
	if (curl_multi_add_handle(http->multi, easy) != CURLM_OK)
		return error_set(e, ERROR_SYSTEM, "cannot start a transfer");
	try->state = TRY_RUNNING;
	return 0;
}

static void go_to_address(struct http_try *try, size_t url)
{
	if (try->before.kind == ERROR_NONE)
		try->before = try->last;
	try->url = url;
	try->failures = 0;
	try->restarted = false;
}

/* To an address whose server is not given up, if there is one. */
static void leave_given_up(const struct http *http, struct http_try *try)
{
	const struct http_job *job = try->job;
	size_t next = servers_next(&http->given_up, job->urls, try->url, job->url_count);

	if (next != try->url && next < job->url_count)
		go_to_address(try, next);
}

static int begin_try(struct http *http, struct http_try *try, struct error *e)
{
	int begun;

	leave_given_up(http, try);
	try->job->url_used = try->url;
	begun = try->job->ops->begin(try->job, e);
	if (begun < 0)
		return -1;
	if (begun == HTTP_SKIP)
		try->state = TRY_FINISHED;
	if (begun == HTTP_BUSY)
		try->not_before = monotonic_seconds() + BUSY_MS / 1000.0;
	if (begun != HTTP_GO)
		return 0;
	if (try->restarted && try->job->offset && try->job->ops->restart(try->job, e) < 0)
		return -1;
	return start_transfer(http, try, e);
}

static void end_transfer(struct http *http, struct http_try *try)
{
	if (try->easy) {
		curl_off_t received = 0;

		if (curl_easy_getinfo(try->easy, CURLINFO_SIZE_DOWNLOAD_T, &received) == CURLE_OK)
			http->spent.in_bytes += (uint64_t)received;
		/* Else it waits for the thread that asks a silent name server; nobody needs that one any more. */
		if (interrupt_requested())
			SET(try->easy, CURLOPT_QUICK_EXIT, 1L);
		curl_multi_remove_handle(http->multi, try->easy);
		curl_easy_cleanup(try->easy);
	}
	curl_slist_free_all(try->headers);
	try->easy = NULL;
	try->headers = NULL;
}

/* Half to one and a half times the doubled wait, so that builders that failed together do not return together. */
static double backoff_seconds(const struct http *http, const struct http_try *try, curl_off_t retry_after_s)
{
	double wait_ms = http->options.backoff_ms;
	uint16_t random = 0;

	for (unsigned i = 1; i < try->failures && wait_ms < BACKOFF_MAX_MS; i++)
		wait_ms *= 2;
	(void)!getrandom(&random, sizeof random, 0);
	wait_ms *= 0.5 + (double)random / 65536;
	if ((double)retry_after_s * 1000 > wait_ms)
		wait_ms = (double)retry_after_s * 1000;
	return (wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS) / 1000;
}

enum outcome {
	OUTCOME_OK,
	OUTCOME_UNCHANGED,
	OUTCOME_RETRY,
	OUTCOME_FROM_START,
	OUTCOME_MISSING,
	OUTCOME_REFUSED
};

static bool is_passing(CURLcode code)
{
	static const CURLcode passing[] = {
		CURLE_COULDNT_CONNECT,
		CURLE_COULDNT_RESOLVE_HOST,
		CURLE_COULDNT_RESOLVE_PROXY,
		CURLE_OPERATION_TIMEDOUT,
		CURLE_PARTIAL_FILE,
		CURLE_RECV_ERROR,
		CURLE_SEND_ERROR,
		CURLE_GOT_NOTHING,
		CURLE_HTTP2,
		CURLE_HTTP2_STREAM,
		CURLE_SSL_CONNECT_ERROR,
		CURLE_WEIRD_SERVER_REPLY,
		CURLE_PROXY,
	};

	for (size_t i = 0; i < ARRAY_LEN(passing); i++)
		if (passing[i] == code)
			return true;
	return false;
}

static enum outcome judge_status(struct http_try *try, long status)
{
	if (status == 404 || status == 410) {
		say_failed(try, ERROR_FETCH, "HTTP %ld", status);
		return OUTCOME_MISSING;
	}
	if (status == 416 && try->start)
		return OUTCOME_FROM_START;
	if (status == 304 && try->job->headers[0])
		return OUTCOME_UNCHANGED;
	say_failed(try, ERROR_FETCH, "HTTP %ld", status);
	return status >= 500 || status == 429 || status == 408 ? OUTCOME_RETRY : OUTCOME_REFUSED;
}

static bool is_redirected(const struct http_try *try)
{
	long count = 0;

	return curl_easy_getinfo(try->easy, CURLINFO_REDIRECT_COUNT, &count) == CURLE_OK && count > 0;
}

/* file: knows no status, but has its own word for what does not exist. */
static enum outcome judge(struct http_try *try, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(try->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_HTTP_RETURNED_ERROR ||
	    (code == CURLE_OK && status != 0 && status != 200 && status != 206))
		return judge_status(try, status);
	if (code == CURLE_OK && status == 206 && !try->start) {
		say_failed(try, ERROR_FETCH, "the server sends a part, but was asked for the whole");
		return OUTCOME_REFUSED;
	}
	/* For libcurl that is an empty file. */
	if (code == CURLE_OK && status != 0 && !try->headed && !try->answered) {
		say_failed(try, ERROR_FETCH, "the answer ends in its head");
		return OUTCOME_RETRY;
	}
	if (code == CURLE_OK)
		return OUTCOME_OK;
	if (try->start && !try->answered && (code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME))
		return OUTCOME_FROM_START;
	/* Memory that is really gone ends kiln elsewhere. */
	if (code == CURLE_OUT_OF_MEMORY)
		snprintf(try->text, sizeof try->text, "a header of the answer is too long");
	if (code == CURLE_UNSUPPORTED_PROTOCOL && is_redirected(try))
		say_failed(try, ERROR_FETCH,
			   "it redirects to a scheme that is refused (https stays https, and "
			   "http may become https)");
	else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		say_failed(
			try, ERROR_FETCH,
			"its certificate is not good: %s (SSL_CERT_FILE, or Acquire::https::CaInfo of apt, "
			"names other authorities)",
			try->text[0] ? try->text : curl_easy_strerror(code));
	else
		say_failed(try, ERROR_FETCH, "%s", try->text[0] ? try->text : curl_easy_strerror(code));
	if (code == CURLE_FILE_COULDNT_READ_FILE)
		return OUTCOME_MISSING;
	return is_passing(code) ? OUTCOME_RETRY : OUTCOME_REFUSED;
}

static void wait_for(struct http_try *try, double seconds)
{
	try->state = TRY_WAITING;
	try->not_before = monotonic_seconds() + seconds;
}

/* This address is given up: go to the next, or let the job fail. MISSING: it was a plain "no such file". */
static int next_address(struct http_try *try, bool missing, struct error *e)
{
	struct http_job *job = try->job;

	if (try->url + 1 < job->url_count) {
		go_to_address(try, try->url + 1);
		wait_for(try, 0);
		return 0;
	}
	if (missing && !try->bad) {
		int verdict = job->ops->end(job, HTTP_MISSING, e);

		try->state = TRY_FINISHED;
		if (verdict != HTTP_BAD)
			return verdict;
	}
	*e = try->last;
	/* What is wrong with the address that comes first is told, too: the others stand in for it. */
	if (try->before.kind != ERROR_NONE && !try->bad)
		error_set(e, try->last.kind, "%s; %s", try->before.text, try->last.text);
	return job->label ? error_wrap(e, "%s", job->label) : -1;
}

/* The bytes are not those that were promised. What a dead builder left may be to blame: once again, then. */
static int take_bad(struct http_try *try, const struct error *why, struct error *e)
{
	auto_free char *shown = url_without_credentials(url_of(try));

	try->last = *why;
	error_wrap(&try->last, "'%s'", shown);
	try->bad = true;
	if (try->start && !try->restarted) {
		try->restarted = true;
		wait_for(try, 0);
		return 0;
	}
	return next_address(try, false, e);
}

static int take_whole(struct http_try *try, enum http_end how, struct error *e)
{
	struct error local = ERROR_INIT;
	int verdict;

	verdict = try->job->ops->end(try->job, how, &local);
	if (verdict == HTTP_BAD)
		return take_bad(try, &local, e);
	if (verdict < 0)
		*e = local;
	try->state = TRY_FINISHED;
	return verdict < 0 ? -1 : 0;
}

/* Its server does not do, at least for now: this job and those that follow go elsewhere if they can. */
static int give_up_server(struct http *http, struct http_try *try, struct error *e)
{
	const struct http_job *job = try->job;
	bool is_news = servers_add(&http->given_up, url_of(try));
	size_t next = servers_next(&http->given_up, job->urls, try->url + 1, job->url_count);

	if (is_news && next < job->url_count && http->options.log) {
		auto_free char *shown = url_without_credentials(job->urls[next]);

		log_warn(http->options.log, "%s; going on with '%s'", try->last.text, shown);
	}
	return next_address(try, false, e);
}

/* Where another server may have the file one further try is enough. */
static unsigned tries_left(const struct http *http, const struct http_try *try)
{
	const struct http_job *job = try->job;
	struct servers this = SERVERS_INIT;
	bool is_last;
	unsigned tries;

	servers_add(&this, url_of(try));
	is_last = servers_next(&this, job->urls, try->url + 1, job->url_count) == job->url_count;
	servers_release(&this);
	tries = is_last || http->options.retry_max < 1 ? http->options.retry_max : 1;
	return tries > try->failures ? tries - try->failures : 0;
}

static int retry(struct http *http, struct http_try *try, curl_off_t retry_after_s, struct error *e)
{
	if (try->job->offset - try->start >= PROGRESS_BYTES && !try->restarted)
		try->failures = 0;
	if (tries_left(http, try) == 0)
		return give_up_server(http, try, e);
	try->failures++;
	wait_for(try, backoff_seconds(http, try, retry_after_s));
	return 0;
}

/* A job's write() stopped the transfer: too many bytes are the server's fault, all else is ours. */
static int take_write_error(struct http_try *try, struct error *e)
{
	struct error ignored = ERROR_INIT;

	(void)!try->job->ops->end(try->job, HTTP_BROKEN, &ignored);
	if (try->write_error.kind == ERROR_DIGEST)
		return take_bad(try, &try->write_error, e);
	*e = try->write_error;
	return try->job->label ? error_wrap(e, "%s", try->job->label) : -1;
}

static int finish_try(struct http *http, struct http_try *try, CURLcode code, struct error *e)
{
	curl_off_t retry_after_s = 0;
	enum outcome outcome = judge(try, code);

	curl_easy_getinfo(try->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	end_transfer(http, try);
	if (try->write_error.kind != ERROR_NONE)
		return take_write_error(try, e);
	if (outcome == OUTCOME_OK || outcome == OUTCOME_UNCHANGED)
		return take_whole(try, outcome == OUTCOME_OK ? HTTP_WHOLE : HTTP_UNCHANGED, e);
	if (outcome == OUTCOME_FROM_START) {
		try->restarted = true;
		wait_for(try, 0);
		return try->job->ops->end(try->job, HTTP_BROKEN, e) < 0 ? -1 : 0;
	}
	if (try->job->ops->end(try->job, HTTP_BROKEN, e) < 0)
		return -1;
	if (outcome == OUTCOME_RETRY)
		return retry(http, try, retry_after_s, e);
	return next_address(try, outcome == OUTCOME_MISSING, e);
}

/* 1 when a try ended, 0 when none did. */
static int take_finished(struct http *http, struct error *e)
{
	const CURLMsg *message;
	int ended = 0;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_try *try = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &try);
		if (finish_try(http, try, message->data.result, e) < 0)
			return -1;
		ended = 1;
	}
	return ended;
}

/* libcurl measures a speed over some seconds; silence is seen here, and sooner. */
static bool is_silent(const struct http *http, const struct http_try *try, double now)
{
	int limit_ms = http->options.stall_timeout_ms;

	if (try->state != TRY_RUNNING)
		return false;
	if (!try->answered && limit_ms < http->options.connect_timeout_ms)
		limit_ms = http->options.connect_timeout_ms;
	return now - try->alive_s > limit_ms / 1000.0;
}

static int end_silent(struct http *http, struct http_try *tries, size_t count, struct error *e)
{
	double now = monotonic_seconds();

	for (size_t i = 0; i < count; i++) {
		struct http_try *try = &tries[i];

		if (!is_silent(http, try, now))
			continue;
		snprintf(try->text, sizeof try->text, "no byte came for %.0f s", now - try->alive_s);
		if (finish_try(http, try, CURLE_OPERATION_TIMEDOUT, e) < 0)
			return -1;
	}
	return 0;
}

/* Begin what may begin now. *unfinished receives how many jobs are not at their end. */
static int begin_due(struct http *http, struct http_try *tries, size_t count, size_t *unfinished,
		     struct error *e)
{
	double now = monotonic_seconds();
	size_t running = 0;

	*unfinished = 0;
	for (size_t i = 0; i < count; i++)
		running += tries[i].state == TRY_RUNNING;
	for (size_t i = 0; i < count; i++) {
		struct http_try *try = &tries[i];

		if (try->state == TRY_WAITING && try->not_before <= now &&
		    running < http->options.parallel_max) {
			if (begin_try(http, try, e) < 0)
				return -1;
			running += try->state == TRY_RUNNING;
		}
		*unfinished += try->state != TRY_FINISHED;
	}
	return 0;
}

static int wait_for_bytes(struct http *http, struct error *e)
{
	double begin_s = monotonic_seconds();

	if (curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
		return error_set(e, ERROR_SYSTEM, "cannot wait for the transfers");
	http->spent.bound_s += monotonic_seconds() - begin_s;
	return 0;
}

static int run_all(struct http *http, struct http_try *tries, size_t count, void (*tick)(void *),
		   void *context, struct error *e)
{
	for (;;) {
		size_t unfinished;
		int active;
		int ended;

		if (interrupt_check(e) < 0 || begin_due(http, tries, count, &unfinished, e) < 0)
			return -1;
		if (!unfinished)
			return 0;
		if (curl_multi_perform(http->multi, &active) != CURLM_OK)
			return error_set(e, ERROR_SYSTEM, "cannot go on with the transfers");
		if (tick)
			tick(context);
		ended = take_finished(http, e);
		if (ended < 0 || end_silent(http, tries, count, e) < 0)
			return -1;
		if (!ended && wait_for_bytes(http, e) < 0)
			return -1;
	}
}

int http_run(struct http *http, struct http_job **jobs, size_t count, void (*tick)(void *context),
	     void *context, struct error *e)
{
	auto_free struct http_try *tries = xcalloc(count, sizeof *tries);
	int result;

	for (size_t i = 0; i < count; i++)
		tries[i] = (struct http_try) { .job = jobs[i] };
	result = run_all(http, tries, count, tick, context, e);
	for (size_t i = 0; i < count; i++)
		end_transfer(http, &tries[i]);
	meter_add_now(http->options.meter, &http->spent);
	http->spent = (struct meter_sum) { .wall_s = 0 };
	return result;
}
