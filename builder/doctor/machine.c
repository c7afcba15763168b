/* SPDX-License-Identifier: Apache-2.0 */
#include "base/program.h"
#include "configure/deb_host.h"
#include "doctor/rows.h"
#include "recipe/architecture.h"
#include "sandbox/emulation.h"
#include "sandbox/limits.h"

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

static void row_of_limits(struct doctor *doctor)
{
	static const struct subject subject = { "limits", "bounds on memory and processes of scripts" };
	struct limits_means means = limits_available(doctor->quiet);
	struct error failure = ERROR_INIT;

	row_tried(
		doctor, subject, DOCTOR_WARNING,
		means.memory && means.processes
			? 0
			: error_set(&failure, ERROR_SYSTEM,
				    "kiln may make no control group here, and counts %s itself; start it as "
				    "root, or where systemd gives out scopes: loginctl enable-linger, or in "
				    "a container with a control group of its own",
				    means.memory      ? "processes"
				    : means.processes ? "memory"
						      : "memory and processes"),
		&failure, "kept by the kernel, in a control group");
}

/* Those that Debian's archive has, without the host's own. */
static void row_of_processors(struct doctor *doctor, const struct architecture *host)
{
	static const struct subject subject = { "processors", "images for others than this one" };
	static const char *const names[] = {
		"amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"
	};
	auto_buffer struct buffer there = BUFFER_INIT;
	struct error failure = ERROR_INIT;
	int result = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct architecture *architecture = architecture_find(names[i]);
		auto_emulation struct emulation emulation = EMULATION_INIT;

		if (architecture == host)
			continue;
		if (emulation_ask(host->name, architecture->name, &emulation, &failure) < 0) {
			result = -1;
			break;
		}
		if (emulation.runs)
			buffer_addf(&there, "%s%s%s", there.len ? ", " : "", names[i],
				    emulation.emulated ? " by qemu" : "");
		else if (result == 0)
			result = error_set(&failure, ERROR_UNSUPPORTED, "scripts for %s: %s", names[i],
					   emulation.why);
	}
	row_tried(doctor, subject, DOCTOR_WARNING, result, &failure, "%s", there.len ? there.data : "");
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

	row_of_limits(doctor);
	if (host)
		row_of_processors(doctor, host);
	if (host && strcmp(host->name, "x86_64") == 0)
		row_of_page(doctor);
	row_of_clients(doctor);
}
