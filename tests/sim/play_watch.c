/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What hosts see, as one story: of what each of them sees the first one's word is told, and the rest of it is
 * left out for TOLD_US.
 */
#include "history.h"
#include "play.h"

#include <stdio.h>

#define TOLD_US (20 * US_PER_S)

/* Lines of these beginnings are left out: other lines say it, or it is every start's. */
static const char *const silent[] = {
    "saw instance:",       "info: joined", "saw join.asked:", "is asked",
    "saw member.changed:", "reply to",     "operator:",
};
/* What follows is who says so. */
static const char *const tails[] = {", accused by ", " is suspected by "};

static bool begins(const char *line, const char *with) { return strncmp(line, with, strlen(with)) == 0; }

static bool is_silent(const char *line) {
    size_t size = strlen(line), held = strlen(" is held dead");
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        if (begins(line, silent[i]))
            return true;
    return begins(line, "warning:") && size > held && strcmp(line + size - held, " is held dead") == 0;
}

static bool is_news(struct play *p, const char *line) {
    uint32_t hash = crc32c(0, line, strlen(line));
    for (size_t i = 0; i < p->told.count; i++) {
        struct told *t = &p->told.data[i];
        if (t->hash != hash)
            continue;
        bool is_old = p->w->now_us - t->at_us >= TOLD_US;
        t->at_us = p->w->now_us;
        return is_old;
    }
    struct told t = {.at_us = p->w->now_us, .hash = hash};
    VEC_PUSH(&p->told, t);
    return true;
}

static void tell(void *arg, uint32_t host, const char *line) {
    struct play *p = arg;
    char text[300];
    if (is_silent(line))
        return;
    if (!begins(line, "saw ")) {
        play_line(p, "h%u %s", host, line);
        return;
    }
    const char *colon = strstr(line, ": ");
    (void)snprintf(text, sizeof text, "%s", colon != NULL ? colon + 2 : line);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char *tail = strstr(text, tails[i]);
        if (tail != NULL)
            (void)snprintf(tail, sizeof text - (size_t)(tail - text), "%s", i == 1 ? " is suspected" : "");
    }
    bool own = begins(line, "saw self.") || begins(line, "saw task.") || begins(line, "saw instance.");
    if (own)
        play_line(p, "h%u %s", host, text);
    else if (is_news(p, text))
        play_line(p, "%s, sees h%u", text, host);
}

void play_watch(struct play *p) { history_listen(p->w, tell, p); }
