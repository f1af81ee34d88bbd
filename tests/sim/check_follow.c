/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * A host does what its own log says, with a leader or without one. An instance that its log has placed on it
 * and wanted for FOLLOW_US, while its agent ran and was not stopped, has a shim for each of its tasks: from
 * then on the restart policy decides. FOLLOW_US is the 30 s that a host waits after the last word of a leader
 * that has not its inventory yet, and something to start in; after a lost shim, of which several in a row
 * make the agent wait longer, LOST_US. An instance that could not be started is excused (the log, if there is
 * one, says that it is refused), as is one whose restart policy was used up though the log does not know it
 * yet, and an agent that was told to end, or whose disk has failed.
 */
#include "ledger.h"
#include "links.h"
#include "truth.h"

#define FOLLOW_US (36 * US_PER_S)
#define LOST_US   (110 * US_PER_S)
#define LOOK_US   (2 * US_PER_S)

struct wish {
    struct instance_id id;
    int64_t since_us, waits_us;
    size_t lost; /* shims */
    bool refused;
    /* The shim of a task gave up, or the log wanted it stopped and it was told so, or was gone, in this run
     * or an earlier one: the journal knows, and a log that is older by now does not bring it back. */
    bool ended;
};
struct follow {
    struct follow_host {
        VEC(struct wish) wishes; /* of this run of the agent */
        bool ends;
        int64_t looked_us;
    } hosts[HOSTS_MAX];
};
extern const struct checker check_follow;

struct look {
    struct world *w;
    struct sim_host *h;
    struct follow_host *f;
};

static struct wish *wish_of(struct follow_host *f, struct instance_id id, int64_t now_us) {
    for (size_t i = 0; i < f->wishes.count; i++)
        if (ID_EQUAL(f->wishes.data[i].id, id))
            return &f->wishes.data[i];
    struct wish fresh = {.id = id, .since_us = now_us};
    VEC_PUSH(&f->wishes, fresh);
    return &f->wishes.data[f->wishes.count - 1];
}

static size_t shims(const struct sim_host *h, struct instance_id id) {
    size_t count = 0;
    for (size_t i = 0; i < h->tasks.count; i++)
        count += ID_EQUAL(h->tasks.data[i]->spec.instance, id) && h->tasks.data[i]->shim != NULL;
    return count;
}

static void look_at(void *arg, const struct wire_instance_record *r) {
    const struct look *l = arg;
    const struct state *state = node_state(l->h->node);
    const struct wire_job_record *job = state_job_version(state, r->job, r->version);
    const struct wire_group *group = job != NULL ? state_group_find(job, r->group) : NULL;
    bool judged = r->desired == DESIRED_STATE_RUN && state_instance_live(r) && group != NULL &&
                  job->spec.type == JOB_TYPE_SERVICE;
    struct wish *wish = wish_of(l->f, r->id, l->w->now_us);
    int64_t waits_us = node_waits_since_us(l->h->node); /* by its own clock */
    if (waits_us != 0 && waits_us != wish->waits_us) {
        wish->waits_us = waits_us;
        wish->since_us = l->w->now_us;
    }
    if (r->desired == DESIRED_STATE_STOP && shims(l->h, r->id) == 0)
        wish->ended = true;
    if (!judged || wish->refused || wish->ended || shims(l->h, r->id) >= group->tasks_count) {
        wish->since_us = l->w->now_us;
        return;
    }
    int64_t up_us = links_of(l->w)->up_us[l->h->index];
    int64_t since_us = up_us > wish->since_us ? up_us : wish->since_us;
    int64_t limit_us = wish->lost > group->tasks_count ? LOST_US : FOLLOW_US;
    char id[ID_SHORT_SIZE];
    id_short(r->id.b, id);
    if (up_us != 0 && l->w->now_us - since_us > limit_us + limit_us / 8)
        check_fail(l->w, &check_follow, (int)l->h->index,
                   "h%u has not started %s of %.*s[%u], wanted for %lld s", l->h->index, id,
                   BYTES_FMT(r->job), r->slot, (long long)((l->w->now_us - since_us) / US_PER_S));
}

static void see_input(struct follow_host *f, const struct world *w, const struct node_input *in) {
    if (in->kind == NODE_SHUTDOWN || in->kind == NODE_DISK_FAILED)
        f->ends = true;
    else if (in->kind == NODE_TASK_LOST)
        wish_of(f, in->instance, w->now_us)->lost++;
    else if (in->kind == NODE_TASK_REFUSED)
        wish_of(f, in->instance, w->now_us)->refused = true;
    else if (in->kind == NODE_TASK_STATUS && in->status->fact.state == TASK_STATE_DEAD)
        wish_of(f, in->instance, w->now_us)->ended = true;
}

static void agent_starts(struct follow_host *f) {
    size_t kept = 0;
    for (size_t i = 0; i < f->wishes.count; i++)
        if (f->wishes.data[i].ended || f->wishes.data[i].refused) /* both are in its journal */
            f->wishes.data[kept++] = (struct wish){.id = f->wishes.data[i].id, .ended = true};
    f->wishes.count = kept;
    f->ends = false;
}

static void follow_see(void *self, struct world *w, const struct sight *s) {
    struct follow *all = self;
    struct follow_host *f = &all->hosts[s->host->index];
    struct look l = {.w = w, .h = s->host, .f = f};
    if (s->kind == SIGHT_AGENT_START) {
        agent_starts(f);
    } else if (s->kind == SIGHT_INPUT) {
        see_input(f, w, s->input);
    } else if (s->kind == SIGHT_EFFECT) {
        if (s->effect->kind == NODE_TASK_COMMAND && s->effect->command.stop)
            wish_of(f, s->effect->instance, w->now_us)->ended = true;
    } else if (w->now_us - f->looked_us >= LOOK_US && !f->ends) {
        f->looked_us = w->now_us;
        state_instances_of_node(node_state(s->host->node), node_self(s->host->node), look_at, &l);
    }
}

static void follow_done(void *self) {
    struct follow *all = self;
    for (size_t i = 0; i < HOSTS_MAX; i++)
        VEC_DONE(&all->hosts[i].wishes);
}

const struct checker check_follow = {
    .name = "follows-its-log",
    .promise =
        "a host starts what its log wants of it, alone after 30 s, and again after a reboot (partition "
        "promises K3, K5)",
    .size = sizeof(struct follow),
    .sees = SEES(SIGHT_STEP) | SEES(SIGHT_INPUT) | SEES(SIGHT_EFFECT) | SEES(SIGHT_AGENT_START),
    .see = follow_see,
    .done = follow_done,
};
