/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes of a host what it is told to, for limits.sh:
 *	fork [COUNT]		start COUNT processes, and wait a moment; without a number start them for ever
 *	memory MIB		use it, and wait a moment
 *	spin			keep a processor busy for ever
 *	sleep			close all descriptors, and sleep for ever
 *	disk FILE [MIB]		write it; without a number until there is no room, and go on
 *	files FOLDER [COUNT]	make empty files, likewise
 *	daemon MIB		leave a process of another session behind that uses it, and wait
 *	connect PORT		0 when there is a server on this host's loopback device
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, WAIT_US = 300 * 1000 };

static void use_memory(long mib)
{
	for (long i = 0; i < mib; i++) {
		char *part = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (part != MAP_FAILED)
			memset(part, 'x', MIB);
	}
	usleep(WAIT_US);
}

static int start_processes(long count)
{
	for (long i = 0; !count || i < count; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			usleep(WAIT_US);
			if (count)
				_exit(0);
			continue; /* the bomb: the child forks as well */
		}
		if (pid < 0 && count)
			return 1;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

static int write_file(const char *path, long mib)
{
	static char data[MIB];
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	memset(data, 'x', sizeof data);
	for (long i = 0; fd >= 0 && (!mib || i < mib); i++)
		if (write(fd, data, sizeof data) != (ssize_t)sizeof data && mib)
			return 1;
	return fd < 0;
}

static int make_files(const char *folder, long count)
{
	char name[256];

	mkdir(folder, 0755);
	for (long i = 0; !count || i < count; i++) {
		int fd;

		snprintf(name, sizeof name, "%s/%ld", folder, i);
		fd = open(name, O_WRONLY | O_CREAT, 0644);
		if (fd >= 0)
			close(fd);
		else if (count)
			return 1;
	}
	return 0;
}

static int try_server(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((unsigned short)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof address) < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long number = argc > 2 ? atol(argv[argc - 1]) : 0;

	if (strcmp(what, "fork") == 0)
		return start_processes(number);
	if (strcmp(what, "memory") == 0)
		use_memory(number);
	while (strcmp(what, "spin") == 0)
		;
	if (strcmp(what, "sleep") == 0) {
		for (int fd = 0; fd < 256; fd++)
			close(fd);
		for (;;)
			pause();
	}
	if (strcmp(what, "disk") == 0)
		return write_file(argv[2], argc > 3 ? number : 0);
	if (strcmp(what, "files") == 0)
		return make_files(argv[2], argc > 3 ? number : 0);
	if (strcmp(what, "daemon") == 0) {
		if (fork() == 0) {
			setsid();
			if (fork() == 0)
				use_memory(number);
			_exit(0);
		}
		wait(NULL);
		sleep(5);
	}
	if (strcmp(what, "connect") == 0)
		return try_server((int)number);
	return 0;
}
