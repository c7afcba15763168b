/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters as Go sees them: UTF-8 of which every byte that belongs to no character counts as one, and upper and
 * lower case by Unicode's simple mappings, of version 13 as the Go of Debian 12 has them. No locale is looked at.
 */
#ifndef PONGO_LETTERS_H
#define PONGO_LETTERS_H

#include "base/text.h"

#define LETTER_BAD 0xFFFDU /* what a stray byte is taken for */

/* The first character of TEXT, which is not empty; *len is how many bytes it has. */
uint32_t letter_decode(struct text text, size_t *len);
void letter_encode(struct buffer *out, uint32_t letter);
/* Take the first character off TEXT: its bytes as they are. */
struct text letter_take(struct text *text);
size_t letter_count(struct text text);
/* The bytes of the first COUNT characters. */
size_t letter_offset(struct text text, size_t count);

uint32_t letter_upper(uint32_t letter);
uint32_t letter_lower(uint32_t letter);
uint32_t letter_title(uint32_t letter);
bool letter_is_space(uint32_t letter);

#endif
