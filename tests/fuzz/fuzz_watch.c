/* SPDX-License-Identifier: Apache-2.0 */
/* What programs of the root print: cut into lines, made harmless, and taken for dpkg's own words. */
#include "fuzz/fuzz.h"

#include "configure/deb_rounds.h"
#include "configure/deb_script.h"
#include "configure/deb_watch.h"
#include "fuzz/ground.h"
#include "sandbox/output.h"

static void check_harmless(struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		assert(c == '\n' || c == '\t' || (c >= ' ' && c != 0x7f));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct deb_progress progress = { .total = 3 };
	struct sandbox sandbox = { .root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	auto_deb_watch struct deb_watch watch = { .sandbox = &sandbox, .progress = &progress };
	auto_output struct output output = OUTPUT_INIT;
	auto_buffer struct buffer tail = BUFFER_INIT;
	struct journal journal;
	struct log log;
	size_t half = size / 2;

	log_init(&log, LOG_QUIET, stderr);
	journal_init(&journal);
	log.journal = &journal;
	sandbox.log = &log;
	sandbox.on_line = deb_watch_line;
	sandbox.context = &watch;
	output.sandbox = &sandbox;
	output_add(&output, (const char *)data, half);
	output_add(&output, (const char *)data + half, size - half);
	output_end(&output, &tail);
	deb_watch_end(&watch);
	check_harmless((struct text) { tail.data, tail.len });
	(void)output_tells_no_space((struct text) { tail.data, tail.len });
	for (size_t max = 1; max < 1000; max *= 9) {
		auto_free char *line = sandbox_last_lines((struct text) { tail.data, tail.len }, max);

		assert(line && !strchr(line, '\n'));
	}
	close(sandbox.root_fd);
	journal_release(&journal);
	log_release(&log);
	return 0;
}
