/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of any bytes: what is accepted leads nowhere, names only packages that it has, and is read back as the same
 * when it is written.
 */
#include "fuzz/fuzz.h"

#include "base/limits.h"
#include "base/root.h"
#include "lock/lock.h"

#include <assert.h>

static void check_positions(const struct plan *plan, const size_t *positions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert(positions[i] < plan->package_count);
}

static void check(const struct lock *lock)
{
	const struct plan *plan = &lock->plan;

	assert(plan->step_count > 0 && plan->steps[0].kind == STEP_BASE && plan->steps[0].count > 0);
	for (size_t i = 0; i < plan->package_count; i++) {
		const struct plan_package *package = &plan->packages[i];

		assert(path_is_safe(text_of(package->filename)) && package->filename[0] != '/');
		assert(package->archive && digest_is_set(&package->sha256) && lock->lines[i]);
		assert(package->size_bytes > 0 && package->size_bytes <= LIMIT_PACKAGE_BYTES);
		check_positions(plan, package->depends, package->depend_count);
		check_positions(plan, package->pre_depends, package->pre_depend_count);
	}
	for (size_t i = 0; i < plan->step_count; i++)
		check_positions(plan, plan->steps[i].packages, plan->steps[i].count);
}

static void write_and_read(const struct lock *lock)
{
	auto_free char *text = NULL;
	auto_free char *again = NULL;
	auto_lock struct lock read = LOCK_INIT;
	auto_lock_changes struct lock_changes changes = LOCK_CHANGES_INIT;
	auto_buffer struct buffer said = BUFFER_INIT;
	struct error e = ERROR_INIT;

	if (lock_write(&lock->inputs, &lock->indexes, &lock->plan, &text, &e) < 0) {
		assert(e.kind == ERROR_RECIPE);
		return;
	}
	assert(lock_parse("written", text, strlen(text), &read, &e) == 0);
	assert(lock_write(&read.inputs, &read.indexes, &read.plan, &again, &e) == 0);
	assert(strcmp(text, again) == 0);
	lock_compare(lock, &read, &changes);
	lock_changes_print(&changes, &said);
	assert(lock_is_same(&changes) && said.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_lock struct lock lock = LOCK_INIT;
	auto_free char *text = xstrndup((const char *)data, size);
	struct error e = ERROR_INIT;

	if (lock_parse("x.lock", text, strlen(text), &lock, &e) == 0) {
		check(&lock);
		write_and_read(&lock);
	} else {
		assert(e.kind != ERROR_NONE && e.text[0]);
	}
	return 0;
}
