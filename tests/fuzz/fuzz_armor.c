/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP keys and clear-signed texts: whatever is accepted as a key yields bytes, and no more than came in. */
#include "fuzz/fuzz.h"

#include "fetch/openpgp.h"
#include "fetch/verify.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text text = { (const char *)data, size };
	auto_buffer struct buffer keyring = BUFFER_INIT;
	struct error e = ERROR_INIT;

	if (openpgp_add_keys(text, &keyring, &e) == 0)
		assert(keyring.len > 0 && keyring.len <= size);
	(void)openpgp_is_clearsigned(text);
	(void)openpgp_is_signature(text);
	(void)!verify_judge(text, false, &e);
	return 0;
}
