/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of each file while the tree passes, and what is seen in it at once. */
#ifndef CHECK_LINT_SCAN_H
#define CHECK_LINT_SCAN_H

#include "check/lint_site.h"

/* How much of the file PATH is wanted; less where a distribution keeps what it ships itself. */
size_t lint_scan_bytes(const char *path);
/* Mark FILE by what its first bytes are: a private key, a core dump. */
void lint_scan(struct lint_file *file, struct text head);
/* Whether the rules want to read these bytes later. */
bool lint_scan_keeps(const char *path, struct text head);

#endif
