/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/processor.h"

#include <elf.h>

enum { CODE_MAX_BYTES = 16 };

struct processor {
	const char *name;
	const char *qemu;
	uint8_t class;
	uint8_t order; /* of bytes */
	uint16_t machine;
	uint32_t flags;
	uint8_t code[CODE_MAX_BYTES]; /* exit(PROCESSOR_STATUS) */
	size_t code_len;
};

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

/* Of three instructions: a register gets the status, another one the number of exit(2), and the kernel is called. */
#define CODE(...) { __VA_ARGS__ }, sizeof((uint8_t[]) { __VA_ARGS__ })

/* armv7l stands for all 32-bit ARM: floating point is nothing that an empty program differs in. */
#define ARM_CODE   CODE(0x2a, 0x00, 0xa0, 0xe3, 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef)
#define RISCV_CODE CODE(0x13, 0x05, 0xa0, 0x02, 0x93, 0x08, 0xd0, 0x05, 0x73, 0x00, 0x00, 0x00)

#define ARM_FLAGS    EF_ARM_EABI_VER5
#define MIPS32_FLAGS (0x1000 | EF_MIPS_ARCH_32R2) /* of the ABI called o32 */
#define MIPS64_FLAGS EF_MIPS_ARCH_64R2

static const struct processor processors[] = {
	{ "x86_64", "x86_64", ELFCLASS64, ELFDATA2LSB, EM_X86_64, 0,
	  CODE(0xbf, 0x2a, 0x00, 0x00, 0x00, 0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05) },
	{ "i686", "i386", ELFCLASS32, ELFDATA2LSB, EM_386, 0,
	  CODE(0xbb, 0x2a, 0x00, 0x00, 0x00, 0xb8, 0x01, 0x00, 0x00, 0x00, 0xcd, 0x80) },
	{ "aarch64", "aarch64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64, 0,
	  CODE(0x40, 0x05, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4) },
	{ "armv7l", "arm", ELFCLASS32, ELFDATA2LSB, EM_ARM, ARM_FLAGS, ARM_CODE },
	{ "armv6l", "arm", ELFCLASS32, ELFDATA2LSB, EM_ARM, ARM_FLAGS, ARM_CODE },
	{ "armv8l", "arm", ELFCLASS32, ELFDATA2LSB, EM_ARM, ARM_FLAGS, ARM_CODE },
	{ "riscv64", "riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV, 0, RISCV_CODE },
	{ "riscv32", "riscv32", ELFCLASS32, ELFDATA2LSB, EM_RISCV, 0, RISCV_CODE },
	/* The second ABI, in either order: with the first one the entry is a descriptor, and no instruction. */
	{ "ppc64le", "ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64, 2,
	  CODE(0x2a, 0x00, 0x60, 0x38, 0x01, 0x00, 0x00, 0x38, 0x02, 0x00, 0x00, 0x44) },
	{ "ppc64", "ppc64", ELFCLASS64, ELFDATA2MSB, EM_PPC64, 2,
	  CODE(0x38, 0x60, 0x00, 0x2a, 0x38, 0x00, 0x00, 0x01, 0x44, 0x00, 0x00, 0x02) },
	{ "ppc", "ppc", ELFCLASS32, ELFDATA2MSB, EM_PPC, 0,
	  CODE(0x38, 0x60, 0x00, 0x2a, 0x38, 0x00, 0x00, 0x01, 0x44, 0x00, 0x00, 0x02) },
	{ "s390x", "s390x", ELFCLASS64, ELFDATA2MSB, EM_S390, 0, CODE(0xa7, 0x29, 0x00, 0x2a, 0x0a, 0x01) },
	{ "mips", "mips", ELFCLASS32, ELFDATA2MSB, EM_MIPS, MIPS32_FLAGS,
	  CODE(0x24, 0x04, 0x00, 0x2a, 0x24, 0x02, 0x0f, 0xa1, 0x00, 0x00, 0x00, 0x0c) },
	{ "mipsle", "mipsel", ELFCLASS32, ELFDATA2LSB, EM_MIPS, MIPS32_FLAGS,
	  CODE(0x2a, 0x00, 0x04, 0x24, 0xa1, 0x0f, 0x02, 0x24, 0x0c, 0x00, 0x00, 0x00) },
	{ "mips64", "mips64", ELFCLASS64, ELFDATA2MSB, EM_MIPS, MIPS64_FLAGS,
	  CODE(0x24, 0x04, 0x00, 0x2a, 0x24, 0x02, 0x13, 0xc2, 0x00, 0x00, 0x00, 0x0c) },
	{ "mips64le", "mips64el", ELFCLASS64, ELFDATA2LSB, EM_MIPS, MIPS64_FLAGS,
	  CODE(0x2a, 0x00, 0x04, 0x24, 0xc2, 0x13, 0x02, 0x24, 0x0c, 0x00, 0x00, 0x00) },
	{ "loongarch64", "loongarch64", ELFCLASS64, ELFDATA2LSB, EM_LOONGARCH, 0x43,
	  CODE(0x04, 0xa8, 0x80, 0x02, 0x0b, 0x74, 0x81, 0x02, 0x00, 0x00, 0x2b, 0x00) },
};

const struct processor *processor_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(processors); i++)
		if (strcmp(processors[i].name, name) == 0)
			return &processors[i];
	return NULL;
}

