/* SPDX-License-Identifier: Apache-2.0
 * Copyright the covey authors */

/*
 * Who votes. First the choice alone, in a short notation, then whole hosts.
 *
 * A host is a digit, a small letter for its zone, and capitals: V votes, L leads, D dead, X lost (dead for
 * long), G has left, H is drained, F a former life of a disk, S slow, P pinned, E excluded, N new (seen for a
 * short time), Z settled (seen for long), U seen and not ready, W comes and goes. Without D, X, G, F, N and U
 * it is alive and stable.
 */
#include <covey/voters.h>

#include "town.h"

static struct voter_candidate host_of(const char *text, size_t size) {
    struct voter_candidate c = {.alive = true, .stable = true};
    c.id.node.b[0] = (uint8_t)text[0];
    c.joined_ms = text[0];
    for (size_t i = 1; i < size; i++) {
        switch (text[i]) {
        case 'V': c.voter = true; break;
        case 'L': c.self = true; break;
        case 'X': c.lost = true; /* fall through */
        case 'D':
            c.dead = true;
            c.alive = c.stable = false;
            break;
        case 'G': c.gone = true; break;
        case 'H': c.drained = true; break;
        case 'F':
            c.former = c.dead = true;
            c.alive = false;
            break;
        case 'S': c.slow = true; break;
        case 'P': c.rule = VOTE_RULE_PIN; break;
        case 'E': c.rule = VOTE_RULE_EXCLUDE; break;
        case 'N': c.stable = false; break;
        case 'U': c.alive = false; break;
        case 'W': c.flaps = 9; break;
        case 'Z': c.settled = true; break;
        default: c.zone = bytes_of(&text[i], 1); break;
        }
    }
    return c;
}

/* The digits of those chosen, with F behind a life that is over. */
static const char *picked(const char *hosts, char out[64]) {
    struct voter_candidate list[64];
    struct voters_pick pick;
    size_t count = 0, size = 0, chosen = 0;
    for (const char *at = hosts; *at != 0; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        list[count++] = host_of(at, length);
        at += length;
    }
    voters_pick(list, count, &pick);
    for (size_t i = 0; i < count; i++) {
        cr_assert_not_null(list[i].why, "everybody is told why");
        if (list[i].chosen)
            out[size++] = (char)list[i].id.node.b[0];
        if (list[i].chosen && list[i].former)
            out[size++] = 'F';
        chosen += list[i].chosen;
    }
    cr_assert_eq(chosen, pick.chosen_count);
    out[size] = 0;
    return out;
}

#define PICK(hosts, want)                                                                                    \
    do {                                                                                                     \
        char got[64];                                                                                        \
        cr_expect_str_eq(picked(hosts, got), want, "%s: %s, not %s", hosts, got, want);                      \
    } while (0)

Test(voters_pick, the_number_follows_the_hosts_and_is_odd) {
    PICK("1VL", "1");
    PICK("1VL 2", "1");
    PICK("1VL 2N 3N", "123");
    PICK("1VL 2V 3V 4", "123");
    PICK("1VL 2V 3V 4 5", "12345");
    PICK("1VL 2V 3V 4V 5V 6", "12345");
    PICK("1VL 2V", "1");
    cr_expect_eq(voters_wanted(50, 5), 5);
    cr_expect_eq(voters_wanted(51, 5), 7);
    cr_expect_eq(voters_wanted(46, 7), 7, "a host that comes and goes moves no votes");
    cr_expect_eq(voters_wanted(46, 5), 5);
    cr_expect_eq(voters_wanted(45, 7), 5);
}

Test(voters_pick, the_first_three_come_at_once_later_ones_when_they_were_seen_for_a_while) {
    PICK("1VL 2 3N", "123");
    PICK("1VL 2V 3VD 4N", "123");
    PICK("1VL 2V 3VD 4", "124");
    PICK("1VL 2V 3V 4 5N", "123"); /* four would gain nothing */
}

Test(voters_pick, a_voter_that_is_well_stays) {
    PICK("4VL 5V 6V 1Z", "456");
    PICK("1 2 3V 4V 5VL 6V 7V", "34567");
}

