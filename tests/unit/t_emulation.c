/* SPDX-License-Identifier: Apache-2.0 */
/* Whether programs of other processors run here, what is registered for them, and what they cost. */
#include "unit/unit.h"

#include "base/journal.h"
#include "base/process.h"
#include "emulation_cost.h"
#include "sandbox/emulation.h"

#include <elf.h>
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

static const char aarch64_text[] =
	"enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POF\n"
	"offset 0\n"
	"magic 7f454c460201010000000000000000000200b700\n"
	"mask ffffffffffffff00fffffffffffffffffeffffff\n";

static const char *const names[] = { "x86_64",  "i686",    "aarch64", "armv7l",   "armv6l",     "armv8l",
				     "riscv64", "riscv32", "ppc64le", "ppc64",    "ppc",        "s390x",
				     "mips",    "mipsle",  "mips64",  "mips64le", "loongarch64" };

static bool takes(const char *text, const char *name, struct binfmt_entry *entry)
{
	return binfmt_takes(text_of(text), processor_find(name), entry);
}

/* What Debian's qemu-user-static registers, as the kernel shows it. */
static void registrations(void **state)
{
	struct binfmt_entry entry = { .fixed = false };

	(void)state;
	assert_true(takes(aarch64_text, "aarch64", &entry));
	assert_string_equal(entry.interpreter, "/usr/libexec/qemu-binfmt/aarch64-binfmt-P");
	assert_true(entry.fixed);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(takes(aarch64_text, names[i], &entry), strcmp(names[i], "aarch64") == 0);
	assert_true(takes("enabled\ninterpreter /q\nflags: \noffset 18\nmagic b700\n", "aarch64", &entry));
	assert_false(entry.fixed);
	/* In another order of bytes, and a machine that begins alike. */
	assert_true(takes("enabled\ninterpreter /q\nflags: OC\noffset 0\n"
			  "magic 7f454c4602020100000000000000000000020016\n"
			  "mask fffffffffffffffcfffffffffffffffffffeffff\n",
			  "s390x", &entry));
	assert_false(entry.fixed);
}

/* What takes nothing, or is no registration. */
static void no_registrations(void **state)
{
	static const char *const texts[] = {
		"",
		"enabled\n",
		"disabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f454c46\n",
		"enabled\ninterpreter /q\nflags: F\nextension .exe\n",
		"enabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f454c4\n",
		"enabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f454cg6\n",
		"enabled\ninterpreter /q\nflags: F\noffset 99999999999999999999\nmagic 7f454c46\n",
		"enabled\ninterpreter /q\nflags: F\noffset 4096\nmagic 7f454c46\n",
		"enabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f454c46\nmask fff\n",
		"enabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f454c47\n",
	};
	struct binfmt_entry entry;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(takes(texts[i], "aarch64", &entry));
}

/* What kiln registers takes what it is for and nothing else, wherever the kernel places it. */
static void heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct processor *processor = processor_find(names[i]);
		auto_buffer struct buffer program = BUFFER_INIT;
		uint8_t head[PROCESSOR_HEAD_BYTES];
		uint8_t mask[PROCESSOR_HEAD_BYTES];

		assert_non_null(processor);
		processor_head(processor, head, mask);
		processor_program(processor, &program);
		assert_true(program.len > PROCESSOR_HEAD_BYTES && program.len < 256);
		for (size_t k = 0; k < PROCESSOR_HEAD_BYTES; k++)
			assert_int_equal(((uint8_t)program.data[k] ^ head[k]) & mask[k], 0);
		assert_int_equal(mask[EI_OSABI], 0);
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			auto_buffer struct buffer other = BUFFER_INIT;
			bool same = true;

			processor_program(processor_find(names[k]), &other);
			for (size_t n = 0; n < PROCESSOR_HEAD_BYTES; n++)
				same = same && !(((uint8_t)other.data[n] ^ head[n]) & mask[n]);
			assert_int_equal(same, strcmp(processor_qemu_name(processor),
						      processor_qemu_name(processor_find(names[k]))) == 0);
		}
	}
	assert_null(processor_find("vax"));
}

