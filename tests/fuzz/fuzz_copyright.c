/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright files of any bytes: what is read lies in the text, and what it comes to is an expression of SPDX. */
#include "evidence/inventory.h"
#include "fuzz/fuzz.h"

#include <assert.h>
#include <ctype.h>

/* Operands and operators by turns, in brackets that match. */
static void check_expression(const char *text)
{
	struct text rest = text_of(text);
	bool operand_next = true;
	int depth = 0;

	assert(text[0]);
	while (rest.ptr) {
		struct text word = text_cut(rest, ' ', &rest);
		bool is_operator = text_is(word, "AND") || text_is(word, "OR") || text_is(word, "WITH");

		assert(word.len && is_operator != operand_next);
		operand_next = is_operator;
		for (size_t i = 0; i < word.len; i++) {
			depth += (word.ptr[i] == '(') - (word.ptr[i] == ')');
			assert(depth >= 0);
			assert(isalnum((unsigned char)word.ptr[i]) || strchr("().-", word.ptr[i]));
		}
	}
	assert(!operand_next && depth == 0);
}

static void check_ids(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->licence_count; i++) {
		const struct inventory_licence *licence = inventory->licences[i];

		assert(is_prefix(licence->id, "LicenseRef-") && strlen(licence->id) < 100);
		for (size_t k = 0; k < i && i < 200; k++)
			assert(strcmp(licence->id, inventory->licences[k]->id) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_inventory struct inventory inventory = INVENTORY_INIT;
	auto_free char *copy = xmalloc(size);
	struct inventory_package package = { .name = "x" };
	struct arena arena = ARENA_INIT;
	struct copyright copyright;

	if (size)
		memcpy(copy, data, size);
	package.copyright = copyright_parse((struct text) { copy, size }, &arena, &copyright);
	assert((package.copyright == COPYRIGHT_READ) == (copyright.count > 0));
	for (size_t i = 0; i < copyright.count; i++) {
		const struct copyright_licence *licence = &copyright.licences[i];
		auto_free char *plain = copyright_plain(licence->text);

		assert(licence->synopsis.ptr >= copy && licence->synopsis.len);
		assert(licence->synopsis.ptr + licence->synopsis.len <= copy + size);
		assert(strlen(plain) <= licence->text.len + 1);
	}
	if (package.copyright == COPYRIGHT_READ) {
		inventory_set_licence(&inventory, &package, &copyright);
		if (package.licence)
			check_expression(package.licence);
		check_ids(&inventory);
	}
	arena_release(&arena);
	return 0;
}
