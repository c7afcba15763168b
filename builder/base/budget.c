/* SPDX-License-Identifier: Apache-2.0 */
#include "base/budget.h"

void budget_init(struct budget *budget, uint64_t bytes)
{
	*budget = (struct budget) { .all_bytes = bytes, .free_bytes = bytes };
	pthread_mutex_init(&budget->lock, NULL);
	pthread_cond_init(&budget->freed, NULL);
}

void budget_release(struct budget *budget)
{
	pthread_mutex_destroy(&budget->lock);
	pthread_cond_destroy(&budget->freed);
}

static uint64_t clamped(const struct budget *budget, uint64_t bytes)
{
	return bytes < budget->all_bytes ? bytes : budget->all_bytes;
}

void budget_take(struct budget *budget, uint64_t bytes)
{
	if (!budget)
		return;
	pthread_mutex_lock(&budget->lock);
	while (budget->free_bytes < clamped(budget, bytes))
		pthread_cond_wait(&budget->freed, &budget->lock);
	budget->free_bytes -= clamped(budget, bytes);
	pthread_mutex_unlock(&budget->lock);
}

void budget_give(struct budget *budget, uint64_t bytes)
{
	if (!budget)
		return;
	pthread_mutex_lock(&budget->lock);
	budget->free_bytes += clamped(budget, bytes);
	pthread_cond_broadcast(&budget->freed);
	pthread_mutex_unlock(&budget->lock);
}
