/* SPDX-License-Identifier: Apache-2.0 */
/* File capabilities as setcap(8) takes them → the bytes of struct vfs_cap_data in linux/capability.h, revision 2. */
#include "customize/setup.h"

#include <linux/capability.h>

/* By number. */
static const char *const names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};

struct capability_sets {
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t effective;
};

static int parse_name(struct text word, uint64_t *mask, struct error *e)
{
	struct text name = word;

	if (text_is_anycase(word, "all")) {
		*mask |= (1ULL << ARRAY_LEN(names)) - 1;
		return 0;
	}
	if (name.len > 4 && text_equal_anycase((struct text) { name.ptr, 4 }, TEXT("cap_"))) {
		name.ptr += 4;
		name.len -= 4;
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			if (!text_is_anycase(name, names[i]))
				continue;
			*mask |= 1ULL << i;
			return 0;
		}
	}
	return error_set(e, ERROR_RECIPE, "'%.*s' is no capability (see capabilities(7))", TEXT_ARG(word));
}

/* "cap_net_raw,cap_net_admin=ep", "cap_kill+i" */
static int parse_clause(struct text clause, struct capability_sets *sets, struct error *e)
{
	size_t at = 0;
	uint64_t mask = 0;
	struct text rest;

	while (at < clause.len && clause.ptr[at] != '=' && clause.ptr[at] != '+')
		at++;
	if (at == clause.len || at == 0)
		return error_set(e, ERROR_RECIPE, "capabilities '%.*s' have not the form cap_net_raw=ep",
				 TEXT_ARG(clause));
	rest = (struct text) { clause.ptr, at };
	while (rest.ptr)
		if (parse_name(text_cut(rest, ',', &rest), &mask, e) < 0)
			return -1;
	if (clause.ptr[at] == '=') {
		sets->permitted &= ~mask;
		sets->inheritable &= ~mask;
		sets->effective &= ~mask;
	}
	while (++at < clause.len) {
		switch (clause.ptr[at]) {
		case 'p':
			sets->permitted |= mask;
			break;
		case 'i':
			sets->inheritable |= mask;
			break;
		case 'e':
			sets->effective |= mask;
			break;
		default:
			return error_set(e, ERROR_RECIPE, "'%c' in '%.*s' is none of the letters e, i and p",
					 clause.ptr[at], TEXT_ARG(clause));
		}
	}
	return 0;
}

static void put_le32(unsigned char *at, uint64_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

int capability_parse(const char *text, struct capability_bytes *bytes, struct error *e)
{
	struct capability_sets sets = { 0, 0, 0 };
	struct text rest = text_of(text);
	struct text word = text_word(&rest);

	*bytes = (struct capability_bytes) { .len = 0 };
	if (word.len == 0 || (text_is(word, "none") && text_trim(rest).len == 0))
		return 0;
	for (; word.len; word = text_word(&rest))
		if (parse_clause(word, &sets, e) < 0)
			return -1;
	/* A file has one bit for all its effective capabilities. */
	if (sets.effective && sets.effective != (sets.permitted | sets.inheritable))
		return error_set(e, ERROR_RECIPE,
				 "capabilities '%.100s': with 'e' for one of them, all of a file need it",
				 text);
	put_le32(bytes->data, VFS_CAP_REVISION_2 | (sets.effective ? VFS_CAP_FLAGS_EFFECTIVE : 0));
	put_le32(bytes->data + 4, sets.permitted);
	put_le32(bytes->data + 8, sets.inheritable);
	put_le32(bytes->data + 12, sets.permitted >> 32);
	put_le32(bytes->data + 16, sets.inheritable >> 32);
	bytes->len = sizeof bytes->data;
	return 0;
}
