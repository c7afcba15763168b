/* SPDX-License-Identifier: Apache-2.0 */
/* Values as pongo2 converts and compares them: whatever is asked of a value that cannot answer is 0, or "". */
#ifndef PONGO_VALUE_H
#define PONGO_VALUE_H

#include "pongo/pongo.h"

struct pongo_value value_of_text(struct text text);
struct pongo_value value_of_flag(bool flag);
struct pongo_value value_of_integer(int64_t integer);
struct pongo_value value_of_number(double number);

/* As text, as it is printed; what has to be made is made in ARENA. */
struct text value_text(struct arena *arena, const struct pongo_value *value);
int64_t value_integer(const struct pongo_value *value);
double value_number(const struct pongo_value *value);
bool value_is_true(const struct pongo_value *value);
bool value_is_numeric(const struct pongo_value *value);
/* Text or a list: what has a first element. */
bool value_has_elements(const struct pongo_value *value);
/* Characters of a text, elements of a list or map; 0 of anything else. */
size_t value_length(const struct pongo_value *value);
/* Element INDEX, which is below value_length(), of what has elements. */
struct text value_element(struct arena *arena, const struct pongo_value *value, size_t index);
/* What `not` makes of it. */
struct pongo_value value_inverted(const struct pongo_value *value);

/* Errors of these two: ERROR_RECIPE where Go would panic. */
int value_equal(const struct pongo_value *a, const struct pongo_value *b, bool *equal, struct error *e)
	MUST_CHECK;
int value_contains(struct arena *arena, const struct pongo_value *whole, const struct pongo_value *part,
		   bool *contains, struct error *e) MUST_CHECK;

/* {% cycle … as name %}: which value the name stands for now, and whose turn is next. */
struct cycle_value {
	const struct node *node;
	struct pongo_value value;
};

/* forloop. The members as templates name them: Counter, Counter0, Revcounter, Revcounter0, First, Last, Parentloop. */
struct loop_value {
	int64_t counter; /* these four are 0 before the first round */
	int64_t counter0;
	int64_t revcounter;
	int64_t revcounter0;
	bool is_first;
	bool is_last;
	struct loop_value *parent;
};

/* The member NAME of a loop; PONGO_NONE for an unknown one. It knows whose it is, for value_refresh(). */
struct pongo_value loop_member(struct loop_value *loop, struct text name);
/*
 * A value that was remembered, by {% set %} and others: in pongo2 a member of a loop stays one, so that it changes
 * with every round.
 */
void value_refresh(struct pongo_value *value);

#endif
