/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A history, one operation a line, in any order:
 *
 *     KEY read|write|remove ok|absent|conflict|unknown CALL ANSWER VALUE EXPECT VERSION
 *
 * CALL and ANSWER are moments, each another number; a dash where there is none: no answer came, there is no
 * value, the write expected no version, the version was not told. The rules are those of linear.h.
 */
#include "judge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "linear.h"

#define STEPS_MAX 2000000
#define FIELDS    8

struct history {
    char *key;
    VEC(struct linear_op) ops;
    VEC(uint64_t) lines;
};
struct histories {
    struct map by_key;
    uint64_t ops_count, line, unknown;
    const char *wrong; /* the line cannot be read: why */
};

static int word_of(const char *word, const char *const *words, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static uint64_t number(struct histories *all, const char *word, uint64_t none) {
    if (strcmp(word, "-") == 0)
        return none;
    char *end;
    errno = 0;
    uint64_t n = strtoull(word, &end, 10);
    if (errno != 0 || *end != 0 || *word == '-')
        all->wrong = "not a number";
    return n;
}

static struct history *history_of(struct histories *all, const char *key) {
    struct history *h = map_get(&all->by_key, bytes_str(key));
    if (h == NULL) {
        h = mem_alloc(sizeof *h);
        h->key = mem_alloc(strlen(key) + 1);
        memcpy(h->key, key, strlen(key));
        map_put(&all->by_key, bytes_str(h->key), h);
    }
    return h;
}

static void take(struct histories *all, char *const word[FIELDS]) {
    static const char *const kinds[] = {"read", "write", "remove"};
    static const char *const outcomes[] = {"ok", "absent", "conflict", "unknown"};
    int kind = word_of(word[1], kinds, 3), outcome = word_of(word[2], outcomes, 4);
    if (kind < 0 || outcome < 0) {
        all->wrong = "no such kind or outcome";
        return;
    }
    struct linear_op op = {.kind = (enum linear_kind)kind,
                           .outcome = (enum linear_outcome)outcome,
                           .call = number(all, word[3], 0),
                           .answer = number(all, word[4], LINEAR_OPEN),
                           .value = number(all, word[5], 0),
                           .check = strcmp(word[6], "-") != 0,
                           .expect = number(all, word[6], 0),
                           .version = number(all, word[7], 0)};
    if ((op.outcome == LINEAR_UNKNOWN) != (op.answer == LINEAR_OPEN))
        all->wrong = "an answer is known if and only if its moment is";
    if (all->wrong != NULL)
        return;
    all->ops_count++;
    all->unknown += op.outcome == LINEAR_UNKNOWN;
    if (op.kind == LINEAR_READ && op.outcome == LINEAR_UNKNOWN)
        return; /* it says nothing */
    struct history *h = history_of(all, word[0]);
    VEC_PUSH(&h->ops, op);
    VEC_PUSH(&h->lines, all->line);
}

static bool line_take(struct histories *all, char *line) {
    char *word[FIELDS], *at = NULL;
    size_t count = 0;
    all->line++;
    for (char *w = strtok_r(line, " \n", &at); w != NULL; w = strtok_r(NULL, " \n", &at))
        if (count++ < FIELDS)
            word[count - 1] = w;
    if (count != FIELDS)
        all->wrong = "eight words a line";
    else
        take(all, word);
    return all->wrong == NULL;
}

static bool read_all(struct histories *all, const char *path) {
    char line[1024];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        all->wrong = strerror(errno);
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL && line_take(all, line))
        continue;
    (void)fclose(file);
    return all->wrong == NULL;
}

static bool judge_one(const struct history *h) {
    size_t stuck = 0;
    enum linear_verdict verdict = linear_check(h->ops.data, h->ops.count, STEPS_MAX, &stuck);
    if (verdict == LINEAR_BROKEN)
        printf("#   %s: %zu operations have no order that explains them; none was found beyond line %" PRIu64
               "\n",
               h->key, h->ops.count, h->lines.data[stuck]);
    if (verdict == LINEAR_UNDECIDED)
        printf("#   %s: %zu operations, not decided within %d steps\n", h->key, h->ops.count, STEPS_MAX);
    return verdict == LINEAR_FINE;
}

bool judge_history(const char *path) {
    struct histories all = {0};
    size_t bad = 0;
    if (!read_all(&all, path)) {
        printf("not ok history %s, line %" PRIu64 ": %s\n", path, all.line, all.wrong);
        bad++;
    } else {
        for (size_t i = 0; i < all.by_key.count; i++)
            bad += !judge_one(all.by_key.entries[i].value);
        printf("%s history: %" PRIu64 " operations on %zu keys, %" PRIu64 " of them without an answer\n",
               bad == 0 ? "ok" : "not ok", all.ops_count, all.by_key.count, all.unknown);
    }
    for (size_t i = 0; i < all.by_key.count; i++) {
        struct history *h = all.by_key.entries[i].value;
        VEC_DONE(&h->ops);
        VEC_DONE(&h->lines);
        mem_free(h->key);
        mem_free(h);
    }
    map_done(&all.by_key);
    return bad == 0;
}
