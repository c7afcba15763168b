/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into every program of a root by a package of tests/same/run: a clock that goes before the host's by as
 * much as CLOCK_BOOTTIME goes before CLOCK_MONOTONIC, which is what the time namespace of a build says. Nobody has to
 * set the host's clock, and the package is the same for both builds.
 */
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int ask(clockid_t id, struct timespec *now)
{
	return (int)syscall(SYS_clock_gettime, id, now);
}

static time_t ahead(void)
{
	struct timespec boot;
	struct timespec monotonic;

	if (ask(CLOCK_BOOTTIME, &boot) < 0 || ask(CLOCK_MONOTONIC, &monotonic) < 0)
		return 0;
	return boot.tv_sec - monotonic.tv_sec;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int r = ask(id, now);

	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		now->tv_sec += ahead();
	return r;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &exact);
	*now = (struct timeval) { exact.tv_sec, exact.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *now)
{
	struct timespec exact;

	clock_gettime(CLOCK_REALTIME, &exact);
	if (now)
		*now = exact.tv_sec;
	return exact.tv_sec;
}
