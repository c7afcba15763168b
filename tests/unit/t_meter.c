/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a build spends is booked where it belongs. Clocks are compared with each other only: hosts are slow. */
#include "unit/unit.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/meter.h"
#include "base/pool.h"
#include "base/process.h"

#include <math.h>
#include <sys/wait.h>

#define BURN_S 0.05

enum { TOUCH_BYTES = 96 * 1024 * 1024, ADD_COUNT = 500 };

static void burn(void)
{
	double end = meter_thread_cpu_s() + BURN_S;

	while (meter_thread_cpu_s() < end)
		;
}

static struct meter_report report_of(struct meter *meter)
{
	struct meter_report report;

	meter_read(meter, &report);
	return report;
}

static void assert_adds_up(const struct meter_report *report)
{
	struct meter_sum sum = { .wall_s = 0 };

	for (size_t i = 0; i < METER_KIND_COUNT; i++) {
		assert_true(report->sums[i].wall_s >= 0 && report->sums[i].cpu_s >= 0);
		sum.wall_s += report->sums[i].wall_s;
		sum.cpu_s += report->sums[i].cpu_s;
		sum.program_cpu_s += report->sums[i].program_cpu_s;
	}
	assert_true(fabs(sum.wall_s - report->total.wall_s) < 1e-6);
	assert_true(fabs(sum.cpu_s - report->total.cpu_s) < 1e-6);
	assert_true(fabs(sum.program_cpu_s - report->total.program_cpu_s) < 1e-6);
}

static void unpack_inside(struct meter *meter)
{
	AUTO(meter_leave) struct meter_visit visit = meter_enter(meter, METER_UNPACK);

	assert_int_equal(visit.before, METER_CONFIGURE);
	burn();
}

static void kinds_inside_each_other(void **state)
{
	AUTO(meter_release) struct meter meter;
	double begin_s = monotonic_seconds();
	struct meter_report report;
	double whole_s;

	(void)state;
	meter_init(&meter);
	{
		AUTO(meter_leave) struct meter_visit visit = meter_enter(&meter, METER_CONFIGURE);

		burn();
		unpack_inside(&meter);
		burn();
		unpack_inside(&meter);
		assert_int_equal(visit.before, METER_OTHER);
	}
	report = report_of(&meter);
	whole_s = monotonic_seconds() - begin_s;
	assert_adds_up(&report);
	assert_true(report.total.wall_s <= whole_s && report.total.wall_s >= 4 * BURN_S);
	assert_true(report.sums[METER_CONFIGURE].cpu_s >= 2 * BURN_S);
	assert_true(report.sums[METER_UNPACK].cpu_s >= 2 * BURN_S);
	assert_true(report.sums[METER_UNPACK].wall_s >= report.sums[METER_UNPACK].cpu_s * 0.9);
	assert_true(report.sums[METER_OTHER].cpu_s < BURN_S);
	assert_true(report.sums[METER_PACK].wall_s == 0);
	assert_int_equal(meter.kind, METER_OTHER);
}

static int add_from_thread(void *context, size_t index, struct error *e)
{
	struct meter_sum amount = { .bound_s = 0.5, .in_bytes = index, .out_bytes = 2, .item_count = 1 };

	(void)e;
	meter_add(context, index % 2 ? METER_UNPACK : METER_FETCH, &amount);
	meter_add_now(context, &(struct meter_sum) { .item_count = 1 });
	return 0;
}

static void amounts_from_threads(void **state)
{
	AUTO(meter_release) struct meter meter;
	struct error e = ERROR_INIT;
	struct meter_report report;
	struct meter_visit visit;

	(void)state;
	meter_init(&meter);
	visit = meter_enter(&meter, METER_PACK);
	assert_int_equal(pool_run(8, ADD_COUNT, add_from_thread, &meter, &e), 0);
	meter_leave(&visit);
	report = report_of(&meter);
	assert_int_equal(report.sums[METER_UNPACK].item_count, ADD_COUNT / 2);
	assert_int_equal(report.sums[METER_FETCH].item_count, ADD_COUNT / 2);
	assert_int_equal(report.sums[METER_PACK].item_count, ADD_COUNT);
	assert_int_equal(report.sums[METER_UNPACK].in_bytes, ADD_COUNT / 2 * (ADD_COUNT / 2));
	assert_int_equal(report.sums[METER_FETCH].out_bytes, ADD_COUNT);
	assert_true(report.sums[METER_UNPACK].bound_s == ADD_COUNT / 4.0);
	assert_true(report.total.bound_s == ADD_COUNT / 2.0);
	assert_adds_up(&report);
}

