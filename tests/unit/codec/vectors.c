/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * proto/vectors/wire.txt: for every message of the schema a few values as bytes and as JSON, one a line. A
 * change of the format that nobody meant shows here. GOLDEN_WRITE=1 writes the file anew: read the diff.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include <covey/codec.h>
#include <covey/wire.h>

#define VECTORS TEST_SRCDIR "/proto/vectors/wire.txt"
#define EACH    3

/* name, a space, the bytes in hex, a space, the JSON, a newline */
static void vector_append(const struct codec_type *t, const void *obj, struct buf *out) {
    struct buf bytes = {0};
    codec_encode(t, obj, &bytes);
    buf_printf(out, "%s ", t->name);
    buf_append_hex(out, buf_bytes(&bytes));
    buf_append_byte(out, ' ');
    codec_to_json(t, obj, out);
    buf_append_byte(out, '\n');
    buf_done(&bytes);
}

static void vectors_make(struct buf *out) {
    for (size_t i = 0; i < wire_types_count; i++) {
        const struct codec_type *t = wire_types[i];
        struct prng p;
        prng_init(&p, crc32c(0, t->name, strlen(t->name)));
        for (int k = 0; k < EACH; k++) {
            struct arena a = {0};
            void *obj = arena_alloc(&a, t->size);
            codec_random(t, &p, &a, obj, 40);
            vector_append(t, obj, out);
            arena_done(&a);
        }
    }
}

static char *file_read(const char *path, size_t *ret_size) {
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s cannot be read", path);
    struct buf text = {0};
    char part[65536];
    size_t n;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_append(&text, part, n);
    fclose(f);
    buf_append_byte(&text, 0);
    return (char *)buf_take(&text, ret_size);
}

static const struct codec_type *type_of(struct bytes name) {
    for (size_t i = 0; i < wire_types_count; i++)
        if (bytes_is(name, wire_types[i]->name))
            return wire_types[i];
    return NULL;
}

Test(vectors, what_is_written_is_what_was_agreed) {
    struct buf made = {0};
    size_t size;
    vectors_make(&made);
    if (getenv("GOLDEN_WRITE") != NULL) {
        FILE *f = fopen(VECTORS, "wb");
        cr_assert_not_null(f);
        fwrite(made.data, 1, made.size, f);
        fclose(f);
    }
    char *text = file_read(VECTORS, &size);
    cr_assert_eq(made.size, size - 1, "%zu bytes, the file has %zu", made.size, size - 1);
    cr_assert_eq(memcmp(made.data, text, made.size), 0, "a message is written in another way than it was");
    mem_free(text);
    buf_done(&made);
}

Test(vectors, what_was_agreed_is_read_and_written_back) {
    size_t size, lines = 0;
    char *text = file_read(VECTORS, &size), *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save), lines++) {
        char *hex = strchr(line, ' '), *json = strchr(hex + 1, ' ');
        const struct codec_type *t = type_of(bytes_of(line, (size_t)(hex - line)));
        cr_assert_not_null(t, "%s", line);
        size_t bytes_size = (size_t)(json - hex - 1) / 2;
        struct arena a = {0};
        uint8_t *bytes = arena_alloc(&a, bytes_size + 1);
        void *obj = arena_alloc(&a, t->size);
        cr_assert_eq(hex_decode(bytes_of(hex + 1, bytes_size * 2), bytes, bytes_size), 0);
        cr_assert_eq(codec_decode(t, bytes_of(bytes, bytes_size), &a, obj, NULL), 0, "%s", line);
        struct buf again = {0};
        vector_append(t, obj, &again);
        cr_assert_eq(again.size - 1, strlen(line));
        cr_assert_eq(memcmp(again.data, line, again.size - 1), 0, "%s", line);
        buf_done(&again);
        arena_done(&a);
    }
    mem_free(text);
    cr_assert_eq(lines, wire_types_count * EACH);
}
