/* SPDX-License-Identifier: Apache-2.0 */
#include "pongo/syntax.h"

struct text pongo_text(struct arena *arena, const struct pongo_value *value)
{
	switch (value->kind) {
	case PONGO_NONE:
		break;
	case PONGO_FLAG:
		return value->flag ? TEXT("True") : TEXT("False");
	case PONGO_INTEGER:
		return text_of(arena_printf(arena, "%lld", (long long)value->integer));
	case PONGO_NUMBER:
		return text_of(arena_printf(arena, "%f", value->number));
	case PONGO_TEXT:
		return value->text;
	}
	return TEXT("");
}

bool pongo_is_true(const struct pongo_value *value)
{
	switch (value->kind) {
	case PONGO_NONE:
		break;
	case PONGO_FLAG:
		return value->flag;
	case PONGO_INTEGER:
		return value->integer != 0;
	case PONGO_NUMBER:
		return value->number < 0 || value->number > 0;
	case PONGO_TEXT:
		return value->text.len > 0;
	}
	return false;
}
