/* SPDX-License-Identifier: Apache-2.0 */
#include "emulation_cost.h"

#include "base/journal.h"
#include "base/text.h"

/* Of the one line that every foreign build ends with. */
enum { PARTS_SAID = 3 };

/* "libc6" of "libc6:arm64", as which dpkg knows packages that several architectures may have. */
static const char *package_name(struct arena *arena, const char *subject)
{
	return arena_strndup(arena, subject, strcspn(subject, ":"));
}

static struct emulation_part *find_part(struct emulation_cost *cost, const char *kind, const char *name)
{
	for (size_t i = 0; i < cost->count; i++)
		if (strcmp(cost->parts[i].kind, kind) == 0 && strcmp(cost->parts[i].name, name) == 0)
			return &cost->parts[i];
	ARENA_PUSH(&cost->arena, cost->parts, cost->count,
		   ((struct emulation_part) { .kind = kind, .name = name }));
	return &cost->parts[cost->count - 1];
}

static struct emulation_part *part_of(struct emulation_cost *cost, const struct journal_event *event)
{
	if (strcmp(event->kind, "script") == 0 && event->subject)
		return find_part(cost, "package", package_name(&cost->arena, event->subject));
	if (strcmp(event->kind, "action") == 0 && event->subject)
		return find_part(cost, "action", event->subject);
	return find_part(cost, "program", event->name ? event->name : "");
}

/* Seconds of the scripts that ran within the program that ended as event number INDEX: they ended just before. */
static double seconds_within(const struct journal *journal, size_t index)
{
	double begin_s = journal->events[index].begin_s;
	double sum = 0;

	for (size_t i = index; i-- > 0 && journal->events[i].end_s >= begin_s;)
		if (journal->events[i].emulated && journal->events[i].begin_s >= begin_s)
			sum += journal->events[i].end_s - journal->events[i].begin_s;
	return sum;
}

static int by_seconds(const void *a, const void *b)
{
	const struct emulation_part *one = a;
	const struct emulation_part *other = b;

	if (one->seconds != other->seconds)
		return one->seconds < other->seconds ? 1 : -1;
	return strcmp(one->name, other->name);
}

void emulation_cost_read(const struct journal *journal, struct emulation_cost *cost)
{
	*cost = EMULATION_COST_INIT;
	for (size_t i = 0; journal && i < journal->count; i++) {
		const struct journal_event *event = &journal->events[i];
		double own_s = event->end_s - event->begin_s;
		struct emulation_part *part;

		if (!event->emulated)
			continue;
		own_s -= seconds_within(journal, i);
		part = part_of(cost, event);
		part->run_count++;
		part->seconds += own_s > 0 ? own_s : 0;
		cost->total_s += own_s > 0 ? own_s : 0;
	}
	if (cost->count)
		qsort(cost->parts, cost->count, sizeof *cost->parts, by_seconds);
}

void emulation_cost_say(const struct emulation_cost *cost, const char *interpreter, struct log *log)
{
	auto_buffer struct buffer line = BUFFER_INIT;

	for (size_t i = 0; i < cost->count && i < PARTS_SAID; i++)
		buffer_addf(&line, "%s%s %.1f s", i ? ", " : "; most of it: ", cost->parts[i].name,
			    cost->parts[i].seconds);
	if (cost->count)
		log_say(log, "emulated   %6.1f s  by %s%s", cost->total_s, interpreter, line.data);
}

void emulation_cost_print(const struct emulation_cost *cost, const char *interpreter, struct log *log)
{
	if (cost->count == 0)
		return;
	log_asked(log, "%-10s %8.2f  by %s", "emulated", cost->total_s, interpreter);
	for (size_t i = 0; i < cost->count; i++)
		log_asked(log, "%-10s %8.2f %5.0f%%  %s (%zu run%s)", cost->parts[i].kind,
			  cost->parts[i].seconds,
			  cost->total_s > 0 ? 100 * cost->parts[i].seconds / cost->total_s : 0,
			  cost->parts[i].name, cost->parts[i].run_count,
			  cost->parts[i].run_count == 1 ? "" : "s");
}

void emulation_cost_release(struct emulation_cost *cost)
{
	arena_release(&cost->arena);
	*cost = EMULATION_COST_INIT;
}
