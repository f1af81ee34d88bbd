/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * What a seed draws, all of it by name and as a number, so that each can be overridden, printed and shrunk.
 * After "swarm testing" (Groce and others, 2012): a run that has every fault at once rarely gets anywhere; so
 * each seed leaves most of them out, and those that it has are drawn with their own weight.
 */
#ifndef SIM_SWARM_H
#define SIM_SWARM_H

#include "world.h"

/* X(name, "what it does"): each a weight, 0 = this fault does not exist in the run. */
#define FAULT_LIST(X)                                                                                        \
    X(kill, "an agent is killed, perhaps between two effects, and comes back")                               \
    X(shutdown, "an agent is told to end, does so within a second, and comes back")                          \
    X(crash_loop, "an agent is killed again and again, soon after each start")                               \
    X(power, "a host's power is cut, and comes back")                                                        \
    X(blackout, "several hosts lose power together")                                                         \
    X(lost_disk, "a host comes back with an empty disk")                                                     \
    X(disk, "something happens to a disk (disk_fault.c)")                                                    \
    X(cut, "the network falls into two to four parts")                                                       \
    X(isolate, "one host is cut off")                                                                        \
    X(one_way, "one way of one or more links is cut")                                                        \
    X(triangle, "some pairs do not see each other, though a third sees both")                                \
    X(clog, "a link stops for a while, then all comes")                                                      \
    X(swizzle, "links stop one by one, and are released in another order")                                   \
    X(loss, "datagrams and segments are lost for a while")                                                   \
    X(slow, "a link becomes slow for a while")                                                               \
    X(late, "for a while, a few datagrams come up to a minute late")                                         \
    X(pause, "an agent is stopped for a while (SIGSTOP)")                                                    \
    X(suspend, "a whole host is suspended for a while")                                                      \
    X(wall, "a wall clock steps by hours")                                                                   \
    X(rate, "a clock changes its rate")                                                                      \
    X(shim, "a shim is killed")                                                                              \
    X(process, "a process is killed")                                                                        \
    X(refuse, "for a while, starts are refused")                                                             \
    X(address, "an agent comes back with another address")                                                   \
    X(swap, "two hosts exchange their addresses")                                                            \
    X(leave, "an operator takes a host out")                                                                 \
    X(join, "a host joins late")                                                                             \
    X(lie, "for a while, a host lies to those that pull the log from it")                                    \
    X(rot, "the state in a host's memory is not what its log says")                                          \
    X(forget, "a disk loses what it had flushed last, with the power")                                       \
    X(spoil, "a file is lost, cut short, another host's, or a later version's")                              \
    X(ambush, "the leader is cut off as soon as a change of the voters is under way")                        \
    X(firewall, "between two hosts datagrams pass, and streams do not")                                      \
    X(mangle, "a member says things twice, to others, or so that nobody can read them (hostile.c)")          \
    X(mistake, "an agent is started with a wrong token, name, range of ports or address (mistakes.c)")       \
    X(taken_out, "an operator has a host taken out, from another one")

enum fault_class {
#define FAULT_ENUM(name, text) FAULT_##name,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
        FAULTS_COUNT
};

/* X(name, "what it is"): the other numbers. */
#define SWARM_LIST(X)                                                                                        \
    X(hosts, "hosts that there are at first")                                                                \
    X(hosts_late, "hosts that join later, if ever")                                                          \
    X(faults_ms, "length of the time of faults")                                                             \
    X(gap_ms, "mean time between two faults")                                                                \
    X(early, "1: faults begin while the cluster forms")                                                      \
    X(heal_all, "1: at the end everything is healed; 0: a majority is")                                      \
    X(clients, "clients, each with one call at a time")                                                      \
    X(think_ms, "mean time that a client waits between calls")                                               \
    X(swim_period_ms, "see covey/node.h; 0: the default")                                                    \
    X(heartbeat_ms, "")                                                                                      \
    X(election_ms, "")                                                                                       \
    X(replace_ms, "")                                                                                        \
    X(heal_stable_ms, "")                                                                                    \
    X(answer_ms, "")                                                                                         \
    X(segment_kib, "of the log")                                                                             \
    X(snapshot_entries, "applied between snapshots")                                                         \
    X(trailing_entries, "kept in the log behind a snapshot")                                                 \
    X(chunk_bytes, "of a snapshot on its way")                                                               \
    X(pulls_max, "hosts without a vote that are given the log at once; 0: the default")                      \
    X(inflight_max, "appends under way to one follower; 0: the default")                                     \
    X(inflight_bytes, "")                                                                                    \
    X(message_bytes, "of entries in one append")                                                             \
    X(uncommitted_bytes, "beyond which the leader is busy")                                                  \
    X(trailing_bytes, "kept in the log behind a snapshot")                                                   \
    X(delay_min_us, "of each link, when nothing is wrong")                                                   \
    X(delay_mean_us, "the exponential part of it")                                                           \
    X(loss_ppm, "of datagrams and segments, all the time")                                                   \
    X(duplicate_ppm, "of datagrams, all the time")                                                           \
    X(reorder_ppm, "of datagrams, all the time")                                                             \
    X(disk_max_us, "of a flush")                                                                             \
    X(disk_faulty, "1: disks have rates of faults (disk_draw())")                                            \
    X(rate_ppm, "clocks run too fast or slow by up to this")                                                 \
    X(slack_us, "timers are late by up to this")                                                             \
    X(refuse_ppm, "of starts, all the time")                                                                 \
    X(visitors, "who ask anything, well or badly, and run odd jobs")                                         \
    X(sizes, "1: hosts are small, each in its own way, and tell what they are")                              \
    X(zones, "that hosts say they are in; 0: they say nothing")                                              \
    X(token, "1: the first host is told the join token of the cluster that it makes")                        \
    X(lies, "1: a member that mangles says what is not so: then nothing is judged but that agents go on")    \
    X(alone, "scripts that each core is played alone with, afterwards (alone.c)")                            \
    X(crowd, "1: a crowd of swim cores is played afterwards (crowd.c)")

struct swarm {
#define SWARM_FIELD(name, text) int64_t name;
    SWARM_LIST(SWARM_FIELD)
#undef SWARM_FIELD
    int64_t weight[FAULTS_COUNT];
};

struct swarm_parameter {
    const char *name, *text;
    size_t offset; /* of an int64_t in struct swarm */
};
/* Until NULL. Faults are named "fault_x". */
const struct swarm_parameter *swarm_parameter_at(size_t index);

/* Depends on nothing but the seed. hosts_count 0: as the seed says. */
void swarm_draw(uint64_t seed, uint32_t hosts_count, struct swarm *ret);
void swarm_options(const struct world *w, struct node_options *o);
/* What a host says of itself; the pairs are borrowed for good. */
void swarm_host(const struct world *w, uint32_t host, struct node_options *o);
/* The links and disks as they are when nothing is wrong; on: with the run's usual small faults. */
void swarm_network(struct world *w, bool on);
void swarm_disks(struct world *w, bool on);
void swarm_clocks(struct world *w);
/*
 * May an operator exclude hosts from voting, or drain them? Not where a log may be damaged that nobody has
 * read again yet: with the votes that go, its host may become the only one that votes, or one of two that
 * are both needed, and nothing is promised of a cluster whose voters' logs are damaged in their majority.
 */
bool swarm_may_take_votes(const struct world *w);

#endif
