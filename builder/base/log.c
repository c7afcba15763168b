/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <time.h>

enum { BAR_CELLS = 24, BAR_INTERVAL_MS = 100, LINE_MAX_BYTES = 2048 };

void log_init(struct log *log, enum log_level level, FILE *out)
{
	*log = (struct log) { .level = level, .out = out, .terminal = isatty(fileno(out)) == 1 };
	pthread_mutex_init(&log->lock, NULL);
}

void log_release(struct log *log)
{
	pthread_mutex_destroy(&log->lock);
}

struct human_size human_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	struct human_size size;
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < ARRAY_LEN(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(size.text, sizeof size.text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return size;
}

static void erase_bar(struct log *log)
{
	if (log->bar_shown)
		fputs("\r\033[K", log->out);
	log->bar_shown = false;
}

static void PRINTF(3, 0) say(struct log *log, const char *prefix, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];

	vsnprintf(line, sizeof line, fmt, args);
	text_make_printable(line);
	pthread_mutex_lock(&log->lock);
	erase_bar(log);
	fprintf(log->out, "%s%s\n", prefix, line);
	fflush(log->out);
	pthread_mutex_unlock(&log->lock);
}

void log_say(struct log *log, const char *fmt, ...)
{
	va_list args;

	if (log->level < LOG_NORMAL)
		return;
	va_start(args, fmt);
	say(log, "", fmt, args);
	va_end(args);
}

void log_detail(struct log *log, const char *fmt, ...)
{
	va_list args;

	if (log->level < LOG_VERBOSE)
		return;
	va_start(args, fmt);
	say(log, "  ", fmt, args);
	va_end(args);
}

void log_asked(struct log *log, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(log, "", fmt, args);
	va_end(args);
}

static void PRINTF(2, 0) note_warning(struct journal *journal, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];

	if (!journal)
		return;
	vsnprintf(line, sizeof line, fmt, args);
	journal_add(journal, &(struct journal_event) { .kind = "warning", .text = line });
}

void log_warn(struct log *log, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(log, "kiln: warning: ", fmt, args);
	va_end(args);
	va_start(args, fmt);
	note_warning(log->journal, fmt, args);
	va_end(args);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void log_progress(struct log *log, const char *what, uint64_t done, uint64_t total, enum log_unit unit)
{
	char bar[BAR_CELLS + 1];
	size_t filled = total ? (size_t)((double)BAR_CELLS * (double)done / (double)total) : 0;
	int64_t now = now_ms();

	if (!log->terminal || log->level < LOG_NORMAL)
		return;
	pthread_mutex_lock(&log->lock);
	if (log->bar_shown && now - log->bar_ms < BAR_INTERVAL_MS) {
		pthread_mutex_unlock(&log->lock);
		return;
	}
	memset(bar, ' ', BAR_CELLS);
	memset(bar, '#', filled < BAR_CELLS ? filled : (size_t)BAR_CELLS);
	bar[BAR_CELLS] = '\0';
	if (unit == LOG_BYTES)
		fprintf(log->out, "\r\033[K%s [%s] %s of %s", what, bar, human_size(done).text,
			human_size(total).text);
	else
		fprintf(log->out, "\r\033[K%s [%s] %llu of %llu", what, bar, (unsigned long long)done,
			(unsigned long long)total);
	fflush(log->out);
	log->bar_shown = true;
	log->bar_ms = now;
	pthread_mutex_unlock(&log->lock);
}

void log_progress_end(struct log *log, const char *summary_fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&log->lock);
	erase_bar(log);
	fflush(log->out);
	pthread_mutex_unlock(&log->lock);
	if (!summary_fmt || log->level < LOG_NORMAL)
		return;
	va_start(args, summary_fmt);
	say(log, "", summary_fmt, args);
	va_end(args);
}
