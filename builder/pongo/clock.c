/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/clock.h"

#include "base/auto.h"

enum field {
	FIELD_LONG_MONTH,
	FIELD_MONTH,
	FIELD_NUMBER_MONTH,
	FIELD_ZERO_MONTH,
	FIELD_LONG_WEEKDAY,
	FIELD_WEEKDAY,
	FIELD_DAY,
	FIELD_BLANK_DAY,
	FIELD_ZERO_DAY,
	FIELD_BLANK_YEAR_DAY,
	FIELD_ZERO_YEAR_DAY,
	FIELD_HOUR,
	FIELD_HOUR12,
	FIELD_ZERO_HOUR12,
	FIELD_MINUTE,
	FIELD_ZERO_MINUTE,
	FIELD_SECOND,
	FIELD_ZERO_SECOND,
	FIELD_LONG_YEAR,
	FIELD_YEAR,
	FIELD_UPPER_PM,
	FIELD_LOWER_PM,
	FIELD_ZONE,
	FIELD_ISO_OFFSET_SECONDS,
	FIELD_ISO_OFFSET_COLON_SECONDS,
	FIELD_ISO_OFFSET,
	FIELD_ISO_OFFSET_COLON,
	FIELD_ISO_OFFSET_HOURS,
	FIELD_OFFSET_SECONDS,
	FIELD_OFFSET_COLON_SECONDS,
	FIELD_OFFSET,
	FIELD_OFFSET_COLON,
	FIELD_OFFSET_HOURS,
	FIELD_UNDERSCORE_YEAR,
	FIELD_NONE,
};

/* Longest first where one begins as another does. */
static const struct {
	const char *text;
	enum field field;
} layouts[] = {
	{ "January", FIELD_LONG_MONTH },
	{ "Jan", FIELD_MONTH },
	{ "Monday", FIELD_LONG_WEEKDAY },
	{ "Mon", FIELD_WEEKDAY },
	{ "MST", FIELD_ZONE },
	{ "002", FIELD_ZERO_YEAR_DAY },
	{ "01", FIELD_ZERO_MONTH },
	{ "02", FIELD_ZERO_DAY },
	{ "03", FIELD_ZERO_HOUR12 },
	{ "04", FIELD_ZERO_MINUTE },
	{ "05", FIELD_ZERO_SECOND },
	{ "06", FIELD_YEAR },
	{ "15", FIELD_HOUR },
	{ "1", FIELD_NUMBER_MONTH },
	{ "2006", FIELD_LONG_YEAR },
	{ "2", FIELD_DAY },
	{ "_2006", FIELD_UNDERSCORE_YEAR },
	{ "__2", FIELD_BLANK_YEAR_DAY },
	{ "_2", FIELD_BLANK_DAY },
	{ "3", FIELD_HOUR12 },
	{ "4", FIELD_MINUTE },
	{ "5", FIELD_SECOND },
	{ "PM", FIELD_UPPER_PM },
	{ "pm", FIELD_LOWER_PM },
	{ "-070000", FIELD_OFFSET_SECONDS },
	{ "-07:00:00", FIELD_OFFSET_COLON_SECONDS },
	{ "-0700", FIELD_OFFSET },
	{ "-07:00", FIELD_OFFSET_COLON },
	{ "-07", FIELD_OFFSET_HOURS },
	{ "Z070000", FIELD_ISO_OFFSET_SECONDS },
	{ "Z07:00:00", FIELD_ISO_OFFSET_COLON_SECONDS },
	{ "Z0700", FIELD_ISO_OFFSET },
	{ "Z07:00", FIELD_ISO_OFFSET_COLON },
	{ "Z07", FIELD_ISO_OFFSET_HOURS },
};

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
				      "July",    "August",   "September", "October", "November", "December" };
static const char *const weekdays[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
					"Thursday", "Friday", "Saturday" };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A field at the start of REST, and how long its name is. "Jan" and "Mon" are none where a small letter follows. */
static enum field field_at(struct text rest, size_t *len)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		*len = strlen(layouts[i].text);
		if (!text_starts(rest, layouts[i].text))
			continue;
		if ((layouts[i].field == FIELD_MONTH || layouts[i].field == FIELD_WEEKDAY) &&
		    rest.len > *len && rest.ptr[*len] >= 'a' && rest.ptr[*len] <= 'z')
			continue;
		return layouts[i].field;
	}
	return FIELD_NONE;
}

/* ".000" or ",999": a point, and one of the two digits again and again up to what is no digit. */
static size_t fraction_length(struct text rest)
{
	size_t len = 1;

	if (rest.len < 2 || (rest.ptr[0] != '.' && rest.ptr[0] != ',') ||
	    (rest.ptr[1] != '0' && rest.ptr[1] != '9'))
		return 0;
	while (len < rest.len && rest.ptr[len] == rest.ptr[1])
		len++;
	return len < rest.len && is_digit(rest.ptr[len]) ? 0 : len;
}

static void add_fraction(struct buffer *out, struct text name, long nanoseconds)
{
	char digits[16];
	size_t len = name.len - 1;

	snprintf(digits, sizeof digits, "%09ld", nanoseconds);
	if (len > 9)
		len = 9;
	if (name.ptr[1] == '9')
		while (len && digits[len - 1] == '0')
			len--;
	if (len == 0 && name.ptr[1] == '9')
		return;
	buffer_addc(out, name.ptr[0]);
	buffer_add(out, digits, len);
}

