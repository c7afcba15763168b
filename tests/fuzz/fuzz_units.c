/* SPDX-License-Identifier: Apache-2.0 */
/* Files that packages bring and that say how services are switched: systemd's units and presets, upstart's jobs. */
#include "fuzz/fuzz.h"

#include "customize/services.h"
#include "customize/unit.h"
#include "fuzz/ground.h"

static void take(int r, struct error *e)
{
	if (r < 0)
		check_ground_error(e);
	error_clear(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "/lib/systemd/system/x.service",
					     "/lib/systemd/system/t@.service",
					     "/lib/systemd/system-preset/90-x.preset",
					     "/etc/init/x.conf",
					     "/etc/init/x.override",
					     "/etc/init.d/x" };
	struct text rest = { (const char *)data, size };
	struct services services = { .unit_folders = { UNIT_CONFIG_FOLDER, "/lib/systemd/system", NULL } };
	struct error e = ERROR_INIT;
	struct ground ground;
	struct unit unit;
	struct log log;

	ground_open(&ground);
	log_init(&log, LOG_QUIET, stderr);
	services.root_fd = ground.fd;
	services.log = &log;
	for (size_t i = 0; i < ARRAY_LEN(paths) && rest.ptr; i++)
		ground_write(&ground, paths[i], next_part(&rest));
	ground_write(&ground, "/sbin/initctl", (struct text) { "", 0 });
	for (enum service_verb verb = SERVICE_ENABLE; verb <= SERVICE_MASK; verb++) {
		take(systemd_switch(&services, verb, "x", &e), &e);
		take(systemd_switch(&services, verb, "t@one.service", &e), &e);
		take(upstart_switch(&services, verb, "x", &e), &e);
		take(sysv_switch(&services, verb, "x", &e), &e);
		take(unit_preset(&services, "x.service", &e), &e);
		take(unit_read(&services, "x.service", &unit, &e), &e);
	}
	arena_release(&services.arena);
	log_release(&log);
	ground_close(&ground);
	return 0;
}
