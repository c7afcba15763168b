/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/interrupt.h"
#include "base/version.h"
#include "cmd/cmd.h"

#include <fcntl.h>
#include <unistd.h>

static int print_text(struct buffer *text, struct error *e)
{
	return print_data(text->data, text->len, e);
}

static int run_command(int argc, char **argv, struct log *log, struct error *e)
{
	AUTO(settings_release) struct settings settings = { .log = log };
	auto_buffer struct buffer text = BUFFER_INIT;
	const struct command *command = command_find(argv[0], e);

	if (!command || settings_parse(command, argc, argv, &settings, e) < 0)
		return -1;
	if (settings.help) {
		help_print_command(command, &text);
		return print_text(&text, e);
	}
	if (settings.quiet)
		log->level = LOG_QUIET;
	if (settings.verbose)
		log->level = LOG_VERBOSE;
	return command->run(&settings, e);
}

static int run(int argc, char **argv, struct log *log, struct error *e)
{
	auto_buffer struct buffer text = BUFFER_INIT;

	if (argc < 2)
		return error_set(e, ERROR_USAGE, "a command is missing (see kiln --help)");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		help_print(&text);
	else if (strcmp(argv[1], "--version") == 0)
		buffer_addf(&text, "kiln %s\n", KILN_VERSION);
	else
		return run_command(argc - 1, argv + 1, log, e);
	return print_text(&text, e);
}

/*
 * A descriptor that whoever started us has closed would be given to the next file that is opened, and what is meant
 * for the terminal would end in it. Reading from, and writing to, what stands in its place fails as before.
 */
static void hold_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* Overwrite what stands before the '@' of an address: SCHEME://NAME:WORD@HOST. */
static void hide_credentials(char *argument)
{
	for (char *at = strstr(argument, "://"); at; at = strstr(at, "://")) {
		size_t len;

		at += strlen("://");
		len = strcspn(at, "/?#");
		while (len && at[len - 1] != '@')
			len--;
		if (len)
			memset(at, 'x', len - 1);
	}
}

/*
 * Everybody on this host may read the arguments of a process. Kiln works with copies of its own, and of the addresses
 * in the others nothing stays but what anybody may know.
 */
static char **take_arguments(int argc, char **argv)
{
	char **copies = xcalloc((size_t)argc + 1, sizeof *copies);

	for (int i = 0; i < argc; i++) {
		copies[i] = xstrdup(argv[i]);
		hide_credentials(argv[i]);
	}
	return copies;
}

static void free_arguments(char **copies)
{
	for (char **copy = copies; *copy; copy++)
		free(*copy);
	free(copies);
}

int main(int argc, char **argv)
{
	struct error e = ERROR_INIT;
	struct log log;
	char **arguments;

	memory_init();
	arguments = take_arguments(argc, argv);
	hold_standard_fds();
	interrupt_install();
	log_init(&log, LOG_NORMAL, stderr);
	if (run(argc, arguments, &log, &e) < 0) {
		log_progress_end(&log, NULL);
		text_make_printable(e.text);
		fprintf(stderr, "kiln: %s\n", e.text);
	}
	log_release(&log);
	free_arguments(arguments);
	return (int)e.kind;
}
