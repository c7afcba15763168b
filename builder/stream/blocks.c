/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/codec.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"

#include <stdatomic.h>

/* Inputs up to this size may wait in a queue; larger ones are filled only when a worker has time for them. */
#define QUEUE_BLOCK_BYTES (4 * MIB)

/*
 * Blocks are numbered from 0; number N lives in ring[N % ring_count]. The writer's side fills `filled`,
 * the workers begin `begun`, the writer's side sends `sent`: sent <= begun <= filled <= sent + ring_count.
 */
struct blocks {
	struct sink sink;
	const struct block_format *format;
	void *context; /* of the format */
	int level;
	size_t block_bytes;
	uint64_t encoder_bytes;
	struct codec_memory *memory; /* borrowed; may be NULL */
	pthread_t *threads;          /* owned */
	size_t thread_count;         /* running */
	size_t worker_count;         /* at most */
	pthread_mutex_t lock;
	pthread_cond_t work; /* for workers: a block is queued, or it is over */
	pthread_cond_t done; /* for the writer's side: a block is done */
	struct block *ring;
	size_t ring_count;
	size_t filled;
	size_t begun;
	size_t sent;
	size_t input_count; /* blocks whose input is in memory, the one being filled not counted */
	size_t input_max;
	bool headed;  /* the format's head is out */
	bool filling; /* block number `filled` has input; when not, its place in the ring may still be taken */
	bool over;    /* guarded by lock: no block follows */
	atomic_bool stopped;
};

int blocks_check(const struct block *block, struct error *e)
{
	if (atomic_load(&block->owner->stopped))
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	return interrupt_check(e);
}

static void encode(struct blocks *blocks, struct block *block)
{
	/* The input is part of what the encoder needs: large blocks have few encoders. */
	uint64_t bytes = blocks->encoder_bytes + blocks->block_bytes;

	budget_take(blocks->memory ? &blocks->memory->budget : NULL, bytes);
	error_clear(&block->error);
	block->failed =
		blocks_check(block, &block->error) < 0 || blocks->format->encode(block, &block->error) < 0;
	free(TAKE(block->data, NULL));
	budget_give(blocks->memory ? &blocks->memory->budget : NULL, bytes);
}

static void *work(void *argument)
{
	struct blocks *blocks = argument;

	pthread_mutex_lock(&blocks->lock);
	for (;;) {
		struct block *block;

		while (!blocks->over && blocks->begun == blocks->filled)
			pthread_cond_wait(&blocks->work, &blocks->lock);
		if (atomic_load(&blocks->stopped) || blocks->begun == blocks->filled)
			break;
		block = &blocks->ring[blocks->begun++ % blocks->ring_count];
		block->state = BLOCK_BUSY;
		pthread_mutex_unlock(&blocks->lock);
		encode(blocks, block);
		pthread_mutex_lock(&blocks->lock);
		block->state = BLOCK_DONE;
		blocks->input_count--;
		pthread_cond_signal(&blocks->done);
	}
	pthread_mutex_unlock(&blocks->lock);
	return NULL;
}

static struct block *oldest(struct blocks *blocks)
{
	return &blocks->ring[blocks->sent % blocks->ring_count];
}

static int pass_on(struct blocks *blocks, struct buffer *out, struct error *e)
{
	int result = sink_write(blocks->sink.next, out->data, out->len, e);

	buffer_release(out);
	return result;
}

/* Send the oldest block, which is done. */
static int send_oldest(struct blocks *blocks, struct error *e)
{
	struct block *block = oldest(blocks);

	if (block->failed) {
		*e = block->error;
		return -1;
	}
	if (blocks->format->add && blocks->format->add(blocks->context, block, e) < 0)
		return -1;
	if (pass_on(blocks, &block->out, e) < 0)
		return -1;
	pthread_mutex_lock(&blocks->lock);
	block->state = BLOCK_EMPTY;
	blocks->sent++;
	pthread_mutex_unlock(&blocks->lock);
	return 0;
}

/* Whether the writer's side has to wait before it can take more input; lock is held. */
static bool is_full(const struct blocks *blocks)
{
	return blocks->input_count >= blocks->input_max ||
	       blocks->filled - blocks->sent >= blocks->ring_count;
}

/* Send what is done; wait until there is room for another block, or with ALL until everything is sent. */
static int drain(struct blocks *blocks, bool all, struct error *e)
{
	for (;;) {
		bool ready;
		bool waiting;

		pthread_mutex_lock(&blocks->lock);
		for (;;) {
			ready = blocks->sent < blocks->filled && oldest(blocks)->state == BLOCK_DONE;
			waiting = all ? blocks->sent < blocks->filled : is_full(blocks);
			if (ready || !waiting)
				break;
			pthread_cond_wait(&blocks->done, &blocks->lock);
		}
		pthread_mutex_unlock(&blocks->lock);
		if (!ready)
			return 0;
		if (send_oldest(blocks, e) < 0)
			return -1;
	}
}

static struct block *current(struct blocks *blocks)
{
	return &blocks->ring[blocks->filled % blocks->ring_count];
}

