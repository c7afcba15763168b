/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/all.h"

#include "base/alloc.h"
#include "base/epoch.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/pool.h"
#include "base/process.h"
#include "emulation_cost.h"
#include "sandbox/memory.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* One build takes about as much memory as JOB_BYTES: its root, codecs, and what scripts need. */
enum { JOBS_MAX = 64, POLL_MS = 200, READ_BYTES = 4096, LINE_BYTES_MAX = 2000 };
#define JOB_BYTES (2 * GIB)

/* What a build tells the process that started it: in memory that both have. */
struct report {
	bool done;
	struct error error;
	uint64_t size_bytes; /* of the first artefact */
	char fingerprint[DIGEST_HEX_LEN + 1];
};

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE };

struct job {
	const struct recipe_cell *cell;
	enum job_state state;
	char *output_dir; /* owned */
	pid_t pid;
	int fd;             /* owned; what it says */
	struct buffer line; /* of that, not yet ended */
	double begin_s;
	double seconds;
	struct report *report; /* in the shared memory */
	bool stopped;          /* it was told to */
};

struct jobs {
	const struct settings *settings;
	struct chosen *chosen;
	struct build_options options;
	struct job *items; /* owned; one for each cell */
	size_t count;
	size_t running;
	size_t at_once;
	struct report *reports; /* owned mapping */
	bool stopping;
};

static void jobs_release(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->count; i++) {
		struct job *job = &jobs->items[i];

		if (job->state == JOB_RUNNING)
			process_kill(job->pid);
		auto_close_(&job->fd);
		free(job->output_dir);
		buffer_release(&job->line);
	}
	free(jobs->items);
	if (jobs->reports)
		munmap(jobs->reports, jobs->count * sizeof *jobs->reports);
}

/* As many as have a processor and memory of their own. */
static size_t default_jobs(void)
{
	size_t fitting = (size_t)(memory_available("/proc", "/sys/fs/cgroup") / JOB_BYTES);
	size_t processors = processor_count();
	size_t count = fitting < processors ? fitting : processors;

	return count ? count : 1;
}

static int parse_jobs(const struct settings *settings, size_t *count, struct error *e)
{
	uint64_t number = 0;

	*count = default_jobs();
	if (!settings->jobs)
		return 0;
	if (!text_to_u64(text_of(settings->jobs), &number) || number == 0 || number > JOBS_MAX)
		return error_set(e, ERROR_USAGE, "--jobs: '%s' is no number from 1 to %d", settings->jobs,
				 JOBS_MAX);
	*count = (size_t)number;
	return 0;
}

static int jobs_open(const struct settings *settings, struct chosen *chosen, struct jobs *jobs,
		     struct error *e)
{
	jobs->settings = settings;
	jobs->chosen = chosen;
	if (build_options_from(settings, STAGE_EVIDENCE, chosen, &jobs->options, e) < 0 ||
	    parse_jobs(settings, &jobs->at_once, e) < 0)
		return -1;
	jobs->reports = mmap(NULL, chosen->count * sizeof *jobs->reports, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jobs->reports == MAP_FAILED) {
		jobs->reports = NULL;
		return error_sys(e, "cannot get memory");
	}
	jobs->items = xcalloc(chosen->count, sizeof *jobs->items);
	jobs->count = chosen->count;
	if (jobs->at_once > jobs->count)
		jobs->at_once = jobs->count;
	jobs->options.sharers = (unsigned)jobs->at_once;
	for (size_t i = 0; i < jobs->count; i++)
		jobs->items[i] = (struct job) {
			.cell = &chosen->cells[i],
			.output_dir = xasprintf("%s/%s", jobs->options.output_dir, chosen->cells[i].name),
			.fd = -1,
			.report = &jobs->reports[i],
		};
	return 0;
}

/* ---- in the process of one build */

static int run_build(const struct jobs *jobs, struct job *job, struct error *e)
{
	struct build_options options = jobs->options;
	auto_build struct build *build = NULL;
	auto_free char *lock = NULL;
	struct build_result result;

	options.cell = job->cell;
	options.output_dir = job->output_dir;
	if (lock_chosen(jobs->settings, options.recipe_path, job->cell->name, &lock, e) < 0)
		return -1;
	options.lock_path = lock;
	build = build_open(&options);
	if (build_run(build, e) < 0)
		return -1;
	build_result(build, &result);
	if (jobs->settings->timing) {
		timing_print(result.spent, options.log);
		emulation_cost_print(result.emulated, result.interpreter, options.log);
	}
	if (result.artefacts->count) {
		const struct artefact *first = &result.artefacts->items[0];

		for (size_t i = 0; i < first->file_count; i++)
			job->report->size_bytes += first->files[i].size_bytes;
		snprintf(job->report->fingerprint, sizeof job->report->fingerprint, "%s",
			 digest_hex(&first->fingerprint).text);
	}
	return 0;
}

