/* SPDX-License-Identifier: Apache-2.0 */
/* Small parsers for a line: dates in three forms, sizes, digests, people. What they accept comes back the same. */
#include "fuzz/fuzz.h"

#include "base/digest.h"
#include "base/epoch.h"
#include "evidence/bom.h"
#include "evidence/purl.h"
#include "fuzz/ground.h"
#include "stream/stream.h"

static void check_dates(const char *word)
{
	int64_t epoch_s;
	int64_t again_s = 0;

	if (epoch_parse_stamp(word, &epoch_s)) {
		assert(epoch_parse_stamp(epoch_stamp(epoch_s).text, &again_s) && again_s == epoch_s);
		assert(strcmp(epoch_stamp(epoch_s).text, word) == 0);
	}
	if (epoch_parse_date(text_of(word), &epoch_s))
		assert(epoch_parse_date(text_of(epoch_date(epoch_s).text), &again_s) && again_s == epoch_s);
	if (epoch_parse_rfc5322(text_of(word), &epoch_s))
		(void)epoch_date(epoch_s);
}

static void check_numbers(const char *word)
{
	const struct codec *codec = NULL;
	struct digest digest;
	struct error e = ERROR_INIT;
	uint64_t value;
	int level;

	if (text_to_u64(text_of(word), &value)) {
		auto_free char *again = xasprintf("%llu", (unsigned long long)value);

		assert(is_suffix(word, again));
	}
	(void)!text_to_size(text_of(word), &value);
	if (digest_parse(text_of(word), &digest))
		assert(strcasecmp(digest_hex(&digest).text, word) == 0);
	if (codec_parse(word, &codec, &level, &e) == 0)
		assert(codec && level >= codec->level_min && level <= codec->level_max);
	else
		check_ground_error(&e);
}

static void check_people(const char *word)
{
	struct bom_party party = { .name = NULL };
	const struct purl purl = { .vendor = word, .name = word, .version = word, .architecture = word };
	auto_free char *printed = purl_print(&purl);

	bom_party_parse(word, &party);
	bom_party_release(&party);
	for (const char *c = printed; *c; c++)
		assert(*c > ' ' && *c < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *word = xstrndup((const char *)data, size);

	check_dates(word);
	check_numbers(word);
	check_people(word);
	return 0;
}
