/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process that answers many questions as if it had been started for each: it prepares what they have in
 * common, and then forks for every line of standard input. The answer on standard output is
 *
 *	STATUS BYTES\n
 *	what the child printed on its standard output and error, BYTES long
 */
#ifndef PARITY_SERVE_H
#define PARITY_SERVE_H

/* Returns in a new child for every line, with the line; ends the process at the end of the input. */
char *serve(void);

#endif