static _Noreturn void job_main(struct jobs *jobs, struct job *job, int fd, pid_t parent)
{
	struct error e = ERROR_INIT;
	struct log *log = jobs->settings->log;

	/* It ends in an orderly way when kiln is killed, also when that happened just now. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(1);
	for (size_t i = 0; i < jobs->count; i++)
		if (jobs->items[i].fd >= 0)
			close(TAKE(jobs->items[i].fd, -1));
	if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(1);
	close(fd);
	log_init(log, log->level, stderr);
	if (interrupt_check(&e) == 0 && run_build(jobs, job, &e) < 0)
		log_progress_end(log, NULL);
	text_make_printable(e.text);
	job->report->error = e;
	job->report->done = true;
	_exit((int)e.kind);
}

/* ---- in the one that started it */

static int start_job(struct jobs *jobs, struct job *job, struct error *e)
{
	auto_close int write_fd = -1;
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	job->fd = fds[0];
	write_fd = fds[1];
	fflush(NULL);
	job->pid = fork();
	if (job->pid < 0)
		return error_sys(e, "cannot start a process");
	if (job->pid == 0)
		job_main(jobs, job, write_fd, parent);
	job->state = JOB_RUNNING;
	job->begin_s = monotonic_seconds();
	jobs->running++;
	return 0;
}

static void say_line(const struct jobs *jobs, struct job *job)
{
	log_asked(jobs->settings->log, "[%s] %s", job->cell->name, job->line.data);
	buffer_reset(&job->line);
}

/* What it has said since; the end of the pipe, or nothing there, is no error. */
static void hear(const struct jobs *jobs, struct job *job)
{
	char data[READ_BYTES];
	ssize_t got = read(job->fd, data, sizeof data);

	for (ssize_t i = 0; i < got; i++) {
		if (data[i] != '\n')
			buffer_addc(&job->line, data[i]);
		if ((data[i] == '\n' && job->line.len) || job->line.len >= LINE_BYTES_MAX)
			say_line(jobs, job);
	}
	if (got == 0)
		close(TAKE(job->fd, -1));
}

static void tell_to_stop(struct jobs *jobs)
{
	jobs->stopping = true;
	for (size_t i = 0; i < jobs->count; i++) {
		if (jobs->items[i].state != JOB_RUNNING || jobs->items[i].stopped)
			continue;
		jobs->items[i].stopped = true;
		kill(jobs->items[i].pid, SIGTERM);
	}
}

static void end_job(struct jobs *jobs, struct job *job, int status)
{
	struct log *log = jobs->settings->log;
	struct report *report = job->report;

	while (job->fd >= 0) {
		struct pollfd ready = { job->fd, POLLIN, 0 };

		/* A process of the build that is still on its way out may hold the other end. */
		if (poll(&ready, 1, 0) <= 0)
			close(TAKE(job->fd, -1));
		else
			hear(jobs, job);
	}
	if (job->line.len)
		say_line(jobs, job);
	job->state = JOB_DONE;
	job->seconds = monotonic_seconds() - job->begin_s;
	jobs->running--;
	if (!report->done && WIFSIGNALED(status))
		error_set(&report->error, ERROR_INTERNAL, "its process was ended by signal %d",
			  WTERMSIG(status));
	else if (!report->done)
		error_set(&report->error, ERROR_INTERNAL, "its process has ended without a word");
	if (report->error.kind == ERROR_NONE) {
		log_say(log, "[%s] done after %.1f s", job->cell->name, job->seconds);
		return;
	}
	log_asked(log, "[%s] %s", job->cell->name, report->error.text);
	if (jobs->settings->fail_fast)
		tell_to_stop(jobs);
}

/* Wait a while for words, then see who has ended. */
static int attend(struct jobs *jobs, struct error *e)
{
	struct pollfd ready[JOBS_MAX];
	struct job *of[JOBS_MAX];
	nfds_t count = 0;

	for (size_t i = 0; i < jobs->count; i++) {
		if (jobs->items[i].state != JOB_RUNNING || jobs->items[i].fd < 0)
			continue;
		of[count] = &jobs->items[i];
		ready[count++] = (struct pollfd) { jobs->items[i].fd, POLLIN, 0 };
	}
	if (poll(ready, count, POLL_MS) < 0 && errno != EINTR)
		return error_sys(e, "cannot wait for builds");
	for (nfds_t i = 0; i < count; i++)
		if (ready[i].revents)
			hear(jobs, of[i]);
	for (size_t i = 0; i < jobs->count; i++) {
		struct job *job = &jobs->items[i];
		int status;

		if (job->state == JOB_RUNNING && waitpid(job->pid, &status, WNOHANG) == job->pid)
			end_job(jobs, job, status);
	}
	return 0;
}

static int run_jobs(struct jobs *jobs, struct error *e)
{
	size_t next = 0;

	for (;;) {
		if (interrupt_requested())
			tell_to_stop(jobs);
		while (!jobs->stopping && next < jobs->count && jobs->running < jobs->at_once)
			if (start_job(jobs, &jobs->items[next++], e) < 0)
				return -1;
		if (jobs->running == 0)
			return interrupt_check(e);
		if (attend(jobs, e) < 0)
			return -1;
	}
}

/* ---- what came of them */

static const char *outcome_of(const struct job *job)
{
	if (job->state == JOB_WAITING)
		return "not begun";
	if (job->report->error.kind == ERROR_NONE)
		return "built";
	return job->stopped && job->report->error.kind == ERROR_INTERRUPTED ? "stopped" : "failed";
}

static void print_table(const struct jobs *jobs, struct buffer *out)
{
	for (size_t i = 0; i < jobs->count; i++) {
		const struct job *job = &jobs->items[i];

		buffer_addf(out, "%-32s %-9s", job->cell->name, outcome_of(job));
		if (job->state == JOB_DONE)
			buffer_addf(out, " %7.1f s", job->seconds);
		if (job->state == JOB_DONE && job->report->error.kind != ERROR_NONE)
			buffer_addf(out, "  %s", job->report->error.text);
		else if (job->report->fingerprint[0])
			buffer_addf(out, " %10s  %s  %s", human_size(job->report->size_bytes).text,
				    job->report->fingerprint, job->output_dir);
		buffer_addc(out, '\n');
	}
}

/* image.json, which the build has just written; null when it stopped before that. */
static json_t *record_of(const struct jobs *jobs, const struct job *job)
{
	auto_free char *path = xasprintf("%s/image.json", job->output_dir);
	json_t *record = NULL;

	if (jobs->options.until >= STAGE_PACK && job->state == JOB_DONE &&
	    job->report->error.kind == ERROR_NONE)
		record = json_load_file(path, 0, NULL);
	return record ? record : json_null();
}

static int print_json(const struct jobs *jobs, struct buffer *out, struct error *e)
{
	json_t *list = json_array();
	auto_free char *text = NULL;

	for (size_t i = 0; i < jobs->count; i++) {
		const struct job *job = &jobs->items[i];
		const struct error *error = &job->report->error;
		json_t *item = cell_json(job->cell);

		json_object_set_new(item, "result", json_string(outcome_of(job)));
		json_object_set_new(item, "output", json_string(job->output_dir));
		if (job->state == JOB_DONE)
			json_object_set_new(item, "seconds", json_real(job->seconds));
		if (error->kind != ERROR_NONE)
			json_object_set_new(item, "error",
					    json_pack("{s:s, s:s}", "kind", error_kind_name(error->kind),
						      "text", error->text));
		json_object_set_new(item, "record", record_of(jobs, job));
		json_array_append_new(list, item);
	}
	text = json_dumps(list, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(list);
	if (!text)
		return error_set(e, ERROR_RECIPE, "a name in the matrix is not UTF-8");
	buffer_addf(out, "%s\n", text);
	return 0;
}

/* The first that failed by itself gives the exit status. */
static int sum_up(const struct jobs *jobs, struct error *e)
{
	const struct job *first = NULL;
	size_t failed = 0;

	for (size_t i = 0; i < jobs->count; i++) {
		const struct job *job = &jobs->items[i];

		if (strcmp(outcome_of(job), "built") == 0)
			continue;
		failed++;
		if (!first && strcmp(outcome_of(job), "failed") == 0)
			first = job;
	}
	if (!first)
		return 0;
	return error_set(e, first->report->error.kind, "%zu of %zu images are missing: %s: %s", failed,
			 jobs->count, first->cell->name, first->report->error.text);
}

int build_all(const struct settings *settings, struct error *e)
{
	AUTO(chosen_release) struct chosen chosen = CHOSEN_INIT;
	AUTO(jobs_release) struct jobs jobs = { .count = 0 };
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error ended = ERROR_INIT;

	if (strcmp(settings->arguments.items[0], "-") == 0)
		return error_set(e, ERROR_USAGE, "--all is for recipes in files: it is read more than once");
	if (cells_choose(settings, &chosen, e) < 0 || jobs_open(settings, &chosen, &jobs, e) < 0)
		return -1;
	log_say(settings->log, "%zu image%s, %zu at a time", jobs.count, jobs.count == 1 ? "" : "s",
		jobs.at_once);
	if (run_jobs(&jobs, &ended) < 0 && ended.kind != ERROR_INTERRUPTED) {
		*e = ended;
		return -1;
	}
	if (!settings->json)
		print_table(&jobs, &out);
	else if (print_json(&jobs, &out, e) < 0)
		return -1;
	if (print_data(out.data, out.len, e) < 0)
		return -1;
	if (ended.kind != ERROR_NONE) {
		*e = ended;
		return -1;
	}
	return sum_up(&jobs, e);
}
