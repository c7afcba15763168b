/* SPDX-License-Identifier: Apache-2.0 */
#include "base/epoch.h"
#include "doctor/rows.h"
#include "pipeline.h"

#include <time.h>

static const struct subject mirror = { "mirror", "where packages come from" };
static const struct subject clock_right = { "clock", "whether indexes are current" };

/* "2026-01-31 12:00 UTC" */
static void print_time(int64_t s, char text[32])
{
	time_t time = (time_t)s;
	struct tm parts = { .tm_sec = 0 };

	gmtime_r(&time, &parts);
	strftime(text, 32, "%Y-%m-%d %H:%M UTC", &parts);
}

void rows_of_archives(struct doctor *doctor, struct build *build)
{
	AUTO(build_reach_release) struct build_reach reach = { .address = NULL };
	auto_free char *cache = xasprintf("%s/cache", doctor->scratch);
	struct error failure = ERROR_INIT;
	char now[32];
	char newest[32];
	int result = build_reach(build, cache, &reach, &failure);
	const char *address = reach.address ? reach.address : "it";

	print_time(epoch_now(), now);
	/* What answers, but at the wrong time, is there. */
	if (result < 0 && failure.kind == ERROR_EXPIRED) {
		row_ok(doctor, mirror, "%s answers", address);
		error_wrap(&failure, "it is %s here", now);
		if (!strstr(failure.text, "; "))
			row_remedy(&failure, "as root: timedatectl set-ntp true");
		row_failed(doctor, clock_right, DOCTOR_MISSING, &failure);
		return;
	}
	if (result < 0 && !strstr(failure.text, "; "))
		row_remedy(&failure, "name another by --mirror URL, or set http_proxy where one is needed");
	row_tried(doctor, mirror, DOCTOR_MISSING, result, &failure,
		  "%s answers, and is signed by the recipe's keys", address);
	if (result < 0)
		return;
	print_time(reach.newest_s, newest);
	row_ok(doctor, clock_right, "%s; the archive is of %s", now, newest);
}
