/* SPDX-License-Identifier: Apache-2.0 */
#include "base/journal.h"

#include "base/epoch.h"

void journal_init(struct journal *journal)
{
	*journal = (struct journal) {
		.arena = ARENA_INIT,
		.begin_s = monotonic_seconds(),
		.begin_epoch_s = epoch_now(),
	};
	pthread_mutex_init(&journal->lock, NULL);
}

void journal_release(struct journal *journal)
{
	arena_release(&journal->arena);
	pthread_mutex_destroy(&journal->lock);
}

static const char *keep(struct arena *arena, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return NULL;
	return arena_strdup(arena, len > JOURNAL_TEXT_MAX_BYTES ? text + len - JOURNAL_TEXT_MAX_BYTES : text);
}

static void add(struct journal *journal, const struct journal_event *event)
{
	struct journal_event kept = *event;

	if (journal->count == JOURNAL_EVENTS_MAX) {
		journal->left_out++;
		return;
	}
	kept.kind = keep(&journal->arena, event->kind);
	kept.name = keep(&journal->arena, event->name);
	kept.subject = keep(&journal->arena, event->subject);
	kept.text = keep(&journal->arena, event->text);
	if (kept.end_s <= 0)
		kept.end_s = monotonic_seconds();
	if (kept.begin_s <= 0)
		kept.begin_s = kept.end_s;
	ARENA_PUSH(&journal->arena, journal->events, journal->count, kept);
}

void journal_add(struct journal *journal, const struct journal_event *event)
{
	if (!journal)
		return;
	pthread_mutex_lock(&journal->lock);
	add(journal, event);
	pthread_mutex_unlock(&journal->lock);
}