Test(voters_pick, a_dead_voter_is_replaced_or_keeps_its_place) {
    PICK("1VL 2V 3VD 4", "124");
    PICK("1VL 2V 3VX", "123");
    PICK("1VL 2V 3V 4VD 5VD", "12345");
    PICK("1VL 2V 3VS 4", "124");
    PICK("1VL 2V 3VS", "123");
    PICK("1VL 2V 3VD 4S", "123");
}

Test(voters_pick, two_that_are_lost_for_good_go_together_but_never_below_three) {
    PICK("1VL 2V 3V 4VX 5VX", "123");
    PICK("1VL 2V 3V 4V 5VX", "12345");
    PICK("1VL 2V 3V 4V 5V 6VX 7VX", "12345");
    PICK("1VL 2VX 3VX", "123"); /* no majority is seen: nothing is changed */
    PICK("1VL 2V 3V 4VX 5VXP", "12345");
}

Test(voters_pick, who_leaves_loses_its_vote_and_the_number_stays_odd) {
    PICK("1VL 2V 3VG", "1");
    PICK("1VL 2V 3VG 4", "124");
    PICK("1VL 2V 3VG 4N", "123"); /* two would survive nothing: it waits */
    PICK("1VL 2V 3VGD 4N", "12"); /* but nobody waits for the dead */
    PICK("1VLE 2V 3V 4N", "123");
    PICK("1VL 2V 3VG 4D", "123"); /* it waits for one that was there a moment ago, too */
    PICK("1VL 2V 3VG 4X", "12");  /* but not for ever */
    PICK("1VL 2V 3VG 4DE", "1");  /* nor for one that may not vote */
    PICK("1VL 2V 3VG 4U", "123"); /* for one that is seen and not ready yet */
    PICK("1VL 2V 3VG 4UZ", "12"); /* that is not for ever, either */
    PICK("1VL 2V 3VG 4DW", "12"); /* nor for one that comes and goes */
    PICK("1VL 2V 3VG 4NW", "12");
    PICK("1VLG 2V 3V 4", "234");
    PICK("1VLG 2", "2");
    PICK("1VL 2V 3V 4V 5VG", "123");
}

Test(voters_pick, a_new_life_of_a_disk_takes_the_place_of_the_old_one) {
    PICK("1VL 2V 3 3VF", "123");
    PICK("1VL 2V 3D 3VF", "123F");
    PICK("1VL 2VF 2", "1"); /* two hosts */
}

Test(voters_pick, a_host_never_has_two_votes) {
    PICK("1VLP 2VE 3P 3VF 4X", "13"); /* not 1, 3 and 3: a loss of that disk would be the end of a majority */
    PICK("1VLP 2VE 3P 3VF 4D", "123");
    PICK("1VL 2VE 3 3VF 4X", "13");
    PICK("1VL 2V 3 3VF 4N 5N", "123"); /* of four the new life would wait for a fifth */
    PICK("1VL 2V 3VS 3VF 4D", "123");
}

Test(voters_pick, zones_are_spread) {
    PICK("1aVL 2a 3a 4b 5c 6c 7a", "12456");
    PICK("1aVL 2aV 3aV 4bZ", "124");
    PICK("1aVL 2aV 3aV 4b", "123");  /* a healthy voter gives way to a settled host only */
    PICK("1aVL 2aV 3bV 4bZ", "123"); /* no gain */
    PICK("1aVL 2aV 3aV 4bZ 5cZ", "12345");
    PICK("1aV 2aVL 3aV 4bZ", "124");  /* not the leader; of two the newer one */
    PICK("1aVL 2aV 3bVD 4aZ", "124"); /* better than a dead one */
    PICK("1aVL 2aVP 3aV 4bZ", "124");
    PICK("1aVL 2aVP 3aVP 4bZ", "123");
}

Test(voters_pick, an_operators_word_goes_before_all) {
    PICK("1VL 2V 3V 4P", "124"); /* of the others the newest goes */
    PICK("1VLE 2V 3V 4", "234");
    PICK("1VL 2VE 3V", "1"); /* two hosts that may vote */
    PICK("1VL 2P 3P 4P 5P 6P 7P", "1234567");
    PICK("1VL 2V 3VDP 4", "124");
}