static void add_offset(struct buffer *out, long offset_s, const char *colon, int parts)
{
	long seconds = offset_s < 0 ? -offset_s : offset_s;

	buffer_addf(out, "%c%02ld", offset_s < 0 ? '-' : '+', seconds / 3600);
	if (parts > 1)
		buffer_addf(out, "%s%02ld", colon, seconds / 60 % 60);
	if (parts > 2)
		buffer_addf(out, "%s%02ld", colon, seconds % 60);
}

static void add_zone(struct buffer *out, const struct tm *when, enum field field)
{
	static const struct {
		const char *colon;
		int parts;
	} forms[] = { { "", 3 }, { ":", 3 }, { "", 2 }, { ":", 2 }, { "", 1 } };
	bool is_iso = field < FIELD_OFFSET_SECONDS;
	size_t form = (size_t)field - (size_t)(is_iso ? FIELD_ISO_OFFSET_SECONDS : FIELD_OFFSET_SECONDS);

	if (field == FIELD_ZONE)
		buffer_adds(out, when->tm_zone ? when->tm_zone : "UTC");
	else if (is_iso && when->tm_gmtoff == 0)
		buffer_addc(out, 'Z');
	else
		add_offset(out, when->tm_gmtoff, forms[form].colon, forms[form].parts);
}

static void add_hour_or_year(struct buffer *out, const struct tm *when, enum field field)
{
	int hour12 = when->tm_hour % 12 ? when->tm_hour % 12 : 12;

	switch (field) {
	case FIELD_HOUR:
		buffer_addf(out, "%02d", when->tm_hour);
		break;
	case FIELD_HOUR12:
		buffer_addf(out, "%d", hour12);
		break;
	case FIELD_ZERO_HOUR12:
		buffer_addf(out, "%02d", hour12);
		break;
	case FIELD_UPPER_PM:
		buffer_adds(out, when->tm_hour >= 12 ? "PM" : "AM");
		break;
	case FIELD_LOWER_PM:
		buffer_adds(out, when->tm_hour >= 12 ? "pm" : "am");
		break;
	case FIELD_LONG_YEAR:
		buffer_addf(out, "%04d", when->tm_year + 1900);
		break;
	case FIELD_UNDERSCORE_YEAR:
		buffer_addf(out, "_%04d", when->tm_year + 1900);
		break;
	case FIELD_YEAR:
		buffer_addf(out, "%02d", (when->tm_year + 1900) % 100);
		break;
	default:
		add_zone(out, when, field);
		break;
	}
}

static void add_field(struct buffer *out, const struct tm *when, enum field field)
{
	switch (field) {
	case FIELD_LONG_MONTH:
		buffer_adds(out, months[when->tm_mon]);
		break;
	case FIELD_MONTH:
		buffer_add(out, months[when->tm_mon], 3);
		break;
	case FIELD_NUMBER_MONTH:
		buffer_addf(out, "%d", when->tm_mon + 1);
		break;
	case FIELD_ZERO_MONTH:
		buffer_addf(out, "%02d", when->tm_mon + 1);
		break;
	case FIELD_LONG_WEEKDAY:
		buffer_adds(out, weekdays[when->tm_wday]);
		break;
	case FIELD_WEEKDAY:
		buffer_add(out, weekdays[when->tm_wday], 3);
		break;
	case FIELD_DAY:
		buffer_addf(out, "%d", when->tm_mday);
		break;
	case FIELD_BLANK_DAY:
		buffer_addf(out, "%2d", when->tm_mday);
		break;
	case FIELD_ZERO_DAY:
		buffer_addf(out, "%02d", when->tm_mday);
		break;
	case FIELD_BLANK_YEAR_DAY:
		buffer_addf(out, "%3d", when->tm_yday + 1);
		break;
	case FIELD_ZERO_YEAR_DAY:
		buffer_addf(out, "%03d", when->tm_yday + 1);
		break;
	case FIELD_MINUTE:
		buffer_addf(out, "%d", when->tm_min);
		break;
	case FIELD_ZERO_MINUTE:
		buffer_addf(out, "%02d", when->tm_min);
		break;
	case FIELD_SECOND:
		buffer_addf(out, "%d", when->tm_sec);
		break;
	case FIELD_ZERO_SECOND:
		buffer_addf(out, "%02d", when->tm_sec);
		break;
	default:
		add_hour_or_year(out, when, field);
		break;
	}
}

void clock_format(struct buffer *out, const struct tm *when, long nanoseconds, struct text layout)
{
	while (layout.len) {
		size_t len = fraction_length(layout);
		enum field field = FIELD_NONE;

		if (len) {
			add_fraction(out, (struct text) { layout.ptr, len }, nanoseconds);
		} else {
			field = field_at(layout, &len);
			if (field == FIELD_NONE)
				len = 1;
			if (field == FIELD_NONE)
				buffer_addc(out, layout.ptr[0]);
			else
				add_field(out, when, field);
		}
		layout.ptr += len;
		layout.len -= len;
	}
}
