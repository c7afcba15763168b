/* SPDX-License-Identifier: Apache-2.0 */
#include "base/meter.h"

#include "base/epoch.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

static const struct meter_words words[METER_KIND_COUNT] = {
	[METER_RECIPE] = { "recipe", NULL, NULL },
	[METER_INDEX] = { "index", "indexes", "servers" },
	[METER_PLAN] = { "plan", "packages", NULL },
	[METER_FETCH] = { "fetch", "packages", "servers" },
	[METER_UNPACK] = { "unpack", "packages", "decompression" },
	[METER_CONFIGURE] = { "configure", "packages", "maintainer scripts" },
	[METER_CUSTOMIZE] = { "customize", "entries", "actions" },
	[METER_PACK] = { "pack", "files", "compression" },
	[METER_EVIDENCE] = { "evidence", "files", NULL },
	[METER_LAYERS] = { "layers", "steps", NULL },
	[METER_OTHER] = { "other", NULL, NULL },
};

const struct meter_words *meter_words(enum meter_kind kind)
{
	return &words[kind];
}

static double cpu_s(clockid_t clock)
{
	struct timespec now = { 0, 0 };

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double meter_thread_cpu_s(void)
{
	return cpu_s(CLOCK_THREAD_CPUTIME_ID);
}

double meter_process_cpu_s(void)
{
	return cpu_s(CLOCK_PROCESS_CPUTIME_ID);
}

/* Of all children that were waited for, with what these had waited for. */
static double children_cpu_s(void)
{
	struct rusage usage = { .ru_maxrss = 0 };

	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static struct meter_sum clocks(void)
{
	return (struct meter_sum) { .wall_s = monotonic_seconds(),
				    .cpu_s = meter_process_cpu_s(),
				    .program_cpu_s = children_cpu_s() };
}

/* Book the time since the last look; lock is held. */
static void settle(struct meter *meter)
{
	struct meter_sum now = clocks();
	struct meter_sum *sum = &meter->sums[meter->kind];

	sum->wall_s += now.wall_s - meter->since.wall_s;
	sum->cpu_s += now.cpu_s - meter->since.cpu_s;
	sum->program_cpu_s += now.program_cpu_s - meter->since.program_cpu_s;
	meter->since = now;
}

void meter_init(struct meter *meter)
{
	*meter = (struct meter) { .kind = METER_OTHER, .since = clocks() };
	pthread_mutex_init(&meter->lock, NULL);
}

void meter_release(struct meter *meter)
{
	pthread_mutex_destroy(&meter->lock);
}

static enum meter_kind change(struct meter *meter, enum meter_kind kind)
{
	enum meter_kind before;

	assert(kind < METER_KIND_COUNT);
	pthread_mutex_lock(&meter->lock);
	settle(meter);
	before = meter->kind;
	meter->kind = kind;
	pthread_mutex_unlock(&meter->lock);
	return before;
}

struct meter_visit meter_enter(struct meter *meter, enum meter_kind kind)
{
	return (struct meter_visit) { meter, meter ? change(meter, kind) : METER_OTHER };
}

void meter_leave(const struct meter_visit *visit)
{
	if (visit->meter)
		change(visit->meter, visit->before);
}

static void add(struct meter_sum *sum, const struct meter_sum *amount)
{
	sum->bound_s += amount->bound_s;
	sum->in_bytes += amount->in_bytes;
	sum->out_bytes += amount->out_bytes;
	sum->item_count += amount->item_count;
}

void meter_add(struct meter *meter, enum meter_kind kind, const struct meter_sum *amount)
{
	if (!meter)
		return;
	pthread_mutex_lock(&meter->lock);
	add(&meter->sums[kind], amount);
	pthread_mutex_unlock(&meter->lock);
}

void meter_add_now(struct meter *meter, const struct meter_sum *amount)
{
	if (!meter)
		return;
	pthread_mutex_lock(&meter->lock);
	add(&meter->sums[meter->kind], amount);
	pthread_mutex_unlock(&meter->lock);
}

/*
 * From proc(5): what getrusage(2) calls the maximum is, after an execve(), that of the program before as well.
 * 0 where there is no /proc.
 */
static uint64_t peak_bytes(void)
{
	static const char key[] = "VmHWM:";
	char text[4096];
	auto_close int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	struct text rest = { text, len > 0 ? (size_t)len : 0 };

	while (rest.len) {
		struct text line = text_cut(rest, '\n', &rest);
		uint64_t kib = 0;

		if (!text_starts(line, key))
			continue;
		line.ptr += sizeof key - 1;
		line.len -= sizeof key - 1;
		return text_to_u64(text_word(&line), &kib) ? kib * 1024 : 0;
	}
	return 0;
}

void meter_read(struct meter *meter, struct meter_report *report)
{
	*report = (struct meter_report) { .peak_bytes = peak_bytes() };
	pthread_mutex_lock(&meter->lock);
	settle(meter);
	for (size_t i = 0; i < METER_KIND_COUNT; i++) {
		const struct meter_sum *sum = &meter->sums[i];

		report->sums[i] = *sum;
		report->total.wall_s += sum->wall_s;
		report->total.cpu_s += sum->cpu_s;
		report->total.program_cpu_s += sum->program_cpu_s;
		report->total.bound_s += sum->bound_s;
	}
	pthread_mutex_unlock(&meter->lock);
}