Test(voters_pick, where_all_others_are_pinned_the_leader_gives_its_vote_up_rather_than_make_the_number_even) {
    PICK("1VL 2VP 3VE", "2"); /* of two voters each would be needed */
    PICK("1VL 2P", "2");
    PICK("1VL 2VP 3VP 4VP", "234");
    PICK("1VL 2VP 3VP", "123");
    PICK("1VLP 2VP 3VE", "12"); /* so it was asked for */
    PICK("1VL 2VPD 3VE", "1");
}

Test(voters_pick, a_drained_host_loses_its_vote_even_when_it_is_pinned_and_the_last_voter_keeps_it) {
    PICK("1VLH 2V 3V 4", "234");
    PICK("1VL 2VHP 3V 4", "134");
    PICK("1VL 2VH 3V", "1"); /* two hosts that may vote */
    PICK("1VLH", "1");
    PICK("1VLH 2H", "1");
    PICK("1VLH 2", "2");
}

Test(voters_pick, whatever_is_known_a_majority_of_the_chosen_is_seen_and_their_number_is_bounded) {
    static const char *const kinds[] = {"",  "V", "VD", "VX", "VG", "VF", "VS", "D",
                                        "G", "S", "N",  "P",  "VP", "VE", "E",  "Z"};
    struct prng p;
    prng_init(&p, 7);
    for (unsigned run = 0; run < 20000; run++) {
        struct voter_candidate list[20];
        char texts[20][8]; /* zones point into them */
        struct voters_pick pick;
        size_t count = 1 + (size_t)prng_below(&p, 14), voters = 0, alive = 0, was_alive = 0;
        for (size_t i = 0; i < count; i++) {
            char *text = texts[i];
            text[0] = (char)('1' + i);
            text[1] = "ab"[prng_below(&p, 2)];
            text[2] = 0;
            strcat(text, kinds[prng_below(&p, sizeof kinds / sizeof kinds[0])]);
            list[i] = host_of(text, strlen(text));
            if (voters >= WIRE_VOTERS_MAX)
                list[i].voter = false;
            if (list[i].former && i > 0 && !list[i - 1].voter)
                list[i].id.node = list[i - 1].id.node;
            voters += list[i].voter;
            was_alive += list[i].voter && list[i].alive;
        }
        if (voters == 0 || was_alive < voters / 2 + 1)
            continue; /* nobody would lead */
        voters_pick(list, count, &pick);
        for (size_t i = 0; i < count; i++) {
            alive += list[i].chosen && list[i].alive;
            for (size_t k = 0; k < i; k++)
                cr_assert(!list[i].chosen || !list[k].chosen || !ID_EQUAL(list[i].id.node, list[k].id.node),
                          "run %u: two votes of one host", run);
        }
        cr_assert(pick.chosen_count >= 1 && pick.chosen_count <= WIRE_VOTERS_MAX);
        cr_assert_geq(alive, pick.chosen_count / 2 + 1, "run %u", run);
    }
}

/* ---- whole hosts ---- */

