/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Marks: named places in the cores that a test run must reach sometimes (Antithesis calls them "sometimes"
 * assertions, TigerBeetle coverage marks). A run that is green because the interesting thing never happened
 * proves nothing; a mark says that it happened. covey-sim names those that its seeds did not reach.
 *
 * PURE: the counters belong to whoever gives them to a core in its options (NULL: none are kept). The agent
 * keeps them too and shows them (`covey counters`): what its host has been through. A core that has no
 * options (state, wal) is marked by node, which sees what it answers.
 */
#ifndef COVEY_MARK_H
#define COVEY_MARK_H

#include <stddef.h>
#include <stdint.h>

/* X(name, "room: what happened"). Names are for ever, as tests name them; the order is nobody's business. */
#define MARK_LIST(X)                                                                                         \
    /* raft: elections */                                                                                    \
    X(MARK_RAFT_PREVOTE_REFUSED, "raft: a pre-vote was refused, because a leader is heard")                  \
    X(MARK_RAFT_VOTE_OLD_LOG, "raft: a vote was refused to a log that is behind")                            \
    X(MARK_RAFT_VOTE_TAKEN, "raft: a vote was refused, because the term's was given to another")             \
    X(MARK_RAFT_VOTE_SPLIT, "raft: an election ended without a winner")                                      \
    X(MARK_RAFT_LEADER_DEAD, "raft: a leader was forgotten at once, because gossip holds it dead")           \
    X(MARK_RAFT_QUORUM_LOST, "raft: a leader heard no majority and stepped down")                            \
    X(MARK_RAFT_UNSTUCK, "raft: a leader learnt of a later term from an answer and stepped down")            \
    X(MARK_RAFT_TRANSFER_TAKEN, "raft: a voter was handed the leadership and stood at once")                 \
    X(MARK_RAFT_TRANSFER_ABORTED, "raft: a leadership transfer took too long and was given up")              \
    /* raft: configurations */                                                                               \
    X(MARK_RAFT_LEADER_IN_JOINT, "raft: the leader changed inside a joint change")                           \
    X(MARK_RAFT_CONFIG_UNDONE, "raft: a configuration that was not committed was taken back")                \
    X(MARK_RAFT_PROMOTED, "raft: a learner became a voter")                                                  \
    X(MARK_RAFT_REMOVED, "raft: a voter learnt that it no longer votes")                                     \
    X(MARK_RAFT_REMOVED_LEADER, "raft: a leader finished its own removal and stepped down")                  \
    X(MARK_RAFT_GUEST, "raft: a former voter that nobody had told was let in to be told")                    \
    /* raft: the log */                                                                                      \
    X(MARK_RAFT_OLD_TERM_KEPT, "raft: entries of an old term on a majority were not committed by counting")  \
    X(MARK_RAFT_LEADER_UNCOMMITTED, "raft: a new leader's log held entries of others, not committed")        \
    X(MARK_RAFT_CONFLICT, "raft: a follower's log contradicted the leader's")                                \
    X(MARK_RAFT_TERM_SKIPPED, "raft: a leader skipped a whole term back, by a follower's hint")              \
    X(MARK_RAFT_TRUNCATED, "raft: a suffix that was never committed was cut")                                \
    X(MARK_RAFT_APPEND_LOST, "raft: an append under way was lost, and sent again")                           \
    X(MARK_RAFT_APPEND_OLD, "raft: an append came late and cut nothing of what newer ones had brought")      \
    X(MARK_RAFT_INFLIGHT_FULL, "raft: a follower had as many appends under way as it may")                   \
    X(MARK_RAFT_ABA, "raft: entries were cut while the disk was writing them")                               \
    X(MARK_RAFT_COMMIT_EARLY, "raft: an entry was committed before this host's disk had it")                 \
    X(MARK_RAFT_DISK_FAILED, "raft: a leader's disk failed, and it handed over")                             \
    X(MARK_RAFT_FORGOT, "raft: a voter reported less than it had acknowledged and counted no more")          \
    X(MARK_RAFT_READ_WAITED, "raft: a read waited for the leader's first commit")                            \
    X(MARK_RAFT_READ_CONFIRMED, "raft: a read was confirmed by a round of a majority")                       \
    /* raft: snapshots */                                                                                    \
    X(MARK_RAFT_SNAPSHOT_SENT, "raft: a follower that was behind the log was sent a snapshot")               \
    X(MARK_RAFT_SNAPSHOT_RESUMED, "raft: a snapshot that was cut half way went on where it stopped")         \
    X(MARK_RAFT_INSTALLED, "raft: a snapshot took the place of the log")                                     \
    /* swim */                                                                                               \
    X(MARK_SWIM_REFUTED, "swim: a suspect was alive after all")                                              \
    X(MARK_SWIM_SELF_REFUTED, "swim: this host was suspected and answered")                                  \
    X(MARK_SWIM_INDIRECT, "swim: a helper's ack saved a member from suspicion")                              \
    X(MARK_SWIM_NACK, "swim: a helper told in time that it got no answer either")                            \
    X(MARK_SWIM_CONFIRMED, "swim: a second accuser shortened a suspicion")                                   \
    X(MARK_SWIM_DIED, "swim: a suspicion ran out")                                                           \
    X(MARK_SWIM_RETURNED, "swim: a dead member came back")                                                   \
    X(MARK_SWIM_MERGED, "swim: a table from the other side of a cut began to revive the dead")               \
    X(MARK_SWIM_UNHEALTHY, "swim: this host doubts itself as much as it can")                                \
    X(MARK_SWIM_GENERATION, "swim: others knew a later life of this host: it raised its generation")         \
    X(MARK_SWIM_VERSION_JUMP, "swim: this host's version jumped above what was told of it")                  \
    X(MARK_SWIM_STALLED, "swim: this host was stopped for a while and blamed nobody")                        \
    X(MARK_SWIM_LEFT, "swim: a member left on purpose")                                                      \
    X(MARK_SWIM_FORGOTTEN, "swim: a member that the cluster took out was forgotten")                         \
    X(MARK_SWIM_SYNC_SENT, "swim: a table was sent to a random member")                                      \
    /* gossip */                                                                                             \
    X(MARK_GOSSIP_TAKEN, "gossip: newer facts of another host were taken")                                   \
    X(MARK_GOSSIP_STALE, "gossip: facts older than those held came and were not taken")                      \
    X(MARK_GOSSIP_ASKED, "gossip: facts that a datagram could not bring were asked for")                     \
    X(MARK_GOSSIP_COMPARED, "gossip: a sum differed, and all facts were compared")                           \
    X(MARK_GOSSIP_OWN_HELD_BACK, "gossip: this host's facts changed often and waited to be told")            \
    X(MARK_GOSSIP_SELF_AHEAD, "gossip: this host's facts came back that it had forgotten")                   \
    X(MARK_GOSSIP_FORGOTTEN, "gossip: the facts of a host that was taken out were dropped")                  \
    /* disk */                                                                                               \
    X(MARK_WAL_TORN, "wal: a crash had cut a batch that nobody was told of")                                 \
    X(MARK_WAL_CORRUPT, "wal: a log was damaged: it votes no more, and begins anew")                         \
    X(MARK_WAL_LOST, "wal: the files of a log were gone: it begins anew")                                    \
    X(MARK_WAL_VOTE_REPAIRED, "wal: a damaged copy of the vote was written anew from the other")             \
    X(MARK_SNAPSHOT_DAMAGED, "node: a snapshot on disk was damaged and kept aside")                          \
    X(MARK_SNAPSHOT_RESTORED, "node: a state began from a snapshot on disk")                                 \
    X(MARK_JOURNAL_DAMAGED, "wal: the journal ended in a torn or damaged record")                            \
    X(MARK_JOURNAL_REPLAYED, "node: an end that was journalled before a crash was remembered")               \
    X(MARK_DISK_FAILED, "node: a disk failed: nothing is acknowledged any more")                             \
    X(MARK_DISK_ROOM, "node: a disk that was full had room again, and the agent began anew")                 \
    X(MARK_DISK_FULL, "node: a disk was full")                                                               \
    /* node: peers */                                                                                        \
    X(MARK_NODE_CHALLENGED, "node: a packet of an unknown run was not believed: its sender was asked")       \
    X(MARK_NODE_REPLAY_DROPPED, "node: a packet came a second time and was dropped")                         \
    X(MARK_NODE_JOIN_REFUSED, "node: a host was refused")                                                    \
    X(MARK_NODE_FORGOTTEN_SELF, "node: this host was taken out of the cluster")                              \
    X(MARK_NODE_PULL_SERVED, "node: a host that does not lead gave the log to another")                      \
    X(MARK_NODE_PULL_SNAPSHOT, "node: a learner that was behind the log was given a snapshot")               \
    X(MARK_NODE_VOTER_REPLACED, "node: the leader replaced a voter")                                         \
    X(MARK_NODE_ENLIGHTENED, "node: a host that took itself for a voter was sent the log to see")            \
    X(MARK_NODE_LOG_GIVEN_UP, "node: a voter that had forgotten gave its log up for a new one")              \
    /* node: who takes the log from whom */                                                                  \
    X(MARK_LEARN_CHECKPOINT_MADE, "learn: a voter signed where the log is")                                  \
    X(MARK_LEARN_VERIFIED, "learn: entries of a peer were taken, because a voter had signed for them")       \
    X(MARK_LEARN_STAGED, "learn: entries of a peer waited for a checkpoint")                                 \
    X(MARK_LEARN_LIE_REFUSED, "learn: a peer gave what no voter had signed, and nothing of it was applied")  \
    X(MARK_LEARN_UNSIGNED, "learn: a checkpoint by nobody who votes was not believed")                       \
    X(MARK_LEARN_HANDED_OVER, "learn: a host learnt of later voters from the word of those that it knew")    \
    X(MARK_LEARN_SIGNED_AGAIN, "learn: a voter signed who votes, as it had not when that changed")           \
    X(MARK_LEARN_BUSY, "learn: a host that serves as many as it may named others to ask")                    \
    X(MARK_LEARN_STRANDED, "learn: a host that nobody else served took another's place")                     \
    X(MARK_LEARN_DEEP, "learn: a host was served by one that is no voter itself")                            \
    X(MARK_LEARN_STATE_DIFFERS, "learn: the state of this host was found to differ from the voters'")        \
    X(MARK_LEARN_STATE_RESEEDED, "learn: a state that differed was replaced by a voter's")                   \
    X(MARK_LEARN_STATE_DISPUTED, "learn: voters had two states, and no majority told which is right")        \
    X(MARK_LEARN_FORMAT_UNKNOWN, "node: an entry or a snapshot of which this version can make nothing")      \
    /* node: writes */                                                                                       \
    X(MARK_NODE_DRAIN_ASKED, "node: an operator drained a host")                                             \
    X(MARK_NODE_FORGET_ASKED, "node: an operator had a host taken out")                                      \
    X(MARK_NODE_AWAY_ANNOUNCED, "node: a host's absence was announced")                                      \
    X(MARK_NODE_AWAY_OVERDUE, "node: a host stayed away longer than announced")                              \
    X(MARK_NODE_WRITE_FORWARDED, "node: a write was forwarded to the leader")                                \
    X(MARK_NODE_WRITE_WAITED, "node: a write whose leader was lost waited for the next")                     \
    X(MARK_NODE_WRITE_ONCE, "node: a request that came twice was answered without being done twice")         \
    X(MARK_NODE_WRITE_NO_LEADER, "node: a write met no leader in time")                                      \
    /* state, as node sees what it answers */                                                                \
    X(MARK_STATE_PLAN_REFUSED, "state: a part of a plan no longer held when it was applied")                 \
    X(MARK_STATE_FACT_OLD, "state: a fact came too late to count")                                           \
    X(MARK_STATE_REQUEST_KNOWN, "state: an entry repeated a request and changed nothing")                    \
    X(MARK_STATE_STOP_ACKNOWLEDGED, "state: a host had carried out a stop, and the log knows it")            \
    /* reconcile and placement */                                                                            \
    X(MARK_RECONCILE_STAND_IN, "reconcile: a stand-in was placed for an instance out of sight")              \
    X(MARK_RECONCILE_UNANSWERED, "reconcile: a host that is seen said nothing of a placement for long")      \
    X(MARK_RECONCILE_SURPLUS, "reconcile: of two that ran after a cut healed one was stopped")               \
    X(MARK_RECONCILE_CANCELLED, "reconcile: a replacement that did not run yet was cancelled")               \
    X(MARK_RECONCILE_HEAL_WAIT, "reconcile: surplus was left alone until its host had been back long")       \
    X(MARK_RECONCILE_UPDATED, "reconcile: an instance of an old version was stopped")                        \
    X(MARK_RECONCILE_AWAY_HELD, "reconcile: nothing was placed for a host that is away as announced")        \
    X(MARK_RECONCILE_DRAINED, "reconcile: a slot was moved off a drained host")                              \
    X(MARK_RECONCILE_RETRIED, "reconcile: a service that had failed was placed again")                       \
    X(MARK_RECONCILE_BATCH_DONE, "reconcile: a slot of a batch job stayed filled by its end")                \
    X(MARK_PLACEMENT_UNREACHABLE, "placement: nothing fitted, and a host was out of sight")                  \
    X(MARK_PLACEMENT_NO_ROOM, "placement: nothing fitted: cpu or memory")                                    \
    X(MARK_PLACEMENT_PORT_TAKEN, "placement: nothing fitted: a static port was taken")                       \
    /* tasks */                                                                                              \
    X(MARK_NODE_ADOPTED, "node: a task that ran while its agent was dead was adopted")                       \
    X(MARK_NODE_SHIM_LOST, "node: a shim was gone without an exit status")                                   \
    X(MARK_NODE_START_HELD, "node: a start waited, because the leader had not this run's inventory")         \
    X(MARK_NODE_HEALTH_HELD_BACK, "node: a restart was told by gossip, and to the log later")                \
    X(MARK_NODE_START_REFUSED, "node: this host refused to start an instance")                               \
    X(MARK_NODE_STOP_OF_NOTHING, "node: a stop came for what is not here, and was acknowledged")             \
    X(MARK_SHIM_RESTARTED, "shim: a task was restarted by its policy")                                       \
    X(MARK_SHIM_EXHAUSTED, "shim: the restart policy was used up")                                           \
    X(MARK_SHIM_KILLED, "shim: a task did not stop in time and was killed")                                  \
    X(MARK_SHIM_STOPPED_WAITING, "shim: a task was stopped while it waited to restart")

enum mark {
#define MARK_ENUM(name, text) name,
    MARK_LIST(MARK_ENUM)
#undef MARK_ENUM
        MARKS_COUNT
};

struct marks {
    uint32_t hits[MARKS_COUNT];
};

static inline void mark_hit(struct marks *m, enum mark mark) {
    if (m != NULL && m->hits[mark] < UINT32_MAX)
        m->hits[mark]++;
}

const char *mark_name(enum mark mark); /* "MARK_SWIM_REFUTED" */
const char *mark_text(enum mark mark);

#endif
