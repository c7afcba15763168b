/* SPDX-License-Identifier: Apache-2.0 */
/* What the documents share: texts from packages as JSON, dates, and ids that follow from what they name. */
#ifndef EVIDENCE_JSON_H
#define EVIDENCE_JSON_H

#include "base/text.h"

#include <jansson.h>

static inline void auto_json_(json_t **value)
{
	json_decref(*value);
}
#define auto_json AUTO(auto_json_)

/* TEXT as a string; what is no UTF-8 in it becomes U+FFFD. */
json_t *json_of_text(const char *text);
/* Set KEY to TEXT, unless that is NULL. */
void json_set(json_t *object, const char *key, const char *text);
/* Set KEY to VALUE, which is taken over. */
void json_put(json_t *object, const char *key, json_t *value);
/* "sha256" and the like: { NAME_KEY: algorithm, VALUE_KEY: hex }, in a list. */
json_t *json_digests(const char *name_key, const char *algorithm, const char *value_key, const char *hex);

/* The document, ends in a line end; malloc'ed. */
char *json_print(const json_t *document);

/* A UUID (RFC 9562, version 8) that is a digest over VALUE as it is printed. */
struct json_uuid {
	char text[37];
} json_uuid(const json_t *value);

/* Whether TEXT is an address as JSON schemas ask for ("format": "iri-reference" and "uri"). */
bool is_address(const char *text);

#endif