/* Threads count as kiln itself, programs and what they start do not. */
static int burn_in_thread(void *context, size_t index, struct error *e)
{
	(void)context;
	(void)index;
	(void)e;
	burn();
	return 0;
}

static void threads_and_programs(void **state)
{
	/* The loop runs in a child of the shell, which waits for it. */
	const char *argv[] = { "sh", "-c", "(i=0; while [ $i -lt 60000 ]; do i=$((i + 1)); done); times",
			       NULL };
	struct process_options options = { .argv = argv, .output_max_bytes = 4096, .timeout_ms = 60000 };
	auto_process_result struct process_result result = PROCESS_RESULT_INIT;
	AUTO(meter_release) struct meter meter;
	struct error e = ERROR_INIT;
	struct meter_report report;
	struct meter_visit visit;
	double shell_s;
	char *second_line;

	(void)state;
	meter_init(&meter);
	visit = meter_enter(&meter, METER_UNPACK);
	assert_int_equal(pool_run(4, 4, burn_in_thread, NULL, &e), 0);
	meter_leave(&visit);
	visit = meter_enter(&meter, METER_CONFIGURE);
	assert_int_equal(process_run(&options, &result, &e), 0);
	meter_leave(&visit);
	report = report_of(&meter);
	assert_true(report.sums[METER_UNPACK].cpu_s >= 4 * BURN_S);
	assert_true(report.sums[METER_UNPACK].program_cpu_s < BURN_S);
	/* "0m0.10s 0m0.00s" of the shell, then of its children; this one is user time. */
	assert_int_equal(result.status, 0);
	second_line = strchr(result.output.data, '\n');
	assert_non_null(second_line);
	assert_non_null(strchr(second_line, 'm'));
	shell_s = strtod(strchr(second_line, 'm') + 1, NULL);
	assert_true(shell_s > 0.005);
	assert_true(report.sums[METER_CONFIGURE].program_cpu_s >= shell_s * 0.8);
	assert_adds_up(&report);
}

static void touch(void)
{
	auto_free char *data = xmalloc(TOUCH_BYTES);

	for (size_t i = 0; i < TOUCH_BYTES; i += 4096)
		*(volatile char *)(data + i) = 1;
}

static void memory(void **state)
{
	AUTO(meter_release) struct meter meter;
	struct meter_report before;
	struct meter_report after;
	pid_t child;
	int status;

	(void)state;
	meter_init(&meter);
	before = report_of(&meter);
	assert_true(before.peak_bytes > 0);
	child = fork();
	if (child == 0) {
		touch();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	after = report_of(&meter);
	assert_true(after.peak_bytes < before.peak_bytes + TOUCH_BYTES / 2); /* a program's is its own */
	touch();
	after = report_of(&meter);
	assert_true(after.peak_bytes >= before.peak_bytes + TOUCH_BYTES / 2);
}

static void no_meter(void **state)
{
	struct meter_visit visit = meter_enter(NULL, METER_PACK);

	(void)state;
	meter_add(NULL, METER_PACK, &(struct meter_sum) { .item_count = 1 });
	meter_add_now(NULL, &(struct meter_sum) { .item_count = 1 });
	meter_leave(&visit);
}

static void words(void **state)
{
	(void)state;
	for (size_t i = 0; i < METER_KIND_COUNT; i++)
		assert_non_null(meter_words((enum meter_kind)i)->name);
	assert_string_equal(meter_words(METER_UNPACK)->bound, "decompression");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_inside_each_other),
		cmocka_unit_test(amounts_from_threads),
		cmocka_unit_test(threads_and_programs),
		cmocka_unit_test(memory),
		cmocka_unit_test(no_meter),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("meter", tests, NULL, NULL);
}
