/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A .deb (deb(5)): its control data, then its files as a tar archive. Read once from front to end.
 */
#ifndef UNPACK_DEB_FILE_H
#define UNPACK_DEB_FILE_H

#include "unpack/archive.h"
#include "unpack/deb_control.h"

/* Read FD up to the end of control.tar. *ar (to be closed) stands before data.tar. */
int deb_file_open(int fd, struct ar **ar, struct deb_control *control, struct error *e) MUST_CHECK;
/* Move AR on to data.tar and open it. */
int deb_file_data(struct ar *ar, struct tar **tar, struct error *e) MUST_CHECK;

/*
 * PATH as it stands in an archive ("./usr/bin/x", "usr/bin/") → as dpkg names it ("/usr/bin/x", "/." for the
 * root itself), from ARENA. Errors: ERROR_FORMAT for ".." parts, control characters and over-long paths.
 */
int deb_file_path(struct arena *arena, const char *path, const char **out, struct error *e) MUST_CHECK;

#endif
