/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Entries of formats that not every member knows (covey/state.h): the leader holds them back, and a host to
 * which one comes all the same stops there. It never skips: its state would be another one, and nobody would
 * know. Its log goes on growing and its vote counts, as a log needs nobody to understand it; its tasks run.
 */
#include "internal.h"

#define UNFIT_RETRY_US US_PER_S

/*
 * The first of its format only when all that is in the log has been applied: the entry by which an older host
 * joins may be among what has not.
 */
int node_format_may(struct node *n, const struct wire_command *command) {
    uint32_t format = state_command_format(command);
    if (format <= state_format_used(n->state))
        return 0;
    if (format > n->self.format || format > state_format_all(n->state))
        return ERR_VERSION;
    return raft_last_index(n->raft) > n->applied_index ? ERR_BUSY : 0;
}

static void stop_at(struct node *n, uint64_t index, uint32_t format, const char *why) {
    n->format_wanted = format;
    node_mark(n, MARK_LEARN_FORMAT_UNKNOWN);
    n->log_state = bytes_str(arena_printf(&n->options_arena,
                                          "log entry %llu needs log format %u or later, and this agent "
                                          "(%.*s) knows formats up to %u%s%s: nothing "
                                          "is applied from there on until the agent is upgraded",
                                          (unsigned long long)index, format, BYTES_FMT(n->self.version),
                                          n->self.format, why[0] != 0 ? ": " : "", why));
    node_event(n, "log.format", n->identity.id, (struct instance_id){{0}}, "%.*s", BYTES_FMT(n->log_state));
    node_say(n, NODE_ERROR, "%.*s. Tasks go on running", BYTES_FMT(n->log_state));
}

bool node_format_known(struct node *n, const struct wire_raft_entry *entry,
                       const struct wire_command *command, const struct codec_fault *fault) {
    if (command == NULL) {
        stop_at(n, entry->index, n->self.format + 1,
                arena_printf(&n->scratch, "%s: %s", fault->path, fault->what));
        return false;
    }
    uint32_t format = state_command_format(command);
    if (format <= n->self.format && state_command_unknown(command))
        format = n->self.format + 1;
    if (format > n->self.format)
        stop_at(n, entry->index, format, "");
    return format <= n->self.format;
}

/* ---- snapshots ----------------------------------------------------------------------------------------- */

/*
 * One of a state that has needed a later format: what of it this version does not know would be lost, and the
 * state would be another one. The same bytes will be no better the next time, and whoever has another
 * snapshot has, most likely, a later one of the same cluster. So it is fetched once, and told.
 */
void node_snapshot_unreadable(struct node *n, uint64_t index, const uint8_t hash[STATE_HASH_SIZE],
                              uint32_t format) {
    struct buf needs = {0};
    n->unreadable = (struct unreadable){.index = index, .until_us = n->now_us + RAFT_UNREADABLE_US};
    memcpy(n->unreadable.hash, hash, sizeof n->unreadable.hash);
    node_mark(n, MARK_LEARN_FORMAT_UNKNOWN);
    if (format != 0)
        buf_printf(&needs, "needs log format %u, and this agent (%.*s) knows formats up to %u", format,
                   BYTES_FMT(n->self.version), n->self.format);
    else
        buf_printf(&needs, "came whole, and this agent (%.*s) cannot read it", BYTES_FMT(n->self.version));
    n->log_state = bytes_str(arena_printf(&n->options_arena,
                                          "the snapshot at index %llu %.*s: the state here stays that of "
                                          "index %llu until the agent is upgraded",
                                          (unsigned long long)index, BYTES_FMT(buf_bytes(&needs)),
                                          (unsigned long long)n->applied_index));
    buf_done(&needs);
    node_event(n, "log.format", n->identity.id, (struct instance_id){{0}}, "%.*s", BYTES_FMT(n->log_state));
    node_say(n, NODE_ERROR, "%.*s. Tasks go on running", BYTES_FMT(n->log_state));
}

bool node_snapshot_declined(const struct node *n, const struct checkpoint *proof) {
    const struct unreadable *u = &n->unreadable;
    if (u->index == 0)
        return false;
    bool same = u->index == proof->index && memcmp(u->hash, proof->state, sizeof u->hash) == 0;
    return same || n->now_us < u->until_us;
}

void node_snapshot_overcome(struct node *n) {
    if (n->unreadable.index == 0 || n->applied_index < n->unreadable.index)
        return;
    n->unreadable = (struct unreadable){0};
    n->log_state = bytes_str("ok");
}

/* ---- in office ----------------------------------------------------------------------------------------- */

/*
 * One that cannot trust its own state must not plan with it: it hands its office over, and takes none that is
 * handed to it. Else it and a leader whose vote is to go would pass the office to one another for ever, and
 * neither would keep it for long enough to bring anybody else up to date. It may stand by itself: its log is
 * right, and perhaps the only one that can win.
 */
bool node_unfit(const struct node *n) { return n->state_wrong != 0 || n->format_wanted != 0; }

void node_unfit_tick(struct node *n) {
    if (!node_unfit(n) || raft_role(n->raft) != RAFT_LEADER || n->now_us < n->unfit_at_us)
        return;
    n->unfit_at_us = n->now_us + UNFIT_RETRY_US;
    (void)node_hand_over(n);
}

int64_t node_unfit_deadline(const struct node *n) {
    return node_unfit(n) && raft_role(n->raft) == RAFT_LEADER ? n->unfit_at_us : TIME_NEVER_US;
}
