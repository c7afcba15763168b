/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs for a processor look like to the kernel: the head of an ELF file, and the smallest program there is, a
 * few instructions that do nothing but end. Whether a host can run an image's programs is best asked with one.
 */
#ifndef SANDBOX_PROCESSOR_H
#define SANDBOX_PROCESSOR_H

#include "base/text.h"

enum {
	PROCESSOR_HEAD_BYTES = 20, /* of an ELF file, which tell for which processor it is */
	PROCESSOR_STATUS = 42,     /* of that program when it ends */
};

struct processor;

/* By the name that the metadata of images has for it ("aarch64"); NULL: not known here. */
const struct processor *processor_find(const char *name);

/* As qemu calls it: "riscv64" of qemu-riscv64. */
const char *processor_qemu_name(const struct processor *processor);

/*
 * The first bytes of its programs, and which of their bits count: ABI and version do not, and programs that the
 * kernel may place anywhere are as good as others.
 */
void processor_head(const struct processor *processor, uint8_t head[PROCESSOR_HEAD_BYTES],
		    uint8_t mask[PROCESSOR_HEAD_BYTES]);

/* That program, as a file is to have it. */
void processor_program(const struct processor *processor, struct buffer *out);

#endif
