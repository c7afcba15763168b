/* SPDX-License-Identifier: Apache-2.0 */
/* What a build did: kept within limits, and printed as lines of JSON. */
#include "unit/unit.h"

#include "base/journal.h"
#include "base/log.h"
#include "base/text.h"
#include "evidence/evidence.h"

#include <jansson.h>

static json_t *line_of(const char *log, size_t number)
{
	struct text rest = text_of(log);
	struct text line = { NULL, 0 };
	json_t *object;

	for (size_t i = 0; i <= number; i++)
		line = text_cut(rest, '\n', &rest);
	object = json_loadb(line.ptr, line.len, 0, NULL);
	assert_non_null(object);
	return object;
}

static void lines_of_json(void **state)
{
	struct journal journal;
	auto_free char *log = NULL;
	json_t *line;

	(void)state;
	journal_init(&journal);
	journal_add(&journal, &(struct journal_event) { .kind = "script",
							.name = "postinst",
							.subject = "caf\xe9\n",
							.result = JOURNAL_FAILED,
							.has_status = true,
							.status = 3,
							.begin_s = journal.begin_s + 1,
							.end_s = journal.begin_s + 3.25,
							.text = "one\ntwo" });
	journal_add(&journal,
		    &(struct journal_event) { .kind = "step", .name = "x", .result = JOURNAL_SPARED });
	log = evidence_log(&journal, "img");
	line = line_of(log, 0);
	assert_string_equal(json_string_value(json_object_get(line, "name")), "img");
	json_decref(line);
	line = line_of(log, 1);
	assert_string_equal(json_string_value(json_object_get(line, "subject")), "caf\xef\xbf\xbd\n");
	assert_string_equal(json_string_value(json_object_get(line, "result")), "failed");
	assert_string_equal(json_string_value(json_object_get(line, "text")), "one\ntwo");
	assert_int_equal(json_integer_value(json_object_get(line, "status")), 3);
	assert_true(json_real_value(json_object_get(line, "seconds")) == 2.25);
	assert_true(json_real_value(json_object_get(line, "at")) == 1.0);
	json_decref(line);
	line = line_of(log, 2);
	assert_string_equal(json_string_value(json_object_get(line, "result")), "layers");
	assert_null(json_object_get(line, "seconds"));
	assert_null(json_object_get(line, "status"));
	json_decref(line);
	journal_release(&journal);
}

static void within_limits(void **state)
{
	auto_free char *text = xmalloc(3 * JOURNAL_TEXT_MAX_BYTES);
	struct journal journal;
	auto_free char *log = NULL;

	(void)state;
	memset(text, 'x', 3 * JOURNAL_TEXT_MAX_BYTES);
	text[3 * JOURNAL_TEXT_MAX_BYTES - 1] = '\0';
	text[3 * JOURNAL_TEXT_MAX_BYTES - 2] = 'e';
	journal_add(NULL, &(struct journal_event) { .kind = "warning" });
	journal_init(&journal);
	journal_add(&journal, &(struct journal_event) { .kind = "warning", .text = text });
	assert_int_equal(strlen(journal.events[0].text), JOURNAL_TEXT_MAX_BYTES);
	assert_int_equal(journal.events[0].text[JOURNAL_TEXT_MAX_BYTES - 1], 'e');
	for (int i = 0; i < JOURNAL_EVENTS_MAX + 4; i++)
		journal_add(&journal, &(struct journal_event) { .kind = "step" });
	assert_int_equal(journal.count, JOURNAL_EVENTS_MAX);
	assert_int_equal(journal.left_out, 5);
	log = evidence_log(&journal, NULL);
	assert_non_null(
		strstr(log, "{\"event\":\"warning\",\"text\":\"events were left out\",\"count\":5}\n"));
	journal_release(&journal);
}

static void warnings_are_noted(void **state)
{
	struct journal journal;
	struct log log;
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	assert_non_null(out);
	journal_init(&journal);
	log_init(&log, LOG_QUIET, out);
	log_warn(&log, "nobody keeps %d", 1);
	log.journal = &journal;
	log_say(&log, "not noted");
	log_warn(&log, "kept %d", 2);
	assert_int_equal(journal.count, 1);
	assert_string_equal(journal.events[0].kind, "warning");
	assert_string_equal(journal.events[0].text, "kept 2");
	log_release(&log);
	journal_release(&journal);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_json),
		cmocka_unit_test(within_limits),
		cmocka_unit_test(warnings_are_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
