/* SPDX-License-Identifier: Apache-2.0 */
#include "base/trial.h"
#include "doctor/rows.h"
#include "sandbox/privilege.h"

#include <pwd.h>

struct obtained {
	struct log *log;
	enum isolation isolation;
	bool in_namespace;
};

static int try_obtaining(void *context, struct error *e)
{
	struct obtained *obtained = context;

	if (isolation_obtain(ISOLATION_AUTO, obtained->log, &obtained->isolation, e) < 0)
		return -1;
	obtained->in_namespace = privilege_is_confined();
	return 0;
}

static void row_of_rights(struct doctor *doctor)
{
	static const struct subject subject = { "rights", "to mount, and to give files any owner" };
	struct obtained obtained = { .log = doctor->quiet };
	const struct passwd *user = getpwuid(geteuid());
	struct error failure = ERROR_INIT;
	int result = trial_run(try_obtaining, &obtained, sizeof obtained, &failure);

	doctor->has_rights = result == 0;
	doctor->isolation = obtained.isolation;
	if (result == 0 && obtained.isolation == ISOLATION_CHROOT) {
		error_set(&failure, ERROR_PRIVILEGE,
			  "this container forbids namespaces: scripts run by chroot alone, and can reach all "
			  "that "
			  "the container has; start it with fewer restrictions, as kiln(1) says");
		row_failed(doctor, subject, DOCTOR_WARNING, &failure);
		return;
	}
	row_tried(doctor, subject, DOCTOR_MISSING, result, &failure, "%s%s",
		  user ? user->pw_name : "a user without a name",
		  obtained.in_namespace ? ", by a user namespace" : "");
}

static void row_of_part(struct doctor *doctor, struct subject subject, enum privilege_part part,
			enum doctor_state otherwise, const char *found)
{
	struct error failure = ERROR_INIT;
	int result = privilege_check(part, &failure);

	row_tried(doctor, subject, otherwise, result, &failure, "%s", found);
}

void rows_of_rights(struct doctor *doctor)
{
	static const struct subject namespaces = { "user namespace", "the rights without root" };
	static const struct subject ids = { "subordinate ids", "owners in an image, without root" };
	bool is_root = geteuid() == 0;

	row_of_rights(doctor);
	row_of_part(doctor, namespaces, PRIVILEGE_NAMESPACE, is_root ? DOCTOR_WARNING : DOCTOR_MISSING,
		    is_root ? "users of this host can have them" : "can be had");
	if (!is_root)
		row_of_part(doctor, ids, PRIVILEGE_IDS, DOCTOR_MISSING, "in /etc/subuid and /etc/subgid");
}
