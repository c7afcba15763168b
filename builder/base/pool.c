/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include "base/alloc.h"
#include "base/interrupt.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>

enum { WORKER_MAX = 64, PROCESSOR_MAX = 1 << 20 };

struct pool {
	pthread_mutex_t lock;
	size_t next;
	size_t count;
	size_t failed_index;
	bool failed;
	struct error error;
	pool_fn fn;
	void *context;
};

size_t processor_count(void)
{
	/* The kernel refuses a set that is smaller than its own, whose size it does not tell. */
	for (size_t room = CPU_SETSIZE; room <= PROCESSOR_MAX; room *= 2) {
		size_t bytes = CPU_ALLOC_SIZE(room);
		auto_free cpu_set_t *set = xcalloc(1, bytes);
		int count;

		if (sched_getaffinity(0, bytes, set) < 0) {
			if (errno == EINVAL)
				continue;
			break;
		}
		count = CPU_COUNT_S(bytes, set);
		return count > 0 ? (size_t)count : 1;
	}
	return 1;
}

int thread_start(pthread_t *thread, void *(*run)(void *), void *argument, struct error *e)
{
	sigset_t all;
	sigset_t old;
	int failure;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	failure = pthread_create(thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (failure == 0)
		return 0;
	errno = failure;
	return error_sys(e, "cannot start a thread");
}

static bool take(struct pool *pool, size_t *index)
{
	bool taken = false;

	pthread_mutex_lock(&pool->lock);
	if (!pool->failed && pool->next < pool->count && !interrupt_requested()) {
		*index = pool->next++;
		taken = true;
	}
	pthread_mutex_unlock(&pool->lock);
	return taken;
}

static void *work(void *argument)
{
	struct pool *pool = argument;
	size_t index;

	while (take(pool, &index)) {
		struct error e = ERROR_INIT;

		if (pool->fn(pool->context, index, &e) == 0)
			continue;
		pthread_mutex_lock(&pool->lock);
		if (!pool->failed || index < pool->failed_index) {
			pool->failed = true;
			pool->failed_index = index;
			pool->error = e;
		}
		pthread_mutex_unlock(&pool->lock);
	}
	return NULL;
}

int pool_run(size_t worker_count, size_t count, pool_fn fn, void *context, struct error *e)
{
	struct pool pool = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .count = count, .fn = fn, .context = context
	};
	pthread_t threads[WORKER_MAX];
	struct error ignored = ERROR_INIT; /* fewer threads do the same work */
	size_t started = 0;
	size_t wanted = worker_count ? worker_count : processor_count();

	if (wanted > count)
		wanted = count;
	if (wanted > WORKER_MAX)
		wanted = WORKER_MAX;
	while (started + 1 < wanted && thread_start(&threads[started], work, &pool, &ignored) == 0)
		started++;
	work(&pool);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (pool.failed) {
		*e = pool.error;
		return -1;
	}
	return interrupt_check(e);
}
