/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What `run` makes of the answers to its long polls: a line of progress, notices worth keeping, and whether
 * it is over.
 *
 * An instance of an older version counts as current where only the count of its group changed; what is
 * unchanged is known to the leader alone. So: when all slots run and nothing of the job has moved for
 * CALM_US, what is there is what should be there, for an update always has something on the move.
 */
#include "internal.h"

#define CALM_US (2 * US_PER_S)
#define STEADY_US                                                                                            \
    (900 * US_PER_MS) /* a service that ends at once is not up; a little less than a long poll */
#define UNPLACED_US (10 * US_PER_S) /* so long an instance may lack a place before it is worth a notice */
#define STALE_MS    2000            /* an older answer is no proof that nothing moves */

struct tally {
    uint32_t wanted, running, running_old, starting, complete, failed;
    uint32_t older;  /* live ones of another version, whatever they do */
    uint32_t moving; /* starting or stopping */
    uint32_t
        unplaced; /* slots without an instance; those whose instance failed wait, they do not lack a place */
    struct bytes starting_on, reason;
};

static void tally_instance(struct tally *t, const struct wire_admin_instance *i, uint64_t version) {
    const struct wire_instance_record *r = &i->record;
    bool is_ours = r->version == version;
    if (cli_instance_unseen(i))
        return;
    if (cli_instance_live(i) && (r->desired == DESIRED_STATE_STOP || r->state != INSTANCE_STATE_RUNNING))
        t->moving++;
    if (cli_instance_live(i) && !is_ours)
        t->older++;
    if (r->desired == DESIRED_STATE_STOP && r->state != INSTANCE_STATE_COMPLETE)
        return;
    if (r->state == INSTANCE_STATE_RUNNING) {
        t->running++;
        t->running_old += !is_ours;
    } else if (r->state == INSTANCE_STATE_COMPLETE) {
        t->complete += is_ours;
    } else if (r->state == INSTANCE_STATE_FAILED) {
        t->failed += is_ours;
    } else if (cli_instance_live(i)) {
        t->starting++;
        if (t->starting_on.size == 0)
            t->starting_on = i->node_name;
    }
}

static struct tally tally_group(const struct wire_admin_job_status *s, const struct wire_group *group) {
    struct tally t = {.wanted = group->count};
    for (size_t i = 0; i < s->instances_count; i++)
        if (bytes_equal(s->instances[i].record.group, group->name))
            tally_instance(&t, &s->instances[i], s->record.version);
    for (size_t i = 0; i < s->groups_count; i++)
        if (bytes_equal(s->groups[i].name, group->name))
            t.reason = s->groups[i].reason;
    uint32_t held =
        t.running + t.starting + (s->record.spec.type == JOB_TYPE_BATCH ? t.complete + t.failed : 0);
    if (s->record.spec.type != JOB_TYPE_BATCH && t.reason.size == 0)
        held += t.failed;
    t.unplaced = held < t.wanted ? t.wanted - held : 0;
    return t;
}

