/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "helpers.h"

#include <stdio.h>
#include <stdlib.h>

struct secret secret_number(uint8_t number) {
    struct secret s;
    memset(s.b, number, sizeof s.b);
    s.b[0] = 0x5a;
    return s;
}

struct identity identity_number(uint8_t number) {
    struct secret seed = secret_number(number);
    struct identity i;
    identity_init(&i, &seed);
    return i;
}

struct cluster_id cluster_number(uint8_t number) {
    struct cluster_id c;
    memset(c.b, number, sizeof c.b);
    c.b[0] = 0xc1;
    return c;
}

struct node_id node_number(uint8_t number) {
    struct node_id n;
    memset(n.b, number, sizeof n.b);
    n.b[0] = 0x0d;
    return n;
}

/* This file's path without its last four parts is the top, when the compiler was given a usable path. */
static json_t *load_beside_source(const char *path) {
    char name[4096];
    snprintf(name, sizeof name, "%s", __FILE__);
    for (int parts = 0; parts < 4; parts++) {
        char *slash = strrchr(name, '/');
        if (!slash) {
            snprintf(name, sizeof name, ".");
            break;
        }
        *slash = 0;
    }
    char full[4200];
    snprintf(full, sizeof full, "%s/%s", name, path);
    return json_load_file(full, 0, NULL);
}

json_t *tree_json(const char *path) {
    json_t *root = load_beside_source(path);
    const char *const tops[] = {"top_srcdir", "srcdir"};
    for (size_t i = 0; !root && i < 2; i++) {
        char full[4200];
        const char *top = getenv(tops[i]);
        snprintf(full, sizeof full, "%s/%s", top ? top : ".", path);
        root = json_load_file(full, 0, NULL);
    }
    cr_assert(root != NULL, "%s is not to be found: set top_srcdir", path);
    return root;
}

bool json_has(const json_t *object, const char *name) { return json_object_get(object, name) != NULL; }

struct buf json_hex(const json_t *object, const char *name) {
    struct buf out = {0};
    const char *text = json_string_value(name ? json_object_get(object, name) : object);
    if (!text)
        return out;
    size_t size = strlen(text) / 2;
    buf_reserve(&out, size + 1);
    cr_assert_eq(hex_decode(bytes_str(text), out.data, size), 0);
    out.size = size;
    return out;
}

void json_hex_fixed(const json_t *object, const char *name, void *out, size_t size_bytes) {
    struct buf b = json_hex(object, name);
    cr_assert_eq(b.size, size_bytes, "%s has %zu bytes", name, b.size);
    memcpy(out, b.data, size_bytes);
    buf_done(&b);
}
