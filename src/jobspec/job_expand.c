/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* `${NAME}` and `$${` in the texts of a typed job. */
#include "job_reader.h"

static bool starts_with(struct bytes text, const char *prefix) {
    return text.size >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0;
}

static struct bytes take(struct bytes *rest, size_t size) {
    struct bytes front = bytes_of(rest->data, size);
    rest->data += size;
    rest->size -= size;
    return front;
}

static int take_name(struct bytes *rest, struct job_piece *ret_piece) {
    size_t size = 2;
    while (size < rest->size && rest->data[size] != '}')
        size++;
    if (size == rest->size || size == 2)
        return ERR_INVALID;
    struct bytes whole = take(rest, size + 1);
    *ret_piece = (struct job_piece){.is_name = true, .text = bytes_of(whole.data + 2, size - 2)};
    return 1;
}

int job_piece_take(struct bytes *rest, struct job_piece *ret_piece) {
    if (rest->size == 0)
        return 0;
    if (starts_with(*rest, "${"))
        return take_name(rest, ret_piece);
    size_t size = 1;
    if (starts_with(*rest, "$${")) {
        take(rest, 1);
        size = 2;
    }
    struct bytes look = bytes_of(rest->data + size, rest->size - size);
    for (; look.size > 0 && !starts_with(look, "${") && !starts_with(look, "$${"); size++)
        take(&look, 1);
    *ret_piece = (struct job_piece){.text = take(rest, size)};
    return 1;
}

static const struct wire_pair *find(const struct wire_pair *env, size_t count, struct bytes name) {
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(env[i].name, name))
            return &env[i];
    return NULL;
}

/* `my-port` is `my_port` in an environment. */
static const struct wire_pair *find_clean(const struct wire_pair *env, size_t count, struct bytes name) {
    for (size_t i = 0; i < count; i++) {
        bool is_same = env[i].name.size == name.size;
        for (size_t k = 0; is_same && k < name.size; k++)
            is_same = env[i].name.data[k] == (name.data[k] == '-' ? '_' : name.data[k]);
        if (is_same)
            return &env[i];
    }
    return NULL;
}

int jobspec_expand(struct bytes text, const struct wire_pair *env, size_t env_count, struct buf *out) {
    size_t before = out->size;
    struct job_piece piece;
    int code;
    while ((code = job_piece_take(&text, &piece)) == 1) {
        if (piece.is_name) {
            const struct wire_pair *pair = find(env, env_count, piece.text);
            if (pair == NULL)
                pair = find_clean(env, env_count, piece.text);
            if (pair == NULL) {
                code = ERR_NOT_FOUND;
                break;
            }
            piece.text = pair->value;
        }
        if (out->size - before + piece.text.size > WIRE_VALUE_MAX) {
            code = ERR_LIMIT;
            break;
        }
        buf_append(out, piece.text.data, piece.text.size);
    }
    if (code != 0)
        out->size = before;
    return code;
}
