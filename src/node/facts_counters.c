/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What gossip counts (covey/gossip.h), for `covey counters`. */
#include "internal.h"

#define AT(field) offsetof(struct gossip_counters, field)
static const struct facts_count {
    const char *name;
    size_t offset;
    const char *text;
} facts_counts[] = {
    {"facts_published", AT(published), "facts: changes of this host's own facts, signed"},
    {"facts_taken", AT(taken), "facts: newer facts of other hosts taken"},
    {"facts_taken_by_stream", AT(taken_by_stream), "facts: of those, brought by streams"},
    {"facts_known", AT(known), "facts: told again"},
    {"facts_stale", AT(stale), "facts: older than those held, not taken"},
    {"facts_asked", AT(asked), "facts: asked for over a stream"},
    {"facts_served", AT(served), "facts: given to those that asked or lacked them"},
    {"facts_sums_sent", AT(sums_sent), "facts: sums of all that is held, told in datagrams"},
    {"facts_sums_differed", AT(sums_differed), "facts: sums received that differed"},
    {"facts_compared", AT(compared), "facts: comparisons begun here"},
    {"facts_compared_for", AT(compared_for), "facts: comparisons of others answered"},
    {"facts_news_sent", AT(news_sent), "facts: news told in datagrams"},
    {"facts_bytes_added", AT(bytes_added), "facts: bytes added to datagrams"},
    {"facts_streams_sent", AT(streams_sent), "facts: messages sent over streams"},
    {"facts_stream_bytes_sent", AT(stream_bytes_sent), "facts: bytes in them"},
    {"facts_streams_received", AT(streams_received), "facts: messages received over streams"},
    {"facts_put_off", AT(put_off), "facts: questions not answered, for too much was given in this second"},
    {"facts_removed", AT(removed), "facts: removals taken"},
    {"facts_refused_forged", AT(refused_forged), "facts: refused: not what their owner signed"},
    {"facts_refused_limit", AT(refused_limit), "facts: refused: too many of one owner, or too large"},
    {"facts_refused_rate", AT(refused_rate), "facts: refused: their owner changes them too often"},
    {"facts_refused_stranger", AT(refused_stranger), "facts: refused: of a host that is no member here"},
    {"facts_refused_invalid", AT(refused_invalid), "facts: refused: could not be read, or makes no sense"},
    {"facts_refused_own", AT(refused_own), "facts: this host's own, too many or too large to be told"},
    {"facts_conflicts", AT(conflicts), "facts: two words of one host under one version: a cloned disk?"},
    {"facts_self_ahead", AT(self_ahead), "facts: this host's own came back that it had forgotten"},
};
#define FACTS_COUNTS (sizeof facts_counts / sizeof facts_counts[0])
_Static_assert(FACTS_COUNTS * sizeof(uint64_t) == sizeof(struct gossip_counters), "each counter is told");
_Static_assert(FACTS_COUNTS + 2 <= NODE_FACTS_COUNTS_MAX, "there is room for all");

size_t node_facts_counters(const struct node *n, struct wire_admin_counter *out) {
    if (n->gossip == NULL)
        return 0;
    const uint8_t *counters = (const uint8_t *)gossip_counters(n->gossip);
    for (size_t i = 0; i < FACTS_COUNTS; i++) {
        out[i] = (struct wire_admin_counter){.name = bytes_str(facts_counts[i].name),
                                             .text = bytes_str(facts_counts[i].text)};
        memcpy(&out[i].count, counters + facts_counts[i].offset, sizeof out[i].count);
    }
    out[FACTS_COUNTS] = (struct wire_admin_counter){.name = bytes_str("facts_owners"),
                                                    .text = bytes_str("facts: hosts whose facts are taken"),
                                                    .count = gossip_owners_count(n->gossip),
                                                    .gauge = true};
    out[FACTS_COUNTS + 1] = (struct wire_admin_counter){.name = bytes_str("facts_memory_bytes"),
                                                        .text = bytes_str("facts: memory held"),
                                                        .count = gossip_memory(n->gossip),
                                                        .gauge = true};
    return FACTS_COUNTS + 2;
}
