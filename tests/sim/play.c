/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* Words, lines and time. */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>

void play_fail(struct play *p, const char *format, ...) {
    va_list args;
    if (p->failed)
        return;
    va_start(args, format);
    (void)vsnprintf(p->why, sizeof p->why, format, args);
    va_end(args);
    p->failed = true;
}

static void line_end(struct buf *out) {
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->size--;
    buf_append_byte(out, '\n');
}

void play_text(struct play *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buf_vprintf(&p->out, format, args);
    va_end(args);
    line_end(&p->out);
}

void play_line(struct play *p, const char *format, ...) {
    va_list args;
    buf_printf(&p->out, "%8.1f  ", (double)p->w->now_us / 1e6);
    va_start(args, format);
    buf_vprintf(&p->out, format, args);
    va_end(args);
    line_end(&p->out);
}

void play_run(struct play *p, int64_t until_us) {
    world_run(p->w, until_us);
    if (p->w->failed)
        play_fail(p, "%s", p->w->failure);
}

const char *words_next(struct words *w) { return w->at < w->count ? w->word[w->at++] : NULL; }

bool words_take(struct words *w, const char *word) {
    if (w->at == w->count || strcmp(w->word[w->at], word) != 0)
        return false;
    w->at++;
    return true;
}

bool words_int(struct play *p, struct words *w, int64_t *ret) {
    const char *text = words_next(w);
    char *end;
    if (text != NULL) {
        *ret = strtoll(text, &end, 10);
        if (*end == 0)
            return true;
    }
    play_fail(p, "a number is wanted, not `%s`", text != NULL ? text : "");
    return false;
}

bool words_duration(struct play *p, struct words *w, int64_t *ret_us) {
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", US_PER_S}, {"m", 60 * US_PER_S}, {"h", 3600 * US_PER_S}};
    const char *text = words_next(w);
    char *end = NULL;
    double n = text != NULL ? strtod(text, &end) : 0;
    for (size_t i = 0; end != NULL && i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *ret_us = (int64_t)(n * (double)units[i].us + 0.5);
            return true;
        }
    play_fail(p, "a duration like 5s is wanted, not `%s`", text != NULL ? text : "");
    return false;
}

bool words_hosts(struct play *p, struct words *w, uint32_t *ret_mask) {
    const char *text = words_next(w), *at = text;
    uint32_t mask = 0;
    if (p->w == NULL) {
        play_fail(p, "`hosts N` comes first");
        return false;
    }
    if (text != NULL && strcmp(text, "all") == 0) {
        *ret_mask = (1u << p->w->hosts_count) - 1;
        return true;
    }
    while (at != NULL && at[0] == 'h' && at[1] >= '0' && at[1] < '0' + (int)p->w->hosts_count) {
        mask |= 1u << (at[1] - '0');
        at += 2;
        if (*at == 0) {
            *ret_mask = mask;
            return true;
        }
        at = *at == ',' ? at + 1 : NULL;
    }
    play_fail(p, "hosts like h0,h1 are wanted, not `%s`", text != NULL ? text : "");
    return false;
}

bool words_host(struct play *p, struct words *w, uint32_t *ret) {
    uint32_t mask;
    if (!words_hosts(p, w, &mask))
        return false;
    if ((mask & (mask - 1)) != 0) {
        play_fail(p, "one host is wanted");
        return false;
    }
    for (*ret = 0; (mask >> *ret) != 1;)
        ++*ret;
    return true;
}
