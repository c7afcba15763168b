/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pattern.h"

#include "base/alloc.h"
#include "base/limits.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	PATTERN_BYTES_MAX = 4096,
	MATCH_STEPS_MAX = 1000000,
	MATCH_DEPTH_MAX = 10000,
	MATCH_HEAP_KIB_MAX = 16384
};

struct pattern {
	pcre2_code *code;
	pcre2_match_context *context;
};

static void match_data_release(pcre2_match_data **data)
{
	pcre2_match_data_free(*data);
}
#define auto_match_data AUTO(match_data_release)

/* Set *e from a number of PCRE2. */
static int fail(struct error *e, enum error_kind kind, int number)
{
	PCRE2_UCHAR text[128] = "";

	pcre2_get_error_message(number, text, sizeof text);
	return error_set(e, kind, "%s", (const char *)text);
}

int pattern_compile(const char *text, struct pattern **out, struct error *e)
{
	auto_pattern struct pattern *pattern = xcalloc(1, sizeof *pattern);
	PCRE2_SIZE offset = 0;
	int number = 0;

	if (strlen(text) > PATTERN_BYTES_MAX)
		return error_set(e, ERROR_RECIPE, "a pattern of more than %d bytes", PATTERN_BYTES_MAX);
	pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_NEVER_BACKSLASH_C,
				      &number, &offset, NULL);
	if (!pattern->code) {
		fail(e, ERROR_RECIPE, number);
		return error_wrap(e, "pattern '%.100s' is malformed behind character %zu", text,
				  (size_t)offset);
	}
	pattern->context = pcre2_match_context_create(NULL);
	if (!pattern->context)
		abort();
	pcre2_set_match_limit(pattern->context, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(pattern->context, MATCH_DEPTH_MAX);
	pcre2_set_heap_limit(pattern->context, MATCH_HEAP_KIB_MAX);
	*out = TAKE(pattern, NULL);
	return 0;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(pattern->code);
	pcre2_match_context_free(pattern->context);
	free(pattern);
}

int pattern_matches(const struct pattern *pattern, struct text subject, struct error *e)
{
	auto_match_data pcre2_match_data *data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
	int found;

	if (!data)
		abort();
	found = pcre2_match(pattern->code, (PCRE2_SPTR)(subject.ptr ? subject.ptr : ""), subject.len, 0, 0,
			    data, pattern->context);
	if (found == PCRE2_ERROR_NOMATCH)
		return 0;
	return found < 0 ? fail(e, ERROR_RECIPE, found) : 1;
}

int pattern_replace(const struct pattern *pattern, struct text subject, const char *with, struct buffer *out,
		    bool *matched, struct error *e)
{
	const uint32_t options =
		PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | PCRE2_SUBSTITUTE_UNSET_EMPTY;
	PCRE2_SPTR from = (PCRE2_SPTR)(subject.ptr ? subject.ptr : "");
	PCRE2_SIZE room = subject.len + strlen(with) + 256;
	auto_free PCRE2_UCHAR *text = xmalloc(room);
	PCRE2_SIZE len = room;
	int count = pcre2_substitute(pattern->code, from, subject.len, 0, options, NULL, pattern->context,
				     (PCRE2_SPTR)with, PCRE2_ZERO_TERMINATED, text, &len);

	if (count == PCRE2_ERROR_NOMEMORY && len <= LIMIT_FILE_TEXT_BYTES) {
		/* LEN says how much it takes, with a NUL. */
		text = xrealloc(text, len);
		count = pcre2_substitute(pattern->code, from, subject.len, 0, options, NULL, pattern->context,
					 (PCRE2_SPTR)with, PCRE2_ZERO_TERMINATED, text, &len);
	}
	if (count < 0)
		return fail(e, ERROR_RECIPE, count);
	buffer_add(out, text, len);
	if (matched)
		*matched = count > 0;
	return 0;
}
