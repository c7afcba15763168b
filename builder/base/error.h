/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error value. It lives in main() and is handed down as the last parameter of every function
 * that can fail; it owns nothing, so it cannot leak and works when memory is gone.
 *
 *	if (file_read(AT_FDCWD, path, LIMIT, &text, &len, e) < 0)
 *		return error_wrap(e, "cannot load recipe '%s'", path);
 *
 * Convention: 0 is success; -1 is failure with *e set; on success *e is untouched. Iterators return 1
 * for an item, 0 for the end, -1 for an error. Outputs are written only on success.
 * Text: lower case, no full stop, subjects in single quotes, cause last. Only main.c prints it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/auto.h"

/* What went wrong. The number is also kiln's exit status; kiln(1) lists them, and a test compares. */
enum error_kind {
	ERROR_NONE = 0,
	ERROR_INTERNAL = 1,     /* a bug in kiln */
	ERROR_USAGE = 2,        /* the command line */
	ERROR_RECIPE = 3,       /* the recipe's text or values */
	ERROR_UNSUPPORTED = 4,  /* valid, but this version does not run it */
	ERROR_FETCH = 5,        /* a server or the network */
	ERROR_TRUST = 6,        /* a signature, or a key */
	ERROR_EXPIRED = 7,      /* a Release file outside its time of validity, or older than one before */
	ERROR_DIGEST = 8,       /* size or digest differs from what was promised */
	ERROR_PLAN = 9,         /* packages unknown or not installable together */
	ERROR_FORMAT = 10,      /* a malformed package, index, archive or lock */
	ERROR_SCRIPT = 11,      /* a maintainer script or dpkg failed */
	ERROR_ACTION = 12,      /* an action of the recipe failed */
	ERROR_SYSTEM = 13,      /* a system call */
	ERROR_SPACE = 14,       /* no room on a disk */
	ERROR_PRIVILEGE = 15,   /* not allowed to do what a build needs */
	ERROR_DIFFERENT = 16,   /* two things that were compared differ */
	ERROR_LINT = 17,        /* an image has what a rule of kiln lint forbids */
	ERROR_LIMIT = 18,       /* a program of the image needs more than sandbox.limits lets it have */
	ERROR_INTERRUPTED = 130 /* SIGINT, SIGTERM or SIGHUP; as shells count it */
};

struct error {
	enum error_kind kind;
	int sys;         /* errno at the moment of failure, or 0 */
	char text[2048]; /* "outer: inner", NUL-terminated; the innermost part is kept when cut */
	/* Where TEXT begins with a place in a file from outside, "FILE:LINE:COLUMN: …"; all 0: it does not. */
	size_t file_len; /* of FILE */
	unsigned line;   /* 0: the file as a whole */
	unsigned column; /* 0: the line as a whole */
};

#define ERROR_INIT ((struct error) { .kind = ERROR_NONE })

/* Set *e; a former content is overwritten. Returns -1. */
int error_set(struct error *e, enum error_kind kind, const char *fmt, ...) PRINTF(3, 4);

/*
 * Set *e from errno, read before anything else; ENOSPC and EDQUOT become ERROR_SPACE, EINTR ERROR_INTERRUPTED.
 * Returns -1.
 */
int error_sys(struct error *e, const char *fmt, ...) PRINTF(2, 3);

/* Put context in front of the text of a set *e, as "context: text". Returns -1. */
int error_wrap(struct error *e, const char *fmt, ...) PRINTF(2, 3);

#ifdef __clang_analyzer__
/* It looks into one file at a time and would go on as if these might return 0. */
#define error_set(...)  ((void)error_set(__VA_ARGS__), -1)
#define error_sys(...)  ((void)error_sys(__VA_ARGS__), -1)
#define error_wrap(...) ((void)error_wrap(__VA_ARGS__), -1)
#endif

/* Say where e->text, which was set as "FILE:LINE:COLUMN: …", has its place. Returns -1. */
int error_place(struct error *e, size_t file_len, unsigned line, unsigned column);
/* What stands behind the place. */
const char *error_message(const struct error *e);

/* Forget an error that was recovered from. */
void error_clear(struct error *e);

/* The word for KIND, as in kiln(1); NULL for a number that is none. */
const char *error_kind_name(enum error_kind kind);

#endif
