/* SPDX-License-Identifier: Apache-2.0 */
/* The version of kiln: in --version, in the record of an image and in the name given to web servers. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define KILN_VERSION "0.1.0"

#endif
