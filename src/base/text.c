/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "covey/base.h"

/* ---- the nearest name ---------------------------------------------------------------------------------- */

#define WORD_MAX     64
#define DISTANCE_MAX 2

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/*
 * Insertions, deletions, changes and swaps of neighbours (optimal string alignment), for a and b of at most
 * WORD_MAX bytes. Three rows of the table are enough: a swap looks two rows back.
 */
static size_t edit_distance(struct bytes a, struct bytes b) {
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.size; j++)
        above[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t change = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            row[j] = least(change, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.size];
}

const char *text_nearest(struct bytes word, const char *const *names, size_t names_count) {
    const char *nearest = NULL;
    size_t nearest_distance = DISTANCE_MAX + 1;
    if (word.size > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < names_count; i++) {
        struct bytes name = bytes_str(names[i]);
        if (name.size > WORD_MAX)
            continue;
        size_t distance = edit_distance(word, name);
        if (distance < nearest_distance && distance * 2 < word.size) {
            nearest = names[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}

/* ---- durations ----------------------------------------------------------------------------------------- */

static const struct unit {
    const char *name;
    int64_t us;
} units[] = {
    {"d", 86400 * US_PER_S}, {"h", 3600 * US_PER_S}, {"m", 60 * US_PER_S},
    {"s", US_PER_S},         {"ms", US_PER_MS},      {"us", 1},
};
#define UNITS_COUNT     (sizeof units / sizeof units[0])
#define DURATION_MAX_US (36525 * 86400LL * US_PER_S) /* 100 years */

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* Saturates a little past the maximum. */
static int64_t take_number(struct bytes *text) {
    int64_t number = 0;
    for (; text->size && is_digit(*text->data); text->data++, text->size--)
        if (number <= DURATION_MAX_US)
            number = number * 10 + (*text->data - '0');
    return number;
}

static struct bytes take_letters(struct bytes *text) {
    struct bytes letters = bytes_of(text->data, 0);
    for (; text->size && !is_digit(*text->data); text->data++, text->size--)
        letters.size++;
    return letters;
}

int duration_parse(struct bytes text, int64_t *ret_us) {
    int64_t total_us = 0;
    size_t next_unit = 0; /* each unit at most once, the largest first */
    if (text.size == 0)
        return ERR_INVALID;
    while (text.size) {
        if (!is_digit(*text.data))
            return ERR_INVALID;
        int64_t number = take_number(&text);
        struct bytes name = take_letters(&text);
        while (next_unit < UNITS_COUNT && !bytes_is(name, units[next_unit].name))
            next_unit++;
        if (next_unit == UNITS_COUNT)
            return ERR_INVALID;
        int64_t unit_us = units[next_unit++].us;
        if (number > (DURATION_MAX_US - total_us) / unit_us)
            return ERR_LIMIT;
        total_us += number * unit_us;
    }
    *ret_us = total_us;
    return 0;
}

void duration_append(struct buf *b, int64_t us) {
    uint64_t left = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    if (us < 0)
        buf_append_byte(b, '-');
    if (us == 0)
        buf_printf(b, "0s");
    for (size_t i = 0; i < UNITS_COUNT && left; i++) {
        uint64_t unit_us = (uint64_t)units[i].us;
        if (left >= unit_us)
            buf_printf(b, "%llu%s", (unsigned long long)(left / unit_us), units[i].name);
        left %= unit_us;
    }
}
