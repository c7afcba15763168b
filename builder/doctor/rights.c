/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/rows.h"
#include "sandbox/privilege.h"

#include <pwd.h>

static void row_of_part(struct doctor *doctor, struct subject subject, enum privilege_part part,
			enum doctor_state otherwise, const char *found)
{
	struct error failure = ERROR_INIT;
	int result = privilege_check(part, &failure);

	row_tried(doctor, subject, otherwise, result, &failure, "%s", found);
}

void rows_of_rights(struct doctor *doctor)
{
	static const struct subject rights = { "rights", "to mount, and to give files any owner" };
	static const struct subject namespaces = { "user namespace", "the rights without root" };
	static const struct subject ids = { "subordinate ids", "owners in an image, without root" };
	bool is_root = geteuid() == 0;
	struct error failure = ERROR_INIT;
	const struct passwd *user = getpwuid(geteuid());
	auto_free char *who =
		user ? xasprintf("user '%s'", user->pw_name) : xasprintf("user %u", (unsigned)geteuid());
	int result = privilege_check(PRIVILEGE_ALL, &failure);

	doctor->has_rights = result == 0;
	row_tried(doctor, rights, DOCTOR_MISSING, result, &failure, "%s%s", is_root ? "root" : who,
		  is_root ? (privilege_is_confined() ? " of a user namespace" : "")
			  : ", by a user namespace");
	row_of_part(doctor, namespaces, PRIVILEGE_NAMESPACE, is_root ? DOCTOR_WARNING : DOCTOR_MISSING,
		    is_root ? "users of this host can have them" : "can be had");
	if (!is_root)
		row_of_part(doctor, ids, PRIVILEGE_IDS, DOCTOR_MISSING, "in /etc/subuid and /etc/subgid");
}
