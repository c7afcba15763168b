/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lock/ share. */
#ifndef LOCK_PARTS_H
#define LOCK_PARTS_H

#include "lock/lock.h"

struct node;

enum { LOCK_FORMAT = 1 };

/* The part of inputs_json() that a lock has. */
int inputs_json_locked(const struct inputs *inputs, const struct index_set *indexes, const struct plan *plan,
		       struct json_t **json, struct error *e) MUST_CHECK;

/* How lists name the package at POSITION of PLAN: malloc'ed. */
char *lock_reference(const struct plan *plan, size_t position);

/* One key of a mapping that is read, and where its value goes; NEEDED ones must be there. */
enum field_kind {
	FIELD_TEXT,    /* const char *: without control characters */
	FIELD_PACKAGE, /* const char *: a name of a package */
	FIELD_VERSION, /* const char *: that of a package */
	FIELD_WORD,    /* const char *: graphic, and may be part of a path */
	FIELD_URL,     /* const char *: http, https or file, without a password */
	FIELD_SIZE,    /* uint64_t */
	FIELD_DATE,    /* int64_t */
	FIELD_DIGEST,  /* struct digest */
	FIELD_FLAG,    /* bool */
	FIELD_MAP,     /* const struct node * */
	FIELD_LIST,    /* const struct node *: its items are not looked at */
	FIELD_TEXTS,   /* const struct node *: a list of texts */
};

struct field {
	const char *key;
	enum field_kind kind;
	bool needed;
	void *out;
};

/* Read the mapping NODE; text goes into ARENA. A key that is not among FIELDS is an error. */
int fields_read(const struct node *node, const struct field *fields, size_t count, struct arena *arena,
		struct error *e) MUST_CHECK;
/* The place of KEY's value in NODE, which has it; that of NODE where it has not. */
const struct place *fields_place(const struct node *node, const char *key);

/* The parts of a lock: root, "archives" and "downloads", then "packages" and "steps", which refer to these. */
int read_inputs(const struct node *root, struct lock *lock, struct error *e) MUST_CHECK;
int read_archives(const struct node *archives, const struct node *downloads, struct index_set *set,
		  struct error *e) MUST_CHECK;
int read_plan(const struct node *packages, const struct node *steps, struct lock *lock, struct error *e)
	MUST_CHECK;

/*
 * What stands behind the folder URI in URL, without the quoting of addresses; into ARENA. NULL when it is not below, or
 * would lead out.
 */
const char *path_below(const char *uri, const char *url, struct arena *arena);

#endif
