/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct found {
	const void *id;
	size_t len;
};

/* Notes stand one after the other; names and contents are padded to four bytes. */
static void look_into(const char *notes, size_t room, struct found *found)
{
	static const size_t pad = 3;

	while (room >= sizeof(ElfW(Nhdr))) {
		ElfW(Nhdr) note;
		size_t len;

		memcpy(&note, notes, sizeof note);
		len = sizeof note + ((note.n_namesz + pad) & ~pad) + ((note.n_descsz + pad) & ~pad);
		if (len > room)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
		    memcmp(notes + sizeof note, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
			found->id = notes + sizeof note + sizeof ELF_NOTE_GNU;
			found->len = note.n_descsz;
		}
		notes += len;
		room -= len;
	}
}

/* Called for the program itself first; a result other than 0 keeps it from going on to libraries. */
static int look_at_program(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			look_into((const char *)(uintptr_t)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
				  info->dlpi_phdr[i].p_memsz, context);
	return 1;
}

size_t program_build_id(const void **id)
{
	struct found found = { NULL, 0 };

	dl_iterate_phdr(look_at_program, &found);
	*id = found.id;
	return found.len;
}
