/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From where a package of the plan is read: from its payload in the cache, where there is one; else from the .deb,
 * and then its payload is kept for the next build; or, when the cache has neither or they are damaged, from its
 * archive once more.
 */
#ifndef UNPACK_DEB_SOURCE_H
#define UNPACK_DEB_SOURCE_H

#include "unpack/deb_file.h"
#include "unpack/unpack.h"

struct plan_package;

/*
 * Open PACKAGE and read its control data; WHOLE: its files as well, deb_file_data() is next. Errors: ERROR_FORMAT,
 * also when name, version or architecture are not what the index promised; those of fetch_files(). MEMORY (may be NULL)
 * is what the decoders share with others.
 */
int deb_source_open(const struct unpack_site *site, const struct plan_package *package, bool whole,
		    struct budget *memory, struct deb_file **file, struct deb_control *control,
		    struct error *e) MUST_CHECK;

#endif
