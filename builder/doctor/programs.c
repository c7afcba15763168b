/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"
#include "doctor/rows.h"

/* One row for each that is missing, and one for all the others. */
void rows_of_programs(struct doctor *doctor)
{
	auto_buffer struct buffer there = BUFFER_INIT;
	size_t count;
	const struct program *programs = program_all(&count);

	for (size_t i = 0; i < count; i++) {
		auto_free char *path = program_find(programs[i].name);
		struct subject subject = { programs[i].name, programs[i].purpose };
		struct error failure = ERROR_INIT;

		if (path) {
			buffer_addf(&there, "%s%s", there.len ? ", " : "", programs[i].name);
			continue;
		}
		program_missing(programs[i].name, &failure);
		row_failed(doctor, subject, programs[i].is_needed ? DOCTOR_MISSING : DOCTOR_WARNING,
			   &failure);
	}
	if (there.len)
		row_ok(doctor, (struct subject) { "programs", "what kiln calls" }, "%s", there.data);
}
