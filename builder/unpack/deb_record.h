/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dpkg records of packages once their files are there: lists, control members, triggers, status.
 */
#ifndef UNPACK_DEB_RECORD_H
#define UNPACK_DEB_RECORD_H

#include "unpack/deb_job.h"

/* Record JOBS, in the order of the plan, and take from installed packages' lists what they have lost. */
int deb_record(struct deb_run *run, struct deb_job *jobs, size_t count, struct deb_status *status,
	       struct error *e) MUST_CHECK;

/*
 * Enter the triggers that JOBS are interested in, and note the activations that they cause in packages which
 * STATUS has as configured: in triggers/Unincorp, from where the next dpkg takes them.
 */
int deb_record_triggers(struct deb_run *run, const struct deb_job *jobs, size_t count,
			const struct deb_status *status, struct error *e) MUST_CHECK;

#endif
