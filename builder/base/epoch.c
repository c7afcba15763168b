/* SPDX-License-Identifier: Apache-2.0 */
#include "base/epoch.h"

#include <time.h>

enum { SECONDS_PER_DAY = 86400 };

int64_t epoch_now(void)
{
	return time(NULL);
}

int64_t epoch_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / (1000 * 1000);
}

double monotonic_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int month_of(struct text word)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; word.len == 3 && i < 12; i++)
		if (memcmp(word.ptr, names + (size_t)(3 * i), 3) == 0)
			return i;
	return -1;
}

static bool number(struct text text, uint64_t max, int *value)
{
	uint64_t wide;

	if (!text_to_u64(text, &wide) || wide > max)
		return false;
	*value = (int)wide;
	return true;
}

static bool parse_clock(struct text text, struct tm *tm)
{
	struct text minutes;
	struct text seconds;
	struct text hours = text_cut(text, ':', &minutes);

	minutes = text_cut(minutes, ':', &seconds);
	if (seconds.ptr && !number(seconds, 60, &tm->tm_sec))
		return false;
	return number(hours, 23, &tm->tm_hour) && number(minutes, 59, &tm->tm_min);
}

static bool parse_zone(struct text zone, int *offset_s)
{
	int value;

	*offset_s = 0;
	if (text_is(zone, "UTC") || text_is(zone, "GMT") || text_is(zone, "Z") || zone.len == 0)
		return true;
	if (zone.len != 5 || (zone.ptr[0] != '+' && zone.ptr[0] != '-'))
		return false;
	if (!number((struct text) { zone.ptr + 1, 4 }, 1459, &value))
		return false;
	*offset_s = (value / 100 * 60 + value % 100) * 60;
	if (zone.ptr[0] == '-')
		*offset_s = -*offset_s;
	return true;
}

bool epoch_parse_rfc5322(struct text text, int64_t *epoch_s)
{
	struct text rest = text_trim(text);
	struct text after_comma;
	struct tm tm = { .tm_isdst = 0 };
	int year;
	int offset_s;

	text_cut(rest, ',', &after_comma);
	if (after_comma.ptr)
		rest = after_comma;
	if (!number(text_word(&rest), 31, &tm.tm_mday))
		return false;
	tm.tm_mon = month_of(text_word(&rest));
	if (tm.tm_mon < 0 || !number(text_word(&rest), 9999, &year) || year < 1970)
		return false;
	tm.tm_year = year - 1900;
	if (!parse_clock(text_word(&rest), &tm) || !parse_zone(text_word(&rest), &offset_s))
		return false;
	*epoch_s = timegm(&tm) - offset_s;
	return text_trim(rest).len == 0;
}

bool epoch_parse_stamp(const char *stamp, int64_t *epoch_s)
{
	const size_t len = strlen("20261121T081542Z");
	struct tm tm = { .tm_isdst = 0 };
	struct tm again;
	time_t when;
	int year;
	int month;

	if (strlen(stamp) != len || stamp[8] != 'T' || stamp[len - 1] != 'Z' ||
	    !number((struct text) { stamp, 4 }, 9999, &year) ||
	    !number((struct text) { stamp + 4, 2 }, 12, &month) ||
	    !number((struct text) { stamp + 6, 2 }, 31, &tm.tm_mday) ||
	    !number((struct text) { stamp + 9, 2 }, 23, &tm.tm_hour) ||
	    !number((struct text) { stamp + 11, 2 }, 59, &tm.tm_min) ||
	    !number((struct text) { stamp + 13, 2 }, 59, &tm.tm_sec) || year < 1970 || month == 0)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	again = tm;
	when = timegm(&again);
	*epoch_s = when;
	/* The 30th of February would have become a day in March. */
	return again.tm_mon == tm.tm_mon && again.tm_mday == tm.tm_mday;
}

/* The year 9999 has four digits, and no archive is from later. */
static struct tm utc_of(int64_t epoch_s)
{
	const int64_t last_s = 253402300799;
	time_t when = epoch_s < 0 ? 0 : epoch_s > last_s ? last_s : epoch_s;
	struct tm tm = { .tm_isdst = 0 };

	gmtime_r(&when, &tm);
	return tm;
}

struct epoch_date epoch_date(int64_t epoch_s)
{
	struct epoch_date date;
	struct tm tm = utc_of(epoch_s);

	strftime(date.text, sizeof date.text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return date;
}

struct epoch_stamp epoch_stamp(int64_t epoch_s)
{
	struct epoch_stamp stamp;
	struct tm tm = utc_of(epoch_s);

	strftime(stamp.text, sizeof stamp.text, "%Y%m%dT%H%M%SZ", &tm);
	return stamp;
}

bool epoch_parse_date(struct text text, int64_t *epoch_s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	char stamp[sizeof form];
	size_t used = 0;

	if (text.len != strlen(form))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (form[i] != 'd' && text.ptr[i] != form[i])
			return false;
		if (form[i] != '-' && form[i] != ':')
			stamp[used++] = text.ptr[i];
	}
	stamp[used] = '\0';
	return epoch_parse_stamp(stamp, epoch_s);
}

struct epoch_serial epoch_serial(int64_t epoch_s)
{
	struct epoch_serial serial;
	time_t when = epoch_s;
	struct tm tm;

	if (!gmtime_r(&when, &tm) || !strftime(serial.text, sizeof serial.text, "%Y%m%d_%H%M", &tm))
		snprintf(serial.text, sizeof serial.text, "%lld", (long long)(epoch_s / SECONDS_PER_DAY));
	return serial;
}

int epoch_from_environment(int64_t *epoch_s, struct error *e)
{
	const char *value = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds;

	if (!value || !*value)
		return 0;
	if (!text_to_u64(text_of(value), &seconds) || seconds > INT64_MAX / 2)
		return error_set(e, ERROR_USAGE,
				 "SOURCE_DATE_EPOCH is '%s', but must be a number of seconds since 1970",
				 value);
	*epoch_s = (int64_t)seconds;
	return 1;
}
