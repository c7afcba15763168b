/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include "base/alloc.h"
#include "base/interrupt.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

enum { WORKER_MAX = 64 };

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
	cpu_set_t set;
	int count;

	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	count = CPU_COUNT(&set);
	return count > 0 ? (size_t)count : 1;
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
	size_t started = 0;
	size_t wanted = worker_count ? worker_count : processor_count();
	sigset_t all;
	sigset_t old;

	if (wanted > count)
		wanted = count;
	if (wanted > WORKER_MAX)
		wanted = WORKER_MAX;
	/* Signals are for the calling thread, which waits in poll() and the like elsewhere. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (started + 1 < wanted && pthread_create(&threads[started], NULL, work, &pool) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	work(&pool);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (pool.failed) {
		*e = pool.error;
		return -1;
	}
	return interrupt_check(e);
}
