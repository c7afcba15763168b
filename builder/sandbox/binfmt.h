/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interpreters that are registered with the kernel for programs of other processors (binfmt_misc): what is there, and
 * registrations of kiln's own.
 *
 * Since Linux 6.7 a user namespace can have registrations of its own, which nobody outside sees and which are gone
 * with it. Before, there is one set for the whole host; kiln never changes that, as what it would add would stay
 * behind when it is killed, and would hold for everybody in the meantime.
 */
#ifndef SANDBOX_BINFMT_H
#define SANDBOX_BINFMT_H

#include "sandbox/processor.h"

/* What the kernel does with a program. */
struct binfmt_entry {
	char name[64];
	char interpreter[256]; /* a path of the host */
	bool fixed; /* flag F: it was opened when it was registered, and needs no file in the root */
};

/* Where a host has its registrations. */
#define BINFMT_FOLDER "/proc/sys/fs/binfmt_misc"

/*
 * The registration in FOLDER that takes PROCESSOR's programs. 1; 0: none does, or all are switched off, or nothing is
 * mounted there.
 */
int binfmt_find(const char *folder, const struct processor *processor, struct binfmt_entry *entry,
		struct error *e) MUST_CHECK;
/* The same of one registration's TEXT, as the kernel shows it. */
bool binfmt_takes(struct text text, const struct processor *processor, struct binfmt_entry *entry);

/*
 * In a user namespace of kiln's own, and a mount namespace that belongs to it: registrations of that namespace, none
 * yet. *fd is the file system's: they last as long as it is open. Errors: ERROR_SYSTEM, before Linux 6.7.
 */
int binfmt_open_own(int *fd, struct error *e) MUST_CHECK;
/* Have INTERPRETER, a path of the host, run PROCESSOR's programs; the last one that was registered is asked first. */
int binfmt_register(int fd, const struct processor *processor, const char *interpreter, struct error *e)
	MUST_CHECK;

#endif
