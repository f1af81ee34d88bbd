/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

#include "history.h"

#include <stdio.h>

#include "checker.h"

#define LINES_KEPT 48
#define LINE_SIZE  200

struct line {
    int64_t at_us;
    char text[LINE_SIZE];
};
struct ring {
    struct line lines[LINES_KEPT];
    size_t next; /* counts for ever */
};
struct history {
    struct ring rings[HOSTS_MAX];
    uint32_t run[HOSTS_MAX];  /* of the agent that ... */
    uint64_t told[HOSTS_MAX]; /* ... has told so many events */
    bool said;
    history_tell *tell;
    void *tell_arg;
};

struct history *history_new(void) {
    return mem_alloc(sizeof(struct history));
}

void history_free(struct history *h) { mem_free(h); }

static void line_add(struct world *w, uint32_t host, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void line_add(struct world *w, uint32_t host, const char *format, ...) {
    struct history *h = w->history;
    struct ring *r = &h->rings[host];
    struct line *l = &r->lines[r->next++ % LINES_KEPT];
    va_list args;
    va_start(args, format);
    l->at_us = w->now_us;
    (void)vsnprintf(l->text, sizeof l->text, format, args);
    va_end(args);
    if (w->trace_level > 1 && !h->said)
        printf("%10.3f h%u   %s\n", (double)w->now_us / 1e6, host, l->text);
    if (h->tell != NULL)
        h->tell(h->tell_arg, host, l->text);
}

void history_say(struct world *w, uint32_t host, const char *line) {
    w->history->said = true; /* printed by who says it */
    line_add(w, host, "%s", line);
    w->history->said = false;
}

/* What the agent saw happen in this step. */
static void see_events(struct world *w, uint32_t host) {
    struct history *h = w->history;
    struct wire_event events[8];
    if (h->run[host] != w->hosts[host].run)
        h->told[host] = 0;
    h->run[host] = w->hosts[host].run;
    size_t count = node_events_after(w->hosts[host].node, h->told[host], events, 8);
    for (size_t i = 0; i < count; i++)
        line_add(w, host, "saw %.*s: %.*s", BYTES_FMT(events[i].kind), BYTES_FMT(events[i].text));
    if (count > 0)
        h->told[host] = events[count - 1].index;
}

static void see_task(struct world *w, const struct sight *s) {
    const struct wire_shim_spec *spec = &s->task->spec;
    if (s->kind == SIGHT_SPAWN)
        line_add(w, s->host->index, "%.*s[%u] runs (start %u)", BYTES_FMT(spec->job), spec->slot,
                 s->task->starts);
    else
        line_add(w, s->host->index, "%.*s[%u] has ended: %s", BYTES_FMT(spec->job), spec->slot,
                 end_cause_str(s->cause));
}

void history_see(struct world *w, const struct sight *s) {
    switch ((unsigned)s->kind) {
    case SIGHT_STEP: see_events(w, s->host->index); break;
    case SIGHT_SPAWN:
    case SIGHT_PROCESS_END: see_task(w, s); break;
    case SIGHT_CALL:
        line_add(w, s->host->index, "is asked (%llu): %.*s", (unsigned long long)s->request,
                 BYTES_FMT(s->method));
        break;
    default: break;
    }
}

void history_listen(struct world *w, history_tell *tell, void *arg) {
    w->history->tell = tell;
    w->history->tell_arg = arg;
}

void history_print(struct world *w, uint32_t host, size_t lines_max, struct buf *out) {
    const struct ring *r = &w->history->rings[host];
    size_t count = r->next < LINES_KEPT ? r->next : LINES_KEPT;
    for (size_t i = count > lines_max ? count - lines_max : 0; i < count; i++) {
        const struct line *l = &r->lines[(r->next - count + i) % LINES_KEPT];
        buf_printf(out, "  %10.3f h%u %s\n", (double)l->at_us / 1e6, host, l->text);
    }
}
