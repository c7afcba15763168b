/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a build spends, by kind of work: seconds, processor time of kiln and of the programs that it runs, bytes,
 * and how many seconds of it are the work itself, whoever does it: decoders, scripts, servers.
 *
 * One kind of work is going on at any moment, and may be interrupted by another, so the seconds of all kinds add
 * up to those of the whole:
 *
 *	auto_meter_visit struct meter_visit visit = meter_enter(site->meter, METER_UNPACK);
 *	...
 *	meter_add(site->meter, METER_UNPACK, &(struct meter_sum) { .item_count = 1, .in_bytes = size });
 *
 * NULL is a fine meter everywhere: nobody wants to know.
 */
#ifndef BASE_METER_H
#define BASE_METER_H

#include <pthread.h>
#include <stdint.h>

enum meter_kind {
	METER_RECIPE,
	METER_INDEX,
	METER_PLAN,
	METER_FETCH,
	METER_UNPACK,
	METER_CONFIGURE,
	METER_CUSTOMIZE,
	METER_PACK,
	METER_EVIDENCE,
	METER_LAYERS, /* looking for layers, and waiting until they are kept */
	METER_OTHER,  /* none of them */
	METER_KIND_COUNT,
};

struct meter_sum {
	double wall_s;
	double cpu_s;         /* of kiln's own threads */
	double program_cpu_s; /* of programs that have ended, and of theirs */
	double bound_s;       /* the work that this kind of work consists of, see meter_words.bound */
	uint64_t in_bytes;
	uint64_t out_bytes;
	uint64_t item_count;
};

struct meter {
	pthread_mutex_t lock; /* guards all below */
	struct meter_sum sums[METER_KIND_COUNT];
	enum meter_kind kind;   /* what goes on now, */
	struct meter_sum since; /* and the clocks when it began or was last looked at */
};

/* The clocks begin to run, for METER_OTHER. */
void meter_init(struct meter *meter);
void meter_release(struct meter *meter);

struct meter_visit {
	struct meter *meter;
	enum meter_kind before;
};

/* From now on time is spent on KIND, until meter_leave(). For the thread that runs the build. */
struct meter_visit meter_enter(struct meter *meter, enum meter_kind kind);
void meter_leave(const struct meter_visit *visit);
/* Nobody reads such a variable; clang would say so. */
#define auto_meter_visit __attribute__((cleanup(meter_leave), unused))
/* Add AMOUNT to KIND; wall_s and the processor times count by themselves. Any thread may. */
void meter_add(struct meter *meter, enum meter_kind kind, const struct meter_sum *amount);
/* As meter_add() to what goes on now. */
void meter_add_now(struct meter *meter, const struct meter_sum *amount);

struct meter_report {
	struct meter_sum sums[METER_KIND_COUNT];
	struct meter_sum total; /* the four times alone */
	uint64_t peak_bytes;    /* kiln's memory at its highest, without its programs; 0: not known */
};

void meter_read(struct meter *meter, struct meter_report *report);

/* How a kind of work is called, and what its numbers are of. */
struct meter_words {
	const char *name;  /* "unpack" */
	const char *items; /* "packages"; NULL: nothing is counted */
	const char *bound; /* "decompression"; NULL: nothing */
};

const struct meter_words *meter_words(enum meter_kind kind);

/* Processor time that this thread, or all threads of this process, have used; for differences. */
double meter_thread_cpu_s(void);
double meter_process_cpu_s(void);

#endif
