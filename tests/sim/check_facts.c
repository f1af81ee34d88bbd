/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Facts are so. What the log takes from a host as the end of an instance is one: none of its processes runs
 * any more. What it takes as running was started there, every task of it; as complete, it ended by itself.
 * Facts may be late, ends are for ever.
 */
#include "processes.h"
#include "truth.h"

extern const struct checker check_facts;

static void fail_fact(struct world *w, const struct sim_host *h, const struct wire_fact *f, const char *why) {
    char id[ID_SHORT_SIZE];
    id_short(f->instance.b, id);
    check_fail(w, &check_facts, (int)h->index, "h%u reports %s %s, %s", h->index, id,
               instance_state_str(f->state), why);
}

/* One whose command cannot be executed is over without ever having run, and the fact says so. */
static bool told_dead(const struct wire_fact *f, struct bytes task) {
    for (size_t i = 0; i < f->tasks_count; i++)
        if (bytes_equal(f->tasks[i].name, task))
            return f->tasks[i].state == TASK_STATE_DEAD && f->tasks[i].failed;
    return false;
}

/*
 * Each task of its group has had a process, or is told to have failed; ret_own_end: each of them has ended by
 * itself.
 */
static bool all_spawned(struct world *w, const struct wire_instance_record *r, const struct wire_fact *f,
                        bool *ret_own_end) {
    const struct wire_job_record *job = state_job_version(truth_state(w), r->job, r->version);
    const struct wire_group *group = job != NULL ? state_group_find(job, r->group) : NULL;
    bool spawned = true;
    *ret_own_end = true;
    for (size_t i = 0; group != NULL && i < group->tasks_count; i++) {
        const struct process *x = process_find(processes_of(w), r->id, group->tasks[i].name);
        spawned &= (x != NULL && x->spawns > 0) || told_dead(f, group->tasks[i].name);
        *ret_own_end &= x != NULL && x->spawns > 0 && x->cause == END_OWN;
    }
    return spawned;
}

static void see_fact(struct world *w, struct sim_host *h, const struct wire_fact *f) {
    const struct processes *p = processes_of(w);
    const struct wire_instance_record *r = state_instance_find(truth_state(w), f->instance);
    bool counts = r != NULL && state_instance_live(r) && f->sequence > r->sequence;
    bool over = f->state == INSTANCE_STATE_COMPLETE || f->state == INSTANCE_STATE_FAILED ||
                f->state == INSTANCE_STATE_STOPPED || f->state == INSTANCE_STATE_REFUSED;
    if (!counts)
        return;
    bool own_end, spawned = all_spawned(w, r, f, &own_end);
    if (over && processes_live(p, f->instance) > 0)
        fail_fact(w, h, f, "and it runs");
    else if (f->state == INSTANCE_STATE_RUNNING && !spawned)
        fail_fact(w, h, f, "and a task of it never ran");
    else if (f->state == INSTANCE_STATE_COMPLETE && !own_end)
        fail_fact(w, h, f, "and a task of it has not ended by itself");
}

/* What a run of an agent told is over when the log knows of a later one, which may have started it since. */
static bool of_earlier_run(struct world *w, const struct wire_cmd_report *report) {
    const struct wire_node_record *now = state_node_find(truth_state(w), report->node);
    return report->generation != 0 && now != NULL && report->generation < now->generation;
}

static void facts_see(void *self, struct world *w, const struct sight *s) {
    (void)self;
    const struct wire_cmd_report *report = s->command != NULL ? s->command->report : NULL;
    struct sim_host *h = report != NULL ? truth_host_of(w, report->node) : NULL;
    if (h == NULL || of_earlier_run(w, report))
        return;
    for (size_t i = 0; i < report->facts_count && !w->failed; i++)
        see_fact(w, h, &report->facts[i]);
}

const struct checker check_facts = {
    .name = "facts-true",
    .promise = "an instance that the log knows to be over has no process, and one that runs was started "
               "(a node is authoritative for fact)",
    .size = 1,
    .sees = SEES(SIGHT_COMMIT),
    .see = facts_see,
};
