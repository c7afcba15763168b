/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"
#include "configure/deb_host.h"
#include "doctor/rows.h"
#include "recipe/architecture.h"

/* Of the last release whose programs jump into that page. */
static const char last_caller[] = "2.15";

static void row_of_page(struct doctor *doctor)
{
	static const struct subject subject = { "vsyscall",
						"programs of before 2013 (Debian 7, Ubuntu 12.04)" };
	struct error failure = ERROR_INIT;
	int result = deb_check_vsyscall(last_caller, &failure);

	row_tried(doctor, subject, DOCTOR_WARNING, result, &failure, "the kernel has the page");
}

/* Who takes images is no part of a build: there may be nobody on this host. */
static void row_of_clients(struct doctor *doctor)
{
	static const struct subject subject = { "clients", "images are imported by them" };
	static const char *const names[] = { "incus", "lxc", "lxc-create" };
	auto_buffer struct buffer there = BUFFER_INIT;
	struct error failure = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = program_find(names[i]);

		if (path)
			buffer_addf(&there, "%s%s", there.len ? ", " : "", names[i]);
	}
	row_tried(doctor, subject, DOCTOR_WARNING,
		  there.len ? 0
			    : error_set(&failure, ERROR_SYSTEM,
					"neither incus, lxc nor lxc-create is on this host; as root: apt-get "
					"install incus, or lxd-client, or lxc"),
		  &failure, "%s", there.len ? there.data : "");
}

void rows_of_machine(struct doctor *doctor)
{
	const struct architecture *host = architecture_of_host();

	if (host && strcmp(host->name, "x86_64") == 0)
		row_of_page(doctor);
	row_of_clients(doctor);
}
