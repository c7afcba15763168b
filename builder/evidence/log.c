/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAME.log: a JSON object in each line, in the order in which things ended.
 *
 *	at       seconds since the build began, of the beginning of what the line tells
 *	event    stage, step, script, action, program, warning; build: the first line and the last
 *	name     of it; subject: of what: a package, a line of the recipe
 *	result   done, failed, or layers: an earlier build has done it
 *	status   exit status of a script or program; 128 + the number of a signal
 *	seconds  how long it took
 *	emulated true: an interpreter ran it, for another processor
 *	text     the error, the warning, the last lines of what failed
 */
#include "evidence/evidence.h"

#include "base/epoch.h"
#include "base/journal.h"
#include "base/version.h"
#include "evidence/json.h"

#include <math.h>

static json_t *seconds(double value)
{
	return json_real(round(value * 1000) / 1000);
}

static void add_line(json_t *object, struct buffer *out)
{
	auto_free char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));

	buffer_addf(out, "%s\n", line ? line : "{}");
	json_decref(object);
}

static json_t *event_json(const struct journal *journal, const struct journal_event *event)
{
	static const char *const results[] = { [JOURNAL_NOTED] = NULL,
					       [JOURNAL_DONE] = "done",
					       [JOURNAL_FAILED] = "failed",
					       [JOURNAL_SPARED] = "layers" };
	json_t *object = json_object();

	json_put(object, "at", seconds(event->begin_s - journal->begin_s));
	json_set(object, "event", event->kind);
	json_set(object, "name", event->name);
	json_set(object, "subject", event->subject);
	json_set(object, "result", results[event->result]);
	if (event->has_status)
		json_put(object, "status", json_integer(event->status));
	if (event->result == JOURNAL_DONE || event->result == JOURNAL_FAILED)
		json_put(object, "seconds", seconds(event->end_s - event->begin_s));
	if (event->emulated)
		json_put(object, "emulated", json_true());
	json_set(object, "text", event->text);
	return object;
}

char *evidence_log(const struct journal *journal, const char *name)
{
	struct buffer out = BUFFER_INIT;
	json_t *first = json_object();

	json_put(first, "at", seconds(0));
	json_set(first, "event", "build");
	json_set(first, "name", name);
	json_set(first, "text", "begun by kiln " KILN_VERSION);
	json_set(first, "date", epoch_date(journal->begin_epoch_s).text);
	add_line(first, &out);
	for (size_t i = 0; i < journal->count; i++)
		add_line(event_json(journal, &journal->events[i]), &out);
	if (journal->left_out)
		add_line(json_pack("{s:s, s:s, s:I}", "event", "warning", "text", "events were left out",
				   "count", (json_int_t)journal->left_out),
			 &out);
	return buffer_take(&out);
}
