/* SPDX-License-Identifier: Apache-2.0 */
#include "check/fingerprint.h"

#include "base/alloc.h"
#include "base/interrupt.h"

enum { READ_BYTES = 1024 * 1024 };

int fingerprint_add(int fd, const char *path, struct hash *whole, struct digest *own, struct error *e)
{
	auto_free char *data = xmalloc(READ_BYTES);
	auto_hash struct hash alone = HASH_INIT;
	off_t at = 0;

	hash_start_sha256(&alone);
	for (;;) {
		ssize_t got = pread(fd, data, READ_BYTES, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read '%s'", path);
		if (got == 0)
			break;
		if (interrupt_check(e) < 0)
			return -1;
		hash_add(&alone, data, (size_t)got);
		hash_add(whole, data, (size_t)got);
		at += got;
	}
	*own = hash_end_sha256(&alone);
	return 0;
}
