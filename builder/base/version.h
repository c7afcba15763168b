/* SPDX-License-Identifier: Apache-2.0 */
/* The version of kiln: in --version, in the record of an image and in the name given to web servers. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#include <stddef.h>

#define KILN_VERSION "0.1.0"

/*
 * What tells this very program from one that was built from other sources or with another compiler: the note that the
 * linker leaves in it (ld --build-id). *ID points into the program; returns its length, 0 when there is none.
 */
size_t program_build_id(const void **id);

#endif
