/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/codec.h"

#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/pool.h"
#include "base/version.h"

#include <stdatomic.h>

/* Inputs up to the first size may wait in a queue, one for each worker; up to the second, two in all; larger ones are
 * filled only when a worker has time for them. */
#define QUEUE_ALL_BYTES (4 * MIB)
#define QUEUE_TWO_BYTES (16 * MIB)

/* What is looked at for the end of a block in one go: most of it stays in the processor's cache. */
enum { LOOK_BYTES = 64 * 1024 };

/*
 * Blocks are numbered from 0; number N lives in ring[N % ring_count]. The writer's side fills `filled`,
 * the workers begin `begun`, the writer's side sends `sent`: sent <= begun <= filled <= sent + ring_count.
 */
struct blocks {
	struct sink sink;
	const struct block_format *format;
	void *context; /* of the format */
	int level;
	struct cut_sizes sizes;
	uint64_t encoder_bytes;
	struct memo *memo;      /* borrowed; may be NULL */
	struct memo_file *file; /* MEMO's */
	char *setting;          /* owned; all that decides on the bytes of a block beside its input */
	uint64_t sent_bytes;
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
	char **spares; /* guarded by lock: memory for inputs that nobody has at the moment; room for input_max + 1 */
	size_t spare_count;
	bool joined;  /* it has a share of MEMORY */
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

static int encode(struct block *block, struct error *e)
{
	struct blocks *blocks = block->owner;
	struct budget *budget = codec_memory_budget(blocks->memory, blocks->encoder_bytes);
	/* The input is part of what the encoder needs: large blocks have few encoders. */
	uint64_t bytes = blocks->encoder_bytes + blocks->sizes.max_bytes;
	int result;

	budget_take(budget, bytes);
	result = blocks_check(block, e) < 0 ? -1 : blocks->format->encode(block, e);
	budget_give(budget, bytes);
	return result;
}

static struct digest key_of(const struct block *block)
{
	auto_hash struct hash hash = HASH_INIT;

