/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/output.h"

#include "base/alloc.h"

/* Of one line; enough for any message, and a flood without line ends costs no memory. */
enum { LINE_KEPT_BYTES = 500 };

/*
 * The length of the well-formed UTF-8 sequence at the front of TEXT that a terminal shows as a character,
 * or 0: for control characters (C0, DEL, C1) and for bytes that are no UTF-8.
 */
static size_t shown_sequence(struct text text)
{
	static const unsigned long smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)text.ptr[0];
	size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	unsigned long value = first;

	if (len == 1)
		return first == '\t' || (first >= 0x20 && first != 0x7f) ? 1 : 0;
	if (len == 0 || first > 0xf4 || text.len < len)
		return 0;
	value = first & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		unsigned char next = (unsigned char)text.ptr[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3f);
	}
	if (value < smallest[len] || value < 0xa0 || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff)
		return 0;
	return len;
}

/* LINE with everything that could steer a terminal written as \xNN; malloc'ed. */
static char *harmless(const struct buffer *line, bool cut)
{
	auto_buffer struct buffer shown = BUFFER_INIT;
	struct text rest = { line->data, line->len };

	while (rest.len) {
		size_t len = shown_sequence(rest);

		if (len)
			buffer_add(&shown, rest.ptr, len);
		else
			buffer_addf(&shown, "\\x%02x", (unsigned)(unsigned char)rest.ptr[0]);
		rest.ptr += len ? len : 1;
		rest.len -= len ? len : 1;
	}
	if (cut)
		buffer_adds(&shown, "...");
	return buffer_take(&shown);
}

static void end_line(struct output *output)
{
	char **slot = &output->lines[output->line_count % SANDBOX_TAIL_LINES];

	free(*slot);
	*slot = harmless(&output->line, output->cut);
	output->line_count++;
	if (output->sandbox && output->sandbox->log)
		log_detail(output->sandbox->log, "%s", *slot);
	if (output->sandbox && output->sandbox->on_line)
		output->sandbox->on_line(output->sandbox->context, *slot);
	buffer_reset(&output->line);
	output->cut = false;
}

/* The bytes before the next line end or carriage return. */
static void add_plain(struct output *output, struct text text)
{
	size_t room = LINE_KEPT_BYTES - output->line.len;

	if (text.len > room) {
		output->cut = true;
		text.len = room;
	}
	buffer_add(&output->line, text.ptr, text.len);
}

void output_add(struct output *output, const char *data, size_t len)
{
	struct text rest = { data, len };

	while (rest.len) {
		size_t plain = 0;

		while (plain < rest.len && rest.ptr[plain] != '\n' && rest.ptr[plain] != '\r')
			plain++;
		if (output->carriage_return && rest.ptr[0] != '\n') {
			/* A progress display draws its line anew: only the last state is of interest. */
			buffer_reset(&output->line);
			output->cut = false;
		}
		if (plain) {
			add_plain(output, (struct text) { rest.ptr, plain });
			output->carriage_return = false;
		}
		if (plain < rest.len) {
			output->carriage_return = rest.ptr[plain] == '\r';
			if (rest.ptr[plain++] == '\n')
				end_line(output);
		}
		rest.ptr += plain;
		rest.len -= plain;
	}
}

void output_end(struct output *output, struct buffer *tail)
{
	size_t kept;

	if (output->line.len)
		end_line(output);
	kept = output->line_count < SANDBOX_TAIL_LINES ? output->line_count : (size_t)SANDBOX_TAIL_LINES;
	for (size_t i = output->line_count - kept; i < output->line_count; i++) {
		buffer_adds(tail, output->lines[i % SANDBOX_TAIL_LINES]);
		buffer_addc(tail, '\n');
	}
}

void output_release(struct output *output)
{
	for (size_t i = 0; i < SANDBOX_TAIL_LINES; i++)
		free(TAKE(output->lines[i], NULL));
	buffer_release(&output->line);
}

/* The last lines of TAIL that fit into MAX bytes; at least a part of the last one. */
static struct text last_lines(struct text tail, size_t max)
{
	tail = text_trim(tail);
	if (tail.len <= max)
		return tail;
	tail.ptr += tail.len - max;
	tail.len = max;
	for (size_t i = 0; i + 1 < tail.len; i++)
		if (tail.ptr[i] == '\n')
			return (struct text) { tail.ptr + i + 1, tail.len - i - 1 };
	/* Not from the middle of a UTF-8 sequence. */
	while (tail.len && ((unsigned char)tail.ptr[0] & 0xc0) == 0x80) {
		tail.ptr++;
		tail.len--;
	}
	return tail;
}

char *sandbox_last_lines(struct text tail, size_t max)
{
	auto_buffer struct buffer line = BUFFER_INIT;
	struct text rest = last_lines(tail, max);

	while (rest.len) {
		struct text part = text_trim(text_cut(rest, '\n', &rest));

		if (part.len == 0)
			continue;
		buffer_adds(&line, line.len ? " | " : "");
		buffer_add(&line, part.ptr, part.len);
	}
	return buffer_take(&line);
}

char *sandbox_ending(int status, int signal)
{
	const char *name = sigabbrev_np(signal ? signal : status - 128);

	if (signal)
		return xasprintf("was killed by signal %d (%s%s)", signal, name ? "SIG" : "",
				 name ? name : "real-time");
	if (status > 128 && name)
		return xasprintf("failed with exit status %d (128 + SIG%s)", status, name);
	return xasprintf("failed with exit status %d", status);
}

char *sandbox_result_ending(const struct sandbox_result *result)
{
	return result->stopped ? xasprintf("was stopped: %s", result->stopped)
			       : sandbox_ending(result->status, result->signal);
}

enum error_kind sandbox_result_kind(const struct sandbox_result *result, enum error_kind otherwise)
{
	if (result->stopped)
		return ERROR_LIMIT;
	return result->no_space ? ERROR_SPACE : otherwise;
}

bool output_tells_no_space(struct text tail)
{
	const char *words = strerror(ENOSPC);

	return tail.len && memmem(tail.ptr, tail.len, words, strlen(words));
}

bool output_tells_no_node(struct text tail)
{
	while (tail.len) {
		struct text line = text_cut(tail, '\n', &tail);

		if (memmem(line.ptr, line.len, "mknod", strlen("mknod")) &&
		    memmem(line.ptr, line.len, strerror(EPERM), strlen(strerror(EPERM))))
			return true;
	}
	return false;
}
