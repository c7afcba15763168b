/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lock/ share. */
#ifndef LOCK_PARTS_H
#define LOCK_PARTS_H

#include "lock/lock.h"

#include "base/text.h"

struct plan_package;

/* The part of inputs_json() that a lock has. */
int inputs_json_locked(const struct inputs *inputs, const struct index_set *indexes, const struct plan *plan,
		       struct json_t **json, struct error *e) MUST_CHECK;

/* How lists of INPUTS' packages name the package at POSITION: malloc'ed. */
char *lock_reference(const struct plan *plan, size_t position);

#endif
