/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * An agent that starts again goes on with the log that its file `cluster` names. It begins another one only
 * where something was done to the disk that a disk does not do: no crash, no power cut and no error that was
 * told may leave files which are judged as damaged, else one power cut for all hosts is the end of every
 * log. A disk that was once harmed is left out for good: what its agents set aside may be half done. So is
 * one whose agent gives its log up itself, its state being wrong.
 */
#include "checker.h"
#include "disk.h"

struct kept {
    bool harmed[HOSTS_MAX];
};
extern const struct checker check_kept;

/* The log that the host's files name; zeros: none. */
static struct log_id log_named(struct sim_host *h) {
    static const char *const names[] = {CLUSTER_FILE_NAME, CLUSTER_COPY_NAME};
    struct log_id log = {{0}};
    for (size_t i = 0; i < 2 && ID_IS_ZERO(log); i++) {
        const struct sim_file *f = disk_file_get(h, names[i], false);
        struct wire_node_files_keys keys;
        struct arena a = {0};
        char text[200];
        if (f != NULL && f->exists &&
            cluster_file_decode(buf_bytes(&f->content), &a, &keys, text, sizeof text) == 0)
            log = keys.log;
        arena_done(&a);
    }
    return log;
}

static void kept_see(void *self, struct world *w, const struct sight *s) {
    struct kept *k = self;
    struct sim_host *h = s->host;
    bool gives_up =
        s->kind == SIGHT_EFFECT && s->effect->kind == NODE_DISK && s->effect->op.kind == DISK_SET_ASIDE;
    k->harmed[h->index] |= gives_up || s->kind == SIGHT_DISK_LOST || disk_damaged(h);
    if (s->kind != SIGHT_AGENT_START || k->harmed[h->index])
        return;
    struct log_id log = log_named(h);
    const struct raft *r = node_raft(h->node);
    if (!ID_IS_ZERO(log) && (r == NULL || !ID_EQUAL(raft_self(r).log, log)))
        check_fail(w, &check_kept, (int)h->index,
                   "h%u starts again, nothing was ever done to its disk, and it does not go on with its log",
                   h->index);
}

const struct checker check_kept = {
    .name = "log-kept",
    .promise = "whose disk was never damaged goes on with its log, after a crash and after a power cut",
    .size = sizeof(struct kept),
    .sees = SEES(SIGHT_AGENT_START) | SEES(SIGHT_EFFECT) | SEES(SIGHT_DISK_LOST),
    .see = kept_see,
};
