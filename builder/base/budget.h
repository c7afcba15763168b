/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that several threads share: who needs a good deal of it for a while takes it from here, and waits while
 * others have it. It decides how many work at a time, never what they do.
 *
 * Nobody may wait for a second share while holding a first: two that do could wait for each other.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <pthread.h>
#include <stdint.h>

struct budget {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	uint64_t all_bytes;
	uint64_t free_bytes;
};

void budget_init(struct budget *budget, uint64_t bytes);
void budget_release(struct budget *budget);
/* Wait until BYTES are free, and take them; more than there are in all counts as all. NULL: nothing to do. */
void budget_take(struct budget *budget, uint64_t bytes);
/* Give back what was taken as BYTES. */
void budget_give(struct budget *budget, uint64_t bytes);

#endif
