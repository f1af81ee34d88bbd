/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/* What this agent has been through since it started, for operators: its marks (covey/mark.h) and what swim
 * counts (covey/swim.h). */
#include "internal.h"

#define AT(field) offsetof(struct swim_counters, field)
static const struct swim_count {
    const char *name;
    size_t offset;
    const char *text;
} swim_counts[] = {
    {"swim_packets_sent", AT(packets_sent), "swim: datagrams sent"},
    {"swim_packet_bytes_sent", AT(packet_bytes_sent), "swim: bytes in them, without envelope and headers"},
    {"swim_packets_received", AT(packets_received), "swim: datagrams received"},
    {"swim_packet_bytes_received", AT(packet_bytes_received),
     "swim: bytes in them, without envelope and headers"},
    {"swim_packets_refused", AT(packets_refused), "swim: datagrams that could not be read"},
    {"swim_pings_sent", AT(pings_sent), "swim: pings sent, those on behalf of others included"},
    {"swim_pings_received", AT(pings_received), "swim: pings received"},
    {"swim_ping_reqs_sent", AT(ping_reqs_sent), "swim: requests to ping somebody sent"},
    {"swim_ping_reqs_received", AT(ping_reqs_received), "swim: requests to ping somebody received"},
    {"swim_acks_sent", AT(acks_sent), "swim: acks sent, relayed ones included"},
    {"swim_acks_received", AT(acks_received), "swim: acks received, late ones included"},
    {"swim_nacks_sent", AT(nacks_sent), "swim: told an asker that there is no answer for it"},
    {"swim_nacks_received", AT(nacks_received), "swim: told by a helper that it has no answer"},
    {"swim_records_sent", AT(records_sent), "swim: membership records sent in datagrams"},
    {"swim_records_received", AT(records_received), "swim: membership records received in datagrams"},
    {"swim_records_heard", AT(records), "swim: membership records looked at, those of comparisons included"},
    {"swim_records_refused", AT(records_refused),
     "swim: records refused: forged, absurd, without proof, or no room"},
    {"swim_probes", AT(probes), "swim: probes of a member begun"},
    {"swim_probes_acked", AT(acks), "swim: probes answered, directly or through a helper"},
    {"swim_probes_nacked", AT(nacks), "swim: nacks that belonged to a probe under way"},
    {"swim_probes_indirect", AT(probes_indirect), "swim: probes for which others were asked to help"},
    {"swim_probes_saved", AT(saves_indirect), "swim: probes answered through a helper alone"},
    {"swim_probes_failed", AT(probes_failed), "swim: probes that nobody answered: suspicions from here"},
    {"swim_probes_late", AT(probes_late), "swim: probes answered after the others had been asked"},
    {"swim_helped", AT(helped), "swim: pings on behalf of others"},
    {"swim_suspicions", AT(suspicions), "swim: members suspected, by anybody, as seen here"},
    {"swim_suspicions_refuted", AT(refuted), "swim: suspicions that turned out false"},
    {"swim_deaths", AT(deaths), "swim: members held dead, as seen here"},
    {"swim_accusations_ignored", AT(accusations_ignored),
     "swim: accusations by members who were refuted too often to be believed alone"},
    {"swim_self_refuted", AT(self_refuted), "swim: false suspicions of this very host, answered"},
    {"swim_answers", AT(answers), "swim: stale news answered directly"},
    {"swim_challenges", AT(challenges), "swim: senders asked who they are"},
    {"swim_signatures_checked", AT(signatures_checked), "swim: signatures checked"},
    {"swim_signatures_bad", AT(signatures_bad), "swim: signatures that were wrong"},
    {"swim_rumours_dropped", AT(rumours_dropped),
     "swim: news left to the comparison of tables, for want of room"},
    {"swim_syncs_sent", AT(syncs_sent), "swim: steps of comparisons of tables sent"},
    {"swim_sync_bytes_sent", AT(sync_bytes_sent), "swim: bytes in them"},
    {"swim_syncs_received", AT(syncs_received), "swim: steps of comparisons of tables received"},
    {"swim_tables_given", AT(tables_given), "swim: whole tables given to joiners"},
    {"swim_tables_put_off", AT(tables_put_off), "swim: joiners asked to come later"},
    {"swim_stalls", AT(stalls), "swim: times this agent was late by a period or more, and blamed nobody"},
    {"swim_late_microseconds", AT(late_us), "swim: by how much, all those times together"},
};
#define SWIM_COUNTS (sizeof swim_counts / sizeof swim_counts[0])
_Static_assert(SWIM_COUNTS * sizeof(uint64_t) == sizeof(struct swim_counters), "each counter is told");

#define GAUGES_MAX 6

static void tell(struct wire_admin_counters *r, const char *name, const char *text, uint64_t count,
                 bool gauge) {
    r->counters[r->counters_count++] = (struct wire_admin_counter){
        .name = bytes_str(name), .text = bytes_str(text), .count = count, .gauge = gauge};
}

static void swim_tell(const struct swim *s, struct wire_admin_counters *r) {
    const uint8_t *counters = (const uint8_t *)swim_counters(s);
    for (size_t i = 0; i < SWIM_COUNTS; i++) {
        uint64_t count;
        memcpy(&count, counters + swim_counts[i].offset, sizeof count);
        tell(r, swim_counts[i].name, swim_counts[i].text, count, false);
    }
    tell(r, "swim_members", "swim: members known, in all states", swim_members_count(s), true);
    tell(r, "swim_members_alive", "swim: members alive or suspect, this host included", swim_alive_count(s),
         true);
    tell(r, "swim_exceptions", "swim: members that are alive and not heard directly",
         swim_exceptions(s, NULL, 0), true);
    tell(r, "swim_accusers_doubted",
         "swim: members whose accusations were refuted too often to be believed alone now",
         swim_accusers_doubted(s), true);
    tell(r, "swim_health", "swim: how much this host doubts itself: 0 is well", swim_health(s), true);
    tell(r, "swim_memory_bytes", "swim: memory held, without names", swim_memory(s), true);
}

void node_read_counters(struct node *n, uint64_t request) {
    struct wire_admin_counters r = {
        .counters =
            arena_alloc(&n->scratch, (MARKS_COUNT + SWIM_COUNTS + GAUGES_MAX + NODE_FACTS_COUNTS_MAX) *
                                         sizeof *r.counters)};
    for (int i = 0; n->marks != NULL && i < MARKS_COUNT; i++)
        tell(&r, mark_name((enum mark)i), mark_text((enum mark)i), n->marks->hits[i], false);
    if (n->swim != NULL)
        swim_tell(n->swim, &r);
    r.counters_count += node_facts_counters(n, r.counters + r.counters_count);
    node_reply(n, request, &wire_admin_counters_type, &r);
}
