/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of the image on a host with another processor: its kernel runs them by itself (i386 on amd64), or through an
 * interpreter such as qemu that is registered for them (binfmt.h), or not at all. What counts is not what a host says
 * of itself, but whether the smallest program there is (processor.h) runs in an empty root.
 *
 * Where nothing is registered, or without the flag F, and qemu is installed, kiln registers it itself: in a user
 * namespace of its own, since Linux 6.7. Nothing of the host changes, and nothing is left when kiln ends.
 */
#ifndef SANDBOX_EMULATION_H
#define SANDBOX_EMULATION_H

#include "base/log.h"
#include "sandbox/binfmt.h"

struct emulation {
	const char *architecture; /* borrowed; as metadata has it ("aarch64"); NULL: it is the host's */
	bool runs;                /* its programs run here, */
	bool emulated;            /* by an interpreter, */
	char interpreter[64]; /* with this name ("qemu-aarch64-static"); "unknown" where the host hides it */
	char why[512];        /* !runs: what is missing, and the command that mends it */
	int registry_fd;      /* owned; registrations of kiln's own, as long as it is open; -1: none */
};

#define EMULATION_INIT ((struct emulation) { .registry_fd = -1 })
#define auto_emulation AUTO(emulation_release)

/*
 * See to it that programs of ARCHITECTURE run here, of which HOST is another one. That they do not is no error yet: an
 * image may need none. May put this process into a user namespace, as privilege_obtain() does, and for root too, and
 * into a mount namespace: call it after that function, while kiln has one thread. LOG may be NULL.
 * Errors: ERROR_SYSTEM.
 */
int emulation_obtain(const char *host, const char *architecture, struct log *log, struct emulation *emulation,
		     struct error *e) MUST_CHECK;

/*
 * The same as a question: a process of its own finds out what emulation_obtain() would, and nothing changes here.
 * emulation->registry_fd says then whether kiln would register an interpreter itself (0), or not (-1).
 */
int emulation_ask(const char *host, const char *architecture, struct emulation *emulation, struct error *e)
	MUST_CHECK;

/*
 * Before WHAT ("action (post-files)") is run. NULL is fine: it is the host's architecture. Errors: ERROR_UNSUPPORTED,
 * when it cannot be run, with what is missing.
 */
int emulation_check(const struct emulation *emulation, const char *what, struct error *e) MUST_CHECK;

void emulation_release(struct emulation *emulation);

#endif
