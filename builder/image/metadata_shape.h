/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text is YAML that libyaml can hold without taking ages: nothing of what it says is looked at. */
#ifndef IMAGE_METADATA_SHAPE_H
#define IMAGE_METADATA_SHAPE_H

#include "image/metadata.h"

/* What is wrong is told through SAY. */
bool metadata_is_yaml(struct text text, metadata_say_fn *say, void *context);

#endif
