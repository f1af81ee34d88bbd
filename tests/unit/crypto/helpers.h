/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#ifndef COVEY_TESTS_CRYPTO_HELPERS_H
#define COVEY_TESTS_CRYPTO_HELPERS_H

#include <criterion/criterion.h>
#include <jansson.h>

#include "covey/crypto.h"

/* Distinct keys and ids by number. */
struct secret secret_number(uint8_t number);
struct identity identity_number(uint8_t number);
struct cluster_id cluster_number(uint8_t number);
struct node_id node_number(uint8_t number);

/* A file of the tree, by its path from the top; the test fails when it is not there. */
json_t *tree_json(const char *path);

/* A hex member of an object into a buffer; absent is empty. */
struct buf json_hex(const json_t *object, const char *name);
/* The same of exactly 32, 16 or other sizes. */
void json_hex_fixed(const json_t *object, const char *name, void *out, size_t size_bytes);
bool json_has(const json_t *object, const char *name);

#endif
