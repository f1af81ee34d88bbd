/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * The leader's part: one pure function from what is committed and who is reachable to what to place and what
 * to stop.
 *
 * For each slot of each group, of the instances that are wanted and not over, one is kept:
 *     1. running and reachable before anything else
 *     2. of the newest version (a changed count alone makes no new version of an instance)
 *     3. placed earlier: it has run longer, by the log's own order, and no clock is compared
 * What happens to the slot then:
 *   - nothing is there: place. A batch slot that is over stays so; a failed service waits reschedule_us, and
 *     twice as long with each failure.
 *   - all of it is unreachable: place a second one replace_after_us after the last sign of life. The first is
 *     `unknown`, never lost: it stays in the log.
 *   - its host is seen, but has said nothing of it for twice that time, at least answer_us: the same, and
 *     nothing else is placed on that host before it has answered.
 *   - more than one is reachable: the rest is surplus. It is stopped when the kept one runs and both hosts
 *     have been back for heal_stable_us, so that a flapping link stops nothing; at once only what was there
 *     before the kept one and does not run.
 *   - the kept one is of an old version: stopped, one slot of the group at a time, and then placed anew.
 *   - its host leaves: a second one is placed, and when that one runs the first is stopped.
 *   - its host is drained: the same, one slot of the group at a time, and the next when the stand-in of the
 *     last one runs. Batch instances run to their end.
 *   - all of it is unreachable, on a host whose absence was announced: nothing, while that lasts.
 * A second one that fails or is refused is tried again with the same delays as one that was alone.
 *
 * An update goes on only while nothing else of the group is on its way: not placed and not running yet, being
 * stopped, out of sight and about to be replaced, or failed in the new version and waiting. So it takes one
 * slot out of service at a time, and a version that fails takes out no second one.
 *
 * A leader that has just begun may not have heard of any host yet. While one is out of sight and the log
 * calls it ready, one of the two is about to change, and nothing that rests on its absence is done: of a slot
 * that it may hold no second one is placed, a slot that may be on its way there is in the way of the others,
 * and a stop that it may not have carried out is in the way of an update.
 *
 * An instance is never stopped because its host is out of sight, and none is stopped before its stand-in
 * runs, but for an update, which is stop-first, and for what nobody wants any more. Between planning and
 * applying that may change: so each stop names what it rests on (who is kept, the version of the job, that
 * the instance does not run), and the state refuses it when that is gone.
 */
#include <covey/reconcile.h>

#define RESCHEDULE_MAX_US (3600 * US_PER_S)
#define REFUSED_RETRY_US  US_PER_S

/* What this leader has first seen of an instance, and when; 0: not yet. */
enum seen_kind { SEEN_PLACED, SEEN_STOPPING, SEEN_OVER, SEEN_KINDS };
struct seen {
    struct instance_id id;
    int64_t at_us[SEEN_KINDS];
};
struct reconcile_memory {
    struct map seen; /* instance id -> struct seen */
};

struct reconcile_memory *reconcile_memory_new(void) {
    return mem_alloc(sizeof(struct reconcile_memory));
}

void reconcile_memory_free(struct reconcile_memory *m) {
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->seen.count; i++)
        mem_free(m->seen.entries[i].value);
    map_done(&m->seen);
    mem_free(m);
}

static int64_t first_seen(struct reconcile_memory *m, struct instance_id id, enum seen_kind kind,
                          int64_t now_us) {
    struct seen *s = MAP_GET_ID(&m->seen, id);
    if (s == NULL) {
        s = mem_alloc(sizeof *s);
        s->id = id;
        map_put(&m->seen, bytes_of(s->id.b, ID_SIZE), s);
    }
    if (s->at_us[kind] == 0)
        s->at_us[kind] = now_us;
    return s->at_us[kind];
}

/* ---- what is known of a slot ---- */

