/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/stream.h"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

const char *stream_library(size_t index, const char **version)
{
	static const struct {
		const char *name;
		const char *(*version)(void);
	} rows[] = {
		{ "libbz2", BZ2_bzlibVersion },
		{ "liblzma", lzma_version_string },
		{ "libzstd", ZSTD_versionString },
		{ "zlib", zlibVersion },
	};

	if (index >= ARRAY_LEN(rows))
		return NULL;
	*version = rows[index].version();
	return rows[index].name;
}
