/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "base/meter.h"

/* The columns that every row has. */
static void add_times(const char *name, const struct meter_sum *sum, double total_s, struct buffer *out)
{
	buffer_addf(out, "%-10s %8.2f %5.0f%% %8.2f %8.2f", name, sum->wall_s,
		    total_s > 0 ? 100 * sum->wall_s / total_s : 0, sum->cpu_s, sum->program_cpu_s);
}

static void add_bytes(uint64_t bytes, struct buffer *out)
{
	buffer_addf(out, " %10s", bytes ? human_size(bytes).text : "");
}

static void add_counts(const struct meter_words *words, const struct meter_sum *sum, struct buffer *out)
{
	add_bytes(sum->in_bytes, out);
	add_bytes(sum->out_bytes, out);
	if (words->items)
		buffer_addf(out, " %6llu %-8s", (unsigned long long)sum->item_count, words->items);
	if (words->bound)
		buffer_addf(out, " %8.2f %s", sum->bound_s, words->bound);
}

/* The end of LINE is blank where its last columns are empty. */
static void say(struct log *log, const struct buffer *line)
{
	size_t len = line->len;

	while (len > 0 && line->data[len - 1] == ' ')
		len--;
	log_asked(log, "%.*s", (int)len, line->data);
}

void timing_print(const struct meter_report *spent, struct log *log)
{
	auto_buffer struct buffer line = BUFFER_INIT;

	log_asked(log, "%-10s %8s %6s %8s %8s %10s %10s %6s %-8s %8s", "", "seconds", "share", "cpu",
		  "programs", "in", "out", "", "items", "bound");
	for (size_t i = 0; i < METER_KIND_COUNT; i++) {
		const struct meter_words *words = meter_words((enum meter_kind)i);
		const struct meter_sum *sum = &spent->sums[i];

		/* A stage that --until left out. */
		if (sum->wall_s <= 0)
			continue;
		buffer_reset(&line);
		add_times(words->name, sum, spent->total.wall_s, &line);
		add_counts(words, sum, &line);
		say(log, &line);
	}
	buffer_reset(&line);
	add_times("total", &spent->total, spent->total.wall_s, &line);
	buffer_addf(&line, "   kiln's own memory: at most %s", human_size(spent->peak_bytes).text);
	say(log, &line);
}