/* Queue the current block. A thread more is started as long as all that run have work. */
static int queue(struct blocks *blocks, struct error *e)
{
	bool start;

	blocks->filling = false;
	pthread_mutex_lock(&blocks->lock);
	current(blocks)->state = BLOCK_QUEUED;
	blocks->filled++;
	blocks->input_count++;
	start = blocks->thread_count < blocks->worker_count && blocks->input_count > blocks->thread_count;
	pthread_cond_signal(&blocks->work);
	pthread_mutex_unlock(&blocks->lock);
	if (!start)
		return 0;
	if (thread_start(&blocks->threads[blocks->thread_count], work, blocks, e) < 0) {
		if (blocks->thread_count == 0)
			return -1;
		error_clear(e); /* those that run do the work */
		blocks->worker_count = blocks->thread_count;
		return 0;
	}
	blocks->thread_count++;
	return 0;
}

static void begin_block(struct blocks *blocks)
{
	struct block *block = current(blocks);

	block->data = xmalloc(blocks->block_bytes);
	block->len = 0;
	block->level = blocks->level;
	block->unpadded_bytes = 0;
	block->owner = blocks;
	blocks->filling = true;
}

static int write_head(struct blocks *blocks, struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	if (blocks->headed || !blocks->format->head)
		return 0;
	blocks->headed = true;
	return blocks->format->head(blocks->context, &out, e) < 0 ? -1 : pass_on(blocks, &out, e);
}

static int blocks_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct blocks *blocks = (struct blocks *)sink;
	const char *from = data;

	if (write_head(blocks, e) < 0)
		return -1;
	while (len) {
		struct block *block = current(blocks);
		size_t part;

		if (!blocks->filling) {
			if (drain(blocks, false, e) < 0)
				return -1;
			begin_block(blocks);
		}
		part = blocks->block_bytes - block->len;
		if (part > len)
			part = len;
		memcpy(block->data + block->len, from, part);
		block->len += part;
		from += part;
		len -= part;
		if (block->len == blocks->block_bytes && queue(blocks, e) < 0)
			return -1;
	}
	return 0;
}

static void end_threads(struct blocks *blocks)
{
	pthread_mutex_lock(&blocks->lock);
	blocks->over = true;
	pthread_cond_broadcast(&blocks->work);
	pthread_mutex_unlock(&blocks->lock);
	for (size_t i = 0; i < blocks->thread_count; i++)
		pthread_join(blocks->threads[i], NULL);
	blocks->thread_count = 0;
}

static int blocks_finish(struct sink *sink, struct error *e)
{
	struct blocks *blocks = (struct blocks *)sink;
	auto_buffer struct buffer out = BUFFER_INIT;

	if (write_head(blocks, e) < 0)
		return -1;
	/* Where files are only put together, no input at all must still give one. */
	if (!blocks->format->tail && blocks->filled == 0 && !blocks->filling)
		begin_block(blocks);
	if (blocks->filling && queue(blocks, e) < 0)
		return -1;
	if (drain(blocks, true, e) < 0)
		return -1;
	end_threads(blocks);
	if (blocks->format->tail &&
	    (blocks->format->tail(blocks->context, &out, e) < 0 || pass_on(blocks, &out, e) < 0))
		return -1;
	return sink_finish(sink->next, e);
}

static void blocks_release(struct sink *sink)
{
	struct blocks *blocks = (struct blocks *)sink;

	atomic_store(&blocks->stopped, true);
	end_threads(blocks);
	for (size_t i = 0; i < blocks->ring_count; i++) {
		free(blocks->ring[i].data);
		buffer_release(&blocks->ring[i].out);
	}
	if (blocks->format->close)
		blocks->format->close(blocks->context);
	pthread_mutex_destroy(&blocks->lock);
	pthread_cond_destroy(&blocks->work);
	pthread_cond_destroy(&blocks->done);
	sink_release(sink->next);
	free(blocks->threads);
	free(blocks->ring);
	free(blocks);
}

struct sink *sink_blocks(const struct block_format *format, struct sink *next, int level, size_t worker_count,
			 struct codec_memory *memory, struct error *e)
{
	static const struct sink_ops ops = { blocks_write, blocks_finish, blocks_release };
	struct blocks *blocks;
	bool small;

	(void)e;
	if (!next)
		return NULL;
	blocks = xcalloc(1, sizeof *blocks);
	blocks->sink.ops = &ops;
	blocks->sink.next = next;
	blocks->format = format;
	blocks->level = level;
	blocks->block_bytes = format->block_bytes(level);
	blocks->encoder_bytes = format->encoder_bytes(level);
	blocks->memory = memory;
	small = blocks->block_bytes <= QUEUE_BLOCK_BYTES;
	/* For each worker an input; of small blocks another one that waits, and an output. */
	blocks->worker_count = worker_count
				       ? worker_count
				       : codec_workers(memory, blocks->encoder_bytes +
								       (small ? 3 : 1) * blocks->block_bytes);
	blocks->input_max = blocks->worker_count * (small ? 2 : 1);
	blocks->ring_count = blocks->input_max + blocks->worker_count + 1;
	blocks->ring = xcalloc(blocks->ring_count, sizeof *blocks->ring);
	blocks->threads = xcalloc(blocks->worker_count, sizeof *blocks->threads);
	pthread_mutex_init(&blocks->lock, NULL);
	pthread_cond_init(&blocks->work, NULL);
	pthread_cond_init(&blocks->done, NULL);
	atomic_init(&blocks->stopped, false);
	if (format->open)
		blocks->context = format->open();
	return &blocks->sink;
}