Test(node_voters, grow_to_five_with_the_hosts_and_shrink_when_one_leaves) {
    struct town t;
    town_init(&t, 2, NULL);
    cr_assert_str_eq(town_voters(&t, 0), "h0");
    town_add(&t, "");
    town_run(&t, 5 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2");
    town_add(&t, "");
    town_run(&t, 20 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2");
    town_add(&t, "");
    town_run(&t, 20 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2 h3 h4");
    size_t leader = town_leader(&t);
    const struct town_reply *r =
        town_ask(&t, leader, "leave", &wire_empty_type, &(struct wire_empty){0}, 30 * US_PER_S);
    cr_assert(r != NULL && r->error == 0, "a leader that leaves is let go");
    size_t other = leader == 0 ? 1 : 0;
    const struct wire_raft_config *config = raft_config_now(node_raft(t.hosts[other].node));
    cr_assert_eq(config->voters_count, 3);
    cr_assert_eq(state_nodes_count(node_state(t.hosts[other].node)), 4);
    town_done(&t);
}

Test(node_voters, a_dead_one_is_replaced_and_its_host_votes_no_more_when_it_is_back) {
    struct town t;
    town_init(&t, 4, NULL);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2");
    size_t victim = town_leader(&t) == 1 ? 2 : 1;
    town_kill(&t, victim);
    town_run(&t, 9 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2", "not at once");
    town_run(&t, 25 * US_PER_S);
    const char *voters = town_voters(&t, 0);
    cr_assert_str_eq(voters, victim == 1 ? "h0 h2 h3" : "h0 h1 h3");
    town_start(&t, victim);
    town_run(&t, 90 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), voters, "nothing moves back");
    town_done(&t);
}

Test(node_voters, with_two_of_five_lost_for_good_the_three_others_survive_the_next_loss) {
    struct town t;
    town_init(&t, 5, NULL);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2 h3 h4");
    size_t leader = town_leader(&t), killed = 0;
    for (size_t i = 0; i < 5 && killed < 3; i++) {
        if (i == leader)
            continue;
        town_kill(&t, i);
        killed++;
        town_run(&t, killed == 1 ? 1 : 100 * US_PER_S);
    }
    cr_assert_neq(town_leader(&t), TOWN_MAX);
    cr_assert_eq(town_put(&t, leader, "k", "v"), 0);
    town_done(&t);
}

Test(node_voters, zones_that_come_later_get_their_votes) {
    struct town t;
    town_init(&t, 4, (const char *const[]){"a", "a", "a", "b"});
    town_run(&t, 90 * US_PER_S);
    const char *voters = town_voters(&t, 0);
    cr_assert(strstr(voters, "h3") != NULL, "%s", voters);
    town_add(&t, "c");
    town_run(&t, 90 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1 h2 h3 h4");
    town_done(&t);
}

static int vote(struct town *t, size_t host, const char *node, enum vote_rule rule) {
    struct wire_admin_vote v = {.node = bytes_str(node), .vote = rule};
    const struct town_reply *r = town_ask(t, host, "vote", &wire_admin_vote_type, &v, 2 * US_PER_S);
    cr_assert_not_null(r);
    return r->error;
}

Test(node_voters, an_operator_excludes_the_leader_and_pins_another) {
    struct town t;
    town_init(&t, 4, NULL);
    size_t leader = town_leader(&t), other = leader == 0 ? 1 : 0;
    cr_assert_eq(vote(&t, 3, t.hosts[leader].name, VOTE_RULE_EXCLUDE), 0);
    town_run(&t, 15 * US_PER_S);
    size_t next = town_leader(&t);
    cr_assert(next != TOWN_MAX && next != leader, "leadership was handed over");
    cr_assert_null(strstr(town_voters(&t, other), t.hosts[leader].name));
    cr_assert_eq(vote(&t, 3, t.hosts[leader].name, VOTE_RULE_PIN), 0);
    town_run(&t, 15 * US_PER_S);
    cr_assert_not_null(strstr(town_voters(&t, other), t.hosts[leader].name));
    cr_assert_eq(vote(&t, 3, "nobody", VOTE_RULE_PIN), ERR_NOT_FOUND);
    /* A report of the host itself changes nothing of it. */
    town_restart(&t, leader);
    town_run(&t, 10 * US_PER_S);
    const struct state *s = node_state(t.hosts[other].node);
    for (size_t i = 0; i < state_nodes_count(s); i++)
        if (bytes_is(state_node_at(s, i)->name, t.hosts[leader].name))
            cr_assert_eq(state_node_at(s, i)->vote, VOTE_RULE_PIN);
    town_done(&t);
}

Test(node_voters, of_two_hosts_that_may_vote_the_pinned_one_does_and_leads) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t), pinned = (leader + 1) % 3, excluded = (leader + 2) % 3;
    cr_assert_eq(vote(&t, leader, t.hosts[pinned].name, VOTE_RULE_PIN), 0);
    cr_assert_eq(vote(&t, leader, t.hosts[excluded].name, VOTE_RULE_EXCLUDE), 0);
    town_run(&t, 15 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, leader), t.hosts[pinned].name);
    cr_assert_eq(town_leader(&t), pinned);
    town_kill(&t, leader);
    town_kill(&t, excluded);
    cr_assert_eq(town_put(&t, pinned, "k", "v"), 0, "it needs nobody");
    town_done(&t);
}

/* What the fourth host tells of itself is lost: it is seen, and never ready. */
static bool reports_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)to;
    return from != 3 || !town_message(t, data, &m) || m.report == NULL;
}