struct slot {
    const struct wire_instance_record *keep;     /* best of those wanted */
    const struct wire_instance_record *holder;   /* newest of those wanted: what a placement must name */
    const struct wire_instance_record *stopping; /* has a stop, not carried out yet, on a host in sight */
    const struct wire_instance_record *last; /* newest that is over, if nothing wanted was placed after it */
    uint32_t failures;                       /* kept records that failed in a row, of this version and run */
    bool complete;
    int64_t due_us;   /* of those wanted and lost, when the last one has been waited for; 0: there is none */
    bool unsettled;   /* the host of one of those wanted is out of sight, and ready by the log */
    bool given_up;    /* it has a stop on a host in sight, or ready by the log, that nobody waits for */
    bool several;     /* it has more than one that is wanted */
    bool renewed;     /* one of the newest version is on a host in sight that stays */
    bool ending;      /* the kept one is stopped by this plan */
    bool passed_keep; /* the walk has met the kept one: what comes is newer */
};

struct plan {
    const struct state *state;
    const struct reconcile_node_view *nodes;
    size_t nodes_count;
    int64_t now_us;
    const struct reconcile_options *options;
    struct reconcile_memory *memory;
    struct prng *prng;
    struct arena *arena;
    struct reconcile_plan *ret;
    bool *silent; /* of each node: it has not answered a placement in time */
    struct placement *placement;
    VEC(struct wire_place) places;
    VEC(struct wire_stop) stops;
    VEC(struct reconcile_reason) reasons;

    /* the job and group being looked at */
    const struct wire_job_record *job;
    const struct wire_group *group;
    struct slot *slots;
    bool in_transition;
};

