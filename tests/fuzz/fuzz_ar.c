/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an ar archive: its members are read as they are, or as the archive that their names say they hold. */
#include "fuzz/fuzz.h"

#include "base/limits.h"
#include "fuzz/image.h"
#include "unpack/archive.h"

static int read_member(struct ar *ar, const char *name, struct error *e)
{
	auto_member struct member *member = NULL;
	auto_buffer struct buffer text = BUFFER_INIT;
	uint64_t total = 0;
	const void *data;
	size_t len;
	int r;

	if (!is_prefix(name, "data.tar") && !is_prefix(name, "control.tar")) {
		r = ar_read(ar, 4096, &text, e);
		assert(text.len <= 4096);
		return r;
	}
	if (member_open(ar, name, NULL, &member, e) < 0)
		return -1;
	while ((r = member_next(member, &data, &len, e)) > 0 && (total += len) < 16 * MIB)
		assert(len > 0);
	return r < 0 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_file file = memory_file(data, size);
	auto_ar struct ar *ar = NULL;
	struct error e = ERROR_INIT;
	const char *name;
	int r = ar_open(file.fd, &ar, &e);

	if (r == 0)
		while ((r = ar_next(ar, &name, &e)) > 0) {
			assert(*name && name[strlen(name) - 1] != '/');
			if (read_member(ar, name, &e) < 0) {
				check_error(&e);
				error_clear(&e);
				break;
			}
		}
	if (r < 0)
		check_error(&e);
	close(file.fd);
	return 0;
}