/* Live instances, in sight, of groups that the job no longer has. */
static uint32_t tally_removed(const struct wire_admin_job_status *s) {
    uint32_t count = 0;
    for (size_t i = 0; i < s->instances_count; i++) {
        const struct wire_admin_instance *n = &s->instances[i];
        bool is_known = false;
        for (size_t g = 0; g < s->record.spec.groups_count; g++)
            is_known = is_known || bytes_equal(s->record.spec.groups[g].name, n->record.group);
        count += !is_known && cli_instance_live(n) && !cli_instance_unseen(n);
    }
    return count;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static void put_name(struct buf *out, const struct wire_job *job, const struct wire_group *group) {
    cli_put(out, job->name);
    if (job->groups_count > 1) {
        buf_append_byte(out, '.');
        cli_put(out, group->name);
    }
}

static void put_progress(struct buf *out, const struct wire_job *job, const struct wire_group *group,
                         const struct tally *t) {
    bool is_batch = job->type == JOB_TYPE_BATCH;
    buf_printf(out, "%s", out->size > 0 ? "; " : "");
    put_name(out, job, group);
    buf_printf(out, ": %u of %u %s", is_batch ? t->complete : t->running, t->wanted,
               is_batch ? "complete" : "running");
    if (is_batch && t->running > 0)
        buf_printf(out, ", %u running", t->running);
    if (t->starting > 0) {
        buf_printf(out, ", %u starting on ", t->starting);
        cli_put(out, t->starting_on);
        buf_printf(out, "%s", t->starting > 1 ? " and others" : "");
    }
    if (t->failed > 0)
        buf_printf(out, ", %u failed", t->failed);
    if (t->unplaced > 0)
        buf_printf(out, ", %u without a place yet", t->unplaced);
    if (t->older > 0)
        buf_printf(out, ", %u of an older version", t->older);
}

static bool was_told(const struct cli_ids *told, const struct instance_id *id) {
    for (size_t i = 0; i < told->count; i++)
        if (ID_EQUAL(told->data[i], *id))
            return true;
    return false;
}

static void put_failures(struct cli_watch *w, const struct wire_admin_job_status *s) {
    for (size_t i = 0; i < s->instances_count; i++) {
        const struct wire_instance_record *r = &s->instances[i].record;
        bool is_bad = r->state == INSTANCE_STATE_FAILED || r->state == INSTANCE_STATE_REFUSED;
        struct arena a = {0};
        char id[ID_SHORT_SIZE];
        if (!is_bad || r->version != w->version)
            continue;
        w->has_failed = w->has_failed || r->state == INSTANCE_STATE_FAILED;
        if (was_told(&w->told, &r->id))
            continue;
        VEC_PUSH(&w->told, r->id);
        struct bytes reason = cli_instance_reason(&s->instances[i], &a);
        id_short(r->id.b, id);
        cli_put(&w->notices, w->job);
        buf_printf(&w->notices, ": instance %s %s on ", id,
                   r->state == INSTANCE_STATE_FAILED ? "failed" : "was refused");
        cli_put(&w->notices, s->instances[i].node_name);
        buf_printf(&w->notices, ": ");
        cli_put(&w->notices, reason.size > 0 ? reason : bytes_str("no reason was told"));
        if (r->state == INSTANCE_STATE_FAILED)
            buf_printf(&w->notices, "; `covey logs %s` and `covey logs --stderr %s` show its output", id, id);
        buf_append_byte(&w->notices, '\n');
        arena_done(&a);
    }
}

static void put_unplaced(struct cli_watch *w, const struct wire_job *job, const struct wire_group *group,
                         const struct tally *t) {
    buf_printf(&w->notices, "group ");
    put_name(&w->notices, &(struct wire_job){.name = job->name, .groups_count = 2}, group);
    buf_printf(&w->notices, ": ");
    if (t->reason.size > 0)
        cli_put(&w->notices, t->reason);
    else
        buf_printf(&w->notices, "%u of %u without a place; the leader knows why: `covey status %.*s` there",
                   t->unplaced, t->wanted, BYTES_FMT(job->name));
    buf_append_byte(&w->notices, '\n');
}

/* A task that does not come up is worth a line long before its restarts are used up. */
static void put_troubles(struct cli_watch *w, const struct wire_admin_job_status *s) {
    for (size_t i = 0; i < s->instances_count; i++) {
        const struct wire_admin_instance *n = &s->instances[i];
        struct arena a = {0};
        char id[ID_SHORT_SIZE];
        bool is_ours = n->record.version == w->version && n->record.desired == DESIRED_STATE_RUN;
        if (!is_ours || !cli_instance_live(n) || cli_instance_unseen(n) ||
            was_told(&w->troubled, &n->record.id))
            continue;
        struct bytes reason = cli_instance_reason(n, &a);
        if (reason.size > 0) {
            VEC_PUSH(&w->troubled, n->record.id);
            id_short(n->record.id.b, id);
            cli_put(&w->notices, w->job);
            buf_printf(&w->notices, ": instance %s on ", id);
            cli_put(&w->notices, n->node_name);
            buf_printf(&w->notices, ": ");
            cli_put(&w->notices, reason);
            buf_append_byte(&w->notices, '\n');
        }
        arena_done(&a);
    }
}

/* ---- the verdict --------------------------------------------------------------------------------------- */

/* Since when a condition holds; 0 when it does not. */
static void since(int64_t *at_us, bool holds, int64_t now_us) {
    if (!holds)
        *at_us = 0;
    else if (*at_us == 0)
        *at_us = now_us;
}

static bool lasts(int64_t since_us, int64_t long_us, int64_t now_us) {
    return since_us != 0 && now_us - since_us >= long_us;
}

struct sum {
    bool all_there;  /* each group has what it wants */
    bool none_older; /* and nothing of another version is left */
    bool is_calm, any_unplaced, any_failed, any_live;
};

static struct sum watch_groups(struct cli_watch *w, const struct wire_admin_job_status *s) {
    const struct wire_job *job = &s->record.spec;
    uint32_t removed = tally_removed(s);
    struct sum sum = {.all_there = true, .none_older = removed == 0, .is_calm = removed == 0};
    for (size_t g = 0; g < job->groups_count; g++) {
        struct tally t = tally_group(s, &job->groups[g]);
        bool is_batch = job->type == JOB_TYPE_BATCH;
        put_progress(&w->progress, job, &job->groups[g], &t);
        sum.all_there = sum.all_there && (is_batch ? t.complete : t.running) >= t.wanted &&
                        (is_batch || t.running == t.wanted);
        sum.none_older = sum.none_older && t.older == 0;
        sum.is_calm = sum.is_calm && t.moving == 0;
        sum.any_unplaced = sum.any_unplaced || t.unplaced > 0;
        sum.any_failed = sum.any_failed || t.failed > 0;
        sum.any_live = sum.any_live || t.running + t.starting > 0;
    }
    return sum;
}

static void watch_unplaced(struct cli_watch *w, const struct wire_admin_job_status *s, int64_t now_us) {
    const struct wire_job *job = &s->record.spec;
    w->no_fit = lasts(w->unplaced_since_us, UNPLACED_US, now_us);
    if (!w->no_fit || w->is_unplaced_told)
        return;
    w->is_unplaced_told = true;
    for (size_t g = 0; g < job->groups_count; g++) {
        struct tally t = tally_group(s, &job->groups[g]);
        if (t.unplaced > 0)
            put_unplaced(w, job, &job->groups[g], &t);
    }
}

enum cli_verdict cli_watch_feed(struct cli_watch *w, const struct wire_admin_job_status *s, int64_t now_us) {
    buf_clear(&w->progress);
    buf_clear(&w->notices);
    if (s->record.version < w->version) {
        buf_printf(&w->progress, "%.*s: waits for version %llu to be known here", BYTES_FMT(w->job),
                   (unsigned long long)w->version);
        return CLI_WAIT;
    }
    if (s->record.version > w->version || s->record.stopped) {
        buf_printf(&w->notices, "%.*s: %s meanwhile\n", BYTES_FMT(w->job),
                   s->record.stopped ? "it was stopped" : "another version was submitted");
        return CLI_REPLACED;
    }
    put_failures(w, s);
    put_troubles(w, s);
    struct sum sum = watch_groups(w, s);
    since(&w->unplaced_since_us, sum.any_unplaced, now_us);
    since(&w->calm_since_us, sum.all_there && sum.is_calm && s->freshness.age_ms < STALE_MS, now_us);
    since(&w->there_since_us, sum.all_there && sum.none_older, now_us);
    watch_unplaced(w, s, now_us);
    bool is_batch = s->record.spec.type == JOB_TYPE_BATCH;
    bool is_settled = lasts(w->calm_since_us, CALM_US, now_us) ||
                      lasts(w->there_since_us, is_batch ? 0 : STEADY_US, now_us);
    if (sum.all_there && is_settled)
        return CLI_DONE;
    if (is_batch && sum.any_failed && !sum.any_live && !sum.any_unplaced)
        return CLI_FAILED;
    return CLI_WAIT;
}

void cli_watch_done(struct cli_watch *w) {
    VEC_DONE(&w->told);
    VEC_DONE(&w->troubled);
    buf_done(&w->progress);
    buf_done(&w->notices);
}

/* ---- a stop -------------------------------------------------------------------------------------------- */

bool cli_view_stopping(const struct wire_admin_job_status *s, struct buf *out) {
    uint32_t live = 0, unseen = 0;
    const struct wire_admin_instance *first = NULL;
    for (size_t i = 0; i < s->instances_count; i++) {
        const struct wire_admin_instance *n = &s->instances[i];
        if (cli_instance_unseen(n)) {
            if (unseen++ == 0)
                first = n;
        } else {
            live += cli_instance_live(n);
        }
    }
    cli_put(out, s->record.spec.name);
    if (live > 0)
        buf_printf(out, ": %u still to end", live);
    else if (unseen == 0)
        buf_printf(out, ": stopped");
    else
        buf_printf(out, ": stopped wherever it is in sight");
    if (unseen > 0) {
        buf_printf(out, "; %u on ", unseen);
        cli_put(out, first->node_name);
        buf_printf(out, "%s, out of sight, will be stopped when the host is back",
                   unseen > 1 ? " and others" : "");
    }
    return live == 0;
}