Test(node_voters, nobody_waits_for_ever_for_a_host_that_is_seen_and_never_ready) {
    struct town t;
    town_init(&t, 3, NULL);
    t.passes = reports_pass;
    town_add(&t, "");
    town_run(&t, 70 * US_PER_S);
    size_t leader = town_leader(&t), other = (leader + 1) % 3;
    cr_assert_eq(state_nodes_count(node_state(t.hosts[leader].node)), 4);
    cr_assert_eq(vote(&t, leader, t.hosts[other].name, VOTE_RULE_EXCLUDE), 0);
    town_run(&t, 15 * US_PER_S);
    cr_assert_null(strstr(town_voters(&t, leader), t.hosts[other].name), "%s", town_voters(&t, leader));
    town_done(&t);
}

Test(node_voters, nobody_waits_for_ever_for_a_host_whose_agent_begins_anew_again_and_again) {
    struct town t;
    town_init(&t, 4, NULL);
    size_t leader = town_leader(&t), other = (leader + 1) % 3;
    for (unsigned i = 0; i < 20; i++) {
        town_restart(&t, 3);
        town_run(&t, 4 * US_PER_S);
        if (i == 1)
            cr_assert_eq(vote(&t, leader, t.hosts[other].name, VOTE_RULE_EXCLUDE), 0);
    }
    cr_assert_null(strstr(town_voters(&t, leader), t.hosts[other].name), "%s", town_voters(&t, leader));
    town_done(&t);
}

/* Every word on a change of the voters that is told between hosts is of an entry that made one. */
static unsigned handovers_seen, handovers_odd;

static bool handovers_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)to;
    if (codec_decode(&wire_peer_message_type, data, &t->arena, &m, NULL) != 0 || m.checkpoint == NULL)
        return true;
    const struct wire_raft_entry *entries;
    size_t count = 0;
    handovers_seen++;
    bool is_there =
        raft_log_read(node_raft(t->hosts[from].node), m.checkpoint->index, 1u << 20, &entries, &count) == 0;
    handovers_odd += !is_there || count == 0 || entries[0].kind != ENTRY_KIND_CONFIG;
    return true;
}

static void restart(struct town *t, size_t host) {
    town_restart(t, host);
    town_run(t, 5 * US_PER_S);
}

/* From three voters to one, and while a third host is away to another one. */
static size_t votes_move(struct town *t, size_t away) {
    cr_assert_eq(vote(t, 0, t->hosts[away].name, VOTE_RULE_EXCLUDE), 0);
    town_run(t, 20 * US_PER_S);
    size_t first = town_leader(t), last = 3 - away - first;
    cr_assert_eq(town_put(t, first, "k", "u"), 0);
    cr_assert_eq(town_put(t, first, "k", "w"), 0); /* so that its disk has that the voters are committed */
    town_run(t, 5 * US_PER_S);
    cr_assert_str_eq(town_voters(t, away), t->hosts[first].name);
    town_kill(t, away);
    cr_assert_eq(vote(t, last, t->hosts[first].name, VOTE_RULE_EXCLUDE), 0);
    town_run(t, 20 * US_PER_S);
    cr_assert_str_eq(town_voters(t, first), t->hosts[last].name);
    return last;
}

Test(node_voters, who_was_away_while_all_voters_changed_finds_them_though_all_began_anew) {
    struct town t;
    town_init(&t, 3, NULL);
    t.passes = handovers_pass;
    size_t away = (town_leader(&t) + 1) % 3, last = votes_move(&t, away);
    cr_assert_gt(handovers_seen, 0);
    cr_assert_eq(handovers_odd, 0);
    for (size_t i = 0; i < 3; i++)
        if (i != away)
            restart(&t, i);
    cr_assert_eq(town_put(&t, last, "k", "v"), 0);
    town_start(&t, away);
    town_run(&t, 20 * US_PER_S);
    cr_assert_eq(state_index(node_state(t.hosts[away].node)), state_index(node_state(t.hosts[last].node)));
    cr_assert_str_eq(town_voters(&t, away), t.hosts[last].name);
    town_done(&t);
}

static bool words_are_lost, exchanges_are_lost;

static bool words_pass(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)from;
    (void)to;
    if (codec_decode(&wire_peer_message_type, data, &t->arena, &m, NULL) != 0)
        return true;
    return !(words_are_lost && m.checkpoint != NULL) && !(exchanges_are_lost && m.handovers != NULL);
}