/* The smallest programs are programs: qemu runs each of them to its end. */
static void smallest_programs(void **state)
{
	size_t ran = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct processor *processor = processor_find(names[i]);
		auto_free char *qemu = xasprintf("/usr/bin/qemu-%s-static", processor_qemu_name(processor));
		char path[] = "/tmp/kiln-unit-XXXXXX";
		const char *argv[] = { qemu, path, NULL };
		struct process_options options = { .argv = argv,
						   .output_max_bytes = 4096,
						   .timeout_ms = 60000 };
		auto_process_result struct process_result result = PROCESS_RESULT_INIT;
		auto_buffer struct buffer program = BUFFER_INIT;
		struct error e = ERROR_INIT;
		int fd;

		if (access(qemu, X_OK) < 0)
			continue;
		processor_program(processor, &program);
		fd = mkstemp(path);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, program.data, program.len), program.len);
		assert_int_equal(fchmod(fd, 0755), 0);
		close(fd);
		assert_int_equal(process_run(&options, &result, &e), 0);
		unlink(path);
		if (result.status != PROCESSOR_STATUS)
			print_error("%s: status %d %s\n", names[i], result.status, result.errors.data);
		assert_int_equal(result.status, PROCESSOR_STATUS);
		ran++;
	}
	if (ran == 0)
		skip();
}

/* This host's own programs need nobody, and nothing of this process changes by the question. */
static void this_host(void **state)
{
	auto_emulation struct emulation emulation = EMULATION_INIT;
	struct utsname host;
	struct error e = ERROR_INIT;
	char before[64] = "";
	char after[64] = "";

	(void)state;
	assert_int_equal(uname(&host), 0);
	if (geteuid() != 0 || !processor_find(host.machine))
		skip();
	assert_true(readlink("/proc/self/ns/user", before, sizeof before - 1) > 0);
	assert_int_equal(emulation_ask("vax", host.machine, &emulation, &e), 0);
	assert_true(emulation.runs);
	assert_int_equal(emulation_ask(host.machine, "vax", &emulation, &e), 0);
	assert_false(emulation.runs);
	assert_true(readlink("/proc/self/ns/user", after, sizeof after - 1) > 0);
	assert_string_equal(before, after);
	assert_int_equal(emulation_check(&emulation, "action (x)", &e), -1);
	assert_int_equal(e.kind, ERROR_UNSUPPORTED);
	assert_string_equal(e.text, "action (x): this host does not run programs of 'vax': kiln knows no "
				    "interpreter for them");
	assert_int_equal(emulation_check(NULL, "anything", &e), 0);
}

static void add_event(struct journal *journal, const char *kind, const char *name, const char *subject,
		      double begin_s, double end_s, bool emulated)
{
	journal_add(journal, &(struct journal_event) { .kind = kind,
						       .name = name,
						       .subject = subject,
						       .result = JOURNAL_DONE,
						       .begin_s = begin_s,
						       .end_s = end_s,
						       .emulated = emulated });
}

static void expect_part(const struct emulation_cost *cost, size_t index, const char *kind, const char *name,
			size_t run_count, double seconds)
{
	assert_true(index < cost->count);
	assert_string_equal(cost->parts[index].kind, kind);
	assert_string_equal(cost->parts[index].name, name);
	assert_int_equal(cost->parts[index].run_count, run_count);
	assert_true(fabs(cost->parts[index].seconds - seconds) < 1e-6);
}

/* No second is counted twice: what dpkg ran is the packages', the rest its own. */
static void costs(void **state)
{
	struct journal journal;
	auto_emulation_cost struct emulation_cost cost = EMULATION_COST_INIT;

	(void)state;
	journal_init(&journal);
	add_event(&journal, "script", "preinst", "libc6:arm64", 10, 11, true);
	add_event(&journal, "program", "gpgv", NULL, 11, 12, false);
	add_event(&journal, "script", "postinst", "libc6:arm64", 21, 25, true);
	add_event(&journal, "script", "postinst", "dash", 25, 27, true);
	add_event(&journal, "program", "dpkg --configure", NULL, 20, 30, true);
	add_event(&journal, "script", "postinst triggered", "dash", 31, 32, true);
	add_event(&journal, "program", "dpkg --configure", NULL, 30, 33, true);
	add_event(&journal, "action", "post-files", "r.yaml:12", 40, 40.5, true);
	add_event(&journal, "stage", "configure", NULL, 10, 50, false);
	emulation_cost_read(&journal, &cost);
	assert_int_equal(cost.count, 4);
	/* 10 - 6 and 3 - 1. */
	expect_part(&cost, 0, "program", "dpkg --configure", 2, 6);
	expect_part(&cost, 1, "package", "libc6", 2, 5);
	expect_part(&cost, 2, "package", "dash", 2, 3);
	expect_part(&cost, 3, "action", "r.yaml:12", 1, 0.5);
	assert_true(fabs(cost.total_s - 14.5) < 1e-6);
	emulation_cost_release(&cost);
	emulation_cost_read(NULL, &cost);
	assert_int_equal(cost.count, 0);
	journal_release(&journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registrations), cmocka_unit_test(no_registrations),
		cmocka_unit_test(heads),         cmocka_unit_test(smallest_programs),
		cmocka_unit_test(this_host),     cmocka_unit_test(costs),
	};

	return cmocka_run_group_tests_name("emulation", tests, NULL, NULL);
}