static const struct reconcile_node_view *view_of(const struct plan *p, struct node_id id) {
    size_t low = 0, high = p->nodes_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ID_COMPARE(p->nodes[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < p->nodes_count && ID_EQUAL(p->nodes[low].id, id) ? &p->nodes[low] : NULL;
}

static bool reachable(const struct plan *p, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(p->state, r->node);
    const struct reconcile_node_view *view = view_of(p, r->node);
    return node != NULL && view != NULL && view->alive && node->status != NODE_STATUS_UNREACHABLE;
}

/* Drained: it is emptied, but without haste, and a batch instance would begin anew elsewhere. */
static bool host_drains(const struct plan *p, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(p->state, r->node);
    return node != NULL && node->status != NODE_STATUS_LEFT && node->drain &&
           p->job->spec.type == JOB_TYPE_SERVICE;
}

static bool host_leaves(const struct plan *p, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(p->state, r->node);
    return node == NULL || node->status == NODE_STATUS_LEFT || host_drains(p, r);
}

static bool host_is_away(const struct plan *p, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(p->state, r->node);
    return node != NULL && !reachable(p, r) && state_node_is_away(node);
}

static void wake(struct plan *p, int64_t at_us) {
    if (at_us > p->now_us && at_us < p->ret->next_us)
        p->ret->next_us = at_us;
}

static bool current(const struct plan *p, const struct wire_instance_record *r) {
    if (r->version == p->job->version)
        return true;
    const struct wire_job_record *old = state_job_version(p->state, r->job, r->version);
    return old != NULL && state_group_same(old, p->job, r->group);
}

/* Of the newest version, and of the run that goes on: `covey stop` ends a run of all versions. */
static bool of_this_run(const struct plan *p, const struct wire_instance_record *r) {
    const struct wire_job_record *version = state_job_version(p->state, r->job, r->version);
    return current(p, r) && version != NULL && !version->stopped;
}

static bool runs(const struct plan *p, const struct wire_instance_record *r) {
    return r->state == INSTANCE_STATE_RUNNING && reachable(p, r) && !host_leaves(p, r);
}

/* ---- hosts that do not answer ---- */

/* How long an instance out of sight is waited for. */
static int64_t patience_us(const struct plan *p, enum job_type type) {
    return type == JOB_TYPE_BATCH ? p->options->replace_batch_after_us : p->options->replace_after_us;
}

static int64_t answer_us(const struct plan *p, enum job_type type) {
    int64_t us = 2 * patience_us(p, type);
    return us > p->options->answer_us ? us : p->options->answer_us;
}

/* Of a host in sight, which has had answer_us to say anything of this placement, and has not. */
static bool is_unanswered(struct plan *p, const struct wire_instance_record *r) {
    if (r->state != INSTANCE_STATE_PLACED || !reachable(p, r))
        return false;
    const struct wire_job_record *job = state_job_version(p->state, r->job, r->version);
    int64_t since = first_seen(p->memory, r->id, SEEN_PLACED, p->now_us), back = view_of(p, r->node)->back_us;
    int64_t due =
        (back > since ? back : since) + answer_us(p, job != NULL ? job->spec.type : JOB_TYPE_SERVICE);
    wake(p, due);
    return p->now_us >= due;
}

static void note_silent(void *arg, const struct wire_instance_record *r) {
    struct plan *p = arg;
    if (state_instance_live(r) && is_unanswered(p, r)) {
        mark_hit(p->options->marks, MARK_RECONCILE_UNANSWERED);
        p->silent[view_of(p, r->node) - p->nodes] = true;
    }
}

/*
 * A stop is waited for as long as its host can tell. One whose streams do not work may have carried it out
 * long ago, and never said so.
 */
static bool is_awaited(struct plan *p, const struct wire_instance_record *r) {
    const struct reconcile_node_view *view = view_of(p, r->node);
    if (!reachable(p, r) || is_unanswered(p, r))
        return false;
    int64_t since = first_seen(p->memory, r->id, SEEN_STOPPING, p->now_us), kill_us = 0;
    if (!view->unheard)
        return true;
    const struct wire_job_record *job = state_job_version(p->state, r->job, r->version);
    const struct wire_group *group = job != NULL ? state_group_find(job, r->group) : NULL;
    for (size_t t = 0; group != NULL && t < group->tasks_count; t++)
        if ((int64_t)group->tasks[t].kill_timeout_ms * US_PER_MS > kill_us)
            kill_us = (int64_t)group->tasks[t].kill_timeout_ms * US_PER_MS;
    since = view->back_us > since ? view->back_us : since;
    since = view->unheard_us > since ? view->unheard_us : since;
    int64_t due = since + kill_us + answer_us(p, p->job->spec.type);
    wake(p, due);
    return p->now_us < due;
}

/* It can be counted on: its host is seen and answers. */
static bool in_sight(struct plan *p, const struct wire_instance_record *r) {
    return reachable(p, r) && !is_unanswered(p, r);
}

static bool runs_drained(const struct plan *p, const struct wire_instance_record *r) {
    return r->state == INSTANCE_STATE_RUNNING && reachable(p, r) && host_drains(p, r);
}

/* Is `a`, placed earlier, to be kept rather than `b`? */
static bool kept_before(struct plan *p, const struct wire_instance_record *a,
                        const struct wire_instance_record *b) {
    if (runs(p, a) != runs(p, b))
        return runs(p, a);
    bool a_here = in_sight(p, a) && !host_leaves(p, a), b_here = in_sight(p, b) && !host_leaves(p, b);
    if (a_here != b_here)
        return a_here;
    if (!a_here && runs_drained(p, a) != runs_drained(p, b)) /* better than one that nobody sees */
        return runs_drained(p, a);
    if (current(p, a) != current(p, b))
        return current(p, a);
    return true;
}

/* ---- stops ---- */

/* keeper: who goes on running in its slot, and without whom it is not stopped; NULL: nobody need. idle: it is
 * stopped because it does not run. */
static void stop_beside(struct plan *p, const struct wire_instance_record *r,
                        const struct wire_instance_record *keeper, bool idle, const char *reason) {
    struct wire_stop s = {
        .instance = r->id, .reason = bytes_str(reason), .version = p->job->version, .idle = idle};
    if (keeper != NULL)
        s.keeper = keeper->id;
    VEC_PUSH(&p->stops, s);
}

static void stop(struct plan *p, const struct wire_instance_record *r, const char *reason) {
    stop_beside(p, r, NULL, false, reason);
}

static bool wanted(const struct wire_instance_record *r) {
    return r->desired == DESIRED_STATE_RUN && state_instance_live(r);
}

static void stop_all(void *arg, const struct wire_instance_record *r) {
    struct plan *p = arg;
    if (wanted(r))
        stop(p, r, "the job was stopped");
}

static void stop_groupless(void *arg, const struct wire_instance_record *r) {
    struct plan *p = arg;
    const struct wire_group *group = state_group_find(p->job, r->group);
    if (!wanted(r))
        return;
    if (group == NULL)
        stop(p, r, "its group is no longer in the job");
    else if (r->slot >= group->count)
        stop(p, r, "the group was scaled down");
}

/* ---- looking at a group ---- */

static void slot_over(struct plan *p, struct slot *s, const struct wire_instance_record *r) {
    s->last = of_this_run(p, r) ? r : NULL;
    if (s->last == NULL)
        return;
    if (r->state == INSTANCE_STATE_FAILED)
        s->failures++;
    else if (r->state != INSTANCE_STATE_REFUSED)
        s->failures = 0;
    s->complete |= r->state == INSTANCE_STATE_COMPLETE && p->job->spec.type == JOB_TYPE_BATCH;
}

static int64_t patience_ends(const struct plan *p, const struct wire_instance_record *r) {
    const struct reconcile_node_view *view = view_of(p, r->node);
    return view != NULL ? view->last_good_us + patience_us(p, p->job->spec.type) : p->now_us;
}

/* Out of sight, and the log says that it is ready: a leader that has just begun may not know better yet. */
static bool status_is_due(const struct plan *p, const struct wire_instance_record *r) {
    const struct wire_node_record *node = state_node_find(p->state, r->node);
    return !reachable(p, r) && node != NULL && node->status == NODE_STATUS_READY;
}

/* Out of sight, and its host has not said that it goes. */
static bool is_lost(const struct plan *p, const struct wire_instance_record *r) {
    return !reachable(p, r) && (!host_leaves(p, r) || host_drains(p, r));
}

static void look(void *arg, const struct wire_instance_record *r) {
    struct plan *p = arg;
    if (!bytes_equal(r->group, p->group->name) || r->slot >= p->group->count)
        return;
    struct slot *s = &p->slots[r->slot];
    if (!state_instance_live(r)) {
        slot_over(p, s, r);
        return;
    }
    if (r->desired == DESIRED_STATE_STOP) {
        if (is_awaited(p, r))
            s->stopping = r;
        else
            s->given_up |= reachable(p, r) || status_is_due(p, r);
        return;
    }
    s->renewed |= in_sight(p, r) && !host_leaves(p, r) && current(p, r);
    s->unsettled |= status_is_due(p, r);
    if (is_lost(p, r) && patience_ends(p, r) > s->due_us)
        s->due_us = patience_ends(p, r);
    s->several = s->holder != NULL;
    s->holder = r;
    s->last = NULL;
    if (s->keep == NULL || !kept_before(p, s->keep, r))
        s->keep = r;
}

/* An update may stop it at once, if the kept one is old too. */
static bool is_idle_and_old(struct plan *p, const struct wire_instance_record *r) {
    return in_sight(p, r) && !host_leaves(p, r) && !current(p, r) && r->state != INSTANCE_STATE_RUNNING;
}

/* Surplus: what is not kept although it is in sight. */
static void thin_out(void *arg, const struct wire_instance_record *r) {
    struct plan *p = arg;
    if (!wanted(r) || !bytes_equal(r->group, p->group->name) || r->slot >= p->group->count)
        return;
    struct slot *s = &p->slots[r->slot];
    const struct wire_instance_record *keep = s->keep;
    s->passed_keep |= r == keep;
    if (s->complete && host_leaves(p, r)) {
        stop(p, r, "its host leaves");
        return;
    }
    if (r == keep || !runs(p, keep) || s->ending)
        return;
    if (host_leaves(p, r) && (reachable(p, r) || !host_drains(p, r))) {
        stop_beside(p, r, keep, false, "its host leaves");
        return;
    }
    if (!reachable(p, r) || (!current(p, keep) && (current(p, r) || is_idle_and_old(p, r))))
        return;
    const struct reconcile_node_view *a = view_of(p, r->node), *b = view_of(p, keep->node);
    int64_t back = a->back_us > b->back_us ? a->back_us : b->back_us;
    bool is_down = r->state != INSTANCE_STATE_RUNNING && !s->passed_keep;
    if (!is_down && p->now_us - back < p->options->heal_stable_us) {
        mark_hit(p->options->marks, MARK_RECONCILE_HEAL_WAIT);
        wake(p, back + p->options->heal_stable_us);
        return;
    }
    mark_hit(p->options->marks,
             r->state == INSTANCE_STATE_RUNNING ? MARK_RECONCILE_SURPLUS : MARK_RECONCILE_CANCELLED);
    stop_beside(p, r, keep, r->state != INSTANCE_STATE_RUNNING,
                is_unanswered(p, r) ? "its host did not answer in time: another instance of its slot is kept"
                                    : "another instance of its slot is kept");
}

/* ---- placing ---- */

static bool usable(void *arg, const struct wire_node_record *node) {
    const struct plan *p = arg;
    const struct reconcile_node_view *view = view_of(p, node->id);
    return view != NULL && view->alive && !view->unheard && !p->silent[view - p->nodes];
}

static void place(struct plan *p, uint32_t number, const struct wire_instance_record *holder,
                  struct node_id avoid) {
    struct wire_place out = {
        .job = p->job->spec.name, .version = p->job->version, .group = p->group->name, .slot = number};
    struct buf reason = {0};
    if (p->places.count >= p->options->places_max) {
        p->in_transition = true;
        return;
    }
    if (p->placement == NULL) {
        p->placement = placement_new(p->state, usable, p);
        placement_marks(p->placement, p->options->marks);
    }
    if (placement_pick(p->placement, p->job, p->group, number, avoid, &out.node, &reason) != 0) {
        bool told = p->reasons.count > 0 &&
                    bytes_equal(p->reasons.data[p->reasons.count - 1].group, p->group->name) &&
                    bytes_equal(p->reasons.data[p->reasons.count - 1].job, p->job->spec.name);
        struct reconcile_reason r = {.job = p->job->spec.name, .group = p->group->name};
        if (!told) {
            r.text = arena_copy(p->arena, buf_bytes(&reason));
            VEC_PUSH(&p->reasons, r);
        }
        buf_done(&reason);
        return;
    }
    buf_done(&reason);
    prng_fill(p->prng, out.instance.b, sizeof out.instance.b);
    if (holder != NULL)
        out.replaces = holder->id;
    if (holder != NULL && !reachable(p, holder))
        mark_hit(p->options->marks, MARK_RECONCILE_STAND_IN);
    out.generation = state_node_find(p->state, out.node)->generation;
    VEC_PUSH(&p->places, out);
    p->in_transition = true;
}

/* When the slot may be tried again after what became of it last: now at the earliest, TIME_NEVER_US for
 * never. */
static int64_t retry_at(struct plan *p, const struct slot *s) {
    if (s->last == NULL)
        return p->now_us;
    if (s->last->state == INSTANCE_STATE_REFUSED)
        return first_seen(p->memory, s->last->id, SEEN_OVER, p->now_us) + REFUSED_RETRY_US;
    if (s->last->state != INSTANCE_STATE_FAILED)
        return p->now_us;
    if (p->job->spec.type == JOB_TYPE_BATCH)
        return TIME_NEVER_US;
    int64_t delay = p->options->reschedule_us << (s->failures <= 8 ? s->failures - 1 : 7);
    if (delay > RESCHEDULE_MAX_US)
        delay = RESCHEDULE_MAX_US;
    return first_seen(p->memory, s->last->id, SEEN_OVER, p->now_us) + delay;
}

/* At due_us or when the last failure allows it; never on a host that has just failed it, if there is another.
 */
static void place_at(struct plan *p, uint32_t number, const struct slot *s, int64_t due_us,
                     struct node_id avoid) {
    int64_t retry_us = retry_at(p, s);
    if (retry_us == TIME_NEVER_US || s->stopping != NULL)
        return;
    if (retry_us > p->now_us)
        p->in_transition = true;
    if (retry_us > due_us)
        due_us = retry_us;
    bool is_bad = s->last != NULL &&
                  (s->last->state == INSTANCE_STATE_FAILED || s->last->state == INSTANCE_STATE_REFUSED);
    if (is_bad)
        avoid = s->last->node;
    if (p->now_us < due_us) {
        wake(p, due_us);
        return;
    }
    if (is_bad && s->last->state == INSTANCE_STATE_FAILED)
        mark_hit(p->options->marks, MARK_RECONCILE_RETRIED);
    place(p, number, s->holder, avoid);
}

/* Nothing of the slot is in sight on a host that stays, or nothing that its host has answered for. */
static void stand_in(struct plan *p, uint32_t number, const struct slot *s) {
    int64_t due = s->due_us > p->now_us ? s->due_us : p->now_us;
    if (host_is_away(p, s->keep) || host_is_away(p, s->holder)) {
        mark_hit(p->options->marks, MARK_RECONCILE_AWAY_HELD);
        p->in_transition = true;
        return;
    }
    if (s->unsettled) { /* a status is about to be proposed */
        p->in_transition = true;
        return;
    }
    if (p->now_us < due && p->job->spec.type == JOB_TYPE_SERVICE)
        p->in_transition = true;
    place_at(p, number, s, due, s->keep->node);
}

/* On a host that stays for a while. */
static bool runs_on(const struct plan *p, const struct wire_instance_record *r) {
    return r != NULL && (runs(p, r) || runs_drained(p, r));
}

static void group_fill(struct plan *p) {
    for (uint32_t i = 0; i < p->group->count; i++) {
        const struct slot *s = &p->slots[i];
        if (s->stopping != NULL || (s->given_up && !runs_on(p, s->keep)) ||
            (s->keep != NULL && is_unanswered(p, s->keep)))
            p->in_transition = true;
        if (s->complete) {
            mark_hit(p->options->marks, MARK_RECONCILE_BATCH_DONE);
            continue;
        }
        if (s->keep == NULL)
            place_at(p, i, s, p->now_us, (struct node_id){{0}});
        else if (!in_sight(p, s->keep) || (host_leaves(p, s->keep) && !host_drains(p, s->keep)))
            stand_in(p, i, s);
        else if ((s->renewed || s->unsettled) && !(current(p, s->keep) && runs(p, s->keep)))
            p->in_transition = true;
    }
}

/* Of a slot that is about to be moved nothing runs: an update waits for it, its move does not. */
static bool drained_is_down(const struct plan *p) {
    for (uint32_t i = 0; i < p->group->count; i++) {
        const struct wire_instance_record *keep = p->slots[i].keep;
        if (keep != NULL && host_drains(p, keep) && reachable(p, keep) &&
            keep->state != INSTANCE_STATE_RUNNING)
            return true;
    }
    return false;
}

/* begun: of the slots that more than one holds already. */
static void drain_slots(struct plan *p, bool begun) {
    for (uint32_t i = 0; i < p->group->count && !p->in_transition; i++) {
        const struct slot *s = &p->slots[i];
        if (s->complete || s->keep == NULL || !reachable(p, s->keep) || !host_drains(p, s->keep))
            continue;
        if (s->several != begun)
            continue;
        mark_hit(p->options->marks, MARK_RECONCILE_DRAINED);
        stand_in(p, i, s);
    }
}

/*
 * A drained host gives its slots away one after the other, and only while nothing else of the group moves. A
 * slot whose stand-in is lost or does not answer is still on its way: it gets the next one before any other
 * slot moves.
 */
static void group_drain(struct plan *p) {
    drain_slots(p, true);
    drain_slots(p, false);
}

static void stop_idle(void *arg, const struct wire_instance_record *r) {
    struct plan *p = arg;
    if (!wanted(r) || !bytes_equal(r->group, p->group->name) || r->slot >= p->group->count)
        return;
    if (!is_idle_and_old(p, r) || current(p, p->slots[r->slot].keep))
        return;
    stop_beside(p, r, NULL, true, "replaced by a newer version");
    p->in_transition = true;
}

/* Old versions: those that do not run at once, then one that runs, and only when nothing else of the group is
 * moving. */
static void group_update(struct plan *p) {
    state_instances_of_job(p->state, p->job->spec.name, stop_idle, p);
    for (uint32_t i = 0; i < p->group->count && !p->in_transition; i++) {
        const struct wire_instance_record *keep = p->slots[i].keep;
        if (keep == NULL || !runs(p, keep) || current(p, keep))
            continue;
        mark_hit(p->options->marks, MARK_RECONCILE_UPDATED);
        stop(p, keep, "replaced by a newer version");
        p->slots[i].ending = p->in_transition = true;
    }
}

static void group_plan(struct plan *p) {
    p->slots = arena_alloc(p->arena, (p->group->count + 1) * sizeof *p->slots);
    p->in_transition = false;
    state_instances_of_job(p->state, p->job->spec.name, look, p);
    group_fill(p);
    bool is_moving = p->in_transition;
    p->in_transition |= drained_is_down(p);
    size_t stops_count = p->stops.count;
    group_update(p);
    p->in_transition = is_moving || p->stops.count > stops_count;
    group_drain(p);
    state_instances_of_job(p->state, p->job->spec.name, thin_out, p);
}

/* ---- all of it ---- */

/* What a memory remembers of instances that are gone is dropped. */
static void memory_trim(struct reconcile_memory *m, const struct state *s) {
    for (size_t i = m->seen.count; i-- > 0;) {
        struct seen *e = m->seen.entries[i].value;
        if (state_instance_find(s, e->id) != NULL)
            continue;
        MAP_REMOVE_ID(&m->seen, e->id);
        mem_free(e);
    }
}

static void *into_arena(struct arena *a, const void *data, size_t size_bytes) {
    if (size_bytes == 0)
        return NULL;
    void *copy = arena_alloc(a, size_bytes);
    memcpy(copy, data, size_bytes);
    return copy;
}

void reconcile_cluster(const struct state *s, const struct reconcile_node_view *nodes, size_t nodes_count,
                       int64_t now_us, const struct reconcile_options *options,
                       struct reconcile_memory *memory, struct prng *prng, struct arena *arena,
                       struct reconcile_plan *ret) {
    *ret = (struct reconcile_plan){.next_us = TIME_NEVER_US};
    struct plan p = {.state = s,
                     .nodes = nodes,
                     .nodes_count = nodes_count,
                     .now_us = now_us,
                     .options = options,
                     .memory = memory,
                     .prng = prng,
                     .arena = arena,
                     .ret = ret};
    memory_trim(memory, s);
    p.silent = arena_alloc(arena, (nodes_count + 1) * sizeof *p.silent);
    state_instances_each(s, note_silent, &p);
    for (size_t i = 0; i < state_jobs_count(s); i++) {
        p.job = state_job_at(s, i);
        if (p.job->stopped) {
            state_instances_of_job(s, p.job->spec.name, stop_all, &p);
            continue;
        }
        state_instances_of_job(s, p.job->spec.name, stop_groupless, &p);
        for (size_t g = 0; g < p.job->spec.groups_count; g++) {
            p.group = &p.job->spec.groups[g];
            group_plan(&p);
        }
    }
    ret->plan.places = into_arena(arena, p.places.data, p.places.count * sizeof *p.places.data);
    ret->plan.places_count = p.places.count;
    ret->plan.stops = into_arena(arena, p.stops.data, p.stops.count * sizeof *p.stops.data);
    ret->plan.stops_count = p.stops.count;
    ret->reasons = into_arena(arena, p.reasons.data, p.reasons.count * sizeof *p.reasons.data);
    ret->reasons_count = p.reasons.count;
    placement_free(p.placement);
    VEC_DONE(&p.places);
    VEC_DONE(&p.stops);
    VEC_DONE(&p.reasons);
}
