/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A .deb (deb(5)): its control data, then its files as a tar archive. Read once from front to end; or its payload,
 * both archives as they were found in it (fetch/derived.h), which takes a fraction of the time.
 *
 *	auto_deb_file struct deb_file *file = NULL;
 *
 *	if (deb_file_open(fd, writer, &file, &control, e) < 0 || deb_file_data(file, &tar, e) < 0)
 *		return -1;
 *	... tar_next() ... tar_finish() ...
 *	deb_file_keep(file);
 */
#ifndef UNPACK_DEB_FILE_H
#define UNPACK_DEB_FILE_H

#include "base/meter.h"
#include "tree/untar.h"
#include "unpack/archive.h"
#include "unpack/deb_control.h"

#include "fetch/derived.h"

struct deb_file;

/*
 * Read FD up to the end of control.tar. It is owned from here on, and so is WRITER (may be NULL), which gets what
 * both archives hold, unless the package is compressed in a way that is quick already. MEMORY (may be NULL) is what
 * the decoders share with others.
 */
int deb_file_open(int fd, struct derived_writer *writer, struct budget *memory, struct deb_file **file,
		  struct deb_control *control, struct error *e) MUST_CHECK;
/*
 * The same from DERIVED, which is taken over when that succeeds. With WHOLE its data are verified as well, and
 * deb_file_data() can not fail for them later. 1, or 0 when it is damaged.
 */
int deb_file_open_payload(struct derived *derived, bool whole, struct deb_file **file,
			  struct deb_control *control, struct error *e) MUST_CHECK;
/* Open data.tar; once, and TAR before FILE is closed. */
int deb_file_data(struct deb_file *file, struct tar **tar, struct error *e) MUST_CHECK;
/* All of it was read and was good: what WRITER got is kept. */
void deb_file_keep(struct deb_file *file);
/* Add what has been read and decoded so far: in_bytes, bound_s. */
void deb_file_add_spent(const struct deb_file *file, struct meter_sum *spent);
void deb_file_close(struct deb_file *file); /* NULL is fine */
static inline void auto_deb_file_(struct deb_file **file)
{
	deb_file_close(*file);
}
#define auto_deb_file AUTO(auto_deb_file_)

/*
 * PATH as it stands in an archive ("./usr/bin/x", "usr/bin/") → as dpkg names it ("/usr/bin/x", "/." for the
 * root itself), from ARENA. Errors: ERROR_FORMAT for ".." parts, control characters and over-long paths.
 */
int deb_file_path(struct arena *arena, const char *path, const char **out, struct error *e) MUST_CHECK;

#endif