/* The words on the changes are lost on their way, and those that signed them end, one for good. */
Test(node_voters, words_on_changes_that_were_lost_on_their_way_are_told_again) {
    struct town t;
    town_init(&t, 3, NULL);
    t.passes = words_pass;
    words_are_lost = true;
    exchanges_are_lost = false;
    size_t away = (town_leader(&t) + 1) % 3, last = votes_move(&t, away), first = 3 - away - last;
    town_run(&t, 15 * US_PER_S);
    town_kill(&t, first); /* it alone signed how its vote went to the last */
    cr_assert_eq(town_put(&t, last, "k", "v"), 0);
    town_start(&t, away);
    town_run(&t, 20 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, away), t.hosts[last].name);
    cr_assert_eq(state_index(node_state(t.hosts[away].node)), state_index(node_state(t.hosts[last].node)));
    town_done(&t);
}

/* Nobody is left who could show it: the host says so, and what is to be done. */
Test(node_voters, who_can_never_be_told_who_votes_says_that_it_has_to_join_anew) {
    struct town t;
    town_init(&t, 3, NULL);
    t.passes = words_pass;
    words_are_lost = exchanges_are_lost = true;
    size_t away = (town_leader(&t) + 1) % 3, last = votes_move(&t, away), first = 3 - away - last;
    town_kill(&t, first);
    town_start(&t, away);
    town_run(&t, 90 * US_PER_S);
    struct wire_event events[64];
    size_t count = node_events_after(t.hosts[away].node, 0, events, 64), told = 0;
    for (size_t i = 0; i < count; i++)
        told += bytes_is(events[i].kind, "log.voters-unknown");
    cr_assert_eq(told, 1);
    cr_assert_str_eq(town_voters(&t, away), t.hosts[first].name, "and believes nothing");
    exchanges_are_lost = false;
    town_start(&t, first);
    town_run(&t, 60 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, away), t.hosts[last].name);
    town_done(&t);
}

Test(node_voters, leadership_leaves_a_host_whose_disk_is_slower_than_a_majoritys) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t);
    t.hosts[leader].disk_latency_us = 150 * US_PER_MS;
    for (unsigned i = 0; i < 1000 && town_leader(&t) == leader; i++)
        cr_assert_eq(town_put(&t, (leader + 1) % 3, "k", "v"), 0);
    town_run(&t, 3 * US_PER_S);
    cr_assert_neq(town_leader(&t), leader);
    cr_assert_neq(town_leader(&t), TOWN_MAX);
    town_done(&t);
}

Test(node_voters, leadership_leaves_a_host_whose_disk_hangs) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t);
    t.hosts[leader].disk_latency_us = 1000 * US_PER_S;
    cr_assert_eq(town_put(&t, (leader + 1) % 3, "k", "v"), 0, "committed by the others");
    town_run(&t, 10 * US_PER_S);
    cr_assert_neq(town_leader(&t), leader);
    cr_assert_eq(town_put(&t, (leader + 1) % 3, "k", "w"), 0);
    town_done(&t);
}

Test(node_voters, equally_slow_disks_move_no_leadership) {
    struct town t;
    town_init(&t, 3, NULL);
    size_t leader = town_leader(&t);
    for (size_t i = 0; i < 3; i++)
        t.hosts[i].disk_latency_us = 150 * US_PER_MS;
    for (unsigned i = 0; i < 300; i++)
        cr_assert_eq(town_put(&t, (leader + 1) % 3, "k", "v"), 0);
    cr_assert_eq(town_leader(&t), leader);
    town_done(&t);
}

Test(node_voters, any_host_tells_who_votes_and_why) {
    struct town t;
    town_init(&t, 4, NULL);
    struct wire_admin_voters v;
    town_read(&t, town_ask(&t, 3, "voters", &wire_empty_type, &(struct wire_empty){0}, US_PER_S),
              &wire_admin_voters_type, &v);
    cr_assert(v.wanted == 3 && v.voters == 3 && v.survives == 1 && v.hosts_count == 4);
    cr_assert(bytes_is(v.text, "any one host may be lost"));
    cr_assert(bytes_is(v.leader_name, t.hosts[town_leader(&t)].name));
    for (size_t i = 0; i < 4; i++)
        if (bytes_is(v.hosts[i].name, "h3"))
            cr_assert(!v.hosts[i].voter && bytes_is(v.hosts[i].why, "no vote: others are enough"));
    town_away(&t, 3, true);
    const struct town_reply *r =
        town_ask(&t, 3, "voters", &wire_empty_type, &(struct wire_empty){0}, 60 * US_PER_S);
    cr_assert(r != NULL && r->error == 0, "what it knows by itself");
    town_done(&t);
}

