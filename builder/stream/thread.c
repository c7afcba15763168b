/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include "base/alloc.h"
#include "base/meter.h"
#include "base/pool.h"

/*
 * A ring of chunks that the writer fills and the thread hands to NEXT. Every byte is copied once, into a
 * chunk; small writes (tar headers) share one. The numbers are a compromise: large enough that the two
 * sides seldom wait for each other, small enough to stay in the processor's cache.
 */
enum { CHUNK_BYTES = 256 * 1024, CHUNK_COUNT = 16 };

struct chunk {
	char *data; /* owned; NULL until used for the first time */
	size_t len;
};

struct thread_sink {
	struct sink sink;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below but the chunk that a side is working on */
	pthread_cond_t changed;
	struct chunk ring[CHUNK_COUNT];
	size_t filled; /* chunks handed to the thread so far; the next one is the writer's */
	size_t taken;  /* chunks that NEXT has taken */
	bool ended;    /* no chunk follows: finish NEXT */
	bool aborted;  /* released early: stop at once */
	bool failed;
	bool joined;
	struct error error; /* of NEXT, when failed */
	double *cpu_s;      /* borrowed; may be NULL */
};

/* Wait for work: 1 and *chunk, 0 at the end, -1 when aborted. */
static int thread_take(struct thread_sink *out, struct chunk **chunk)
{
	int result = 1;

	pthread_mutex_lock(&out->lock);
	while (!out->aborted && !out->ended && out->taken == out->filled)
		pthread_cond_wait(&out->changed, &out->lock);
	if (out->aborted)
		result = -1;
	else if (out->taken == out->filled)
		result = 0;
	else
		*chunk = &out->ring[out->taken % CHUNK_COUNT];
	pthread_mutex_unlock(&out->lock);
	return result;
}

static void thread_done(struct thread_sink *out, const struct error *failure)
{
	pthread_mutex_lock(&out->lock);
	if (failure) {
		out->failed = true;
		out->error = *failure;
	} else {
		out->taken++;
	}
	/* A writer that found no room gets a good deal of it at once: waking it for each chunk costs more. */
	if (failure || out->filled - out->taken == CHUNK_COUNT / 2)
		pthread_cond_signal(&out->changed);
	pthread_mutex_unlock(&out->lock);
}

static void *thread_run(void *argument)
{
	struct thread_sink *out = argument;
	struct error e = ERROR_INIT;
	struct chunk *chunk = NULL;
	int more;

	while ((more = thread_take(out, &chunk)) > 0) {
		if (sink_write(out->sink.next, chunk->data, chunk->len, &e) < 0) {
			thread_done(out, &e);
			return NULL;
		}
		chunk->len = 0;
		thread_done(out, NULL);
	}
	if (more == 0 && sink_finish(out->sink.next, &e) < 0)
		thread_done(out, &e);
	if (out->cpu_s)
		*out->cpu_s = meter_thread_cpu_s();
	return NULL;
}

/* Hand the writer's chunk over, and wait until there is an empty one. */
static int thread_push(struct thread_sink *out, struct error *e)
{
	bool failed;

	pthread_mutex_lock(&out->lock);
	out->filled++;
	pthread_cond_signal(&out->changed);
	if (out->filled - out->taken == CHUNK_COUNT)
		while (!out->failed && out->filled - out->taken > CHUNK_COUNT / 2)
			pthread_cond_wait(&out->changed, &out->lock);
	failed = out->failed;
	pthread_mutex_unlock(&out->lock);
	if (failed)
		*e = out->error;
	return failed ? -1 : 0;
}

static int thread_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct thread_sink *out = (struct thread_sink *)sink;
	const char *from = data;

	while (len) {
		struct chunk *chunk = &out->ring[out->filled % CHUNK_COUNT];
		size_t part = CHUNK_BYTES - chunk->len;

		if (part > len)
			part = len;
		if (!chunk->data)
			chunk->data = xmalloc(CHUNK_BYTES);
		memcpy(chunk->data + chunk->len, from, part);
		chunk->len += part;
		from += part;
		len -= part;
		if (chunk->len == CHUNK_BYTES && thread_push(out, e) < 0)
			return -1;
	}
	return 0;
}

static void thread_join(struct thread_sink *out, bool abort)
{
	if (out->joined)
		return;
	pthread_mutex_lock(&out->lock);
	out->ended = true;
	out->aborted = abort;
	pthread_cond_signal(&out->changed);
	pthread_mutex_unlock(&out->lock);
	pthread_join(out->thread, NULL);
	out->joined = true;
}

static int thread_finish(struct sink *sink, struct error *e)
{
	struct thread_sink *out = (struct thread_sink *)sink;

	if (out->ring[out->filled % CHUNK_COUNT].len && thread_push(out, e) < 0)
		return -1;
	thread_join(out, false);
	if (!out->failed)
		return 0;
	*e = out->error;
	return -1;
}

static void thread_release(struct sink *sink)
{
	struct thread_sink *out = (struct thread_sink *)sink;

	thread_join(out, true);
	sink_release(sink->next);
	pthread_mutex_destroy(&out->lock);
	pthread_cond_destroy(&out->changed);
	for (size_t i = 0; i < CHUNK_COUNT; i++)
		free(out->ring[i].data);
	free(out);
}

struct sink *sink_thread(struct sink *next, double *cpu_s, struct error *e)
{
	static const struct sink_ops ops = { thread_write, thread_finish, thread_release };
	struct thread_sink *out;

	if (!next)
		return NULL;
	out = xcalloc(1, sizeof *out);
	out->sink.ops = &ops;
	out->sink.next = next;
	out->cpu_s = cpu_s;
	pthread_mutex_init(&out->lock, NULL);
	pthread_cond_init(&out->changed, NULL);
	out->joined = true;
	if (thread_start(&out->thread, thread_run, out, e) < 0) {
		thread_release(&out->sink);
		return NULL;
	}
	out->joined = false;
	return &out->sink;
}
