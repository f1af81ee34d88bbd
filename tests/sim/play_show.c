/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What hosts hold, as text. */
#include "play.h"

#define ENTRIES_SHOWN 12

static int host_by_id(struct play *p, struct node_id id) {
    for (uint32_t i = 0; i < p->w->hosts_count; i++)
        if (p->w->hosts[i].node != NULL && ID_EQUAL(node_self(p->w->hosts[i].node), id))
            return (int)i;
    return -1;
}

static void put_host(struct play *p, struct node_id id, struct buf *out) {
    int host = host_by_id(p, id);
    if (host >= 0)
        buf_printf(out, " h%d", host);
    else
        buf_printf(out, " -");
}

static void show_host(struct play *p, const struct sim_host *h) {
    struct buf out = {0};
    const struct raft *r = h->node != NULL ? node_raft(h->node) : NULL;
    if (r == NULL) {
        play_text(p, "  h%u %s", h->index,
                  !h->powered       ? "is off"
                  : h->node == NULL ? "has no agent"
                                    : "joins");
        return;
    }
    const struct wire_raft_config *c = raft_config_now(r);
    buf_printf(&out, "  h%u %s in term %llu, commit %llu, voters", h->index, raft_role_str(raft_role(r)),
               (unsigned long long)raft_term(r), (unsigned long long)raft_commit_index(r));
    for (size_t i = 0; i < c->voters_count; i++)
        put_host(p, c->voters[i].node, &out);
    if (c->voters_next_count > 0)
        buf_printf(&out, ", becoming");
    for (size_t i = 0; i < c->voters_next_count; i++)
        put_host(p, c->voters_next[i].node, &out);
    buf_printf(&out, ", sees %zu alive", swim_alive_count(node_swim(h->node)));
    play_text(p, "%s", buf_str(&out));
    buf_done(&out);
}

/* The terms of the last entries, with the commit index between them. */
static void show_log(struct play *p, const struct sim_host *h) {
    struct buf out = {0};
    const struct raft *r = h->node != NULL ? node_raft(h->node) : NULL;
    if (r == NULL) {
        play_text(p, "  h%u -", h->index);
        return;
    }
    uint64_t last = raft_last_index(r), first = raft_first_index(r);
    if (last > ENTRIES_SHOWN && first < last - ENTRIES_SHOWN + 1)
        first = last - ENTRIES_SHOWN + 1;
    buf_printf(&out, "  h%u term %llu, entries %llu..%llu of terms", h->index,
               (unsigned long long)raft_term(r), (unsigned long long)first, (unsigned long long)last);
    for (uint64_t i = first; i <= last; i++)
        buf_printf(&out, " %llu%s", (unsigned long long)raft_term_at(r, i),
                   i == raft_commit_index(r) ? " |" : "");
    play_text(p, "%s", buf_str(&out));
    buf_done(&out);
}

static void show_instance(void *arg, const struct wire_instance_record *r) {
    struct play *p = arg;
    struct buf out = {0};
    put_host(p, r->node, &out);
    play_text(p, "  %.*s[%u] version %llu on%s: %s%s%s%.*s", BYTES_FMT(r->job), r->slot,
              (unsigned long long)r->version, buf_str(&out), instance_state_str(r->state),
              r->desired == DESIRED_STATE_STOP && state_instance_live(r) ? ", to be stopped" : "",
              r->reason.size > 0 ? ": " : "", BYTES_FMT(r->reason));
    buf_done(&out);
}

/* As the first host that is up has them. */
static void show_instances(struct play *p) {
    for (uint32_t i = 0; i < p->w->hosts_count; i++) {
        if (p->w->hosts[i].node == NULL)
            continue;
        state_instances_each(node_state(p->w->hosts[i].node), show_instance, p);
        return;
    }
}

static void show_marks(struct play *p) {
    for (int i = 0; i < MARKS_COUNT; i++)
        if (p->w->marks.hits[i] > p->marks_shown.hits[i])
            play_text(p, "  %s", mark_text((enum mark)i));
    p->marks_shown = p->w->marks;
}

void play_show(struct play *p, struct words *w) {
    const char *what = words_next(w);
    if (p->w == NULL || what == NULL) {
        play_fail(p, "show what?");
        return;
    }
    if (strcmp(what, "marks") == 0)
        show_marks(p);
    else if (strcmp(what, "instances") == 0)
        show_instances(p);
    else if (strcmp(what, "hosts") != 0 && strcmp(what, "logs") != 0)
        play_fail(p, "show hosts, logs, instances or marks");
    for (uint32_t i = 0; i < p->w->hosts_count && what[0] == 'h'; i++)
        show_host(p, &p->w->hosts[i]);
    for (uint32_t i = 0; i < p->w->hosts_count && what[0] == 'l'; i++)
        show_log(p, &p->w->hosts[i]);
}
