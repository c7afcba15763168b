/* SPDX-License-Identifier: Apache-2.0 */
/* kiln diff: what is different between two images or trees. */
#include "cmd/cmd.h"

#include "base/pool.h"
#include "check/diff.h"

/* The two sides, read on a thread each. */
struct reading {
	const struct settings *settings;
	struct diff_side sides[2];
};

static void reading_release(struct reading *reading)
{
	diff_side_release(&reading->sides[0]);
	diff_side_release(&reading->sides[1]);
}

static int read_side(void *context, size_t index, struct error *e)
{
	struct reading *reading = context;

	return diff_side_read(reading->settings->arguments.items[index], reading->settings->log,
			      &reading->sides[index], e);
}

int cmd_diff(const struct settings *settings, struct error *e)
{
	AUTO(reading_release)
	struct reading reading = { settings, { DIFF_SIDE_INIT, DIFF_SIDE_INIT } };
	auto_diff struct diff diff = DIFF_INIT;
	auto_buffer struct buffer out = BUFFER_INIT;
	int r = 0;

	if (pool_run(2, 2, read_side, &reading, e) < 0)
		return -1;
	diff_make(&reading.sides[0], &reading.sides[1], &diff);
	if (settings->json)
		r = print_data_json(diff_json(&diff), e);
	else
		diff_print(&diff, settings->files ? DIFF_ALL_FILES : 0, &out);
	if (r < 0 || print_data(out.data, out.len, e) < 0)
		return -1;
	if (diff_is_empty(&diff))
		return 0;
	return error_set(e, ERROR_DIFFERENT, "'%s' and '%s' differ", diff.a->name, diff.b->name);
}
