/* SPDX-License-Identifier: Apache-2.0 */
#include "base/interrupt.h"

#include <signal.h>

/* The one mutable global: a signal handler has nowhere else to write. */
static volatile sig_atomic_t pending_signal;

static const int handled[] = { SIGINT, SIGTERM, SIGHUP };

static void remember(int number)
{
	pending_signal = number;
}

void interrupt_install(void)
{
	/* No SA_RESTART: a blocking call returns EINTR, and its loop then asks interrupt_check(). */
	struct sigaction action = { .sa_handler = remember };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction standard = { .sa_handler = SIG_DFL };

	struct sigaction before;

	for (size_t i = 0; i < ARRAY_LEN(handled); i++) {
		/* nohup(1) has it ignored, and means it. */
		if (handled[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
		    before.sa_handler == SIG_IGN)
			continue;
		sigaction(handled[i], &action, NULL);
	}
	sigaction(SIGPIPE, &ignore, NULL);
	/* Inherited as ignored, it would make children vanish before their status is asked for. */
	sigaction(SIGCHLD, &standard, NULL);
}

void interrupt_reset_in_child(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		sigaction(handled[i], &standard, NULL);
	sigaction(SIGPIPE, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

bool interrupt_requested(void)
{
	return pending_signal != 0;
}

int interrupt_check(struct error *e)
{
	if (!pending_signal)
		return 0;
	return error_set(e, ERROR_INTERRUPTED, "interrupted by %s",
			 pending_signal == SIGINT    ? "Ctrl-C"
			 : pending_signal == SIGTERM ? "SIGTERM"
						     : "SIGHUP");
}
