/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "internal.h"

/* Random values for tests: everything that random_message makes, codec_check accepts. */

#define ITEMS_MAX     3
#define TEXT_MAX      24
#define TEXT_LONG_MAX 256
#define MESSAGES_MAX  200 /* in one value: what may hold itself branches without end */
#define MILLION       1000000u

struct source {
    struct prng *prng;
    struct arena *arena;
    uint32_t fill_millionths;
    size_t messages_count; /* made so far */
};

static void random_message(struct source *s, const struct codec_type *t, size_t depth, void *obj);

/* The containers that a message takes at least: inline ones may all be there. */
static size_t depth_of(const struct codec_type *t) {
    size_t deepest = 0;
    for (size_t i = 0; i < t->fields_count; i++) {
        const struct codec_field *f = &t->fields[i];
        if (f->kind != CODEC_MESSAGE || (f->flags & (CODEC_LIST | CODEC_OPTIONAL)))
            continue;
        size_t depth = depth_of(f->sub);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* All magnitudes alike, and the extremes now and then. */
static uint64_t random_magnitude(struct source *s, uint64_t max) {
    if (prng_chance(s->prng, MILLION / 16))
        return max;
    uint64_t number = prng_next(s->prng); /* drawn in this order, whatever the compiler */
    number >>= prng_below(s->prng, 64);
    return number > max ? number % max : number;
}

static void random_uint(struct source *s, enum codec_kind kind, void *out) {
    uint64_t number = random_magnitude(s, codec_uint_max(kind));
    if (kind == CODEC_U8)
        *(uint8_t *)out = (uint8_t)number;
    else if (kind == CODEC_U16)
        *(uint16_t *)out = (uint16_t)number;
    else if (kind == CODEC_U32)
        *(uint32_t *)out = (uint32_t)number;
    else
        *(uint64_t *)out = number;
}

static void random_int(struct source *s, enum codec_kind kind, void *out) {
    int64_t max = kind == CODEC_I64 ? INT64_MAX : INT32_MAX;
    int64_t number = (int64_t)random_magnitude(s, (uint64_t)max);
    if (prng_chance(s->prng, MILLION / 2))
        number = -number - 1;
    if (kind == CODEC_I64)
        *(int64_t *)out = number;
    else
        *(int32_t *)out = (int32_t)number;
}

static size_t random_size(struct source *s, size_t max) {
    size_t most = max < TEXT_MAX ? max : TEXT_MAX;
    if (prng_chance(s->prng, MILLION / 64))
        return max < TEXT_LONG_MAX ? max : TEXT_LONG_MAX;
    return (size_t)prng_between(s->prng, 1, (int64_t)most);
}

static struct bytes random_text(struct source *s, size_t max) {
    static const char *const rare[] = {"\xc3\xa9", "\xe6\xbc\xa2", "\xf0\x9f\x90\xa6", "\"", "\\",
                                       "\n",       "\x01"};
    size_t size = random_size(s, max), at = 0;
    uint8_t *text = arena_alloc(s->arena, size + 1);
    while (at < size) {
        const char *piece = rare[prng_below(s->prng, sizeof rare / sizeof rare[0])];
        if (prng_chance(s->prng, MILLION / 8) && strlen(piece) <= size - at) {
            memcpy(text + at, piece, strlen(piece));
            at += strlen(piece);
        } else {
            text[at++] = (uint8_t)('a' + prng_below(s->prng, 26));
        }
    }
    return bytes_of(text, size);
}

static struct bytes random_bytes(struct source *s, size_t max) {
    size_t size = random_size(s, max);
    uint8_t *data = arena_alloc(s->arena, size);
    prng_fill(s->prng, data, size);
    return bytes_of(data, size);
}

static void random_enum(struct source *s, const struct codec_enum *e, void *out) {
    int32_t number = e->values[prng_below(s->prng, e->values_count)].number;
    if (e->open && prng_chance(s->prng, MILLION / 8))
        number = (int32_t)random_magnitude(s, INT32_MAX);
    memcpy(out, &number, sizeof number);
}

static void random_addr(struct source *s, struct addr *out) {
    out->size = prng_chance(s->prng, MILLION / 2) ? 6 : 18;
    prng_fill(s->prng, out->b, out->size);
}

static void random_value(struct source *s, const struct codec_field *f, size_t depth, void *out) {
    struct bytes text;
    switch (f->kind) {
    case CODEC_BOOL: *(bool *)out = true; break;
    case CODEC_U8:
    case CODEC_U16:
    case CODEC_U32:
    case CODEC_U64: random_uint(s, f->kind, out); break;
    case CODEC_I32:
    case CODEC_I64: random_int(s, f->kind, out); break;
    case CODEC_STR:
    case CODEC_BYTES:
        text = f->kind == CODEC_STR ? random_text(s, f->max) : random_bytes(s, f->max);
        memcpy(out, &text, sizeof text);
        break;
    case CODEC_ID: prng_fill(s->prng, out, f->size); break;
    case CODEC_ENUM: random_enum(s, f->table, out); break;
    case CODEC_ADDR: random_addr(s, out); break;
    case CODEC_MESSAGE: random_message(s, f->sub, depth, out); break;
    default: assert(0 && "a kind of field");
    }
}

static void random_list(struct source *s, const struct codec_field *f, size_t depth, void *obj) {
    size_t most = f->list_max < ITEMS_MAX ? f->list_max : ITEMS_MAX;
    size_t count = (size_t)prng_between(s->prng, 1, (int64_t)most);
    void *items = arena_alloc(s->arena, count * f->size);
    for (size_t i = 0; i < count; i++)
        random_value(s, f, depth + 1, item_in(f, items, i));
    field_set_pointer(f, obj, items);
    field_set_count(f, obj, count);
}

static void random_field(struct source *s, const struct codec_field *f, size_t depth, void *obj) {
    bool list = f->flags & CODEC_LIST, optional = f->flags & CODEC_OPTIONAL;
    size_t inside = (list ? 1 : 0) + (f->kind == CODEC_MESSAGE ? depth_of(f->sub) : 0);
    if ((list || optional) && depth + inside > CODEC_DEPTH_MAX)
        return;
    if (f->kind == CODEC_MESSAGE && (list || optional) && !(f->flags & CODEC_REQUIRED) &&
        s->messages_count > MESSAGES_MAX)
        return;
    if (list) {
        random_list(s, f, depth, obj);
    } else if (optional) {
        void *sub = arena_alloc(s->arena, f->size);
        random_message(s, f->sub, depth, sub);
        field_set_pointer(f, obj, sub);
    } else {
        random_value(s, f, depth, field_in(f, obj));
    }
}

/* depth: the containers around the message. */
static void random_message(struct source *s, const struct codec_type *t, size_t depth, void *obj) {
    s->messages_count++;
    for (size_t i = 0; i < t->fields_count; i++)
        if ((t->fields[i].flags & CODEC_REQUIRED) || prng_chance(s->prng, s->fill_millionths))
            random_field(s, &t->fields[i], depth + 1, obj);
}

void codec_random(const struct codec_type *t, struct prng *p, struct arena *a, void *ret_obj,
                  unsigned fill_percent) {
    /* A message with a small max_bytes may need a sparser value. */
    for (unsigned percent = fill_percent;; percent /= 2) {
        struct source s = {.prng = p, .arena = a, .fill_millionths = percent * (MILLION / 100)};
        memset(ret_obj, 0, t->size);
        random_message(&s, t, 0, ret_obj);
        if (percent == 0 || codec_check(t, ret_obj, NULL) == 0)
            return;
    }
}