const char *processor_qemu_name(const struct processor *processor)
{
	return processor->qemu;
}

/* SIZE bytes of a number, in the processor's order. */
static void add_number(const struct processor *processor, uint64_t value, size_t size, struct buffer *out)
{
	for (size_t i = 0; i < size; i++) {
		size_t place = processor->order == ELFDATA2LSB ? i : size - 1 - i;

		buffer_addc(out, (char)(value >> 8 * place & 0xff));
	}
}

static void add_head(const struct processor *processor, struct buffer *out)
{
	uint8_t ident[EI_NIDENT] = { ELFMAG0,          ELFMAG1,          ELFMAG2,   ELFMAG3,
				     processor->class, processor->order, EV_CURRENT };

	buffer_add(out, ident, sizeof ident);
	add_number(processor, ET_EXEC, 2, out);
	add_number(processor, processor->machine, 2, out);
}

void processor_head(const struct processor *processor, uint8_t head[PROCESSOR_HEAD_BYTES],
		    uint8_t mask[PROCESSOR_HEAD_BYTES])
{
	auto_buffer struct buffer out = BUFFER_INIT;
	size_t type = EI_NIDENT + (processor->order == ELFDATA2LSB ? 0 : 1);

	add_head(processor, &out);
	memcpy(head, out.data, PROCESSOR_HEAD_BYTES);
	memset(mask, 0xff, PROCESSOR_HEAD_BYTES);
	mask[EI_OSABI] = 0;
	mask[type] = (uint8_t) ~(ET_EXEC ^ ET_DYN);
}

/* elf(5), "ELF header (Ehdr)" and "Program header (Phdr)": one segment, the whole file. */
void processor_program(const struct processor *processor, struct buffer *out)
{
	const uint64_t at = 0x400000;
	const uint64_t align = 0x10000; /* no kernel has larger pages */
	bool wide = processor->class == ELFCLASS64;
	size_t word = wide ? 8 : 4;
	size_t head_len = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	size_t segment_len = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t len = head_len + segment_len + processor->code_len;

	add_head(processor, out);
	add_number(processor, EV_CURRENT, 4, out);
	add_number(processor, at + head_len + segment_len, word, out); /* entry */
	add_number(processor, head_len, word, out);                    /* where segments are told */
	add_number(processor, 0, word, out);                           /* no sections */
	add_number(processor, processor->flags, 4, out);
	add_number(processor, head_len, 2, out);
	add_number(processor, segment_len, 2, out);
	add_number(processor, 1, 2, out);
	add_number(processor, 0, 6, out);
	add_number(processor, PT_LOAD, 4, out);
	if (wide)
		add_number(processor, PF_R | PF_X, 4, out);
	add_number(processor, 0, word, out); /* offset */
	add_number(processor, at, word, out);
	add_number(processor, at, word, out);
	add_number(processor, len, word, out); /* in the file */
	add_number(processor, len, word, out); /* in memory */
	if (!wide)
		add_number(processor, PF_R | PF_X, 4, out);
	add_number(processor, align, word, out);
	buffer_add(out, processor->code, processor->code_len);
}
