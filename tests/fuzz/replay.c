/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main() for fuzz targets without libFuzzer: gives each file named on the command line, or found in a
 * folder named there, to the target once. A file that breaks the target ends the program.
 */
#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>

static int replay_file(int folder_fd, const char *name)
{
	auto_free char *data = NULL;
	size_t len = 0;
	struct error e = ERROR_INIT;

	if (file_read(folder_fd, name, 64 * MIB, &data, &len, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	printf("# %s\n", name);
	fflush(stdout);
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	printf("ok - %s\n", name);
	return 0;
}

static int replay_folder(const char *path)
{
	auto_close int folder_fd = -1;
	char **names = NULL;
	size_t count = 0;
	int result = 0;
	struct error e = ERROR_INIT;

	if (dir_open(AT_FDCWD, path, &folder_fd, &e) < 0 || dir_list(folder_fd, &names, &count, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	for (size_t i = 0; i < count; i++)
		result |= replay_file(folder_fd, names[i]);
	names_free(names, count);
	return result;
}

int main(int argc, char **argv)
{
	int result = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			result |= replay_folder(argv[i]);
		else
			result |= replay_file(AT_FDCWD, argv[i]);
	}
	return result ? 1 : 0;
}
