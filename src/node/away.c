/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Announced absence. A host says, before its agent ends or it is rebooted, that it will be back: until then
 * nothing of it is replaced and nobody is alarmed by its death.
 *
 * It is an entry of the log rather than a record of gossip. Whoever replaces is the leader, who plans on
 * committed state alone: an entry binds the next leader as it binds this one, reaches those that were cut off
 * when it was made, and the state itself can refuse a placement that would break it (proto/state.md, section
 * 5). Gossip has no such order: a leader that had missed the word would act as if there was none. Where no
 * quorum is, nothing can be announced; but there nothing is replaced either.
 *
 * The time is counted by each host from when it applied the entry, on its own lease clock; the wall clock is
 * shown and never compared. The leader writes down what is left every AWAY_RENEW_US, so that a host that
 * comes to lead after it has begun anew counts on from there, and ends it with an entry of 0. The entry of
 * the host's next run ends it too.
 */
#include "internal.h"

#define AWAY_RENEW_US (10 * US_PER_S)

static struct away_seen *away_find(struct node *n, struct node_id id) {
    for (size_t i = 0; i < n->aways.count; i++)
        if (ID_EQUAL(n->aways.data[i].id, id))
            return &n->aways.data[i];
    return NULL;
}

/* What the state has of this host now: `r` may be NULL, of one that is gone. */
void node_away_note(struct node *n, struct node_id id, const struct wire_node_record *r) {
    struct away_seen *seen = away_find(n, id);
    if (r == NULL || r->away_ms == 0) {
        if (seen != NULL)
            VEC_REMOVE(&n->aways, (size_t)(seen - n->aways.data));
        return;
    }
    int64_t until_us = n->now_us + (int64_t)r->away_ms * US_PER_MS;
    if (seen == NULL) {
        struct away_seen fresh = {.id = id, .until_ms = r->away_until_ms, .until_us = until_us};
        VEC_PUSH(&n->aways, fresh);
        return;
    }
    bool is_same = seen->until_ms == r->away_until_ms;
    seen->until_ms = r->away_until_ms;
    seen->until_us = is_same ? min_us(seen->until_us, until_us) : until_us;
}

int64_t node_away_left_us(struct node *n, struct node_id id) {
    const struct away_seen *seen = away_find(n, id);
    return seen == NULL || seen->until_us <= n->now_us ? 0 : seen->until_us - n->now_us;
}

/* Leader: is the time of this one over, or is it to be written down what is left? */
void node_away_look(struct node *n, const struct wire_node_record *r) {
    if (r->away_ms == 0)
        return;
    int64_t left_us = node_away_left_us(n, r->id);
    struct wire_cmd_node_away away = {.id = r->id, .until_ms = r->away_until_ms, .generation = r->generation};
    if (left_us > 0 && (int64_t)r->away_ms * US_PER_MS - left_us < AWAY_RENEW_US)
        return;
    away.away_ms = (uint64_t)((left_us + US_PER_MS - 1) / US_PER_MS);
    if (left_us == 0)
        node_mark(n, MARK_NODE_AWAY_OVERDUE);
    (void)node_propose(n, &(struct wire_command){.node_away = &away}, NULL);
}

/* ---- the agent begins anew ---- */

static const char asked[] = "an operator asked for it";

void node_begin_anew(struct node *n, const char *why) {
    n->restarting = true;
    node_say(n, NODE_INFO, "the agent begins anew: %s; tasks go on running", why);
    node_emit(n, NODE_RESTART);
}

void node_restart_request(struct node *n, uint64_t request, struct bytes params) {
    struct wire_admin_restart q;
    struct codec_fault fault = {0};
    int error = codec_decode_named(&wire_admin_restart_type, params, &n->scratch, &q, &fault);
    if (error != 0) {
        node_reply_error(n, request, error, "%s: %s", fault.path, fault.what);
        return;
    }
    if (n->restarting || n->restart_request != 0) {
        node_reply_error(n, request, ERR_EXISTS, "this agent is about to begin anew already");
        return;
    }
    if (q.for_ms == 0) {
        struct wire_admin_write_result done = {.index = n->applied_index};
        node_reply(n, request, &wire_admin_write_result_type, &done);
        node_begin_anew(n, asked);
        return;
    }
    char id[ID_TEXT_SIZE];
    id_text(n->identity.id.b, id);
    struct wire_admin_away away = {.request = q.request, .node = bytes_str(id), .for_ms = q.for_ms};
    struct buf encoded = {0};
    codec_encode_named(&wire_admin_away_type, &away, &encoded);
    n->restart_request = request;
    node_write_request(n, request, bytes_str("away"), buf_bytes(&encoded));
    buf_done(&encoded);
}

/* The announcement is in the log, or will not be: then this agent stays. */
void node_restart_answered(struct node *n, uint64_t request, int error) {
    if (n->restart_request != request)
        return;
    n->restart_request = 0;
    if (error == 0)
        node_begin_anew(n, asked);
}
