/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope guards: a variable marked with one is released when its scope ends, on every path.
 *
 *	auto_free char *text = NULL;
 *	auto_close int fd = -1;
 *	...
 *	*out = TAKE(text, NULL);        // success: ownership moves to the caller
 *
 * A guard never reports. Whatever can fail at the end (flush, fsync, rename, waitpid) is an explicit
 * call before it. Guarded variables are initialised where they are declared, and `goto` is not used
 * in this program, so a guard never runs on garbage.
 */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AUTO(fn)            __attribute__((cleanup(fn)))
#define MUST_CHECK          __attribute__((warn_unused_result))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))

/* The value of VAR, which is left with EMPTY: moves ownership out of a guarded variable. */
#define TAKE(var, empty) \
	__extension__({ \
		__typeof__(var) taken_ = (var); \
		(var) = (empty); \
		taken_; \
	})

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

static inline void auto_free_(void *slot)
{
	void *pointer;

	memcpy(&pointer, slot, sizeof pointer);
	free(pointer);
}

static inline void auto_close_(const int *fd)
{
	int keep = errno;

	if (*fd >= 0)
		close(*fd);
	errno = keep;
}

static inline void auto_dir_(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline void auto_file_(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define auto_free  AUTO(auto_free_)
#define auto_close AUTO(auto_close_)
#define auto_dir   AUTO(auto_dir_)
#define auto_file  AUTO(auto_file_)

#endif