static const char *voters_text(struct town *t, size_t host) {
    struct wire_admin_voters v;
    town_read(t, town_ask(t, host, "voters", &wire_empty_type, &(struct wire_empty){0}, US_PER_S),
              &wire_admin_voters_type, &v);
    return arena_printf(&t->arena, "%.*s", BYTES_FMT(v.text));
}

static const char *status_advice(struct town *t, size_t host) {
    struct wire_admin_status s;
    town_read(t, town_ask(t, host, "status", &wire_empty_type, &(struct wire_empty){0}, US_PER_S),
              &wire_admin_status_type, &s);
    return arena_printf(&t->arena, "%.*s", BYTES_FMT(s.advice));
}

Test(node_voters, one_and_two_hosts_tell_what_they_survive) {
    struct town t;
    town_init(&t, 1, NULL);
    cr_assert_str_eq(voters_text(&t, 0), "one voter: writes stop while h0 is away");
    cr_assert_not_null(strstr(status_advice(&t, 0), "one host: its loss stops everything"));
    town_add(&t, "");
    town_run(&t, 5 * US_PER_S);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_not_null(
            strstr(voters_text(&t, i), "two hosts have one voter: writes stop while h0 is away"));
        cr_assert_not_null(
            strstr(status_advice(&t, i), "two hosts, one voter: writes stop if the voter is lost"));
    }
    town_done(&t);
}

/* Both are obeyed, and it is said what that costs and how to undo it. */
Test(node_voters, two_voters_by_an_operators_word_are_told_to_be_no_safer_than_one) {
    struct town t;
    town_init(&t, 2, NULL);
    cr_assert_eq(vote(&t, 0, "h0", VOTE_RULE_PIN), 0);
    cr_assert_eq(vote(&t, 0, "h1", VOTE_RULE_PIN), 0);
    town_run(&t, 15 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0 h1");
    for (size_t i = 0; i < 2; i++) {
        const char *text = voters_text(&t, i), *advice = status_advice(&t, i);
        cr_assert_not_null(strstr(text, "no voter may be lost"), "%s", text);
        cr_assert_not_null(strstr(text, "`covey voters auto`"), "%s", text);
        cr_assert_null(strstr(advice, "one voter"), "%s", advice);
        cr_assert_not_null(strstr(advice, "no voter may be lost"), "%s", advice);
    }
    cr_assert_eq(vote(&t, 0, "h1", VOTE_RULE_AUTO), 0);
    town_run(&t, 15 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 0), "h0", "that was enough");
    town_done(&t);
}

static unsigned pulls_seen;

/* What the third host answers to its leader is lost, so that it is sent the log for long; its pulls are
 * counted. */
static bool leader_goes_on_sending(struct town *t, size_t from, size_t to, struct bytes data) {
    struct wire_peer_message m;
    (void)to;
    if (from != 2 || !town_message(t, data, &m))
        return true;
    pulls_seen += m.pull_request != NULL;
    return m.raft == NULL;
}

/* Two who send a snapshot at once, each a part of its own, would undo what the other gave, again and again.
 */
Test(node_voters, a_newcomer_is_sent_the_log_by_the_leader_or_pulls_it_and_not_both) {
    struct town t;
    town_init(&t, 2, NULL);
    town_add(&t, "");
    t.passes = leader_goes_on_sending;
    town_run(&t, 5 * US_PER_S);
    cr_assert_gt(pulls_seen, 0, "it is no voter, and nobody sends it anything");
    town_run(&t, 10 * US_PER_S);
    pulls_seen = 0;
    town_run(&t, 10 * US_PER_S);
    cr_assert_eq(pulls_seen, 0);
    cr_assert_leq(t.now_us - raft_contact_us(node_raft(t.hosts[2].node)), US_PER_S);
    t.passes = NULL;
    town_run(&t, 5 * US_PER_S);
    cr_assert_str_eq(town_voters(&t, 2), "h0 h1 h2");
    town_done(&t);
}
