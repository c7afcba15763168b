/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work over many items on several threads. The threads live only inside the call, so that
 * whoever starts processes afterwards does it from a program with one thread.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/error.h"

#include <pthread.h>
#include <stddef.h>

/* Start a thread that no signal is delivered to: signals are for the thread that came first. */
int thread_start(pthread_t *thread, void *(*run)(void *), void *argument, struct error *e) MUST_CHECK;

/* Work on item number INDEX; called from any thread, never twice for one item. */
typedef int (*pool_fn)(void *context, size_t index, struct error *e);

/*
 * Run FN for every index below COUNT, in ascending order of start, on up to WORKER_COUNT threads (0: as
 * many as there are processors). After a failure or a signal no further item is begun; the error of the
 * lowest failing index that ran is reported.
 */
int pool_run(size_t worker_count, size_t count, pool_fn fn, void *context, struct error *e) MUST_CHECK;

/* Processors that this process may use; at least 1. */
size_t processor_count(void);

#endif
