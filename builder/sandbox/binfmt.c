/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/binfmt.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>

/* A registration takes one page at most. */
enum { ENTRY_MAX_BYTES = 64 * 1024, MAGIC_MAX_BYTES = 256 };

/* What a registration says, line by line. */
struct lines {
	bool enabled;
	bool fixed;
	bool by_extension;
	uint64_t offset;
	struct text interpreter;
	struct text magic; /* in hexadecimal digits */
	struct text mask;  /* likewise; empty: all bits count */
};

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* How many bytes; -1 for what is no such text. */
static int read_hex(struct text text, uint8_t bytes[MAGIC_MAX_BYTES])
{
	if (text.len % 2 || text.len > 2 * MAGIC_MAX_BYTES)
		return -1;
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = digit_of(text.ptr[2 * i]);
		int low = digit_of(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(text.len / 2);
}

static struct lines read_lines(struct text text)
{
	struct lines lines = { .offset = 0 };

	while (text.len) {
		struct text line = text_cut(text, '\n', &text);
		struct text word = text_word(&line);

		line = text_trim(line);
		if (text_is(word, "enabled"))
			lines.enabled = true;
		else if (text_is(word, "interpreter"))
			lines.interpreter = line;
		else if (text_is(word, "flags:"))
			lines.fixed = line.len && memchr(line.ptr, 'F', line.len);
		else if (text_is(word, "extension"))
			lines.by_extension = true;
		else if (text_is(word, "offset") && !text_to_u64(line, &lines.offset))
			lines.enabled = false;
		else if (text_is(word, "magic"))
			lines.magic = line;
		else if (text_is(word, "mask"))
			lines.mask = line;
	}
	return lines;
}

bool binfmt_takes(struct text text, const struct processor *processor, struct binfmt_entry *entry)
{
	struct lines lines = read_lines(text);
	uint8_t magic[MAGIC_MAX_BYTES];
	uint8_t mask[MAGIC_MAX_BYTES];
	auto_buffer struct buffer program = BUFFER_INIT;
	int len = read_hex(lines.magic, magic);

	memset(mask, 0xff, sizeof mask);
	processor_program(processor, &program);
	if (!lines.enabled || lines.by_extension || len <= 0 || read_hex(lines.mask, mask) < 0 ||
	    lines.offset > program.len || (size_t)len > program.len - lines.offset)
		return false;
	for (int i = 0; i < len; i++)
		if (((uint8_t)program.data[lines.offset + (size_t)i] ^ magic[i]) & mask[i])
			return false;
	snprintf(entry->interpreter, sizeof entry->interpreter, "%.*s", TEXT_ARG(lines.interpreter));
	entry->fixed = lines.fixed;
	return true;
}

int binfmt_find(const char *folder, const struct processor *processor, struct binfmt_entry *entry,
		struct error *e)
{
	auto_close int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names = NULL;
	size_t count = 0;
	int found = 0;

	if (dir_fd < 0)
		return 0;
	if (dir_list(dir_fd, &names, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count && found == 0; i++) {
		auto_free char *text = NULL;
		size_t len = 0;

		/* `register` cannot be read, and any other may be gone in the meantime. */
		if (strcmp(names[i], "register") == 0 ||
		    file_read(dir_fd, names[i], ENTRY_MAX_BYTES, &text, &len, e) < 0) {
			error_clear(e);
			continue;
		}
		if (binfmt_takes((struct text) { text, len }, processor, entry)) {
			snprintf(entry->name, sizeof entry->name, "%s", names[i]);
			found = 1;
		}
	}
	names_free(names, count);
	return found;
}

int binfmt_open_own(int *fd, struct error *e)
{
	auto_close int context = (int)syscall(SYS_fsopen, "binfmt_misc", FSOPEN_CLOEXEC);

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_sys(e, "this kernel has no registrations of interpreters for a user namespace");
	*fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	return *fd < 0 ? error_sys(e, "cannot mount the registrations of interpreters") : 0;
}

static void add_bytes(const uint8_t *bytes, struct buffer *out)
{
	buffer_addc(out, ':');
	for (size_t i = 0; i < PROCESSOR_HEAD_BYTES; i++)
		buffer_addf(out, "\\x%02x", bytes[i]);
}

/*
 * F: the kernel keeps the interpreter open, so that the root needs none. P: it learns argv[0] too, which qemu knows how
 * to take since version 6. O: it gets what is to be run as a descriptor, also where that has no name.
 */
int binfmt_register(int fd, const struct processor *processor, const char *interpreter, struct error *e)
{
	uint8_t head[PROCESSOR_HEAD_BYTES];
	uint8_t mask[PROCESSOR_HEAD_BYTES];
	auto_buffer struct buffer line = BUFFER_INIT;
	auto_close int file = openat(fd, "register", O_WRONLY | O_CLOEXEC);
	const char *slash = strrchr(interpreter, '/');

	processor_head(processor, head, mask);
	buffer_addf(&line, ":%s:M:", slash ? slash + 1 : interpreter);
	add_bytes(head, &line);
	add_bytes(mask, &line);
	buffer_addf(&line, ":%s:OPF", interpreter);
	if (file < 0 || write(file, line.data, line.len) != (ssize_t)line.len)
		return error_sys(e, "cannot register '%s'", interpreter);
	return 0;
}