	hash_start_sha256(&hash);
	/* Its NUL ends it. */
	hash_add(&hash, block->owner->setting, strlen(block->owner->setting) + 1);
	hash_add(&hash, block->data, block->len);
	return hash_end_sha256(&hash);
}

/* From an earlier image, or else by the encoder. */
static int make(struct block *block, struct error *e)
{
	struct blocks *blocks = block->owner;
	struct memo_block *known = &block->known;

	if (!blocks->memo)
		return encode(block, e);
	known->key = key_of(block);
	if (memo_read(blocks->memo, &known->key, known, &block->out)) {
		block->note = known->note;
		return blocks_check(block, e);
	}
	if (encode(block, e) < 0)
		return -1;
	known->sha256 = sha256_of(block->out.data, block->out.len);
	known->len = block->out.len;
	known->note = block->note;
	known->reused = false;
	return 0;
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
		error_clear(&block->error);
		block->failed = make(block, &block->error) < 0;
		pthread_mutex_lock(&blocks->lock);
		block->state = BLOCK_DONE;
		blocks->spares[blocks->spare_count++] = TAKE(block->data, NULL);
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

	blocks->sent_bytes += out->len;
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
	if (blocks->file) {
		block->known.offset = blocks->sent_bytes;
		memo_add(blocks->file, &block->known);
	}
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

	/* What was written to before costs nothing; fresh memory is cleared by the kernel page by page. */
	pthread_mutex_lock(&blocks->lock);
	block->data = blocks->spare_count ? blocks->spares[--blocks->spare_count] : NULL;
	pthread_mutex_unlock(&blocks->lock);
	if (!block->data)
		block->data = xmalloc(blocks->sizes.max_bytes);
	block->len = 0;
	block->level = blocks->level;
	block->note = 0;
	block->owner = blocks;
	blocks->filling = true;
}

/* How many inputs may wait while all workers are busy. */
static size_t waiting_max(const struct blocks *blocks, size_t worker_count)
{
	if (blocks->sizes.max_bytes <= QUEUE_ALL_BYTES)
		return worker_count;
	return blocks->sizes.max_bytes <= QUEUE_TWO_BYTES ? 2 : 0;
}

/* For each worker its encoder, an input and an output; and the inputs that wait, and the one being filled. */
static size_t count_workers(const struct blocks *blocks)
{
	uint64_t block_bytes = blocks->sizes.max_bytes;

	if (block_bytes <= QUEUE_ALL_BYTES)
		return codec_workers(blocks->memory, blocks->encoder_bytes + 3 * block_bytes);
	if (block_bytes <= QUEUE_TWO_BYTES)
		return codec_workers_beside(blocks->memory, blocks->encoder_bytes + 2 * block_bytes,
					    3 * block_bytes);
	/* Of the largest there is no room for so many: an encoder takes several times that, and has little output. */
	return codec_workers(blocks->memory, blocks->encoder_bytes + block_bytes);
}

/* When the first bytes come: who shares the memory is known then. */
static void prepare(struct blocks *blocks)
{
	if (!blocks->worker_count)
		blocks->worker_count = count_workers(blocks);
	blocks->input_max = blocks->worker_count + waiting_max(blocks, blocks->worker_count);
	blocks->ring_count = blocks->input_max + blocks->worker_count + 1;
	blocks->ring = xcalloc(blocks->ring_count, sizeof *blocks->ring);
	blocks->spares = xcalloc(blocks->input_max + 1, sizeof *blocks->spares);
	blocks->threads = xcalloc(blocks->worker_count, sizeof *blocks->threads);
}

static int begin(struct blocks *blocks, struct error *e)
{
	auto_buffer struct buffer out = BUFFER_INIT;

	if (!blocks->ring)
		prepare(blocks);

	if (blocks->headed || !blocks->format->head)
		return 0;
	blocks->headed = true;
	return blocks->format->head(blocks->context, &out, e) < 0 ? -1 : pass_on(blocks, &out, e);
}

/* Take what belongs to the current block from DATA; *ended when that was its end. */
static size_t fill(const struct blocks *blocks, struct block *block, const char *data, size_t len,
		   bool *ended)
{
	size_t room = blocks->sizes.max_bytes - block->len;
	size_t seen = block->len;
	size_t end;

	if (len > room)
		len = room;
	if (len > LOOK_BYTES)
		len = LOOK_BYTES;
	memcpy(block->data + seen, data, len);
	end = cut_find(&blocks->sizes, block->data, seen, seen + len);
	*ended = end > 0;
	block->len = *ended ? end : seen + len;
	return block->len - seen;
}

static int blocks_write(struct sink *sink, const void *data, size_t len, struct error *e)
{
	struct blocks *blocks = (struct blocks *)sink;
	const char *from = data;

	if (begin(blocks, e) < 0)
		return -1;
	while (len) {
		bool ended;
		size_t taken;

		if (!blocks->filling) {
			if (drain(blocks, false, e) < 0)
				return -1;
			begin_block(blocks);
		}
		taken = fill(blocks, current(blocks), from, len, &ended);
		from += taken;
		len -= taken;
		if (ended && queue(blocks, e) < 0)
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

static void leave_memory(struct blocks *blocks)
{
	if (TAKE(blocks->joined, false))
		codec_memory_leave(blocks->memory, blocks->encoder_bytes);
}

static int blocks_finish(struct sink *sink, struct error *e)
{
	struct blocks *blocks = (struct blocks *)sink;
	auto_buffer struct buffer out = BUFFER_INIT;

	if (begin(blocks, e) < 0)
		return -1;
	/* Where files are only put together, no input at all must still give one. */
	if (!blocks->format->tail && blocks->filled == 0 && !blocks->filling)
		begin_block(blocks);
	if (blocks->filling && queue(blocks, e) < 0)
		return -1;
	if (drain(blocks, true, e) < 0)
		return -1;
	end_threads(blocks);
	leave_memory(blocks);
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
	leave_memory(blocks);
	for (size_t i = 0; i < blocks->ring_count; i++) {
		free(blocks->ring[i].data);
		buffer_release(&blocks->ring[i].out);
	}
	while (blocks->spare_count)
		free(blocks->spares[--blocks->spare_count]);
	if (blocks->format->close)
		blocks->format->close(blocks->context);
	pthread_mutex_destroy(&blocks->lock);
	pthread_cond_destroy(&blocks->work);
	pthread_cond_destroy(&blocks->done);
	sink_release(sink->next);
	free(blocks->setting);
	free(blocks->spares);
	free(blocks->threads);
	free(blocks->ring);
	free(blocks);
}

static const struct sink_ops ops = { blocks_write, blocks_finish, blocks_release };

struct sink *sink_blocks(const struct block_format *format, struct sink *next, int level, size_t worker_count,
			 struct codec_memory *memory, struct error *e)
{
	struct blocks *blocks;

	(void)e;
	if (!next)
		return NULL;
	blocks = xcalloc(1, sizeof *blocks);
	blocks->sink.ops = &ops;
	blocks->sink.next = next;
	blocks->format = format;
	blocks->level = level;
	blocks->sizes = format->sizes(level);
	blocks->encoder_bytes = format->encoder_bytes(level);
	blocks->memory = memory;
	blocks->worker_count = worker_count;
	codec_memory_join(memory, blocks->encoder_bytes);
	blocks->joined = true;
	pthread_mutex_init(&blocks->lock, NULL);
	pthread_cond_init(&blocks->work, NULL);
	pthread_cond_init(&blocks->done, NULL);
	atomic_init(&blocks->stopped, false);
	if (format->open)
		blocks->context = format->open();
	return &blocks->sink;
}

/* The program's own code decides as well: a later one may have other block sizes, or set an encoder up differently. */
static char *make_setting(const struct blocks *blocks)
{
	const void *id;
	size_t len = program_build_id(&id);
	struct digest program = sha256_of(id, len);

	return xasprintf("%s-%d %s %s", blocks->format->name, blocks->level, blocks->format->version(),
			 digest_hex(&program).text);
}

void codec_remember(struct sink *sink, struct memo *memo, const char *name)
{
	struct blocks *blocks = (struct blocks *)sink;

	if (!sink || sink->ops != &ops || !memo)
		return;
	blocks->memo = memo;
	blocks->file = memo_add_file(memo, name);
	blocks->setting = make_setting(blocks);
}
